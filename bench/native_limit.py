"""The shortest times that this machine can reach: ``machine_limit.cpp``, built and run."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable


def measure(sizes: Iterable[int], threads: int) -> dict[str, dict[int, float]] | None:
    """Return seconds by what is done and by size in bytes; None where there is no C++ compiler.

    ``["resident"][nbytes]`` is for zeroing resident memory, and ``["fresh"]`` for making fresh
    memory resident.
    """
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None:
        return None
    source = pathlib.Path(__file__).with_name("machine_limit.cpp")
    flags = ["-O3", "-march=native", "-std=c++17", "-pthread"]
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/machine_limit"
        subprocess.run([compiler, *flags, str(source), "-o", program], check=True)
        command = [program, str(threads), *map(str, sizes)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {
        what: {int(nbytes): seconds for nbytes, seconds in times.items()}
        for what, times in json.loads(output).items()
    }
