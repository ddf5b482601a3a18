"""A Python program on the command line, after zerofill's options for it."""

import argparse
from collections.abc import Sequence
from typing import Any

from .. import option_values

__all__ = ["add_program", "split_program", "variables_of"]

_VALUES = {
    "num_threads": ("N", "threads that may work on one large array"),
    "pool_limit": ("SIZE", "most memory that is kept for reuse, such as 2GiB"),
    "decay": ("SECONDS", "time until unused memory goes back to the system"),
    "scrub": ("auto|on|off", "zero freed blocks in the background"),
    "audit": ("on|off", "report writes to freed memory"),
    "huge_pages": ("auto|off", "ask the system for huge pages"),
}


def split_program(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a command's arguments into zerofill's options and the program that follows them.

    Nothing of the program is read, because its options are its own. Each of zerofill's has a
    value, but for ``--help``.
    """
    count = 0
    while count < len(arguments) and arguments[count].startswith("--"):
        if arguments[count] == "--":
            return list(arguments[:count]), list(arguments[count + 1 :])
        count += 1 if "=" in arguments[count] or arguments[count] == "--help" else 2
    if arguments[count : count + 1] == ["-h"]:
        count += 1
    return list(arguments[:count]), list(arguments[count:])


def add_program(parser: argparse.ArgumentParser) -> None:
    """Add zerofill's options for a program."""
    group = parser.add_argument_group("options of zerofill for the program")
    for name, (metavar, text) in _VALUES.items():
        group.add_argument(
            f"--{name.replace('_', '-')}", metavar=metavar, type=_checker(name), help=text
        )
    parser.add_argument_group(
        "the program",
        "all that follows, as python takes it: options of Python, a script, -m module",
    )


def _checker(name: str) -> Any:
    def check(text: str) -> str:
        try:
            option_values.parse_option(name, text)
        except (TypeError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return check


def variables_of(options: argparse.Namespace) -> dict[str, str]:
    """Return the environment variables that give the program zerofill's options."""
    given = {name: getattr(options, name) for name in _VALUES}
    return {
        option_values.variable_of(name): text for name, text in given.items() if text is not None
    }
