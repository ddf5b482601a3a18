"""``zerofill run``: run a program with NumPy on zerofill."""

import argparse
import os
import sys
from typing import Any

from .. import launch
from .program import add_command, variables_of

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to those of the command line."""
    add_command(
        commands,
        "run",
        _run,
        program="script.py | -m module | -c code | -",
        help="run a Python program with NumPy on zerofill",
        description="Run a Python program as `python` would, while NumPy allocates through "
        "zerofill: in all its threads, and in all Python processes that it starts.",
    )


def _run(options: argparse.Namespace) -> int:
    environment = launch.environment_of_run(os.environ, variables_of(options))
    try:
        return launch.run_python(options.program, environment)
    except ValueError as error:
        print(f"zerofill run: {error}", file=sys.stderr)
        return 2
