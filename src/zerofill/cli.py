"""The command line: ``python -m zerofill info`` and ``python -m zerofill bench``."""

import argparse
import contextlib
import importlib.util
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import benchmark, diagnostics

__all__ = ["format_seconds", "main"]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was given behind the program's name. Default: ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit code: 0 when all went well.
    """
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python flushes it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zerofill", description="Zero-initialised, aligned, resident arrays."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    info = commands.add_parser("info", help="what this machine offers and what zerofill chose")
    info.set_defaults(run=_info)
    bench = commands.add_parser("bench", help="compare Zeros with NumPy on this machine")
    bench.set_defaults(run=_bench)
    bench.add_argument(
        "--max-size", type=_read_size, metavar="SIZE", help="largest array, such as 64MiB"
    )
    for command in (info, bench):
        command.add_argument(
            "--json",
            type=_check_writable,
            nargs="?",
            const="-",
            metavar="FILE",
            help="write the figures there too, as JSON; without FILE, to standard output alone",
        )
    return parser


def _read_size(text: str) -> int:
    match = re.fullmatch(r"(\d+) *([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 4096, 64MiB or 1GiB")
    return int(match[1]) * _UNITS[match[2].upper()]


def _check_writable(file: str) -> str:
    """Find out before minutes of measuring that their result could not be written."""
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


def _info(options: argparse.Namespace) -> int:
    found, chosen = diagnostics.system_report(), diagnostics.effective_options()
    advice = diagnostics.advice(found, chosen)
    if options.json is not None:
        _write_json(options.json, {"machine": found, "options": chosen, "advice": advice})
    if options.json != "-":
        _print_info(found, chosen, advice)
    return 0


def _print_info(
    found: dict[str, Any], chosen: dict[str, dict[str, Any]], advice: Sequence[str]
) -> None:
    huge = found["huge_page_policy"]
    if found["huge_page_bytes"]:
        huge += f", {_format_bytes(found['huge_page_bytes'])}"
    caches = (_format_bytes(nbytes or None) for nbytes in found["cache_bytes"])
    lines = [
        ("system", f"{found['system']}, {found['machine']}"),
        ("python", f"{found['python']}, NumPy {found['numpy']}"),
        ("CPU", found["cpu"] or "not known"),
        ("usable CPUs", f"{found['usable_cpus']} of {found['cpus']}"),
        ("data caches, L1 to L3", "; ".join(caches)),
        ("streaming stores", found["streaming_stores"]),
        ("pages", _format_bytes(found["page_bytes"])),
        ("huge pages", huge),
        ("memory that can be used", _format_bytes(found["available_bytes"])),
        ("the limit to it", _format_bytes(found["limit_bytes"])),
        ("set by", found["limit"] or "not known"),
        ("worker threads now", found["workers"]),
    ]
    for name, option in chosen.items():
        value = "automatic" if option["value"] is None else option["value"]
        lines.append((f"option {name}", f"{value}  ({option['origin']})"))
    for name, value in lines:
        print(f"{name:24} {value}")
    print("\nWhat would make zerofill faster here:")
    for sentence in advice or ["Nothing that it knows of."]:
        print(textwrap.fill(sentence, 90, initial_indent="- ", subsequent_indent="  "))


# bench ----------------------------------------------------------------------------------------

_PEERS = ("np.zeros", "np.full")


def _bench(options: argparse.Namespace) -> int:
    cases, too_large = benchmark.select_cases(benchmark.CASES, options.max_size)
    if not cases:
        print(
            f"nothing to measure: the smallest array has {benchmark.CASES[0].nbytes} bytes",
            file=sys.stderr,
        )
        return 2
    with _progress(len(cases)) as advance:
        benchmark.touch_memory(cases[-1].nbytes)
        rows = []
        for row in benchmark.measure(cases):
            rows.append(row)
            advance(row.case.name)
    if options.json is not None:
        _write_json(options.json, _record(rows, too_large))
    if options.json != "-":
        _print_table(rows)
        for case in too_large:
            print(f"{case.name} was left out: not enough memory is free here")
    return 0


def _record(rows: list[benchmark.Result], too_large: list[benchmark.Case]) -> dict[str, Any]:
    return {
        "machine": diagnostics.system_report(),
        "left_out": [case.name for case in too_large],
        "seconds": [
            {
                "size": row.case.name,
                "shape": row.case.shape,
                "nbytes": row.case.nbytes,
                "call": row.call,
                "cycle": row.cycle,
            }
            for row in rows
        ],
    }


def _cells(row: benchmark.Result) -> list[str]:
    cells = [row.case.name]
    for what, times in (("call", row.call), ("cycle", row.cycle)):
        cells += [format_seconds(times[way]) for way in ("Zeros", *_PEERS)]
        cells += [f"{row.ratio(what, peer):.2f}" for peer in _PEERS]
    return cells


_COLUMNS = ("size", *(("Zeros", "np.zeros", "np.full", "/zeros", "/full") * 2))

_EXPLANATION = """\
call: the call that makes the array. cycle: make it, += 1, free it. /zeros, /full: the time of
Zeros over that of np.zeros and np.full; below 1, Zeros is faster. float32, medians. One array of
each size was checked: all bytes zero, address a multiple of 64. np.zeros's call leaves the work
to the first write, which the cycle contains."""


def _print_table(rows: list[benchmark.Result]) -> None:
    cells = [_cells(row) for row in rows]
    if importlib.util.find_spec("rich") is None:
        _print_plain_table(cells)
    else:
        _print_rich_table(cells)
    print(_EXPLANATION)


def _print_plain_table(cells: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *cells, strict=True)]
    half = (len(_COLUMNS) + 1) // 2

    def line(row: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        return "  ".join(padded[:half]) + "  |  " + "  ".join(padded[half:])

    heading = line(_COLUMNS)
    call_width = heading.index("|")
    print("call".center(call_width) + "|" + "cycle".center(len(heading) - call_width - 1).rstrip())
    print(heading)
    for row in cells:
        print(line(row))


def _print_rich_table(cells: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for index, column in enumerate(_COLUMNS):
        group = "" if index == 0 else "call\n" if index <= 5 else "cycle\n"
        table.add_column(group + column, justify="right", no_wrap=True)
    for row in cells:
        table.add_row(*row)
    width = 120 if not sys.stdout.isatty() else None
    Console(width=width).print(table)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show how many of `total` steps are done, on standard error, if a person is looking."""
    if not sys.stderr.isatty():
        yield lambda name: None
    elif importlib.util.find_spec("rich") is None:
        with _plain_progress(total) as advance:
            yield advance
    else:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("measuring", total=total)
            yield lambda name: progress.update(task, advance=1, description=f"measured {name}")


@contextlib.contextmanager
def _plain_progress(total: int) -> Iterator[Callable[[str], None]]:
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
