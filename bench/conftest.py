"""Prepare the machine once, and print the ratios at the end of a run."""

from collections import defaultdict

import native_limit
import numpy as np
import pytest

import zerofill
from zerofill.benchmark import CASES, touch_memory

LARGEST_BYTES = 1 << 30
MEDIANS = pytest.StashKey[dict[str, dict[str, float]]]()


@pytest.fixture(scope="session", autouse=True)
def guest_memory_was_touched():
    """A virtual machine gets memory from its host at the first touch, which is not to be timed."""
    touch_memory(3 * LARGEST_BYTES)


@pytest.fixture(autouse=True)
def options_are_restored():
    """Each benchmark starts with the default options and an empty pool."""
    before = zerofill.configure()
    zerofill.trim()
    yield
    zerofill.configure(**before._asdict())
    zerofill.trim()


@pytest.fixture(autouse=True)
def median_is_recorded(benchmark, pytestconfig):
    """Record the median of each peer by group, for the summary."""
    yield
    if benchmark.stats is not None and not benchmark.has_error:
        groups = pytestconfig.stash.setdefault(MEDIANS, defaultdict(dict))
        groups[benchmark.group][benchmark.params["peer"]] = benchmark.stats.stats.median


@pytest.fixture(scope="session")
def machine_limit():
    """Return the shortest times that this machine can reach, of native_limit.measure()."""
    limits = native_limit.measure([case.nbytes for case in CASES], zerofill.configure().num_threads)
    if limits is None:
        pytest.skip("no C++ compiler is installed")
    return limits


@pytest.fixture
def use():
    """Return a function that writes to an array once, as the user of a fresh array does."""
    return lambda array: np.add(array, 1, out=array)


def pytest_collection_modifyitems(items):
    """Ignore warnings, which the libraries that are compared emit."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore"))


def pytest_terminal_summary(terminalreporter, config):
    """Print the medians of each group, and zerofill's divided by each other peer's."""
    for group, medians in config.stash.get(MEDIANS, {}).items():
        terminalreporter.write_line(f"\n{group}")
        for peer, seconds in medians.items():
            ratios = "".join(
                f"  {ours}/this {medians[ours] / seconds:6.3f}"
                for ours in medians
                if ours.startswith("zerofill") and ours != peer
            )
            terminalreporter.write_line(f"  {peer:22} {seconds * 1e6:14.3f} us{ratios}")
