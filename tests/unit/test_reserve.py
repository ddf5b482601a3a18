"""reserve: memory that is made resident ahead of time."""

import gc
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import zerofill
from zerofill.runtime import is_disabled

MIB = 1 << 20

pytestmark = [
    pytest.mark.thread_unsafe(reason="the reserve is the process's"),
    pytest.mark.skipif(is_disabled(), reason="ZEROFILL_DISABLE=1 uses NumPy's memory"),
]


@pytest.fixture(autouse=True)
def empty():
    """Nothing is kept before and after; nothing is scrubbed, as a block is away meanwhile."""
    before = zerofill.configure()
    zerofill.trim()
    zerofill.configure(scrub=False)
    yield
    zerofill.configure(**before._asdict())
    zerofill.trim()


def finished(nbytes):
    reserve = zerofill.reserve(nbytes)
    assert reserve.wait()
    return reserve


def gained(action):
    """Return the increases of the counters, and what the action returned."""
    before = zerofill.stats()
    result = action()
    after = zerofill.stats()
    return {name: getattr(after, name) - getattr(before, name) for name in before._fields}, result


def test_an_array_out_of_it_costs_nothing_more():
    reserve = finished(64 * MIB)
    assert 64 * MIB <= zerofill.stats().reserved_bytes == reserve.nbytes == reserve.resident_bytes
    counts, array = gained(lambda: zerofill.zeros(64 * MIB, "u1"))
    assert counts["clean_hits"] == 1
    assert counts["misses"] == counts["zeroed_bytes"] == counts["populated_bytes"] == 0
    assert zerofill.stats().reserved_bytes < 4 * MIB
    assert not array.any()


@pytest.mark.parametrize("alignment", [64, 4096, 2 * MIB, 16 * MIB])
def test_it_is_cut_into_arrays_of_several_sizes(alignment):
    finished(128 * MIB)
    arrays = []
    for mebibytes in (32, 4, 20, 7, 2):
        counts, array = gained(
            lambda size=mebibytes * MIB: zerofill.zeros(size, "u1", alignment=alignment)
        )
        assert counts["misses"] == 0
        assert array.ctypes.data % alignment == 0
        assert not array.any()
        array.fill(len(arrays) + 1)
        arrays.append(array)
    for number, array in enumerate(arrays):
        assert (array == number + 1).all()
    del array
    arrays.clear()
    zerofill.trim()
    assert zerofill.stats().reserved_bytes == 0


def test_numpys_arrays_come_out_of_it():
    finished(64 * MIB)
    with zerofill.numpy_allocator():
        counts, arrays = gained(lambda: [np.zeros(16 * MIB, "u1"), np.ones(16 * MIB, "u1")])
    assert counts["misses"] == counts["zeroed_bytes"] == 0
    assert not arrays[0].any()
    assert arrays[1].all()


def test_what_was_used_is_pooled_as_any_block():
    finished(64 * MIB)
    zerofill.zeros(64 * MIB, "u1").fill(7)
    counts, array = gained(lambda: zerofill.zeros(64 * MIB, "u1"))
    assert counts["dirty_hits"] + counts["clean_hits"] == 1
    assert not array.any()


def test_what_does_not_fit_in_it_is_fresh():
    finished(8 * MIB)
    counts, _ = gained(lambda: zerofill.zeros(32 * MIB, "u1"))
    assert counts["misses"] == 1
    assert zerofill.stats().reserved_bytes >= 8 * MIB


def test_small_arrays_leave_it_alone():
    reserve = finished(8 * MIB)
    zerofill.zeros(MIB, "u1")
    assert zerofill.stats().reserved_bytes == reserve.nbytes


def test_trim_returns_it():
    reserve = finished(64 * MIB)
    assert zerofill.trim() >= reserve.nbytes
    assert zerofill.stats().reserved_bytes == 0


def test_pool_limit_and_decay_leave_it_alone():
    zerofill.configure(pool_limit=0, decay=0)
    reserve = finished(8 * MIB)
    assert zerofill.stats().reserved_bytes == reserve.nbytes


def test_it_can_be_cancelled():
    for _ in range(20):
        reserve = zerofill.reserve(1024 * MIB)
        assert not reserve.wait(0.001)
        reserve.cancel()
        assert reserve.wait() is not reserve.cancelled
        reserve.cancel()  # once more does nothing
        if reserve.cancelled:
            assert zerofill.stats().reserved_bytes == 0
        zerofill.trim()


def test_it_may_be_dropped():
    zerofill.reserve(64 * MIB)
    gc.collect()
    for _ in range(6000):
        if zerofill.stats().reserved_bytes >= 64 * MIB:
            return
        time.sleep(0.01)
    raise AssertionError(zerofill.stats())


def test_several_add_up():
    reserves = [zerofill.reserve(8 * MIB) for _ in range(4)]
    assert all(reserve.wait() for reserve in reserves)
    assert zerofill.stats().reserved_bytes == sum(reserve.nbytes for reserve in reserves)
    assert repr(reserves[0]) == f"<zerofill.Reserve of {reserves[0].nbytes} bytes, all resident>"


def test_what_does_not_fit_in_memory_is_refused():
    with pytest.raises(MemoryError, match=r"Unable to allocate .* for a reserve: .* can still be"):
        zerofill.reserve(1 << 50)
    assert zerofill.stats().reserved_bytes == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: zerofill.reserve(-1), ValueError, "nbytes"),
        (lambda: zerofill.reserve("1 GiB"), TypeError, "nbytes"),
        (lambda: zerofill.reserve(1 << 63), OverflowError, "nbytes"),
        (lambda: zerofill.reserve(0).wait("1"), TypeError, "timeout must be .* got '1'"),
        (lambda: zerofill.reserve(0).wait(-1), ValueError, "timeout must be .* got -1"),
        (lambda: zerofill.reserve(0).wait(float("nan")), ValueError, "timeout must be .* got nan"),
    ],
)
def test_errors_name_the_argument(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_cancels_what_is_not_finished():
    code = """if True:
        import os, sys, zerofill
        finished = zerofill.reserve(8 << 20)
        assert finished.wait()
        reserve = zerofill.reserve(2 << 30)
        child = os.fork()
        if child == 0:
            assert zerofill.stats().reserved_bytes == 0
            assert zerofill.reserve(8 << 20).wait()
            assert not zerofill.zeros(8 << 20, "u1").any()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert reserve.cancelled and not reserve.wait()
        assert zerofill.stats().reserved_bytes == 0
        assert zerofill.reserve(8 << 20).wait()
        zerofill.reserve(1 << 30)  # under way while the process exits
        print("good")
    """
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr, result.returncode) == ("good\n", "", 0)
