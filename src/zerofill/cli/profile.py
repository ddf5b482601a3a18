"""``zerofill profile``: run a program on zerofill, and show where its large arrays come from."""

import argparse
import dataclasses
import os
import sys
import textwrap
from typing import Any

from .. import launch
from ..profile import Profile, Site, profile
from ..runtime import is_disabled
from ..sizes import format_size
from .profile_page import write_page
from .program import add_command, exit_status_of, variables_of
from .text import format_seconds, writable_file, write_json

__all__ = ["add_parser"]

_COLUMNS = 80
_LABEL_COLUMNS = 16
_MOST_SITES = 15


def add_parser(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = add_command(
        commands,
        "profile",
        _run,
        program="script.py | -m module | -c code",
        help="run a program on zerofill, and show where its large arrays come from",
        description="Run a Python program with NumPy on zerofill, and print on standard error "
        "which lines make large arrays (128 KiB and more), what they cost, and which options would "
        "change that.",
    )
    parser.add_argument(
        "--html",
        type=writable_file,
        metavar="FILE",
        help="write a page with plots, too (needs matplotlib: pip install 'zerofill[profile]')",
    )
    parser.add_argument(
        "--json", type=writable_file, metavar="FILE", help="write the figures to FILE, too"
    )


def _run(options: argparse.Namespace) -> int:
    refusal = _reason_to_refuse(options)
    if refusal is not None:
        _say(f"zerofill profile: {refusal}")
        return 2
    found = profile(options.program, launch.environment_of_run(os.environ, variables_of(options)))
    _say("\n".join(_report(found)))
    try:
        if options.json is not None:
            write_json(options.json, _record(found))
        if options.html is not None:
            write_page(options.html, found, options.program)
    except Exception as error:  # matplotlib has many; the program's status is what counts
        _say(f"zerofill profile: not all was written: {error!r}")
    return exit_status_of(found.status)


def _say(text: str) -> None:
    """Print on standard error, because standard output is the program's."""
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def _reason_to_refuse(options: argparse.Namespace) -> str | None:
    if not options.program:
        return "name a program"
    try:
        launch.python_command(options.program)
    except ValueError as error:
        return str(error)
    if is_disabled():
        return "ZEROFILL_DISABLE=1 has NumPy use its own memory: unset it"
    if "-" in (options.json, options.html):
        return "--json and --html need a file: standard output is the program's"
    if options.html is not None:
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            return "--html needs matplotlib: pip install 'zerofill[profile]'"
    return None


def _record(found: Profile) -> dict[str, Any]:
    return {
        **dataclasses.asdict(found),
        "stats": found.stats._asdict(),
        "samples": [sample._asdict() for sample in found.samples],
        "allocating_seconds": found.allocating_seconds,
        "advice": found.advice(),
    }


def _report(found: Profile) -> list[str]:
    heading = f"{format_seconds(found.seconds)} in all. {_processes(found)}"
    lines = ["", *textwrap.wrap(heading, _COLUMNS)]
    if not found.processes:
        return lines
    for name, text in _summary(found):
        label = f"{name:{_LABEL_COLUMNS}}"
        indent = " " * _LABEL_COLUMNS
        lines += textwrap.wrap(text, _COLUMNS, initial_indent=label, subsequent_indent=indent)
    if found.sites:
        lines += ["", *_site_lines(found)]
    lines += ["", "Options that would change this:"]
    for sentence in found.advice() or ["None: there is no advice for this program."]:
        lines += textwrap.wrap(sentence, _COLUMNS, initial_indent="- ", subsequent_indent="  ")
    return lines


def _summary(found: Profile) -> list[tuple[str, str]]:
    stats = found.stats
    hits = stats.clean_hits + stats.dirty_hits
    blocks = hits + stats.misses
    count = sum(site.count for site in found.sites)
    nbytes = sum(site.nbytes for site in found.sites)
    reused = "no blocks: there were no arrays of 2 MiB and more"
    if blocks:
        reused = (
            f"{100 * hits / blocks:.1f} % of {blocks:,} blocks, {stats.clean_hits:,} of them zero "
            "already"
        )
    idle = f"at most {format_size(found.most_idle_bytes)} kept for reuse, " if found.samples else ""
    return [
        ("large arrays", f"{_part(found, found.allocating_seconds)}, to make and free them"),
        (
            "else in system",
            f"{_part(found, found.other_system_seconds)}, with {found.faults:,} page faults",
        ),
        ("made", f"{count:,} arrays of 128 KiB and more, {format_size(nbytes)} in all"),
        ("reused", reused),
        ("zeroed", f"{format_size(stats.zeroed_bytes)} while the program waited"),
        (
            "fresh",
            f"{stats.misses:,} blocks; {format_size(stats.populated_bytes)} touched ahead of use, "
            f"{format_size(stats.huge_page_bytes)} by huge pages",
        ),
        ("moved", f"{format_size(stats.moved_bytes)}, not copied when arrays were resized"),
        ("idle", f"{idle}at most {format_size(stats.peak_bytes)} live"),
    ]


def _part(found: Profile, seconds: float) -> str:
    return f"{format_seconds(seconds)}, {100 * found.share(seconds):.1f} % of the time"


def _processes(found: Profile) -> str:
    if not found.processes and not found.lost_processes:
        return "No process imported NumPy."
    words = "1 process" if found.processes == 1 else f"{found.processes:,} processes"
    text = f"{words} with NumPy left a record."
    if found.lost_processes:
        text += f" {found.lost_processes:,} did not: killed, or still running."
    return text


def _site_lines(found: Profile) -> list[str]:
    heading = f"{'large arrays, by bytes':40} {'count':>10} {'bytes':>10} {'time':>8} {'share':>6}"
    lines = [heading]
    by_bytes = list(found.sites[:_MOST_SITES])
    lines += [_site_line(found, site) for site in by_bytes]
    by_count = sorted(found.sites, key=lambda site: site.count, reverse=True)
    others = [site for site in by_count[: _MOST_SITES // 3] if site not in by_bytes]
    if others:
        lines += ["by count", *(_site_line(found, site) for site in others)]
    left = len(found.sites) - len(by_bytes) - len(others)
    return lines + ([f"and {left:,} more lines"] if left else [])


def _site_line(found: Profile, site: Site) -> str:
    return (
        f"{place_of(site, 40):40} {site.count:>10,} {format_size(site.nbytes):>10} "
        f"{format_seconds(site.seconds):>8} {100 * found.share(site.seconds):>5.1f}%"
    )


def place_of(site: Site, columns: int) -> str:
    """Return where a site is; of a name that is too long, the end."""
    if not site.file:
        return "(no line of Python)"
    text = f"{os.path.basename(site.file)}:{site.line} {site.function}"
    return text if len(text) <= columns else f"...{text[3 - columns :]}"
