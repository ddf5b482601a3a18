"""Zeroing memory that is resident already."""

import numpy as np
import pytest

import zerofill

from replay import replay, replayed

GROUP = "clear 1 GiB of resident float32"
SHAPE = ((1 << 30) // 4,)


def ways():
    yield "zerofill", zerofill.clear
    yield "a.fill(0)", lambda array: array.fill(0)
    yield "torch.zero_", None


@pytest.fixture(scope="module")
def gibibyte():
    return np.ones(SHAPE, np.float32)


@pytest.mark.parametrize("peer", [name for name, _ in ways()])
@pytest.mark.benchmark(group=GROUP)
def test_clear_gibibyte(benchmark, gibibyte, peer):
    clear = dict(ways())[peer]
    if peer == "torch.zero_":
        torch = pytest.importorskip("torch")
        tensor = torch.from_numpy(gibibyte)
        clear = lambda array: tensor.zero_()  # noqa: E731
    gibibyte.fill(1)
    benchmark.pedantic(clear, args=(gibibyte,), rounds=15, iterations=1, warmup_rounds=1)
    assert not gibibyte.view(np.uint64).any()


@pytest.mark.parametrize("peer", ["limit"])
@replayed(group=GROUP)
def test_limit(benchmark, machine_limit, peer):
    replay(benchmark, [machine_limit["resident"][1 << 30]])
