"""Invariant 9: Ctrl-C interrupts a large fill, nothing leaks, and the next call works."""

import os
import signal
import threading

import numpy as np
import pytest

import zerofill

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")

GIB = 1 << 30


@pytest.fixture
def interrupt_after():
    """Return a function that sends SIGINT after that many seconds; 0 cancels it."""

    def ring(signum, frame):
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def available() -> int:
    return zerofill._zerofill.system_info()["available_bytes"] or 0


@pytest.mark.own_memory
@pytest.mark.skipif(available() < 6 * GIB, reason="needs an array that takes a while to fill")
def test_an_eager_fill_is_interrupted(interrupt_after, count):
    interrupted = 0
    before = zerofill.stats()
    size, times = count(4 * GIB, 8 * GIB), count(10, 50)
    if available() < size + GIB:
        pytest.skip(f"needs {size >> 30} GiB")
    for step in range(times):
        interrupt_after(0.005 + step * 0.1 / times)
        try:
            zerofill.zeros(size, "u1")
        except KeyboardInterrupt:
            interrupted += 1
        interrupt_after(0)
        after = zerofill.stats()
        assert (after.live_bytes, after.live_blocks) == (before.live_bytes, before.live_blocks)
        assert not zerofill.zeros(1000).any()
    assert interrupted > times // 2
    assert after.returned_bytes - before.returned_bytes >= size * interrupted


@pytest.mark.skipif(available() < 6 * GIB, reason="needs an array that takes a while to clear")
def test_a_clear_is_interrupted(interrupt_after, count):
    array = np.full(2 * GIB, 7, "u1")
    interrupted = 0
    for _ in range(times := count(20, 50)):
        interrupt_after(0.002)
        try:
            for _ in range(100):
                zerofill.clear(array)
        except KeyboardInterrupt:
            interrupted += 1
        interrupt_after(0)
    assert interrupted == times
    zerofill.clear(array)
    assert not array.any()


def test_a_handler_that_does_not_raise_does_not_stop_the_fill(interrupt_after):
    rung = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda signum, frame: rung.set())
    try:
        interrupt_after(0.001)
        array = zerofill.zeros(512 << 20, "u1")
        assert not array.any()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert rung.wait(10)
