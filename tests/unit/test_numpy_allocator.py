"""NumPy with its memory from zerofill: which arrays get it, and what stays as in NumPy."""

import gc
import io
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy._core.multiarray import get_handler_name

import zerofill
from zerofill import numpy_allocator

pytestmark = [pytest.mark.own_memory, pytest.mark.thread_unsafe]

MIB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs a feature of Linux")


@pytest.fixture
def quiet_pool():
    """The pool is empty before and after the test, and nothing is scrubbed."""
    before = zerofill.configure()
    zerofill.configure(scrub=False, decay=1000, pool_limit=2 << 30)
    zerofill.trim()
    yield
    zerofill.configure(**before._asdict())
    zerofill.trim()


def gained(name, action):
    """Return the increase of a counter while `action` ran, and the result of `action`."""
    before = getattr(zerofill.stats(), name)
    result = action()
    return getattr(zerofill.stats(), name) - before, result


# Which arrays get memory from zerofill ---------------------------------------------------------

MAKERS = [
    lambda n: np.zeros(n),
    lambda n: np.empty(n),
    lambda n: np.ones(n),
    lambda n: np.full(n, 7.0),
    lambda n: np.arange(n, dtype=float),
    lambda n: np.ones(n) + np.ones(n),
    lambda n: np.concatenate([np.ones(n), np.ones(n)]),
    lambda n: np.fromiter(iter(range(n)), float),
    lambda n: np.frombuffer(bytes(8 * n)).copy(),
    lambda n: np.array([1.5] * n),
    lambda n: np.ones(n)[::-1].copy(),
    lambda n: np.ones((n, 3))[:, 1].astype("f4"),
]


@pytest.mark.parametrize("length", [1, 9, 1000, 300_000])
@pytest.mark.parametrize("make", MAKERS)
def test_every_array_is_zerofills_and_aligned(make, length, installed):
    array = make(length)
    while array.base is not None:
        array = array.base
    assert get_handler_name(array) == "zerofill"
    assert array.ctypes.data % 64 == 0
    assert array.flags.owndata


def test_nothing_changes_outside():
    with numpy_allocator():
        inside = np.ones(1000)
    outside = np.ones(1000)
    assert get_handler_name(inside) == "zerofill"
    assert get_handler_name(outside) == "default_allocator"
    assert (inside + outside == 2).all()


def test_arrays_outlive_the_context():
    with numpy_allocator():
        arrays = [np.full(n, 3, "u1") for n in (10, 5000, 5 * MIB)]
    assert all((array == 3).all() for array in arrays)
    arrays[1].resize(20000, refcheck=False)  # 3.14 borrows references that NumPy counts
    arrays[2].resize(9 * MIB, refcheck=False)
    assert arrays[2][: 5 * MIB].sum() == 15 * MIB
    assert not arrays[2][5 * MIB :].any()


@settings(deadline=None)
@given(
    shape=npst.array_shapes(min_dims=0, max_side=40),
    dtype=st.one_of(npst.scalar_dtypes(), npst.nested_dtypes(max_itemsize=100)),
    order=st.sampled_from("CF"),
)
def test_zeros_are_those_of_numpy(shape, dtype, order):
    expected = np.zeros(shape, dtype, order)
    with numpy_allocator():
        dirty = np.empty(shape, dtype, order)
        if dtype.kind in "biufc":
            dirty.fill(1)
        del dirty
        array = np.zeros(shape, dtype, order)
    assert array.dtype == expected.dtype
    assert array.strides == expected.strides
    assert array.tobytes() == expected.tobytes()


def test_memory_that_cannot_be_had_is_a_memory_error(installed):
    before = zerofill.stats()
    for make in (np.zeros, np.empty):
        with pytest.raises(MemoryError, match="Unable to allocate"):
            make(1 << 61, "u1")
    array = np.ones(3 * MIB, "u1")
    with pytest.raises(MemoryError):
        array.resize(1 << 61)
    assert array.sum() == 3 * MIB
    assert zerofill.stats().misses - before.misses <= 1


# Pages ----------------------------------------------------------------------------------------


