"""The page of ``zerofill profile --html``: one file, with its plots in it."""

import html
import io
import itertools
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from .. import __version__
from ..profile import Profile, Sample, Site
from ..sizes import format_size
from .text import format_seconds

__all__ = ["write_page"]

_MIB = 1 << 20
_MOST_BARS = 20

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .9rem; width: 100%; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
code { background: #f4f4f4; padding: 0 .2rem; }
"""


def write_page(file: str, found: Profile, program: Sequence[str]) -> None:
    """Write a page that needs no other file. matplotlib draws it, with its defaults.

    Parameters
    ----------
    file : str
        Where to write it.
    found : Profile
    program : sequence of str
        What was run, for the heading.
    """
    import matplotlib

    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        page = _page(found, program)
    with open(file, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(page)


def _page(found: Profile, program: Sequence[str]) -> str:
    title = html.escape(f"zerofill profile {shlex.join(program)}")
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{format_seconds(found.seconds)} in all; large arrays took "
        f"{format_seconds(found.allocating_seconds)} "
        f"({100 * found.share(found.allocating_seconds):.1f} %), the system "
        f"{format_seconds(found.other_system_seconds)} more "
        f"({100 * found.share(found.other_system_seconds):.1f} %), with {found.faults:,} page "
        "faults.</p>",
        "<h2>Memory over time</h2>",
        _timeline(found),
        "<h2>Lines that make large arrays</h2>",
        _bars(found.sites[:_MOST_BARS]),
        _table(
            ("line", "arrays", "bytes", "time"),
            (
                (
                    f"{site.file}:{site.line} {site.function}" if site.file else "(no line)",
                    f"{site.count:,}",
                    format_size(site.nbytes),
                    format_seconds(site.seconds),
                )
                for site in found.sites
            ),
        ),
        "<h2>Options that would change this</h2>",
        "<ul>",
        *(f"<li>{_prose(sentence)}</li>" for sentence in found.advice() or ["None."]),
        "</ul>",
        "<h2>Counters</h2>",
        _table(
            ("counter", "value"),
            ((name, f"{value:,}") for name, value in found.stats._asdict().items()),
        ),
        f"<p>zerofill {__version__}</p>",
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _prose(sentence: str) -> str:
    return re.sub(r"`(.*?)`", r"<code>\1</code>", html.escape(sentence))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    return f"<table>{line('th', headings)}{''.join(line('td', row) for row in rows)}</table>"


def _figure(height: float) -> tuple[Any, Any]:
    """Return a figure that is drawn without a display, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any, label: str) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace(
        "<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1
    )


def _timeline(found: Profile) -> str:
    if not found.samples:
        return "<p>The program itself made no large arrays.</p>"
    figure, axes = _figure(3.5)
    samples = _until_the_end(found)
    axes.stackplot(
        [sample.seconds for sample in samples],
        [sample.live_bytes / _MIB for sample in samples],
        [sample.idle_bytes / _MIB for sample in samples],
        labels=["live arrays", "idle, kept for reuse"],
        colors=["#4c78a8", "#f2b36f"],
        step="post",
    )
    if found.resident:
        axes.plot(
            [moment for moment, _ in found.resident],
            [nbytes / _MIB for _, nbytes in found.resident],
            color="#222222",
            linewidth=1.2,
            label="resident, whole process",
        )
    axes.set(xlabel="seconds", ylabel="MiB", xlim=(0, max(found.seconds, 1e-3)))
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.18), ncols=3, frameon=False)
    return _svg(figure, "Live, idle and resident memory over time")


def _until_the_end(found: Profile) -> list[Sample]:
    """Return the samples, and those that follow from `decay` where no array was made for longer."""
    decay = float(found.options.get("decay", 10.0))
    samples: list[Sample] = []
    for sample, following in itertools.pairwise([*found.samples, None]):
        assert sample is not None
        samples.append(sample)
        end = found.seconds if following is None else following.seconds
        if end - sample.seconds > decay:
            samples.append(Sample(sample.seconds + decay, sample.live_bytes, 0))
    return [*samples, samples[-1]._replace(seconds=found.seconds)]


def _bars(sites: Sequence[Site]) -> str:
    if not sites:
        return "<p>None.</p>"
    figure, axes = _figure(1 + 0.28 * len(sites))
    names = [
        f"{site.file.rpartition('/')[2]}:{site.line}" if site.file else "(no line)"
        for site in sites
    ]
    positions = range(len(sites))
    axes.barh(positions, [site.nbytes / _MIB for site in sites], color="#4c78a8")
    # matplotlib takes no surrogates, which Python has in file names that are not UTF-8.
    names = [name.encode("utf-8", "backslashreplace").decode("utf-8") for name in names]
    axes.set_yticks(positions, names, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("MiB made in all")
    return _svg(figure, "Bytes of large arrays by line")
