"""gevent: a signal handler that waits lets its hub and other greenlets run."""

import signal

import gevent
import numpy as np
import pytest

import zerofill

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")


class Clearing:
    """Clears memory in a greenlet, in which each signal waits, until five did."""

    def __init__(self):
        self.waits = 0
        self.greenlet = None  # only while it clears

    def wait(self, signum, frame):
        if gevent.getcurrent() is self.greenlet:
            self.waits += 1
            gevent.sleep(0.001)

    def run(self):
        columns = np.ones((1 << 14, 1 << 14), "u1")[:, ::2]
        while self.waits < 5:
            columns[:] = 1
            self.greenlet = gevent.getcurrent()
            zerofill.clear(columns)
            self.greenlet = None
            assert not columns.any()
            assert columns.base[:, 1::2].all()

    def run_beside(self):
        columns = np.ones((1 << 12, 1 << 12), "u1")[:, ::2]
        while self.waits < 5:
            zerofill.clear(columns)
            gevent.sleep(0)


def test_a_signal_handler_waits_during_clear():
    clearing = Clearing()
    options = zerofill.configure()
    zerofill.configure(num_threads=2)
    before = signal.signal(signal.SIGALRM, clearing.wait)
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    greenlets = [gevent.spawn(clearing.run), gevent.spawn(clearing.run_beside)]
    try:
        gevent.joinall(greenlets, raise_error=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        zerofill.configure(**options._asdict())
    assert clearing.waits >= 5
