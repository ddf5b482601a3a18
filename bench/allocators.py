"""The allocators that a program can be run with, each way in a process of its own.

``python bench/allocators.py`` prints tables of the time of each way over plain NumPy's, with peak
memory and page faults beside it: works of ``one_work.py`` by size.
``--works chain --sizes 64KiB 1MiB`` selects; ``--threads 2 4 8`` runs them in threads; ``--plot
docs/allocators`` draws the ratios against the size, as PNG and SVG.
"""

import argparse
import functools
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Iterable

import numpy as np

from zerofill.cli.text import parse_size
from zerofill.compare import preload

HERE = pathlib.Path(__file__).parent
KIB, MIB = 1 << 10, 1 << 20
SIZES = [
    *(KIB * n for n in (1, 4, 16, 64, 128, 256, 512)),
    *(MIB * n for n in (1, 2, 4, 8, 16, 32, 64, 256, 1024)),
]
WORKS = ["zeros", "empty", "add", "chain"]
PLAIN, OURS = "NumPy", "zerofill"

# Environment of each way; LIBRARY is the name of one that takes malloc's place.
LIBRARY = "LD_PRELOAD"
WAYS: dict[str, dict[str, str]] = {
    PLAIN: {},
    OURS: {},
    "glibc that keeps": {
        "MALLOC_MMAP_THRESHOLD_": "4294967296",
        "MALLOC_TRIM_THRESHOLD_": "8589934592",
        "MALLOC_TOP_PAD_": "67108864",
    },
    "mimalloc": {LIBRARY: "libmimalloc.so.2"},
    "jemalloc": {
        LIBRARY: "libjemalloc.so.2",
        "MALLOC_CONF": "thp:always,oversize_threshold:0,dirty_decay_ms:10000,"
        "muzzy_decay_ms:10000,background_thread:true",
    },
    "tcmalloc": {LIBRARY: "libtcmalloc_minimal.so.4"},
    "tbbmalloc": {LIBRARY: "libtbbmalloc_proxy.so.2"},
}


def format_size(nbytes: int) -> str:
    """Return a size in words: "64 KiB"."""
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if nbytes >= 1 << power:
            return f"{nbytes >> power} {unit}"
    return f"{nbytes} B"


@functools.cache
def is_installed(library: str) -> bool:
    """Return whether the loader finds a library by its name."""
    try:
        preload(library, os.environ)
    except ValueError:
        return False
    return True


def installed_ways(names: Iterable[str] = WAYS) -> list[str]:
    """Return the ways that this machine has."""
    return [n for n in names if LIBRARY not in WAYS[n] or is_installed(WAYS[n][LIBRARY])]


def missing_ways() -> dict[str, str]:
    """Return the ways that it has not, and the library that each needs."""
    there = installed_ways()
    return {name: ways[LIBRARY] for name, ways in WAYS.items() if name not in there}


def run_way(way: str, script: str, *arguments: object) -> dict[str, float]:
    """Run a script of this folder in a process of its own; return the record that it prints."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    command += ["--zerofill"] if way == OURS else []
    environment = {**os.environ, **WAYS[way]}
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    record: dict[str, float] = json.loads(result.stdout)
    return record


def run_in_turn(
    arguments: tuple[object, ...], ways: list[str], rounds: int, script: str = "one_work.py"
) -> dict[str, list[dict[str, float]]]:
    """Run a script in each way in turn, `rounds` times; each round begins with another way."""
    records: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for turn in range(rounds):
        first = turn % len(ways)
        for way in ways[first:] + ways[:first]:
            records[way].append(run_way(way, script, *arguments))
    return records


def medians(records: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the median of each figure of each way."""
    return {
        way: {key: statistics.median(one[key] for one in of_way) for key in of_way[0]}
        for way, of_way in records.items()
    }


def print_row(label: str, found: dict[str, dict[str, float]]) -> None:
    plain = found[PLAIN]
    ratios = {way: figures["seconds"] / plain["seconds"] for way, figures in found.items()}
    peers = {way: ratio for way, ratio in ratios.items() if way != OURS}
    best = min(peers, key=peers.__getitem__)
    cells = " | ".join(f"{ratios[way]:.2f}" for way in found)
    ours = f"{ratios[OURS] / peers[best]:.2f} of {best}" if OURS in ratios else ""
    peak = " ".join(f"{figures['peak_bytes'] / MIB:.0f}" for figures in found.values())
    faults = " ".join(f"{figures['faults']:.0f}" for figures in found.values())
    seconds = f"{plain['seconds'] * 1e6:.2f} us"
    print(f"| {label} | {seconds} | {cells} | {ours} | {peak} | {faults} |", flush=True)


