"""The price of the call itself."""

import numpy as np
import pytest

import zerofill

from peers import is_zero, maker

PEERS = ["zerofill", "np.zeros", "np.full", "torch", "jax", "tensorflow", "pyfftw"]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.benchmark(group="tiny: (3, 3) of float32", min_rounds=20)
def test_call(benchmark, peer):
    make = zerofill.Zeros() if peer == "zerofill" else maker(peer)
    assert is_zero(benchmark(make, (3, 3)))


@pytest.mark.parametrize("peer", ["zerofill", "np.zeros"])
@pytest.mark.benchmark(group="tiny: zeros((3, 3))", min_rounds=20)
def test_function(benchmark, peer):
    function = zerofill.zeros if peer == "zerofill" else np.zeros
    assert is_zero(benchmark(function, (3, 3)))
