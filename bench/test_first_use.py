"""Zeros in fresh pages: zeroed and made resident for the first time."""

import numpy as np
import pytest

import zerofill
from zerofill.benchmark import is_zeroed_and_aligned

from peers import is_zero, zeros_function
from replay import replay, replayed

SHAPE = ((1 << 30) // 4,)


@pytest.mark.parametrize("peer", ["zerofill", "np.full", "torch", "jax", "tensorflow", "pyfftw"])
@pytest.mark.benchmark(group="first 1 GiB, zeroed and resident")
def test_first_gibibyte(benchmark, peer):
    make, arrays = zeros_function(peer), []

    def free_and_trim():
        arrays.clear()
        zerofill.trim()

    benchmark.pedantic(
        lambda: arrays.append(make(SHAPE)), setup=free_and_trim, rounds=15, iterations=1
    )
    assert is_zero(arrays[0])
    assert peer != "zerofill" or is_zeroed_and_aligned(arrays[0])


@pytest.mark.parametrize("peer", ["limit"])
@replayed(group="first 1 GiB, zeroed and resident")
def test_limit(benchmark, machine_limit, peer):
    replay(benchmark, [machine_limit["fresh"][1 << 30]])


LAZY = {
    "zerofill": zerofill.Zeros(commit="lazy"),
    "np.zeros": lambda shape: np.zeros(shape, np.float32),
}


@pytest.mark.parametrize("peer", LAZY)
@pytest.mark.benchmark(group='1 GiB with commit="lazy": the call')
def test_lazy_call(benchmark, peer):
    array = benchmark.pedantic(LAZY[peer], args=(SHAPE,), rounds=50, iterations=1, warmup_rounds=3)
    assert is_zero(array)
