"""``zerofill info``: what this machine offers, and the options."""

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any

from .. import diagnostics
from ..sizes import format_size
from .text import add_json_option, write_json

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


def _format_bytes(count: int | None) -> str:
    return "not known" if count is None else format_size(count)
