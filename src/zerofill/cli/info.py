"""``zerofill info``: what this machine offers, and the options."""

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any

from .. import diagnostics
from ..sizes import format_size
from .text import add_json_option, output_columns, write_json

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser("info", help="show what this machine offers and the options")
    parser.set_defaults(run=_run)
    add_json_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    report, options = diagnostics.system_report(), diagnostics.effective_options()
    advice = diagnostics.advice(report, options)
    if arguments.json is not None:
        write_json(arguments.json, {"machine": report, "options": options, "advice": advice})
    if arguments.json != "-":
        _print_info(report, options, advice)
    return 0


def _print_info(
    report: dict[str, Any], options: dict[str, dict[str, Any]], advice: Sequence[str]
) -> None:
    columns = output_columns()
    for name, value in _report_lines(report):
        print(_line(name, str(value), columns))
    print("\nOptions, and where each comes from:")
    for name, value in _option_lines(options):
        print(_line(name, value, columns))
    print("\nWhat would make zerofill faster here:")
    for sentence in advice or ["Nothing: there is no advice for this machine and these options."]:
        print(textwrap.fill(sentence, columns, initial_indent="- ", subsequent_indent="  "))


_LABEL_COLUMNS = 20


def _line(name: str, value: str, columns: int) -> str:
    indent = " " * _LABEL_COLUMNS
    label = f"{name:{_LABEL_COLUMNS}}"
    return textwrap.fill(value, columns, initial_indent=label, subsequent_indent=indent)


def _report_lines(report: dict[str, Any]) -> list[tuple[str, Any]]:
    huge_pages = report["huge_page_policy"]
    if report["huge_page_bytes"]:
        huge_pages += f", {_format_bytes(report['huge_page_bytes'])}"
    shared_huge_pages = report["shared_huge_page_policy"]
    if report["shared_huge_pages"] and shared_huge_pages == "never":
        shared_huge_pages += ", but small pages may be collapsed (MADV_COLLAPSE)"
    caches = (_format_bytes(nbytes or None) for nbytes in report["cache_bytes"])
    available, limit = (_format_bytes(report[name]) for name in ("available_bytes", "limit_bytes"))
    return [
        ("zerofill", report["zerofill"]),
        ("system", f"{report['system']}, {report['machine']}"),
        ("python", f"{report['python']}, NumPy {report['numpy']}"),
        ("CPU", report["cpu"] or "not known"),
        ("usable CPUs", f"{report['usable_cpus']} of {report['cpus']}"),
        ("caches L1, L2, L3", ", ".join(caches)),
        ("streaming stores", report["streaming_stores"]),
        ("page size", _format_bytes(report["page_bytes"])),
        ("huge pages", huge_pages),
        ("the same, shared", shared_huge_pages),
        ("NUMA nodes", _nodes_line(report)),
        ("available memory", f"{available} of {limit}"),
        ("limited by", report["limit"] or "not known"),
        ("worker threads now", report["workers"]),
    ]


def _nodes_line(report: dict[str, Any]) -> str:
    nodes = report["nodes"]
    if len(nodes) == 1:
        return "1"
    return f"{len(nodes)} ({', '.join(map(str, nodes))}), memory policy {report['memory_policy']}"


def _option_lines(options: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    values = {
        name: "automatic" if option["value"] is None else option["value"]
        for name, option in options.items()
    }
    return [(name, f"{values[name]} ({option['origin']})") for name, option in options.items()]


def _format_bytes(count: int | None) -> str:
    return "not known" if count is None else format_size(count)
