"""Fixtures of the tests of invariants: a library to preload, and running a script."""

import os
import pathlib
import subprocess
import sys

import preloading
import pytest
from control_groups import Group


@pytest.fixture(scope="session")
def preload(tmp_path_factory):
    """Return the environment of a process in which calls can be made to fail."""
    library = preloading.build(tmp_path_factory.mktemp("preload"))
    if library is None:
        pytest.skip("preloading needs glibc and a C++ compiler")
    return {**os.environ, "LD_PRELOAD": str(library)}


@pytest.fixture(scope="session")
def run_script():
    """Return a function that runs a script of this folder and returns its output."""

    def run(name, *arguments, environment=None, timeout=300):
        script = pathlib.Path(__file__).with_name(name)
        result = subprocess.run(
            [sys.executable, str(script), *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    return run


@pytest.fixture
def group():
    made = Group.__new__(Group)
    try:
        made.__init__()
    except OSError as error:
        if hasattr(made, "outer"):
            made.remove()
        pytest.skip(f"a control group cannot be created here: {error}")
    yield made
    made.remove()
