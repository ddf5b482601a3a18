"""The machine is made ready once, and the ratios are printed at the end of a run."""

import json
import os
import pathlib
import shutil
import subprocess
from collections import defaultdict

import numpy as np
import pytest

import zerofill
from zerofill.benchmark import CASES, touch_memory

LARGEST_BYTES = 1 << 30


@pytest.fixture(scope="session", autouse=True)
def guest_memory_was_touched():
    """A virtual machine gets memory from its host at the first touch: not what is measured."""
    touch_memory(3 * LARGEST_BYTES)


@pytest.fixture(autouse=True)
def options_are_put_back():
    """Each benchmark starts with the default options and an empty pool."""
    before = zerofill.configure()
    zerofill.trim()
    yield
    zerofill.configure(**before._asdict())
    zerofill.trim()


@pytest.fixture(scope="session")
def machine_limit(tmp_path_factory):
    """Return seconds that this machine takes at best, measured natively.

    ``machine_limit["resident"][nbytes]`` is for zeroing resident memory, ``["fresh"]`` for making
    fresh memory resident.
    """
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler is installed")
    program = tmp_path_factory.mktemp("limit") / "machine_limit"
    source = pathlib.Path(__file__).with_name("machine_limit.cpp")
    flags = ["-O3", "-march=native", "-std=c++17", "-pthread"]
    subprocess.run([compiler, *flags, str(source), "-o", str(program)], check=True)
    sizes = [str(case.nbytes) for case in CASES]
    command = [program, str(zerofill.configure().num_threads), *sizes]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        what: {int(nbytes): seconds for nbytes, seconds in times.items()}
        for what, times in json.loads(result.stdout).items()
    }


@pytest.fixture
def use():
    """Write to an array once, as the user of a fresh array does."""
    return lambda array: np.add(array, 1, out=array)


def pytest_collection_modifyitems(items):
    """Let other libraries warn of what they like."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("ignore"))


def pytest_terminal_summary(terminalreporter, config):
    """Print each group's medians, and zerofill's over every other's."""
    session = getattr(config, "_benchmarksession", None)
    groups = defaultdict(dict)
    for bench in session.benchmarks if session else ():
        if not bench.has_error and "peer" in bench.params:
            groups[bench.group][bench.params["peer"]] = bench.stats.median
    for group, medians in groups.items():
        terminalreporter.write_line(f"\n{group}")
        for peer, seconds in medians.items():
            ratios = "".join(
                f"  {ours}/this {medians[ours] / seconds:6.3f}"
                for ours in medians
                if ours.startswith("zerofill") and ours != peer
            )
            terminalreporter.write_line(f"  {peer:22} {seconds * 1e6:14.3f} us{ratios}")
