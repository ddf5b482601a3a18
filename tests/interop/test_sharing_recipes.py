"""The programs in docs/sharing.md print what stands below them."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.own_memory

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "sharing.md"
PROGRAMS = re.findall(
    r"```python\n# (\w+\.py)\n(.*?)```\n\n```text\n(.*?)```", PAGE.read_text("utf-8"), re.S
)
LIBRARIES = {"loader.py": "torch", "parallel.py": "joblib", "cluster.py": "distributed"}

# A container's: it is run in a namespace of its own.
SMALL_SHM = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$0" "$@"'


def may_mount() -> bool:
    command = ["unshare", "--mount", "sh", "-c", SMALL_SHM, "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("name", "code", "expected"), PROGRAMS, ids=[p[0] for p in PROGRAMS])
def test_it_prints_what_the_page_says(name, code, expected, tmp_path):
    library = LIBRARIES.get(name)
    if library is not None and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    program = tmp_path / name
    program.write_text(code, encoding="utf-8")
    command = [sys.executable, "-W", "ignore", str(program)]
    if may_mount():
        command = ["unshare", "--mount", "sh", "-c", SMALL_SHM, *command]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout == expected


def test_all_programs_are_run():
    assert len(PROGRAMS) == 6
