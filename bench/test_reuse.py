"""Zeros in reused memory: a loop that makes a gibibyte again and again."""

import time

import pytest

import zerofill

from peers import is_zero, zeros_function
from replay import replay, replayed

SHAPE = ((1 << 30) // 4,)
GROUP = "reused 1 GiB, dirty, to zeroed and resident"


@pytest.mark.parametrize("peer", ["zerofill", "np.full", "torch", "jax", "tensorflow", "pyfftw"])
@pytest.mark.benchmark(group=GROUP)
def test_dirty(benchmark, peer):
    zerofill.configure(scrub=False)
    make, arrays = zeros_function(peer), []
    benchmark.pedantic(
        lambda: arrays.append(make(SHAPE)),
        setup=arrays.clear,
        rounds=15,
        iterations=1,
        warmup_rounds=2,
    )
    assert is_zero(arrays[0])


@pytest.mark.parametrize("peer", ["limit"])
@replayed(group=GROUP)
def test_limit(benchmark, machine_limit, peer):
    replay(benchmark, [machine_limit["resident"][1 << 30]])


@pytest.mark.parametrize("peer", ["zerofill"])
@pytest.mark.benchmark(group="reused 1 GiB, clean: the call")
def test_clean(benchmark, peer):
    zerofill.configure(scrub=True)
    make, arrays = zeros_function(peer), []

    def free_and_wait():
        arrays.clear()
        while zerofill.stats().pooled_dirty_bytes:
            time.sleep(0.005)

    benchmark.pedantic(
        lambda: arrays.append(make(SHAPE)),
        setup=free_and_wait,
        rounds=15,
        iterations=1,
        warmup_rounds=2,
    )
    assert is_zero(arrays[0])
