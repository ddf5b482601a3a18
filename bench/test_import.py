"""What ``import zerofill`` adds to a program that has imported NumPy."""

import subprocess
import sys

import pytest

CODE = """
import time, numpy
start = time.perf_counter()
import zerofill
print(time.perf_counter() - start)
"""


def seconds_to_import():
    result = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )
    return float(result.stdout)


@pytest.mark.parametrize("peer", ["zerofill"])
@pytest.mark.benchmark(group="import zerofill after import numpy")
def test_import(benchmark, peer):
    """The time is the program's own reading; that of starting Python does not belong to it."""
    readings = iter([seconds_to_import() for _ in range(15)])
    clock = {"now": 0.0}

    def take():
        clock["now"] += next(readings)

    benchmark._timer = lambda: clock["now"]
    benchmark.pedantic(take, rounds=15, iterations=1)
