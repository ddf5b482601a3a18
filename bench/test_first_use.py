"""Zeros that never were there before: fresh pages, made resident."""

import numpy as np
import pytest

import zerofill
from zerofill.comparison import zeros_are_right

SHAPE = ((1 << 30) // 4,)

EAGER = {
    "zerofill": zerofill.Zeros(),
    "np.full": lambda shape: np.full(shape, 0, np.float32),
}


@pytest.mark.parametrize("peer", EAGER)
@pytest.mark.benchmark(group="first 1 GiB, zeroed and resident")
def test_first_gibibyte(benchmark, peer):
    arrays = []

    def free_and_trim():
        arrays.clear()
        zerofill.trim()

    benchmark.pedantic(
        lambda: arrays.append(EAGER[peer](SHAPE)), setup=free_and_trim, rounds=15, iterations=1
    )
    assert peer != "zerofill" or zeros_are_right(arrays[0])


LAZY = {
    "zerofill": zerofill.Zeros(commit="lazy"),
    "np.zeros": lambda shape: np.zeros(shape, np.float32),
}


@pytest.mark.parametrize("peer", LAZY)
@pytest.mark.benchmark(group='1 GiB with commit="lazy": the call')
def test_lazy_call(benchmark, peer):
    array = benchmark.pedantic(lambda: LAZY[peer](SHAPE), rounds=50, iterations=1, warmup_rounds=3)
    assert peer != "zerofill" or zeros_are_right(array)
