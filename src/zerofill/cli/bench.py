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
_TIMES = ("Zeros", *_PEERS, "/zeros", "/full")  # of the call, and again of the cycle
_COLUMNS = ("size", *_TIMES, *_TIMES)

_EXPLANATION = """\
call: the call that makes the array. cycle: make it, += 1, free it. /zeros, /full: the time of
Zeros over that of np.zeros and np.full; below 1, Zeros is faster. float32, medians. One array of
each size was checked: all bytes zero, address a multiple of 64. np.zeros's call leaves the work
to the first write, which the cycle contains."""


def _table_row(result: benchmark.Result) -> list[str]:
    cells = [result.case.name]
    for what, times in (("call", result.call), ("cycle", result.cycle)):
        cells += [format_seconds(times[name]) for name in ("Zeros", *_PEERS)]
        cells += [f"{result.ratio(what, peer):.2f}" for peer in _PEERS]
    return cells


def _print_table(results: list[benchmark.Result]) -> None:
    rows = [_table_row(result) for result in results]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    middle = 1 + len(_TIMES)

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        return "  ".join(padded[:middle]) + "  |  " + "  ".join(padded[middle:])

    heading = line(_COLUMNS)
    left, _, right = heading.partition("|")
    print("call".center(len(left)) + "|" + "cycle".center(len(right)).rstrip())
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
