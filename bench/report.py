"""Run the suite, and write the results as Markdown tables and as plots.

``python bench/report.py [FOLDER]`` runs ``pytest bench`` and writes ``benchmark.json``,
``benchmark.md`` with NumPy on zerofill in a table of its own, and the plots ``cycle`` and ``numpy``
as PNG and SVG there (default: ``build/bench``).
"""

import json
import pathlib
import subprocess
import sys
from collections import defaultdict

from zerofill.cli.text import format_seconds

BENCH = pathlib.Path(__file__).parent

# The plot's file, the prefix of the groups in it, and the label of the axis of times.
PLOTS = [
    ("cycle", "cycle of ", "seconds to make it, add 1 to it and free it"),
    ("numpy", "NumPy: c = a + b; ", "seconds for c = a + b; del c"),
]


def run(file: pathlib.Path) -> int:
    """Run the suite in a process of its own."""
    options = ["--benchmark-json", str(file), "--benchmark-quiet", "-p", "no:cacheprovider"]
    return subprocess.run([sys.executable, "-m", "pytest", str(BENCH), *options]).returncode


def group_medians(record: dict) -> dict[str, dict[str, float]]:
    """Return the median seconds of each peer in each group."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for bench in record["benchmarks"]:
        groups[bench["group"]][bench["params"]["peer"]] = bench["stats"]["median"]
    return groups


def markdown(groups: dict[str, dict[str, float]]) -> str:
    """Return a table with a row for each group and peer, and zerofill's time over the peer's."""
    lines = ["| what | who | median | zerofill takes |", "|---|---|---|---|"]
    for group, medians in groups.items():
        ours = next((peer for peer in medians if peer.startswith("zerofill")), None)
        for peer, seconds in medians.items():
            ratio = f"{medians[ours] / seconds:.2f} of it" if ours and peer != ours else ""
            lines.append(f"| {group} | {peer} | {format_seconds(seconds)} | {ratio} |")
    return "\n".join(lines) + "\n"


def numpy_table(groups: dict[str, dict[str, float]]) -> str:
    """Return a table of NumPy's time on zerofill divided by NumPy's own, a column a size."""
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for group, medians in groups.items():
        if group.startswith("NumPy: c = "):
            use, size = group.removeprefix("NumPy: ").rsplit(" of ", 1)
            rows[use][size] = f"{medians['zerofill under NumPy'] / medians['NumPy']:.2f}"
    sizes = list(next(iter(rows.values()), {}))
    lines = [f"| time over NumPy's | {' | '.join(sizes)} |", "|---" * (len(sizes) + 1) + "|"]
    lines += [
        f"| `{use}` | {' | '.join(row[size] for size in sizes)} |" for use, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


def plot(record: dict, prefix: str, label: str, file: pathlib.Path) -> None:
    """Plot the times of the groups with a prefix against the size of the array, a line a peer."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    lines: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for bench in record["benchmarks"]:
        if bench["group"].startswith(prefix):
            nbytes = bench["extra_info"]["nbytes"]
            lines[bench["params"]["peer"]].append((nbytes, bench["stats"]["median"]))
    figure, axes = pyplot.subplots(figsize=(8, 5))
    for peer, points in lines.items():
        alone = peer in ("use alone", "limit", "resident out=")
        ours = peer.startswith("zerofill")
        axes.loglog(
            *zip(*sorted(points), strict=True),
            label=peer,
            marker="o",
            markersize=3,
            linewidth=2.5 if ours else 1.2,
            linestyle={"limit": "--"}.get(peer, ":" if alone else "-"),
            color="black" if alone else None,
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks([1 << power for power in range(10, 31, 4)])
    axes.set_xticklabels(["1 KiB", "16 KiB", "256 KiB", "4 MiB", "64 MiB", "1 GiB"])
    axes.set_xlabel("size of the array (float32)")
    axes.set_ylabel(label)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    for ending in ("png", "svg"):
        figure.savefig(file.with_suffix(f".{ending}"), dpi=150)


def main() -> int:
    """Run, and write everything."""
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "benchmark.json"
    code = run(file)
    if code != 0:
        return code
    record = json.loads(file.read_text(encoding="utf-8"))
    groups = group_medians(record)
    table = markdown(groups) + "\n" + numpy_table(groups)
    (folder / "benchmark.md").write_text(table, encoding="utf-8")
    for name, prefix, label in PLOTS:
        plot(record, prefix, label, folder / name)
    print(table)
    print(f"written to {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
