"""The command line: ``zerofill``, or ``python -m zerofill``. Each command is a module here."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from .. import __version__
from . import bench, compare, info, profile, run
from .program import split_program

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments after the program's name. Default: ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit status, 0 on success.
    """
    own, program = split_program(sys.argv[1:] if arguments is None else list(arguments))
    options = _parser().parse_args(own, argparse.Namespace(program=program))
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has closed its end. Python flushes stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zerofill", description="Arrays of zeros at the price of their first use."
    )
    parser.add_argument("--version", action="version", version=f"zerofill {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in (run, compare, profile, info, bench):
        command.add_parser(commands)
    return parser
