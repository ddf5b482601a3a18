"""Test each library in its own process, because some start threads or warn on import."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

pytestmark = pytest.mark.own_memory

HERE = pathlib.Path(__file__).parent

# The library, other libraries that its test needs, and environment variables.
LIBRARIES = {
    "tensorflow": ([], {}),
    "keras": (["jax"], {"KERAS_BACKEND": "jax"}),
    "keras on tensorflow": (["tensorflow"], {"KERAS_BACKEND": "tensorflow"}),
    "keras on torch": (["torch"], {"KERAS_BACKEND": "torch"}),
    "jax": ([], {}),
    "torch": ([], {}),
    "pyarrow": ([], {}),
    "dask": (["distributed"], {}),
    "threadpoolctl": ([], {}),
    "greenlet": ([], {}),
    "gevent": ([], {}),
    "joblib": ([], {}),
    "sklearn": ([], {}),
    "nbconvert": (["ipykernel"], {}),
    "flask": ([], {}),
}
SLOW = {"keras on torch"}
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_with(library, count):
    if library in SLOW and not count(False, True):
        pytest.skip("needs --full")
    name = library.partition(" ")[0]
    others, environment = LIBRARIES[library]
    for needed in (name, *others):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    file = HERE / "libraries" / f"check_{name}.py"
    # The libraries' own warnings are ignored.
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", file]
    result = subprocess.run(
        command,
        cwd=HERE.parents[1],
        env={**os.environ, **QUIET, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
