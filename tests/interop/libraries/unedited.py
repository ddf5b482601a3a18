"""Run a program under ``zerofill run``, as a user would who does not edit it."""

import pathlib
import subprocess
import sys
import textwrap

# What a program does in each of its threads and processes: the names of the handlers of its arrays.
HANDLERS = """
import numpy as np
from numpy._core.multiarray import get_handler_name

def handlers(_=None):
    arrays = [np.zeros(1 << 18), np.ones(1 << 18) + 1, np.arange(1 << 18).astype("f4")]
    return {get_handler_name(array) for array in arrays}
"""


def output_of(folder: pathlib.Path, text: str, *arguments: str) -> str:
    """Return what a program prints that may use ``handlers``."""
    (folder / "counting.py").write_text(HANDLERS)
    (folder / "program.py").write_text(textwrap.dedent(text))
    command = [sys.executable, "-m", "zerofill", "run", "program.py", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-5000:]
    return result.stdout
