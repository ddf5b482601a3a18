"""``zerofill bench``: Zeros compared with NumPy on this machine."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .. import benchmark, diagnostics
from .text import add_json_option, format_seconds, parse_size, write_json

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser("bench", help="compare Zeros with NumPy on this machine")
    parser.set_defaults(run=_run)
    parser.add_argument(
        "--max-size", type=parse_size, metavar="SIZE", help="largest array, such as 64MiB"
    )
    add_json_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    cases, too_large = benchmark.select_cases(benchmark.CASES, arguments.max_size)
    if not cases:
        smallest = benchmark.CASES[0].nbytes
        print(f"nothing to measure: the smallest array has {smallest} bytes", file=sys.stderr)
        return 2
    results = []
    with _progress(len(cases)) as advance:
        benchmark.touch_memory(cases[-1].nbytes)
        for result in benchmark.measure(cases):
            results.append(result)
            advance(result.case.name)
    if arguments.json is not None:
        write_json(arguments.json, _bench_record(results, too_large))
    if arguments.json != "-":
        _print_table(results)
        for case in too_large:
            print(f"{case.name} was left out: not enough memory is free here")
    return 0


def _bench_record(
    results: list[benchmark.Result], too_large: list[benchmark.Case]
) -> dict[str, Any]:
    return {
        "machine": diagnostics.system_report(),
        "left_out": [case.name for case in too_large],
        "seconds": [
            {
                "size": result.case.name,
                "shape": result.case.shape,
                "nbytes": result.case.nbytes,
                "call": result.call,
                "cycle": result.cycle,
            }
            for result in results
        ],
    }


_PEERS = ("np.zeros", "np.full")
_NAMES = ("Zeros", *_PEERS)
_HEADINGS = ("size", *_NAMES, "/zeros", "/full", *_NAMES)
_CYCLE_END = _HEADINGS.index("/full") + 1  # where the columns of the call begin

_EXPLANATION = """\
cycle: make the array, += 1, free it. call: make it alone; np.zeros leaves the
work to the first write there. /zeros, /full: the cycle with Zeros over that
with np.zeros and np.full; below 1, Zeros is faster. float32, medians. One
array of each size was checked: all bytes zero, address a multiple of 64."""


def _table_row(result: benchmark.Result) -> list[str]:
    cycle, call = (
        [format_seconds(times[name]) for name in _NAMES] for times in (result.cycle, result.call)
    )
    ratios = [f"{result.ratio('cycle', peer):.2f}" for peer in _PEERS]
    return [result.case.name, *cycle, *ratios, *call]


def _print_table(results: list[benchmark.Result]) -> None:
    rows = [_table_row(result) for result in results]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        return " ".join(padded[:_CYCLE_END]) + "  | " + " ".join(padded[_CYCLE_END:])

    heading = line(_HEADINGS)
    left, _, right = heading.partition("|")
    print("cycle".center(len(left)) + "|" + "call".center(len(right)).rstrip())
    print(heading)
    for row in rows:
        print(line(row))
    print(_EXPLANATION)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Draw a bar on standard error, if it is a terminal; yield a function that advances it."""
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    done = 0

    def draw(text: str) -> None:
        bar = "#" * (30 * done // total)
        print(f"\r[{bar:30}] {done}/{total} {text:20}", end="", file=sys.stderr, flush=True)

    def advance(name: str) -> None:
        nonlocal done
        done += 1
        draw(f"measured {name}")

    draw("measuring")
    try:
        yield advance
    finally:
        print("\r" + " " * 70 + "\r", end="", file=sys.stderr, flush=True)
