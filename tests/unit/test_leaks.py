"""Creating and freeing ten thousand of each kind leaves no memory allocated."""

import copy
import gc
import pickle
import sys
import sysconfig
import weakref

import numpy as np
import pytest

import zerofill

pytestmark = [
    pytest.mark.thread_unsafe,
    pytest.mark.plain_build("it keeps freed memory for a while, which this test takes for a leak"),
]

MIB = 1 << 20

KINDS = {
    "tiny": lambda: zerofill.zeros((3, 3)),
    "initializer": lambda: zerofill.Zeros("int8")([4, 4]),
    "small": lambda: zerofill.zeros(20_000, "u1"),
    "aligned": lambda: zerofill.zeros(10, alignment=4096),
    "like": lambda: zerofill.zeros_like(np.ma.masked_array([1, 2])),
    "subarray": lambda: zerofill.zeros(3, ("f4", (2, 2))),
    "strings": lambda: zerofill.zeros(3, "U"),
    "objects": lambda: zerofill.zeros(3, "string"),
    "structured": lambda: zerofill.zeros(3, [("a", "f4"), ("o", object)]),
    "large, lazy": lambda: zerofill.zeros(MIB, "u1", commit="lazy"),
    "large": lambda: zerofill.zeros(300_000, "u1"),
    "buffer": lambda: zerofill.Buffer(100),
    "buffer, copied": lambda: copy.copy(zerofill.Buffer(100)),
    "buffer, pickled": lambda: pickle.loads(pickle.dumps(zerofill.Buffer(100), 5)),
    "buffer, weakly referenced": lambda: weakref.ref(zerofill.Buffer(100)),
    "config": lambda: zerofill.Zeros.from_config(zerofill.Zeros("half").get_config()),
    "cleared": lambda: zerofill.clear(bytearray(100)),
    "NumPy's": lambda: numpys(100, 2000),
    "NumPy's, larger": lambda: numpys(2000, 20_000),
}


def numpys(nbytes, more_bytes):
    with zerofill.numpy_allocator():
        array = np.zeros(nbytes, "u1")
        array.resize(more_bytes, refcheck=False)
        return array + array


def resident_bytes() -> int:
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left(kind):
    make = KINDS[kind]
    for _ in range(100):
        make()
    gc.collect()
    # Free-threaded Python frees later, and has enough after some 40,000.
    for _ in range(8):
        before, resident = zerofill.stats(), resident_bytes()
        for _ in range(10_000):
            make()
        after = zerofill.stats()
        assert (after.live_bytes, after.live_blocks) == (before.live_bytes, before.live_blocks)
        if resident_bytes() - resident < 2 * MIB:
            return
    raise AssertionError("it goes on growing")


def fail(make):
    try:
        make()
    except (MemoryError, TypeError, ValueError):
        return
    raise AssertionError("it was expected to fail")


class RefusesToBeFinalised(np.ndarray):
    def __array_finalize__(self, source):
        if source is not None:
            raise ValueError("no")


FAILURES = {
    "shape": lambda: zerofill.zeros((3, "x")),
    "dtype": lambda: zerofill.zeros(3, "nope"),
    "order": lambda: zerofill.zeros(3, order="X"),
    "memory": lambda: zerofill.zeros(2**50),
    "unknown dimension": lambda: zerofill.Zeros()((None, 3)),
    "keyword": lambda: zerofill.Zeros()(3, foo=1),
    "buffer": lambda: zerofill.Buffer(2**60),
    "finalize": lambda: zerofill.zeros_like(PROTOTYPE),
    "config": lambda: zerofill.Zeros.from_config({"foo": 1}),
}
PROTOTYPE = np.ndarray.__new__(RefusesToBeFinalised, 200_000)


@pytest.mark.parametrize("kind", FAILURES)
def test_an_exception_in_the_middle_leaves_nothing(kind):
    fail(FAILURES[kind])  # imports ml_dtypes, whose dtypes stay alive for good
    shared = [np.dtype("f8"), (3, 3)]
    if sysconfig.get_config_var("Py_GIL_DISABLED") != 1:  # there each thread counts those of types
        shared.append(zerofill.Buffer)
    counts = [sys.getrefcount(thing) for thing in shared]
    before = zerofill.stats()
    for _ in range(1000):
        fail(FAILURES[kind])
    after = zerofill.stats()
    assert (after.live_bytes, after.live_blocks) == (before.live_bytes, before.live_blocks)
    assert [sys.getrefcount(thing) for thing in shared] == counts


def test_reference_counts_of_what_is_given():
    dtype, shape, initializer = np.dtype([("a", "f4")]), (3, 10**3), zerofill.Zeros("int8")
    counts = [sys.getrefcount(thing) for thing in (dtype, shape, initializer)]
    for _ in range(100):
        zerofill.zeros(shape, dtype)
        initializer(shape, dtype=dtype)
        zerofill.zeros_like([1], dtype, shape=shape)
    assert [sys.getrefcount(thing) for thing in (dtype, shape, initializer)] == counts
