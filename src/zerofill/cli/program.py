"""A Python program on the command line, after zerofill's options for it."""

import argparse
from typing import Any

from .. import option_values

__all__ = ["PROGRAM", "add_program", "variables_of"]

PROGRAM = "script.py [arguments]"

_VALUES = {
    "num_threads": ("N", "threads that may work on one large array"),
    "pool_limit": ("SIZE", "most memory that is kept for reuse, such as 2GiB"),
    "decay": ("SECONDS", "time until unused memory goes back to the system"),
    "scrub": ("auto|on|off", "zero freed blocks in the background"),
    "audit": ("on|off", "report writes to freed memory"),
    "huge_pages": ("auto|off", "ask the system for huge pages"),
}


class _Remainder(argparse.Action):
    """Takes the program's arguments, whatever they look like."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        if option_string or values:
            namespace.program = ([option_string] if option_string else []) + values


def add_program(parser: argparse.ArgumentParser) -> None:
    """Add zerofill's options for a program, and the program and all that follows it."""
    group = parser.add_argument_group("options of zerofill for the program")
    for name, (metavar, text) in _VALUES.items():
        group.add_argument(
            f"--{name.replace('_', '-')}", metavar=metavar, type=_checker(name), help=text
        )
    program = parser.add_argument_group("the program, as python takes it")
    for flag, metavar, text in (
        ("-m", "MODULE", "a module, as python -m runs it"),
        ("-c", "CODE", "Python code"),
    ):
        program.add_argument(
            flag,
            action=_Remainder,
            nargs=argparse.REMAINDER,
            metavar=metavar,
            help=text,
            default=argparse.SUPPRESS,
        )
    program.add_argument(
        "program",
        action=_Remainder,
        nargs=argparse.REMAINDER,
        metavar=PROGRAM,
        default=[],
        help="a script, or - for standard input, and its arguments",
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
