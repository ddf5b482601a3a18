"""Small memory under NumPy: no page is faulted twice, and all of it goes back."""

import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.own_memory,
    pytest.mark.plain_build("its allocator faults pages and keeps them"),
    pytest.mark.skipif(sys.platform != "linux", reason="the figures are Linux's"),
]

START = """
import resource, sysconfig, time
import numpy as np
import zerofill

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def faults(function, calls=50):
    for _ in range(10):
        function()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(calls):
        function()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / calls

zerofill.configure(decay={decay})
zerofill.install()
"""

CHAIN = """
def chain(nbytes):
    x, y = np.ones(nbytes // 8), np.ones(nbytes // 8)
    return lambda: x * 2 + y * 3 - x

sizes = [1 << power for power in range(10, 27)]
found = {size: faults(chain(size)) for size in sizes}
print("none" if max(found.values()) < 0.5 else found)
"""

# A stencil of temporaries of several shapes that live at once, as programs of fluid dynamics have.
STENCIL = """
def stencil(field):
    laplacian = 4 * field[1:-1, 1:-1] - (
        field[2:, 1:-1] + field[:-2, 1:-1] + field[1:-1, 2:] + field[1:-1, :-2]
    )
    east = laplacian[1:, 1:-1] - laplacian[:-1, 1:-1]
    east = np.where(east * (field[2:-1, 2:-2] - field[1:-2, 2:-2]) > 0, 0, east)
    north = laplacian[1:-1, 1:] - laplacian[1:-1, :-1]
    north = np.where(north * (field[2:-2, 2:-1] - field[2:-2, 1:-2]) > 0, 0, north)
    return field[2:-2, 2:-2] - 0.1 * (east[1:] - east[:-1] + north[:, 1:] - north[:, :-1])

field = np.random.default_rng(1).random((260, 260, 4))
found = faults(lambda: stencil(field))
print("none" if found < 0.5 else found)
"""

RETURNED = """
before = resident()
for power in range(6, 24):
    arrays = [np.ones(1 << power, "u1") for _ in range(min(20_000, (64 << 20) >> power))]
    del arrays
most = resident()
time.sleep({decay} * 1.25 + 1)
left = resident() - before
assert most - before > 60 << 20, most - before
# CPython's allocator without the GIL keeps what 20,000 arrays' own objects took.
most_left = 10 << 20 if sysconfig.get_config_var("Py_GIL_DISABLED") else 5 << 20
print("gone" if left < most_left else left)
"""


def run(code, decay=10):
    code = (START + code).replace("{decay}", str(decay))
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_chain_of_temporaries_faults_no_page_at_any_size():
    assert run(CHAIN) == "none\n"


def test_a_stencil_faults_no_page():
    assert run(STENCIL) == "none\n"


def test_all_of_it_goes_back_after_decay():
    assert run(RETURNED, decay=0.5) == "gone\n"