def print_header(ways: list[str]) -> None:
    columns = ["work", PLAIN, *ways, f"{OURS} over the best", "peak MiB", "faults a call"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")


def print_by_way(rows: dict[str, dict[int, dict[str, float]]]) -> None:
    """Print a table a work: each way's time over plain NumPy's, a column a size."""
    for work, by_size in rows.items():
        sizes = [format_size(nbytes) for nbytes in by_size]
        print(f"\n| {work} | {' | '.join(sizes)} |\n{'|---' * (len(sizes) + 1)}|")
        for way in next(iter(by_size.values())):
            cells = [f"{ratios[way]:.2f}" for ratios in by_size.values()]
            print(f"| {way} | {' | '.join(cells)} |")


def print_behind(rows: dict[str, dict[int, dict[str, float]]]) -> None:
    """Print how often each way takes more than 1.05 of the time of the best other one."""
    cells = [ratios for by_size in rows.values() for ratios in by_size.values()]
    ways = [way for way in cells[0] if way != PLAIN]
    if len(ways) < 2:
        return
    behind = dict.fromkeys(ways, 0)
    for ratios in cells:
        for way in ways:
            behind[way] += ratios[way] > 1.05 * min(ratios[other] for other in ways if other != way)
    ordered = sorted(behind.items(), key=lambda item: item[1])
    counts = ", ".join(f"{way} {count}" for way, count in ordered)
    print(f"\nabove 1.05 of the best other way, of {len(cells)}: {counts}")


def plot(rows: dict[str, dict[int, dict[str, float]]], file: pathlib.Path) -> None:
    """Plot each way's time over plain NumPy's against the size, a panel a work."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(rows), figsize=(4 * len(rows), 4), sharey=True)
    for axes, (work, by_size) in zip(np.atleast_1d(panels), rows.items(), strict=True):
        ways = next(iter(by_size.values()))
        for way in ways:
            ratios = [ratio[way] for ratio in by_size.values()]
            style = {PLAIN: {"color": "black", "linestyle": ":"}, OURS: {"linewidth": 2.5}}
            axes.loglog(list(by_size), ratios, label=way, **style.get(way, {"linewidth": 1}))
        axes.set_xscale("log", base=2)
        ticks = [size for size in (1 << 10, 1 << 15, 1 << 20, 1 << 25, 1 << 30) if size in by_size]
        axes.set_xticks(ticks)
        axes.set_xticklabels([format_size(tick) for tick in ticks], fontsize=8)
        axes.set_yticks([0.1, 0.2, 0.5, 1, 2, 5])
        axes.set_yticklabels(["0.1", "0.2", "0.5", "1", "2", "5"])
        axes.minorticks_off()
        axes.set_title(work)
        axes.grid(visible=True, which="major", alpha=0.3)
    np.atleast_1d(panels)[0].set_ylabel("time over plain NumPy's")
    np.atleast_1d(panels)[-1].legend(fontsize=7)
    figure.tight_layout()
    for ending in ("png", "svg"):
        figure.savefig(file.with_suffix(f".{ending}"), dpi=120)


def main() -> int:
    """Print a row for each work, size and number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--sizes", nargs="+", type=parse_size, default=SIZES)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plot", type=pathlib.Path)
    options = parser.parse_args()
    ways = installed_ways(options.ways)
    for way, library in missing_ways().items():
        print(f"{way} is not installed: {library}", file=sys.stderr)
    print_header(ways)
    rows: dict[str, dict[int, dict[str, float]]] = {work: {} for work in options.works}
    for work, nbytes, threads in itertools.product(options.works, options.sizes, options.threads):
        arguments = (work, nbytes, "--threads", threads)
        found = medians(run_in_turn(arguments, ways, options.rounds))
        print_row(f"{work} {format_size(nbytes)}" + f" x {threads}" * (threads > 1), found)
        plain = found[PLAIN]["seconds"]
        rows[work][nbytes] = {way: found[way]["seconds"] / plain for way in ways}
    if len(options.threads) > 1:
        return 0
    print_by_way(rows)
    print_behind(rows)
    if options.plot:
        plot(rows, options.plot)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
