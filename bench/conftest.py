"""The machine is made ready once, and the ratios are printed at the end of a run."""

from collections import defaultdict

import pytest

from zerofill import comparison

LARGEST_BYTES = 1 << 30


@pytest.fixture(scope="session", autouse=True)
def guest_memory_was_touched():
    """A virtual machine gets memory from its host at the first touch: not what is measured."""
    comparison.touch_memory(2 * LARGEST_BYTES)


def pytest_terminal_summary(terminalreporter, config):
    """Print each group's medians and the ratio of zerofill's to every peer's."""
    session = getattr(config, "_benchmarksession", None)
    groups = defaultdict(dict)
    for bench in session.benchmarks if session else ():
        if bench.has_error or "peer" not in bench.params:
            continue
        groups[bench.group][bench.params["peer"]] = bench.stats.median
    for group, medians in groups.items():
        terminalreporter.write_line(f"\n{group}")
        for peer, seconds in medians.items():
            ratio = medians["zerofill"] / seconds if "zerofill" in medians else float("nan")
            terminalreporter.write_line(
                f"  {peer:12} {seconds * 1e3:12.4f} ms   zerofill/{peer} {ratio:.3f}"
            )
