"""``zerofill compare``: run a program with NumPy's memory and with zerofill's, side by side."""

import argparse
import dataclasses
import os
import signal
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from .. import launch
from ..compare import FIGURES, PLAIN, ZEROFILL, Comparison, Way, compare, preload
from ..runtime import is_disabled
from ..sizes import format_size
from .program import add_command, exit_status_of, variables_of
from .text import format_seconds, writable_file, write_json

__all__ = ["add_parser"]

_COLUMNS = 80

_FORMATS: dict[str, Callable[[float], str]] = {
    "faults": "{:,.0f}".format,
    "peak_bytes": format_size,
}


def add_parser(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = add_command(
        commands,
        "compare",
        _run,
        program="script.py | -m module | -c code",
        help="run a program with NumPy's memory and with zerofill's, and say whether it helps",
        description="Run a Python program with NumPy's memory and with zerofill's in turn, and "
        "print what each took. It runs once more than asked for: the first run passes its output "
        "on, and counts for nothing else. Its standard input is empty.",
    )
    parser.add_argument(
        "--runs",
        type=_positive,
        default=3,
        metavar="N",
        help="runs of each that count (3); more show smaller differences",
    )
    parser.add_argument(
        "--with",
        dest="libraries",
        action="append",
        default=[],
        metavar="LIB",
        help="compare with an allocator that is preloaded, such as libmimalloc.so.2, too",
    )
    parser.add_argument(
        "--json",
        type=writable_file,
        metavar="FILE",
        help="write the figures of every run to FILE, too",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs: 1 or more")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    if not hasattr(os, "wait4"):
        return _refuse("this system has no wait4(2), which counts what a process took")
    if not options.program or options.program == ["-"]:
        return _refuse("name a program: it is run several times")
    if options.json == "-":
        return _refuse("--json needs a file: standard output is the program's")
    if is_disabled():
        return _refuse("ZEROFILL_DISABLE=1 has both use NumPy's memory: unset it")
    plain = launch.environment_without_run(os.environ)
    ways = [Way(PLAIN, plain)]
    ways.append(Way(ZEROFILL, launch.environment_of_run(plain, variables_of(options))))
    # A program must not outlive the command that is measuring it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        ways += [preload(library, plain) for library in dict.fromkeys(options.libraries)]
        comparison = compare(options.program, ways, options.runs)
    except ValueError as error:
        return _refuse(str(error))
    _print_report(comparison)
    if options.json is not None:
        try:
            write_json(options.json, _record(comparison))
        except OSError as error:
            return _refuse(f"cannot write to {options.json!r}: {error}")
    return exit_status_of(comparison.first.status)


def _refuse(reason: str) -> int:
    print(f"zerofill compare: {reason}", file=sys.stderr)
    return 2


def _record(comparison: Comparison) -> dict[str, Any]:
    ways = list(comparison.runs)
    return {
        "runs": {
            way: [dataclasses.asdict(run) for run in runs] for way, runs in comparison.runs.items()
        },
        "ratios": {
            way: {figure: comparison.ratio(way, figure) for figure in FIGURES} for way in ways
        },
        "verdicts": {way: comparison.verdict(way) for way in ways if way != PLAIN},
        "differences": comparison.differences(),
    }


# On standard error, because standard output is the program's.
def _print_report(comparison: Comparison) -> None:
    def show(line: str = "") -> None:
        print(line, file=sys.stderr)

    show()
    for way in list(comparison.runs)[1:]:
        show(f"{'':14} {PLAIN:>11} {way[:20]:>20} {'ratio':>7}  from run to run")
        for figure, words in FIGURES.items():
            show(_line(comparison, way, figure, words))
        show(textwrap.fill(_memory_line(comparison, way), _COLUMNS))
        show(textwrap.fill(_sentence(comparison, way), _COLUMNS))
        show()
    for sentence in comparison.differences():
        show(textwrap.fill(sentence, _COLUMNS))


def _line(comparison: Comparison, way: str, figure: str, words: str) -> str:
    write = _FORMATS.get(figure, format_seconds)
    cells = [write(comparison.median(name, figure)) for name in (PLAIN, way)]
    ratio, spread = comparison.ratio(way, figure), comparison.spread(way, figure)
    ratio_cell = "" if ratio is None else f"{ratio:.2f}"
    spread_cell = "" if spread is None else f"{spread[0]:.2f} to {spread[1]:.2f}"
    return f"{words:14} {cells[0]:>11} {cells[1]:>20} {ratio_cell:>7}  {spread_cell}".rstrip()


def _memory_line(comparison: Comparison, way: str) -> str:
    seconds = comparison.seconds_above_plain(way)
    if seconds is None:
        return "Memory over time is not shown: pip install 'zerofill[compare]' (psutil) for it."
    if seconds == 0:
        return f"{way} never used over 5 % more memory than {PLAIN} at its peak."
    return (
        f"For {format_seconds(seconds)}, {way} used over 5 % more memory than {PLAIN} at its peak."
    )


def _sentence(comparison: Comparison, way: str) -> str:
    verdict = comparison.verdict(way)
    if verdict == "makes no difference":
        return f"{way} makes no difference here that is larger than that from run to run."
    ratio = comparison.ratio(way, "wall") or 0
    return f"{way} {verdict}: the program takes {ratio:.2f} of the time."
