"""Sizes, times and records as text, read and written."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from .. import sizes

__all__ = [
    "add_json_option",
    "as_argument",
    "format_seconds",
    "output_columns",
    "parse_size",
    "writable_file",
    "write_json",
]

_T = TypeVar("_T")


def as_argument(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """Return a function that parses for argparse, which shows the message of one error alone."""

    def parse_argument(text: str) -> _T:
        try:
            return parse(text)
        except (TypeError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


parse_size = as_argument(sizes.parse_size)


def format_seconds(seconds: float) -> str:
    """Write a time with three significant figures and a unit."""
    if seconds >= 999.5:
        return f"{seconds:,.0f} s"
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 0.9995:  # 999.9 ms would be written as 1e+03 ms
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def output_columns() -> int:
    """Return how many columns a line of text may have: those of the terminal, at most 100.

    A reader that is no terminal gets lines of 80.
    """
    return max(40, min(100, shutil.get_terminal_size((80, 24)).columns))


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, for results that may go to standard output."""
    parser.add_argument(
        "--json",
        type=writable_file,
        nargs="?",
        const="-",
        metavar="FILE",
        help="write the results to FILE as JSON, too; without FILE, write JSON to standard output "
        "and nothing else",
    )


def writable_file(file: str) -> str:
    """Return the name of a file after opening it: better to fail before minutes of measuring."""
    if file != "-":
        try:
            with open(file, "a", encoding="utf-8"):
                pass
        except OSError as error:
            raise argparse.ArgumentTypeError(f"cannot write to {file!r}: {error}") from None
    return file


def write_json(file: str, record: dict[str, Any]) -> None:
    """Write a record to a file; "-" is standard output."""
    text = json.dumps(record, indent=2) + "\n"
    if file == "-":
        sys.stdout.write(text)
    else:
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(text)
