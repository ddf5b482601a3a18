"""The recipes in the documentation work. Each section runs if its library is installed."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.own_memory

RECIPES = pathlib.Path(__file__).parents[2] / "docs" / "recipes.md"
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "KERAS_BACKEND": "jax",
}
RUN = """
import doctest, sys, warnings
warnings.simplefilter("ignore")
test = doctest.DocTestParser().get_doctest(sys.stdin.read(), {}, "recipe", None, 0)
results = doctest.DocTestRunner().run(test)
sys.exit(results.failed or not results.attempted)
"""


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^## ", RECIPES.read_text(encoding="utf-8"), flags=re.M)
    return {part.partition("\n")[0]: part for part in parts}


@pytest.mark.parametrize("section", sections())
def test_recipe(section, request, tmp_path):
    library = section.lower()
    for needed in [library, *(["jax"] if library == "keras" else [])]:
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    if library == "numpy":
        request.getfixturevalue("direct_folder")
    result = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        input=sections()[section],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
