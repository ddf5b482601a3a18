"""The examples in docstrings, also native ones, and in the README and the guide work."""

import doctest
import inspect
import pathlib
import re
import subprocess
import sys

import pytest

import zerofill
from zerofill import initializers

pytestmark = pytest.mark.thread_unsafe

ROOT = pathlib.Path(__file__).parents[2]
TEXTS = ["README.md", "docs/guide.md"]

DOCUMENTED = [
    zerofill.Buffer,
    zerofill.Zeros,
    zerofill.Zeros.__call__,
    zerofill.Zeros.from_config,
    zerofill.Zeros.get_config,
    zerofill.clear,
    zerofill.configure,
    zerofill.install,
    zerofill.numpy_allocator,
    zerofill.stats,
    zerofill.trim,
    zerofill.uninstall,
    zerofill.zeros,
    zerofill.zeros_like,
    initializers.deserialize,
    initializers.get,
    initializers.serialize,
]


def run(text: str, name: str) -> int:
    """Run the examples in a text; the number of them."""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    results = doctest.DocTestRunner().run(test)
    assert results.failed == 0
    return results.attempted


@pytest.mark.own_memory
@pytest.mark.parametrize("thing", DOCUMENTED, ids=lambda thing: thing.__qualname__)
def test_docstrings(thing):
    assert run(inspect.getdoc(thing), thing.__qualname__) > 0


def test_everything_public_has_a_docstring():
    for module in (zerofill, initializers):
        for name in module.__all__:
            assert inspect.getdoc(getattr(module, name)), name


@pytest.mark.own_memory
@pytest.mark.parametrize("text", TEXTS)
def test_texts(text):
    assert run((ROOT / text).read_text(encoding="utf-8"), text) > 0


@pytest.mark.own_memory
@pytest.mark.plain_build("reads what a process prints")
@pytest.mark.parametrize("command", [[], ["-m", "zerofill", "run"]])
def test_the_readmes_program(command, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"^```python\n(import time.*?)^```", text, re.M | re.S)[1]
    (tmp_path / "demo.py").write_text(program.replace("1 << 24", "1 << 18"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *command, "demo.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert re.fullmatch(r"\d+\.\d\d s\n", done.stdout), done.stderr
