"""NumPy with its memory from zerofill against NumPy as it is: the same code, twice."""

import contextlib
import functools
import statistics
import time

import numpy as np
import pytest

import zerofill
from zerofill.benchmark import CASES

from peers import replay

TINY = CASES[0]
LARGE = [case for case in CASES if case.nbytes >= 1 << 10]
PEERS = {"zerofill under NumPy": zerofill.numpy_allocator, "NumPy": contextlib.nullcontext}


def rounds_for(nbytes):
    return int(np.clip((1 << 30) // nbytes, 11, 200))


def iterations_for(nbytes):
    return max(1, (256 << 10) // nbytes)


@functools.cache
def medians(make_ways, case):
    """Return the median seconds of each peer; they take turns, so that noise meets all of them."""
    ways = make_ways(case)
    iterations = iterations_for(case.nbytes)
    seconds = {peer: [] for peer in ways}
    for _ in range(3 + rounds_for(case.nbytes)):
        for peer, (context, step) in ways.items():
            with context():
                start = time.perf_counter()
                for _ in range(iterations):
                    step()
                seconds[peer].append((time.perf_counter() - start) / iterations)
    return {peer: statistics.median(times[3:]) for peer, times in seconds.items()}


def sums(case):
    a, b = np.ones(case.shape, np.float32), np.ones(case.shape, np.float32)
    out = a + b
    assert (out == 2).all()
    ways = {peer: (context, lambda: a + b) for peer, context in PEERS.items()}
    return {**ways, RESIDENT: (contextlib.nullcontext, lambda: np.add(a, b, out=out))}


def empties(case):
    def step():
        array = np.empty(case.shape, np.float32)
        array += 1

    return {peer: (context, step) for peer, context in PEERS.items()}


def tinies(case):
    return {peer: (context, lambda: np.zeros(case.shape)) for peer, context in PEERS.items()}


RESIDENT = "resident out="
RESULTS = {"c = a + b; del c": sums, "c = np.empty; c += 1; del c": empties}


@pytest.mark.parametrize("peer", [*PEERS, RESIDENT])
@pytest.mark.parametrize("what", RESULTS)
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_results(benchmark, case, what, peer):
    if peer == RESIDENT and RESULTS[what] is not sums:
        pytest.skip("it has no result")
    benchmark.group = f"NumPy: {what} of {case.name}"
    benchmark.extra_info["nbytes"] = case.nbytes
    replay(benchmark, medians(RESULTS[what], case)[peer])


def measure(benchmark, context, case, step):
    benchmark.extra_info["nbytes"] = case.nbytes
    rounds, iterations = rounds_for(case.nbytes), iterations_for(case.nbytes)
    with context():
        benchmark.pedantic(step, rounds=rounds, iterations=iterations, warmup_rounds=5)


@pytest.mark.parametrize("peer", [*PEERS, "zerofill under NumPy, scrub off", "use alone"])
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_zeros(benchmark, case, peer, use):
    benchmark.group = f"NumPy: c = np.zeros; c += 1; del c of {case.name}"
    if peer.endswith("scrub off"):
        zerofill.configure(scrub=False)
    if peer == "use alone":
        array = np.ones(case.shape, np.float32)
        measure(benchmark, contextlib.nullcontext, case, lambda: use(array))
        return
    context = PEERS[peer.partition(",")[0]]
    measure(benchmark, context, case, lambda: use(np.zeros(case.shape, np.float32)))
    with context():
        assert (use(np.zeros(case.shape, np.float32)) == 1).all()


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.benchmark(group="NumPy: np.zeros((3, 3))")
def test_tiny(benchmark, peer):
    replay(benchmark, medians(tinies, TINY)[peer])
