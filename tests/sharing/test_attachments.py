"""An array that comes with every task is mapped once, and not with each."""

import gc
import multiprocessing
import sys

import pytest
import sharing_workers as workers

import zerofill

MIB = 1 << 20


pytestmark = [
    pytest.mark.thread_unsafe(reason="starts processes"),
    pytest.mark.plain_build("compares page faults"),
    pytest.mark.skipif(sys.platform != "linux", reason="there a handle comes with each message"),
]


@pytest.fixture(params=multiprocessing.get_all_start_methods())
def pool(request):
    with multiprocessing.get_context(request.param).Pool(1) as pool:
        yield pool
    gc.collect()  # errors hold the frames in which they were raised


def test_pages_fault_once(pool):
    with zerofill.configure(huge_pages="off"):  # with them few faults are enough
        array = zerofill.zeros(64 * MIB, "u1", shared=True)
    faults = [pool.apply(workers.faults_of_sum, (array,)) for _ in range(5)]
    # The second time it is not known yet that it comes again.
    assert max(faults[2:]) < faults[0] / 10


def test_another_array_is_never_taken_for_it(pool):
    for value in range(1, 20):
        array = zerofill.zeros(MIB, "u1", shared=True)
        array[...] = value
        for _ in range(3):
            assert pool.apply(workers.total, (array,)) == value * MIB
        array[...] = 0
        assert pool.apply(workers.total, (array,)) == 0
        del array


def test_views_of_it_differ(pool):
    array = zerofill.zeros((3, MIB), "u1", shared=True)
    for turn in range(4):
        for row in range(3):
            pool.apply(workers.fill, (array[row], row + turn))
        assert array.sum(axis=1).tolist() == [MIB * (row + turn) for row in range(3)]
    view = array.view()
    view.flags.writeable = False
    for _ in range(3):
        with pytest.raises(ValueError, match="read-only"):
            pool.apply(workers.fill, (view, 1))
        pool.apply(workers.fill, (array, 2))
    assert (array == 2).all()


def test_nothing_is_kept_without_decay(pool):
    pool.apply(zerofill.configure, kwds={"decay": 0})
    array = zerofill.zeros(MIB, "u1", shared=True)
    for _ in range(3):
        assert pool.apply(workers.total, (array,)) == 0
        assert pool.apply(workers.mapped) == 0


def test_it_can_be_trimmed(pool):
    array = zerofill.zeros(MIB, "u1", shared=True)
    for _ in range(3):
        assert pool.apply(workers.total, (array,)) == 0
    assert pool.apply(workers.mapped) == 1
    assert pool.apply(zerofill.trim) >= MIB
    assert pool.apply(workers.mapped) == 0
