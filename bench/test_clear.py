"""Zeroing memory that is resident already."""

import numpy as np
import pytest

import zerofill

WAYS = {
    "zerofill": zerofill.clear,
    "a.fill(0)": lambda array: array.fill(0),
}


@pytest.fixture(scope="module")
def gibibyte():
    return np.ones((1 << 30) // 4, np.float32)


@pytest.mark.parametrize("peer", WAYS)
@pytest.mark.benchmark(group="clear 1 GiB of resident float32")
def test_clear_gibibyte(benchmark, gibibyte, peer):
    gibibyte.fill(1)
    benchmark.pedantic(WAYS[peer], args=(gibibyte,), rounds=15, iterations=1, warmup_rounds=1)
    assert not gibibyte.view(np.uint64).any()
