"""Near `vm.max_map_count`, a call that needs one mapping more does without, and leaks none."""

import pathlib
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.own_memory,
    pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's"),
    pytest.mark.plain_build("it maps more than the limit allows"),
]

# Leaves SPARE mappings: pages that cannot be merged with their neighbours are one each.
FILL = """
import ctypes, mmap, pathlib
import numpy as np
import zerofill
SPARE = {spare}
np.ones(4 << 20, "u1")
libc = ctypes.CDLL(None, use_errno=True)
most = int(pathlib.Path("/proc/sys/vm/max_map_count").read_text())
page = mmap.PAGESIZE
held = mmap.mmap(-1, most * page)
start = ctypes.addressof(ctypes.c_char.from_buffer(held))
with open("/proc/self/maps") as maps:
    count = sum(1 for _ in maps)
for i in range((most - count - SPARE) // 2):
    libc.mprotect(ctypes.c_void_p(start + (2 * i + 1) * page), ctypes.c_size_t(page), 1)
"""

RESIZE = """
def mapped():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * page

before = mapped()
done = 0
with zerofill.numpy_allocator():
    for i in range(100):
        array = np.full(4 << 20, 7, "u1")
        try:
            array.resize(64 << 20, refcheck=False)
        except MemoryError:
            continue
        assert (array[: 4 << 20] == 7).all() and not array[4 << 20 :].any()
        done += 1
del array
zerofill.trim()
assert mapped() - before < 512 << 20, mapped() - before  # a few of 64 MiB may be lost
print(done)
"""


@pytest.mark.parametrize("spare", [4, 6, 8, 10])
def test_resizing_near_the_limit_of_mappings(spare):
    limit = int(pathlib.Path("/proc/sys/vm/max_map_count").read_text())
    if limit > 300_000:
        pytest.skip(f"vm.max_map_count is {limit}")
    code = FILL.format(spare=spare) + RESIZE
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "100\n", result.stderr
