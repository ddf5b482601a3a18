"""What ``import zerofill`` adds to a program that has imported NumPy."""

import subprocess
import sys

import pytest

from replay import replay, replayed

# The program times the import itself, because starting Python does not belong to it.
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
@replayed(group="import zerofill after import numpy")
def test_import(benchmark, peer):
    replay(benchmark, [seconds_to_import() for _ in range(15)])
