"""The command line: ``python -m zerofill info`` and ``python -m zerofill bench``."""

import argparse
import contextlib
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import benchmark, diagnostics

__all__ = ["format_seconds", "main", "parse_size"]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments after the program's name. Default: ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit code, 0 on success.
    """
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has closed its end. Python flushes stdout once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zerofill", description="Zero-initialised, aligned, resident arrays."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    info = commands.add_parser("info", help="show what this machine offers and the options")
    info.set_defaults(run=_run_info)
    bench = commands.add_parser("bench", help="compare Zeros with NumPy on this machine")
    bench.set_defaults(run=_run_bench)
    bench.add_argument(
        "--max-size", type=parse_size, metavar="SIZE", help="largest array, such as 64MiB"
    )
    for command in (info, bench):
        command.add_argument(
            "--json",
            type=_writable_file,
            nargs="?",
            const="-",
            metavar="FILE",
            help="write the results to FILE as JSON, too; without FILE, write JSON to standard "
            "output and nothing else",
        )
    return parser


def parse_size(text: str) -> int:
    """Return a size in bytes, as argparse takes one: "4096", "64MiB"."""
    match = re.fullmatch(r"(\d+) *([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 4096, 64MiB or 1GiB")
    return int(match[1]) * _UNITS[match[2].upper()]


def _writable_file(file: str) -> str:
    """Return the name of a file after opening it: better to fail before minutes of measuring."""
    if file != "-":
        try:
            with open(file, "a", encoding="utf-8"):
                pass
        except OSError as error:
            raise argparse.ArgumentTypeError(f"cannot write to {file!r}: {error}") from None
    return file


def _write_json(file: str, record: dict[str, Any]) -> None:
    text = json.dumps(record, indent=2) + "\n"
    if file == "-":
        sys.stdout.write(text)
    else:
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(text)


def _format_bytes(count: int | None) -> str:
    if count is None:
        return "not known"
    value = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} TiB"


def format_seconds(seconds: float) -> str:
    """Write a time with three significant figures and a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


# info -----------------------------------------------------------------------------------------


def _run_info(arguments: argparse.Namespace) -> int:
    report, options = diagnostics.system_report(), diagnostics.effective_options()
    advice = diagnostics.advice(report, options)
    if arguments.json is not None:
        _write_json(arguments.json, {"machine": report, "options": options, "advice": advice})
    if arguments.json != "-":
        _print_info(report, options, advice)
    return 0


def _print_info(
    report: dict[str, Any], options: dict[str, dict[str, Any]], advice: Sequence[str]
) -> None:
    for name, value in [*_report_lines(report), *_option_lines(options)]:
        print(f"{name:24} {value}")
    print("\nWhat would make zerofill faster here:")
    for sentence in advice or ["Nothing: there is no advice for this machine and these options."]:
        print(textwrap.fill(sentence, 90, initial_indent="- ", subsequent_indent="  "))


def _report_lines(report: dict[str, Any]) -> list[tuple[str, Any]]:
    huge_pages = report["huge_page_policy"]
    if report["huge_page_bytes"]:
        huge_pages += f", {_format_bytes(report['huge_page_bytes'])}"
    caches = (_format_bytes(nbytes or None) for nbytes in report["cache_bytes"])
    return [
        ("zerofill", report["zerofill"]),
        ("system", f"{report['system']}, {report['machine']}"),
        ("python", f"{report['python']}, NumPy {report['numpy']}"),
        ("CPU", report["cpu"] or "not known"),
        ("usable CPUs", f"{report['usable_cpus']} of {report['cpus']}"),
        ("data caches, L1 to L3", "; ".join(caches)),
        ("streaming stores", report["streaming_stores"]),
        ("pages", _format_bytes(report["page_bytes"])),
        ("huge pages", huge_pages),
        ("memory that can be used", _format_bytes(report["available_bytes"])),
        ("memory limit", _format_bytes(report["limit_bytes"])),
        ("limited by", report["limit"] or "not known"),
        ("worker threads now", report["workers"]),
    ]


def _option_lines(options: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    values = {
        name: "automatic" if option["value"] is None else option["value"]
        for name, option in options.items()
    }
    return [
        (f"option {name}", f"{values[name]}  ({option['origin']})")
        for name, option in options.items()
    ]


# bench ----------------------------------------------------------------------------------------


def _run_bench(arguments: argparse.Namespace) -> int:
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
        _write_json(arguments.json, _bench_record(results, too_large))
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
