"""Enter times that were measured elsewhere into the tables of pytest-benchmark.

Interleaved timing, native programs and other processes read clocks of their own. A test that is
marked as ``replayed`` runs on a clock that advances by exactly these readings: ``timer`` is a
documented option of pytest-benchmark's marker.
"""

import pytest


class ReplayClock:
    """Shows the time that it is set to."""

    def __init__(self):
        self.now = 0.0

    def read(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


_clock = ReplayClock()


def replayed(**options):
    """Mark a test whose times come from `replay`, with other options of pytest-benchmark."""
    return pytest.mark.benchmark(timer=_clock.read, **options)


def replay(benchmark, readings):
    """Enter each reading, in seconds, as a round."""
    remaining = iter(readings)

    def rewind():
        _clock.now = 0.0  # or the difference of large times would be inexact
        return (next(remaining),), {}

    benchmark.pedantic(_clock.advance, setup=rewind, rounds=len(readings))
    if benchmark.enabled:
        assert benchmark.stats.stats.max == max(readings), "the test is not marked as replayed"
