"""Make the N-th call of one kind fail in every public function, for N = 1, 2, ... until none fails.

``python failing_calls.py KIND`` prints how many calls failed; `test_failing_calls.py` runs it with
`preload.cpp` preloaded. Each trial runs in a forked child, so that threads and caches start afresh.
"""

import ctypes
import os
import signal
import sys

import ml_dtypes
import numpy as np

import zerofill

MIB = 1 << 20


def reuse(nbytes):
    """Return an array in a reused dirty block."""
    first = zerofill.zeros(nbytes, "u1")
    first.fill(1)
    del first
    return zerofill.zeros(nbytes, "u1")


def cleared(nbytes, step=1):
    array = np.full(nbytes, 1, "u1")[::step]
    return zerofill.clear(array)


def lazies():
    """Fill more than one slab."""
    return [zerofill.zeros(MIB, "u1", commit="lazy") for _ in range(40)]


def numpys(nbytes, more_bytes):
    """Return zeros of NumPy's in zerofill's memory: a resized array and a new one."""
    with zerofill.numpy_allocator():
        array = np.zeros(nbytes, "u1")
        array.resize(more_bytes, refcheck=False)
        return [array, np.zeros(nbytes, "u1")]


# Created beforehand, because NumPy raises other errors than MemoryError when memory is short here.
STRUCTURE = np.dtype([("a", "f4"), ("b", "u1", 3)])
SUBARRAY = np.dtype(("f4", (2, 2)))


class Matrix(np.ndarray):
    """Runs a Python method when an instance is created."""

    def __array_finalize__(self, source):
        pass


NO_ZERO = np.dtype(ml_dtypes.float8_e8m0fnu)


def refused():
    """Request a dtype that has no zero: all-zero bytes are 2**-127 in it."""
    try:
        return [zerofill.zeros(3, NO_ZERO)]
    except TypeError:
        return []


MATRIX = np.ones((2, 2)).view(Matrix)
GAPS = np.ones(3, [("a", "u1"), ("b", "f4"), ("c", "u1")])[["a", "c"]]

TRIALS = {
    "tiny": lambda: zerofill.zeros((3, 3)),
    "initializer": lambda: zerofill.Zeros("half", order="F")([4, 4]),
    "new initializer": lambda: zerofill.Zeros.from_config({"dtype": "int8"})((3, np.int64(2))),
    "small": lambda: zerofill.zeros(100_000, "u1"),
    "aligned": lambda: zerofill.zeros(10, "u1", alignment=1 << 21),
    "fresh": lambda: zerofill.zeros(8 * MIB, "u1"),
    "by several threads": lambda: zerofill.zeros(64 * MIB, "u1"),
    "reused": lambda: reuse(8 * MIB),
    "reused, by several threads": lambda: reuse(64 * MIB),
    "lazy": lambda: zerofill.zeros(MIB, "u1", commit="lazy"),
    "lazies": lazies,
    "large, lazy": lambda: zerofill.zeros(64 * MIB, "u1", commit="lazy"),
    "large, background": lambda: zerofill.zeros(64 * MIB, "u1", commit="background"),
    "like": lambda: zerofill.zeros_like(MATRIX),
    "subarray": lambda: zerofill.zeros(3, SUBARRAY),
    "structured": lambda: zerofill.zeros(3, STRUCTURE),
    "strings": lambda: zerofill.zeros(3, "U"),
    "bfloat16": lambda: zerofill.zeros(3, "bfloat16").view("u2"),
    "without a zero": refused,
    "objects": lambda: zerofill.zeros(3, object),
    "variable strings": lambda: zerofill.zeros(3, "T"),
    "buffer": lambda: np.frombuffer(zerofill.Buffer(4 * MIB), "u1"),
    "clear": lambda: cleared(64 * MIB),
    "clear in steps": lambda: cleared(4 * MIB, 3),
    "clear a bytearray": lambda: np.frombuffer(zerofill.clear(bytearray(b"abc")), "u1"),
    "clear between fields": lambda: zerofill.clear(GAPS.copy()),
    "NumPy's": lambda: numpys(100, 2000),
    "NumPy's, larger": lambda: numpys(2000, 100_000),
    "NumPy's, of pages": lambda: numpys(100_000, 3 * MIB),
    "NumPy's, moved": lambda: numpys(8 * MIB, 40 * MIB),
    "NumPy's objects": lambda: zerofill.zeros(1000, object),
    "config": lambda: zerofill.Zeros("f4").get_config() and [],
    "options": lambda: (zerofill.configure(num_threads=3), zerofill.stats(), zerofill.trim())[:0],
}


def is_zero(result):
    if isinstance(result, np.ndarray):
        if result.dtype == np.uint8:
            return not result.any()
        return bool((result == np.zeros(result.shape, result.dtype)).all())
    return all(is_zero(part) for part in result)


def live():
    counted = zerofill.stats()
    return counted.live_bytes, counted.live_blocks


class CallsOfTheModule:
    """Fails calls that the extension module makes."""

    def __init__(self, kind):
        self.kind = kind.encode()
        self.library = ctypes.CDLL(None)
        self.library.stop_failing.restype = ctypes.c_long

    def run(self, trial, n):
        """Run it with the n-th call failing; return its result."""
        assert self.library.fail_nth(self.kind, ctypes.c_long(n)), "the module was not found"
        try:
            result = trial()
        finally:
            self.calls = self.library.stop_failing()
        return result

    def failed(self, n):
        return self.calls >= n


class MemoryOfPython:
    """Fails allocations by any of Python's allocators."""

    missed = False

    def run(self, trial, n):
        import _testcapi

        _testcapi.set_nomemory(n, n + 1)
        try:
            return trial()
        finally:
            # If the trial made fewer than n allocations, the failing one is still to come.
            try:
                for _ in range(n):
                    object()  # allocates once
                _testcapi.remove_mem_hooks()
            except MemoryError:
                _testcapi.remove_mem_hooks()
                self.missed = True

    def failed(self, n):
        return not self.missed


def attempt(trial, failing, n):
    """Return whether there was an n-th call to fail; check the result and the counters."""
    before = live()
    try:
        result = failing.run(trial, n)
    except MemoryError:
        result = ()
    assert is_zero(result), "not zero"
    del result
    assert live() == before, f"{before} were alive, now {live()}"
    again = trial()
    assert is_zero(again), "not zero afterwards"
    del again
    assert live() == before, f"{before} were alive, now {live()}"
    return failing.failed(n)


def attempt_in_child(name, failing, n):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 2
        try:
            code = 0 if attempt(TRIALS[name], failing, n) else 1
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):
        sys.exit(f"{name}, call {n}: exit code {code}")
    return code == 0


def main(kind):
    failing = MemoryOfPython() if kind == "python" else CallsOfTheModule(kind)
    zerofill.configure(num_threads=2)
    total = 0
    for name, trial in TRIALS.items():
        if trial is not refused:  # its first run looks the dtype up, which is to be tested
            trial()
        zerofill.trim()
        n = 1
        while attempt_in_child(name, failing, n):
            n += 1
        total += n - 1
    print(total)


if __name__ == "__main__":
    main(sys.argv[1])
