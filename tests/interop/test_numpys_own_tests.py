"""NumPy's own tests of creation and memory policy pass with its memory from zerofill."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.own_memory,
    pytest.mark.skipif(
        importlib.util.find_spec("numpy._core.tests") is None, reason="NumPy came without its tests"
    ),
]

# It takes half a minute and several GiB to test BLAS with more than 2**31 elements.
TOO_LONG = "not huge_vectordot"


@pytest.mark.parametrize("module", ["test_numeric", "test_multiarray", "test_mem_policy"])
@pytest.mark.parametrize("way", ["installed", "run"])
def test_numpys(module, way, count, tmp_path):
    if way == "run" and module != "test_numeric" and not count(False, True):
        pytest.skip("needs --full")
    if module == "test_mem_policy" and importlib.util.find_spec("mesonbuild") is None:
        pytest.skip("it builds a module, and meson is not installed")
    if way == "run":
        command = [sys.executable, "-m", "zerofill", "run", "-m", "pytest", "-q"]
    else:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "on_zerofill"]
    command += ["-p", "no:cacheprovider"]
    command += ["--pyargs", f"numpy._core.tests.{module}", *count(["-k", TOO_LONG], [])]
    here = str(pathlib.Path(__file__).parent)
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    # meson and ninja, which build the module, are installed beside Python, maybe not on the path.
    programs = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": path, "PATH": programs}
    # Run in another folder, so that pytest does not read this project's configuration.
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert " passed" in result.stdout