@linux
def test_zeros_are_lazy_where_they_are_fresh(installed, quiet_pool):
    with open("/proc/self/statm") as file:
        before = int(file.read().split()[1])
        array = np.zeros(4 << 30, "u1")
        array[:: 2 << 30] = 1
        file.seek(0)
        assert int(file.read().split()[1]) - before < 8192  # in pages: a huge page each at most
    del array
    assert zerofill.stats().pooled_dirty_bytes == 0  # sparse blocks are not pooled


@linux
def test_a_search_through_sparse_zeros_makes_them_no_denser(installed, quiet_pool):
    array = np.zeros(256 * MIB, "u1")
    array[5] = 1
    assert np.flatnonzero(array).tolist() == [5]
    del array
    assert zerofill.stats().pooled_dirty_bytes == 0
    misses, _ = gained("misses", lambda: np.zeros(256 * MIB, "u1"))
    assert misses == 1


@linux
def test_a_written_array_is_reused_without_a_byte_zeroed(installed, quiet_pool):
    np.ones(64 * MIB, "u1")
    hits, array = gained("dirty_hits", lambda: np.empty(64 * MIB, "u1"))
    assert hits == 1
    assert gained("zeroed_bytes", lambda: array + array)[0] == 0


@linux
def test_zeros_from_clean_blocks_zero_no_byte(installed, quiet_pool):
    zerofill.configure(scrub=True)
    array = np.ones(64 * MIB, "u1")
    del array
    deadline = time.monotonic() + 60
    while not zerofill.stats().pooled_clean_bytes:
        assert time.monotonic() < deadline
        time.sleep(0.001)  # scrubbing is left to idle CPUs, and there may be one
    zeroed, array = gained("zeroed_bytes", lambda: np.zeros(64 * MIB, "u1"))
    assert zeroed == 0
    assert zerofill.stats().pooled_clean_bytes == 0
    assert not array.any()


@linux
def test_a_large_array_moves_by_its_pages(installed, quiet_pool):
    array = np.ones(64 * MIB, "u1")
    moved, _ = gained("moved_bytes", lambda: array.resize(256 * MIB, refcheck=False))
    assert 64 * MIB <= moved < 66 * MIB  # or 0, had it been copied
    assert array[: 64 * MIB].all()
    assert not array[64 * MIB :: 4096].any()


@pytest.mark.parametrize("length", [0, 1, 15, 16, 1000, 5000, 300_000, 3_000_000])
def test_resizing_in_place_keeps_what_is_there(length, installed):
    for other in (1, 20, 2000, 40_000, 6_000_000):
        array = np.arange(length, dtype="i4")
        array.resize(other)
        common = min(length, other)
        assert (array[:common] == np.arange(common)).all()
        assert not array[common:].any()
        assert array.ctypes.data % 64 == 0


def test_fromfile_and_fromiter_grow(installed, tmp_path):
    numbers = np.arange(700_000.0)
    numbers.tofile(tmp_path / "numbers")
    assert (np.fromfile(tmp_path / "numbers") == numbers).all()
    assert (np.fromiter((float(i) for i in range(700_000)), float) == numbers).all()
    text = io.StringIO("\n".join(map(str, range(100_000))))
    assert (np.loadtxt(text) == numbers[:100_000]).all()


@linux
def test_the_gil_is_released_while_zeros_are_made_of_used_memory(installed, quiet_pool):
    """Threads switch only where the GIL is released, because the switch interval is so long."""
    np.ones(16 * MIB, "u1")
    ran = []
    start = threading.Lock()
    start.acquire()

    def run():
        with start:
            ran.append("between")

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=run)
    thread.start()
    sys.setswitchinterval(1000)
    try:
        start.release()
        for _ in range(1000):
            np.zeros(16 * MIB, "u1")
            is_over = "between" in ran  # asked first: without the GIL it may come at any moment
            ran.append("made")
            if is_over:
                break
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    assert "made" in ran[ran.index("between") :]


# NumPy may pass a wrong size to free ------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Setting the dtype:DeprecationWarning")
def test_a_size_that_lies_frees_the_right_memory(installed):
    for length in (12, 120, 12_000, 3 * MIB):
        for _ in range(20):
            array = np.ones(length, "u1")
            array.dtype = [("a", "u1", (3,)), ("b", "u1")]
            array.resize(0, refcheck=False)
            array = np.empty((0, length))
            array.resize(7, refcheck=False)
            del array
    assert np.zeros(3 * MIB, "u1").sum() == 0


