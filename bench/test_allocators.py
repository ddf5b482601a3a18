"""A cycle of arrays, each way of allocating them in a process of its own: ``allocators.py``."""

import functools

import pytest

from allocators import SIZES, WAYS, WORKS, format_size, installed_ways, run_in_turn
from replay import replay, replayed

ROUNDS = 5


@functools.cache
def records(work, nbytes):
    return run_in_turn((work, nbytes), installed_ways(), ROUNDS)


@pytest.mark.parametrize("peer", WAYS)
@pytest.mark.parametrize("nbytes", SIZES, ids=format_size)
@pytest.mark.parametrize("work", WORKS)
@replayed()
def test_cycle(benchmark, work, nbytes, peer):
    if peer not in installed_ways():
        pytest.skip(f"{WAYS[peer]['LD_PRELOAD']} is not installed")
    benchmark.group = f"own process: {work} of {format_size(nbytes)}"
    found = records(work, nbytes)[peer]
    benchmark.extra_info["nbytes"] = nbytes
    benchmark.extra_info["peak_bytes"] = max(record["peak_bytes"] for record in found)
    benchmark.extra_info["faults"] = min(record["faults"] for record in found)
    replay(benchmark, [record["seconds"] for record in found])
