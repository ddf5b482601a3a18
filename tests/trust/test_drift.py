"""Invariant 13: nothing grows. After ten calls to warm up, two hundred more leave the process as it
was: memory of the C library, mappings, descriptors, threads, and the counters of `stats`.
"""

import ctypes
import gc
import os
import sys
import threading

import numpy as np
import pytest

import zerofill
from zerofill import initializers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MIB = 1 << 20
WARM_UP, CALLS = 10, 200

CALLS_OF = {
    "zeros": lambda: zerofill.zeros((3, 3)),
    "zeros, small": lambda: zerofill.zeros(100_000, "u1"),
    "zeros, large": lambda: zerofill.zeros(8 * MIB, "u1"),
    "zeros, lazy": lambda: zerofill.zeros(MIB, "u1", commit="lazy"),
    "zeros, large and lazy": lambda: zerofill.zeros(64 * MIB, "u1", commit="lazy"),
    "zeros, background": lambda: zerofill.zeros(64 * MIB, "u1", commit="background"),
    "zeros, aligned": lambda: zerofill.zeros(10, alignment=1 << 21),
    "zeros, structured": lambda: zerofill.zeros(3, [("a", "f4"), ("o", object)]),
    "zeros, refused": lambda: refused(lambda: zerofill.zeros(1 << 50)),
    "zeros_like": lambda: zerofill.zeros_like(np.ma.masked_array([1, 2])),
    "clear": lambda: zerofill.clear(np.ones(1000)),
    "clear, foreign": lambda: zerofill.clear(bytearray(1000)),
    "Buffer": lambda: zerofill.Buffer(100),
    "Zeros": lambda: zerofill.Zeros("half", alignment=128)((2, 2)),
    "get_config": lambda: zerofill.Zeros.from_config(zerofill.Zeros("M8[ns]").get_config()),
    "initializers": lambda: initializers.deserialize(
        initializers.serialize(initializers.get("zeros"))
    ),
    "configure": lambda: zerofill.configure(num_threads=2),
    "stats": zerofill.stats,
    "trim": zerofill.trim,
    "NumPy's": lambda: numpys(100, 2000),
    "NumPy's, large": lambda: numpys(3 * MIB, 40 * MIB),
    "NumPy's, in a thread": lambda: in_a_thread(lambda: numpys(100, 2000)),
    "fork": lambda: os.waitpid(os.fork() or os._exit(0), 0),
}


def numpys(nbytes, more_bytes):
    with zerofill.numpy_allocator():
        array = np.ones(nbytes, "u1") + 1
        array.resize(more_bytes, refcheck=False)


def in_a_thread(action):
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


def refused(make):
    with pytest.raises(MemoryError):
        make()


class Heap(ctypes.Structure):
    """The result of mallinfo2(3)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks".split()
    ] + [("keepcost", ctypes.c_size_t)]


def heap_bytes() -> int:
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        pytest.skip("needs glibc 2.33")
    mallinfo2.restype = Heap
    heap = mallinfo2()
    return heap.uordblks + heap.hblkhd


def state() -> dict[str, int]:
    gc.collect()
    zerofill.trim()
    with open("/proc/self/maps") as maps:
        mappings = sum(1 for _ in maps)
    counted = zerofill.stats()
    return {
        "heap": heap_bytes(),
        "mappings": mappings,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "live bytes": counted.live_bytes,
        "live blocks": counted.live_blocks,
        "pooled": counted.pooled_clean_bytes + counted.pooled_dirty_bytes,
    }


def grown(call) -> dict[str, int]:
    before = state()
    for _ in range(CALLS):
        call()
    after = state()
    return {name: after[name] - before[name] for name in after if after[name] > before[name]}


@pytest.mark.parametrize("name", CALLS_OF)
def test_nothing_grows(name):
    call = CALLS_OF[name]
    for _ in range(WARM_UP):
        call()
    # A leak grows each time. A cache does not: glibc's keeps up to 7 chunks of a size.
    every_time = grown(call)
    for _ in range(9):
        if not every_time:
            break
        again = grown(call)
        every_time = {key: again[key] for key in every_time if key in again}
    assert every_time == {}
