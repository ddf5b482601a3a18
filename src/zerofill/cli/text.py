"""Sizes, times and records as text, read and written."""

import argparse
import json
import sys
from typing import Any

from .. import sizes

__all__ = ["add_json_option", "format_seconds", "parse_size", "write_json"]


def parse_size(text: str) -> int:
    """Return a size in bytes, as argparse takes one: "4096", "64MiB"."""
    try:
        return sizes.parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def format_seconds(seconds: float) -> str:
    """Write a time with three significant figures and a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def add_json_option(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add ``--json``, with what :meth:`argparse.ArgumentParser.add_argument` takes for it."""
    parser.add_argument("--json", type=_writable_file, metavar="FILE", **options)


def _writable_file(file: str) -> str:
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
