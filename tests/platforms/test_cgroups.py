"""Control groups of version 2: in a machine by machine.py, where they can be made."""

import pathlib
import subprocess
import sys

import pytest

MIB = 1 << 20
ROOT = pathlib.Path("/sys/fs/cgroup")

pytestmark = [
    pytest.mark.in_machine,
    pytest.mark.thread_unsafe(reason="makes control groups"),
]


@pytest.fixture
def group(tmp_path):
    """Yield a function that makes a group below another one, with limits in MiB."""
    made = []

    def make(parent=ROOT, **limits):
        if parent != ROOT:
            (parent / "cgroup.subtree_control").write_text("+memory")
        folder = parent / f"group{len(made)}"
        folder.mkdir()
        made.append(folder)
        for name, mib in limits.items():
            (folder / f"memory.{name}").write_text(str(mib * MIB))
        return folder

    yield make
    for folder in reversed(made):
        folder.rmdir()


BEGIN = """if True:
    import os, pathlib, sys
    MIB = 1 << 20
    group = pathlib.Path({group!r})
    (group / "cgroup.procs").write_text(str(os.getpid()))
    import zerofill

    def refused(mib):
        try:
            zerofill.zeros(mib * MIB, "u1")
        except MemoryError as error:
            return str(error)
        return None
"""


def run_in(group, code):
    """Run Python code in a group; return what it prints."""
    program = BEGIN.format(group=str(group)) + code
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def events(group, name):
    lines = (group / "memory.events").read_text().splitlines()
    return dict(line.split() for line in lines)[name]


@pytest.mark.parametrize("limit", ["max", "high"])
def test_what_does_not_fit_is_refused_and_what_does_is_granted(group, limit):
    """Beyond memory.high the kernel would have the process wait for long; nobody is killed."""
    mine = group(**{limit: 512})
    code = """
    assert refused(400) is None
    for mib in [600, 520, 511]:
        assert "memory.LIMIT" in refused(mib), refused(mib)
    held = zerofill.zeros(200 * MIB, "u1")
    assert "memory.LIMIT" in refused(350)
    assert refused(200) is None
    """
    run_in(mine, code.replace("LIMIT", limit))
    assert events(mine, "high") == events(mine, "oom_kill") == "0"


def test_small_memory_and_lazy_memory_beside_it(group):
    mine = group(high=512)
    code = """
    import numpy as np
    with zerofill.numpy_allocator():
        for _ in range(3):
            kept = [np.ones(64 << 10) for _ in range(300)]
            del kept
            assert refused(250) is None
    """
    run_in(mine, code)
    assert events(mine, "high") == "0"


def test_the_pages_of_files_are_there_for_arrays(group, tmp_path):
    """A file of 400 MiB, read twice, in a group of 512 MiB: 300 MiB fit still."""
    mine = group(max=512)
    file = pathlib.Path(tmp_path, "file")
    code = f"""
    path = {str(file)!r}
    with open(path, "wb") as file:
        for _ in range(400):
            file.write(bytes(MIB))
    for _ in range(2):
        with open(path, "rb") as file:
            while file.read(MIB):
                pass
    assert int((group / "memory.current").read_text()) > 380 * MIB
    assert refused(300) is None
    assert "memory.max" in refused(520)
    """
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "/dev/vda"], check=True)
    subprocess.run(["mount", "/dev/vda", tmp_path], check=True)
    try:
        run_in(mine, code)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert events(mine, "oom_kill") == "0"


def test_the_limit_of_a_group_above(group):
    outer = group(max=400)
    inner = group(group(outer))
    code = """
    assert refused(200) is None
    assert "memory.max" in refused(500)
    """
    run_in(inner, code)
    tighter = group(outer, high=100)
    run_in(tighter, 'assert "memory.high" in refused(200)\n')


def test_a_namespace_in_which_the_group_is_the_outermost(group):
    mine = group(group(max=2000), max=300)
    own_view = """
    import subprocess
    check = '''
import zerofill
try: zerofill.zeros(%d << 20, "u1")
except MemoryError as error: print(error)
'''
    for mib in [100, 400]:
        command = ["unshare", "-C", sys.executable, "-c", check % mib]
        print(subprocess.check_output(command, text=True).strip())
    """
    granted, refused = run_in(mine, own_view).splitlines()
    assert granted == ""
    assert "memory.max of cgroup /" in refused


def test_the_pool_is_bounded_by_the_group(group):
    """What is kept for reuse never brings a group to its limit."""
    mine = group(max=512)
    code = """
    for mib in [100, 120, 140, 90, 70, 160]:
        zerofill.zeros(mib * MIB, "u1")
    stats = zerofill.stats()
    assert stats.pooled_clean_bytes + stats.pooled_dirty_bytes <= 512 * MIB / 4
    other = bytearray(380 * MIB)  # of somebody else in the process
    """
    run_in(mine, code)
    assert events(mine, "oom_kill") == "0"
