"""greenlet: Python that runs while zerofill writes may switch to another greenlet.

The other one then has the part of the C stack where the first one's call is.
"""

import gc
import signal
import sys

import greenlet
import numpy as np
import pytest
from numpy._core import _dtype

import zerofill

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")

SWITCHES = 5


class Pair:
    """Two greenlets of one stack; the first calls zerofill, and each switch() runs the second."""

    def __init__(self, second):
        self.switches = 0
        self._second = greenlet.greenlet(self._run_second)
        self._second.switch(
            second
        )  # from here, so that its stack starts where the first one's does
        self._first = None

    def _run_second(self, second):
        greenlet.getcurrent().parent.switch()
        while True:
            second()
            self._first.switch()

    def run(self, first):
        self._first = greenlet.greenlet(first)
        self._first.switch()

    def switch(self, *_):
        if greenlet.getcurrent() is self._first:
            self.switches += 1
            self._second.switch()

    def throw(self, error):
        self._first.throw(error)


@pytest.fixture(autouse=True)
def two_threads():
    before = zerofill.configure()
    zerofill.configure(num_threads=2)
    yield
    zerofill.configure(**before._asdict())


@pytest.fixture
def signalled():
    """Return a function that has a handler called every 5 ms."""
    before = signal.getsignal(signal.SIGALRM)

    def start(handler):
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def columns():
    """Return every second column of an array, which takes long to clear for its size."""
    return np.ones((1 << 14, 1 << 14), "u1")[:, ::2]


class Busy:
    """Calls a function only while another one runs."""

    def __init__(self, function):
        self.function = function
        self.is_on = False

    def __call__(self, *_):
        if self.is_on:
            self.function()

    def during(self, function, *args):
        self.is_on = True
        try:
            return function(*args)
        finally:
            self.is_on = False


def clear_another():
    another = np.ones((1 << 13, 1 << 13), "u1")[:, ::2]
    zerofill.clear(another)
    assert not another.any()


def test_a_signal_handler_switches_during_clear(signalled, columns):
    pair = Pair(clear_another)
    switch = Busy(pair.switch)

    def clear_often():
        while pair.switches < SWITCHES:
            columns[:] = 1
            switch.during(zerofill.clear, columns)
            assert not columns.any()
            assert columns.base[:, 1::2].all()

    signalled(switch)
    pair.run(clear_often)
    assert pair.switches >= SWITCHES


def test_a_signal_handler_switches_during_an_eager_fill(signalled):
    pair = Pair(clear_another)
    switch = Busy(pair.switch)

    def fill_often():
        while pair.switches < SWITCHES:
            array = switch.during(zerofill.zeros, 1 << 29, "u1")
            assert not array.any()
            del array
            zerofill.trim()

    signalled(switch)
    pair.run(fill_often)
    assert pair.switches >= SWITCHES


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a signal check collects no garbage")
def test_a_finalizer_switches_during_clear(columns):
    pair = Pair(clear_another)

    class Garbage:
        def __init__(self):
            self.cycle = self

        def __del__(self):
            pair.switch()

    def clear_often():
        while pair.switches < SWITCHES:
            Garbage()
            # list() is tracked, so that a collection is due, and map() calls clear() at once.
            list(map(zerofill.clear, [columns]))
            assert not columns.any()

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        pair.run(clear_often)
    finally:
        gc.set_threshold(*threshold)
    assert pair.switches >= SWITCHES


def test_a_greenlet_that_is_killed_in_a_handler_leaves_its_clear(signalled, columns):
    def clear_another_and_stop_the_first():
        clear_another()
        pair.throw(KeyError("stop"))

    pair = Pair(clear_another_and_stop_the_first)
    switch = Busy(pair.switch)
    stopped = []

    def clear_until_stopped():
        try:
            while True:
                switch.during(zerofill.clear, columns)
        except KeyError as error:
            stopped.append(error)

    signalled(switch)
    pair.run(clear_until_stopped)
    assert stopped
    assert not zerofill.clear(columns).any()


def test_two_greenlets_that_switch_while_they_raise_keep_their_reasons(monkeypatch):
    """NumPy names a structured dtype in Python."""
    dtype = np.dtype([("a", "f4"), ("b", "U3")])
    switched, reasons = [], []

    def switch_and_name(descr, name=_dtype.__str__):
        switched.append(greenlet.getcurrent())
        if len(switched) <= 2:
            (second if len(switched) == 1 else first).switch()
        return name(descr)

    def raise_and_note():
        with pytest.raises(MemoryError) as raised:
            zerofill.zeros(2**44, dtype)
        reasons.append(str(raised.value))

    monkeypatch.setattr(_dtype, "__str__", switch_and_name)
    first = greenlet.greenlet(lambda: (raise_and_note(), second.switch()))
    second = greenlet.greenlet(raise_and_note)
    first.switch()
    assert switched[:2] == [first, second]
    assert len(reasons) == 2
    assert all("can still be used" in reason for reason in reasons)
