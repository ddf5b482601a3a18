"""Make an array, use it and free it, in a loop, compared with the use alone."""

import numpy as np
import pytest

import zerofill
from zerofill.benchmark import CASES

from peers import zeros_function
from replay import replay, replayed

PEERS = [
    "use alone",
    "zerofill",
    "zerofill, scrub off",
    "np.zeros",
    "np.empty",
    "np.full",
    "torch",
    "tensorflow",
    "pyfftw",
]
use_alone_seconds = {}  # test_limit adds to it the fastest zeroing that the machine can do
LARGE = [case for case in CASES if case.nbytes >= 1 << 10]


def rounds_for(nbytes):
    return int(np.clip((2 << 30) // nbytes, 11, 300))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
def test_cycle(benchmark, case, peer, use):
    benchmark.group = f"cycle of {case.name}"
    benchmark.extra_info["nbytes"] = case.nbytes
    if peer == "tensorflow":
        pytest.skip("its arrays cannot be written to")
    if peer == "use alone":
        array = np.ones(case.shape, np.float32)
        step = lambda: use(array)  # noqa: E731
    else:
        if peer.endswith("scrub off"):
            zerofill.configure(scrub=False)
        make = zeros_function(peer.partition(",")[0])
        add = (lambda array: array.add_(1)) if peer == "torch" else use
        step = lambda: add(make(case.shape))  # noqa: E731
    iterations = max(1, (256 << 10) // case.nbytes)
    benchmark.pedantic(step, rounds=rounds_for(case.nbytes), iterations=iterations, warmup_rounds=5)
    if peer == "use alone":
        use_alone_seconds[case] = benchmark.stats.stats.median
    elif peer != "np.empty":
        assert (np.asarray(add(make(case.shape))) == 1).all()


@pytest.mark.parametrize("peer", ["limit"])
@pytest.mark.parametrize("case", LARGE, ids=lambda case: case.name)
@replayed()
def test_limit(benchmark, machine_limit, case, peer):
    benchmark.group = f"cycle of {case.name}"
    benchmark.extra_info["nbytes"] = case.nbytes
    if case not in use_alone_seconds:
        pytest.skip("the use alone was not measured")
    replay(benchmark, [use_alone_seconds[case] + machine_limit["resident"][case.nbytes]])


SMALL, WIDE = 256, 4096


@pytest.mark.parametrize("peer", ["use alone", "zerofill", "np.zeros", "np.full"])
@pytest.mark.benchmark(group="cycle with (4096 x 256) @ (256 x 4096) added in")
def test_matrix_product(benchmark, peer):
    left = np.ones((WIDE, SMALL), np.float32)
    right = np.ones((SMALL, WIDE), np.float32)
    resident = np.zeros((WIDE, WIDE), np.float32)
    product = np.zeros((WIDE, WIDE), np.float32)
    make = (lambda shape: resident) if peer == "use alone" else zeros_function(peer)

    def step():
        array = make((WIDE, WIDE))
        np.matmul(left, right, out=product)
        array += product
        return array

    array = benchmark.pedantic(step, rounds=31, iterations=1, warmup_rounds=3)
    assert peer == "use alone" or (array == SMALL).all()
