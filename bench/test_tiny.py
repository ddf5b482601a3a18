"""The price of the call itself, timed over a thousand calls, because one is too short to time."""

import numpy as np
import pytest

import zerofill

from peers import is_zero, zeros_function

CALLS = 1000
PEERS = ["zerofill", "np.zeros", "np.full", "torch", "jax", "tensorflow", "pyfftw"]
initializer = zerofill.Zeros()


def loop_initializer():
    for _ in range(CALLS):
        initializer((3, 3))


def loop_numpys_float32():
    for _ in range(CALLS):
        np.zeros((3, 3), np.float32)


def loop_zerofills_zeros():
    for _ in range(CALLS):
        zerofill.zeros((3, 3))


def loop_numpys_zeros():
    for _ in range(CALLS):
        np.zeros((3, 3))


def loop_over(make):
    def loop():
        for _ in range(CALLS):
            make((3, 3))

    return loop


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.benchmark(group="tiny: 1000 times (3, 3) of float32")
def test_call(benchmark, peer):
    make = zeros_function(peer)
    loops = {"zerofill": loop_initializer, "np.zeros": loop_numpys_float32}
    loop = loops.get(peer) or loop_over(make)
    benchmark.pedantic(loop, rounds=51, iterations=1, warmup_rounds=3)
    assert is_zero(make((3, 3)))
    assert is_zero(initializer((3, 3)))


@pytest.mark.parametrize("peer", ["zerofill", "np.zeros"])
@pytest.mark.benchmark(group="tiny: 1000 times zeros((3, 3))")
def test_function(benchmark, peer):
    loop = loop_zerofills_zeros if peer == "zerofill" else loop_numpys_zeros
    benchmark.pedantic(loop, rounds=201, iterations=1, warmup_rounds=3)
    assert is_zero(zerofill.zeros((3, 3)))
