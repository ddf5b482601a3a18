"""Shared arrays where memory is limited: what does not fit is an error, and never a signal."""

import os
import shutil
import subprocess
import sys

import pytest
from control_groups import run_in

pytestmark = [
    pytest.mark.own_memory,
    pytest.mark.plain_build("its own memory is limited, too"),
    pytest.mark.thread_unsafe(reason="control groups and namespaces are the process's"),
    pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's"),
]

MIX = """
import random
import zerofill

chance = random.Random(7)
granted = refused = 0
for _ in range(100):
    nbytes = chance.randrange(1 << 20, 2 * limit)
    commit = chance.choice(["eager", "lazy", "background"])
    try:
        array = zerofill.zeros(nbytes, "u1", commit=commit, shared=True)
    except MemoryError:
        refused += 1
        continue
    array.fill(1)
    granted += 1
    del array
assert granted > 10 and refused > 10, (granted, refused)
print("alive")
"""

REFUSALS = """
import zerofill
for _ in range(100):
    for commit in ("eager", "lazy"):
        try:
            zerofill.zeros(limit, "u1", commit=commit, shared=True)
        except MemoryError as error:
            assert "can still be used" in str(error)
        else:
            raise SystemExit("granted")
print("alive")
"""

# What is kept for reuse gives way to what is not zerofill's.
BESIDE_OTHERS = """
import mmap, time
import zerofill
zerofill.configure(pool_limit=limit)
for _ in range(30):
    zerofill.zeros(limit // 3, "u1", shared=True).fill(1)
    other = mmap.mmap(-1, limit * 6 // 10)
    for start in range(0, len(other), 4096):
        other[start] = 1
    other.close()
print("alive")
"""


@pytest.mark.skipif(
    "no-cgroup" in os.environ.get("PRELOAD_PROFILE", ""), reason="their files are hidden"
)
@pytest.mark.parametrize("code", [MIX, REFUSALS, BESIDE_OTHERS], ids=["mix", "refusals", "others"])
def test_a_control_group(group, tmp_path, code):
    assert run_in(group, code, tmp_path) == "alive\n"


LARGER_THAN_SHM = """
import os, zerofill
free = os.statvfs("/dev/shm")
assert free.f_blocks * free.f_frsize == 64 << 20
for turn in range(100):
    array = zerofill.zeros((65 << 20) + turn * 4096, "u1", shared=True)
    array[::4096] = 1
    assert array[::4096].all()
    if turn % 10 == 0:
        zerofill.trim()
print("alive")
"""


def test_the_size_of_dev_shm_does_not_matter():
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1)")
    mount = 'mount -t tmpfs -o size=64m tmpfs /dev/shm || exit 77; exec "$0" "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, sys.executable, "-c", LARGER_THAN_SHM]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if result.returncode in (1, 77) and "alive" not in result.stdout and "unshare" in result.stderr:
        pytest.skip("a namespace cannot be made here")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "alive\n"
