"""NumPy with its memory from zerofill compared with NumPy as it is, running the same code."""

import contextlib
import functools

import numpy as np
import pytest

import zerofill
from zerofill.benchmark import CASES, time_interleaved

from replay import replay, replayed

TINY = CASES[0]
LARGE = [case for case in CASES if case.nbytes >= 1 << 10]
PEERS = {"zerofill under NumPy": zerofill.numpy_allocator, "NumPy": contextlib.nullcontext}


def rounds_for(nbytes):
    return int(np.clip((1 << 30) // nbytes, 11, 200))


def iterations_for(nbytes):
    return max(1, (256 << 10) // nbytes)


@functools.cache
def readings(functions_for, case):
    """Return the readings of each peer, in seconds, from timing the peers in turn."""
    time_peers = functools.partial(
        time_interleaved,
        functions_for(case),
        iterations=iterations_for(case.nbytes),
        contexts=PEERS,
    )
    time_peers(rounds=3)  # to warm up
    return time_peers(rounds=rounds_for(case.nbytes))


def sums(case):
    a, b = np.ones(case.shape, np.float32), np.ones(case.shape, np.float32)
    out = a + b
    assert (out == 2).all()

    def add():
        c = a + b
        del c

    return {**dict.fromkeys(PEERS, add), RESIDENT: lambda: np.add(a, b, out=out)}


def empties(case):
    def increment_empty():
        c = np.empty(case.shape, np.float32)
        c += 1

    return dict.fromkeys(PEERS, increment_empty)


def tinies(case):
    return dict.fromkeys(PEERS, lambda: np.zeros(case.shape))


RESIDENT = "resident out="
RESULTS = {"c = a + b; del c": sums, "c = np.empty; c += 1; del c": empties}


@pytest.mark.parametrize("peer", [*PEERS, RESIDENT])
@pytest.mark.parametrize("what", RESULTS)
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
@replayed()
def test_results(benchmark, case, what, peer):
    if peer == RESIDENT and RESULTS[what] is not sums:
        pytest.skip("only sums can be written to an existing array")
    benchmark.group = f"NumPy: {what} of {case.name}"
    benchmark.extra_info["nbytes"] = case.nbytes
    replay(benchmark, readings(RESULTS[what], case)[peer])


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
@replayed(group="NumPy: np.zeros((3, 3))")
def test_tiny(benchmark, peer):
    replay(benchmark, readings(tinies, TINY)[peer])
