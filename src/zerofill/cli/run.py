"""``zerofill run``: run a program with NumPy on zerofill."""

import argparse
import os
import sys
from typing import Any

from .. import launch
from .program import add_program, variables_of

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "run",
        help="run a Python program with NumPy on zerofill",
        usage="zerofill run [options] (script.py | -m module | -c code | -) [arguments]",
        description="Run a Python program as `python` would, while NumPy allocates through "
        "zerofill: in all its threads, and in all Python processes that it starts.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_run)
    add_program(parser)


def _run(options: argparse.Namespace) -> int:
    environment = launch.environment_of_run(os.environ, variables_of(options))
    try:
        return launch.run_python(options.program, environment)
    except ValueError as error:
        print(f"zerofill run: {error}", file=sys.stderr)
        return 2