# Objects, and dtypes that only NumPy can initialise ----------------------------------------------


@pytest.mark.parametrize("alignment", [1, 64, 128, 4096, 1 << 20, 1 << 21])
@pytest.mark.parametrize(
    "dtype", [object, "string", np.dtypes.StringDType(), [("a", "O"), ("b", "f4")]]
)
def test_objects_live_at_any_alignment(dtype, alignment):
    array = zerofill.zeros((50, 3), dtype, alignment=alignment)
    assert get_handler_name(array) == "zerofill"
    assert array.ctypes.data % max(alignment, 64) == 0
    assert array.flags.owndata
    assert get_handler_name() == "default_allocator"


def test_objects_are_released(new_counted_class):
    counted = new_counted_class()
    array = zerofill.zeros(1000, object, alignment=256)
    array[:] = [counted() for _ in range(1000)]
    assert counted.alive == 1000
    del array
    gc.collect()
    assert counted.alive == 0


def test_zeros_like_of_objects():
    array = zerofill.zeros_like(np.array([[1, "a"], [None, 2.0]]), alignment=4096)
    assert array.ctypes.data % 4096 == 0
    assert array.tolist() == [[0, 0], [0, 0]]


# Fork, tracing, exit ----------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_child_of_a_fork_goes_on(installed):
    child = os.fork()
    if child == 0:
        array = np.ones(3 * MIB, "u1") + 1
        right = get_handler_name(array) == "zerofill" and array.sum() == 6 * MIB
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_tracemalloc_sees_the_arrays(installed):
    tracemalloc.start()
    try:
        array = np.ones(5 * MIB, "u1")
        small = np.ones(100, "u1")
        filters = [tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)]
        traced = tracemalloc.take_snapshot().filter_traces(filters)
        assert sum(trace.size for trace in traced.traces) >= array.nbytes + small.nbytes
    finally:
        tracemalloc.stop()


CODE = """
import threading, numpy as np, zerofill
zerofill.install()
np.survivors = [np.ones(n) for n in (1, 100, 10_000, 1_000_000)]
def forever():
    zerofill.install()
    while True:
        a = np.ones(400_000) + 1; b = np.zeros(9)
threading.Thread(target=forever, daemon=True).start()
class AtExit:
    def __del__(self):
        a = np.ones(500_000) + np.zeros(500_000)
keep = AtExit()
print("done")
"""


@pytest.mark.plain_build("arrays of a thread that is at work at exit count as leaks")
def test_a_process_ends_with_arrays_alive_and_a_thread_at_work():
    for _ in range(5):
        result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_numpys_arrays_are_live():
    before = zerofill.stats()
    with numpy_allocator():
        arrays = [np.ones(nbytes, "u1") for nbytes in (1, 16 << 10, 100_000, 3 << 20)]
        small = [np.ones((10,) * (i % 3 + 1)) for i in range(100)]
    gained = zerofill.stats().since(before)
    assert 3 << 20 < gained.live_bytes - 100_000 < (3 << 20) + 200_000
    assert gained.live_blocks == 2  # 16 KiB are a slot yet
    assert gained.peak_bytes >= gained.live_bytes
    with numpy_allocator():
        for index, nbytes in [(3, 5 << 20), (2, 8 << 20), (0, 200_000), (1, 10)]:
            arrays[index].resize(nbytes, refcheck=False)  # Python 3.14 borrows references
    gained = zerofill.stats().since(before)
    assert 0 <= gained.live_bytes - (13 << 20) - 200_000 < 200_000
    assert gained.live_blocks == 3
    del arrays, small
    assert zerofill.stats().since(before)[:2] == (0, 0)


def test_live_arrays_of_many_threads_are_counted_right():
    before = zerofill.stats()

    def work(seed):
        with numpy_allocator():
            random = np.random.default_rng(seed)
            for _ in range(300):
                x = random.random(random.integers(10, 400_000))
                np.sort(x[::2], kind="stable").astype("f4")  # takes memory without the GIL, too
                np.unique(x[:1000])

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(work, range(4)))
    assert zerofill.stats().since(before)[:2] == (0, 0)
