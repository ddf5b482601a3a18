"""A Python program on the command line, after zerofill's options for it."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from .. import option_values
from .text import as_argument

__all__ = ["add_command", "exit_status_of", "split_program", "variables_of"]

_VALUES = {
    "num_threads": ("N", "threads that may work on one large array"),
    "pool_limit": ("SIZE", "most memory that is kept for reuse, such as 2GiB"),
    "decay": ("SECONDS", "time until unused memory goes back to the system"),
    "scrub": ("auto|on|off", "zero freed blocks in the background"),
    "audit": ("on|off", "report writes to freed memory"),
    "huge_pages": ("auto|off", "ask the system for huge pages"),
    "placement": ("caller|interleave|N", "on which NUMA nodes memory is put"),
}


def split_program(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the command line into zerofill's part and the program that follows it, if one does.

    Nothing of the program is read, because its options are its own. Each of zerofill's has a
    value, but for ``--help``.
    """
    if arguments[:1] not in (["run"], ["compare"], ["profile"]):
        return list(arguments), []
    count = 1
    while count < len(arguments) and arguments[count].startswith("--"):
        if arguments[count] == "--":
            return list(arguments[:count]), list(arguments[count + 1 :])
        count += 1 if "=" in arguments[count] or arguments[count] == "--help" else 2
    if arguments[count : count + 1] == ["-h"]:
        count += 1
    return list(arguments[:count]), list(arguments[count:])


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], program: str, **texts: str
) -> argparse.ArgumentParser:
    """Add a command that takes zerofill's options for a program, and the program."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        usage=f"zerofill {name} [options] ({program}) [arguments]",
        allow_abbrev=False,
        **texts,
    )
    parser.set_defaults(run=run)
    group = parser.add_argument_group("options of zerofill for the program")
    for option, (metavar, text) in _VALUES.items():
        flag = f"--{option.replace('_', '-')}"
        group.add_argument(flag, metavar=metavar, type=_checker(option), help=text)
    parser.add_argument_group(
        "the program",
        "all that follows, as python takes it: options of Python, a script, -m module",
    )
    return parser


def _checker(name: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        option_values.parse_option(name, text)
        return text

    return as_argument(check)


def variables_of(options: argparse.Namespace) -> dict[str, str]:
    """Return the environment variables that give the program zerofill's options."""
    given = {name: getattr(options, name) for name in _VALUES}
    return {
        option_values.variable_of(name): text for name, text in given.items() if text is not None
    }


def exit_status_of(status: int) -> int:
    """Return the exit status that a shell gives a program, which may have ended by a signal."""
    return status if status >= 0 else 128 - status
