"""NumPy with its memory from zerofill against NumPy as it is: the same code, twice."""

import contextlib

import numpy as np
import pytest

import zerofill
from zerofill.comparison import CASES

LARGE = [case for case in CASES if case.nbytes >= 1 << 10]
PEERS = {"zerofill under NumPy": zerofill.numpy_allocator, "NumPy": contextlib.nullcontext}


def rounds_for(nbytes):
    return int(np.clip((1 << 30) // nbytes, 11, 200))


def time(benchmark, peer, case, step):
    benchmark.extra_info["nbytes"] = case.nbytes
    iterations = max(1, (256 << 10) // case.nbytes)
    with PEERS[peer]():
        step()
        benchmark.pedantic(
            step, rounds=rounds_for(case.nbytes), iterations=iterations, warmup_rounds=5
        )


@pytest.mark.parametrize("peer", [*PEERS, "resident out="])
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_sum(benchmark, case, peer):
    benchmark.group = f"NumPy: c = a + b; del c of {case.name}"
    a, b = np.ones(case.shape, np.float32), np.ones(case.shape, np.float32)
    if peer == "resident out=":
        out = a + b
        time(benchmark, "NumPy", case, lambda: np.add(a, b, out=out))
    else:
        time(benchmark, peer, case, lambda: a + b)
    assert (a + b == 2).all()


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_empty(benchmark, case, peer, use):
    benchmark.group = f"NumPy: c = np.empty; c += 1; del c of {case.name}"
    time(benchmark, peer, case, lambda: use(np.empty(case.shape, np.float32)))


@pytest.mark.parametrize("peer", [*PEERS, "zerofill under NumPy, scrub off", "use alone"])
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_zeros(benchmark, case, peer, use):
    benchmark.group = f"NumPy: c = np.zeros; c += 1; del c of {case.name}"
    if peer.endswith("scrub off"):
        zerofill.configure(scrub=False)
    if peer == "use alone":
        array = np.ones(case.shape, np.float32)
        time(benchmark, "NumPy", case, lambda: use(array))
        return
    context = peer.partition(",")[0]
    time(benchmark, context, case, lambda: use(np.zeros(case.shape, np.float32)))
    with PEERS[context]():
        assert (use(np.zeros(case.shape, np.float32)) == 1).all()


def loop():
    for _ in range(1000):
        np.zeros((3, 3))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.benchmark(group="NumPy: 1000 times np.zeros((3, 3))")
def test_tiny(benchmark, peer):
    with PEERS[peer]():
        benchmark.pedantic(loop, rounds=301, iterations=1, warmup_rounds=3)
