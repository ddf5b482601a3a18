"""Invariant 11: a request ends in an array or a MemoryError, and never in a kill.

The tests create control groups if the system permits it. Other forms of their files
are tested by simulated ones in `tests/native/limits_test.cpp`.
"""

import os
import pathlib
import resource
import subprocess
import sys

import pytest
from control_groups import LIMIT, run_in

import zerofill

pytestmark = [
    pytest.mark.own_memory,
    pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's"),
    pytest.mark.skipif(
        "no-cgroup" in os.environ.get("PRELOAD_PROFILE", ""), reason="their files are hidden"
    ),
]

SCRIPT = pathlib.Path(__file__).with_name("within_limits.py")
OVERCOMMIT = pathlib.Path("/proc/sys/vm/overcommit_memory")


def run(*arguments, prepare=None) -> str:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=prepare,
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    assert result.stdout.endswith("done\n")
    return result.stdout


@pytest.mark.parametrize("where", ["outer", "inner"])
def test_the_limit_of_a_control_group(group, where):
    run(LIMIT, getattr(group, where))
    assert group.kills() == 0


PAGE_CACHE = """
import tempfile
import zerofill
with tempfile.NamedTemporaryFile(dir=".") as file:
    for _ in range(limit * 6 // 10 >> 20):
        file.write(bytes(1 << 20))
    file.flush()
    for _ in range(3):  # so that its pages count as active
        file.seek(0)
        while file.read(1 << 20):
            pass
    zerofill.zeros(limit // 2, "u1")[::4096] = 1
"""

# Files of other sizes, read and written in other ways.
PAGE_CACHE_MIX = """
import os, random, tempfile
import zerofill
random.seed(SEED)
with tempfile.NamedTemporaryFile(dir=".") as file:
    for _ in range(random.randint(1, 9) * limit // 10 >> 20):
        file.write(bytes(1 << 20))
    file.flush()
    if random.random() < 0.5:
        os.fsync(file.fileno())
    for _ in range(random.randint(0, 3)):
        file.seek(0)
        while file.read(1 << 20):
            pass
    zerofill.zeros(int(limit * random.uniform(0.3, 0.8)), "u1")[::4096] = 1
"""

REFUSES = """
try:
    zerofill.zeros(limit * 2, "u1")
except MemoryError:
    print("refused")
zerofill.zeros(limit // 4, "u1")[::4096] = 1
"""

NO_DESCRIPTORS = """
import os
import zerofill
zerofill.zeros(limit // 8, "u1")
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
"""

NO_MEMINFO = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
    sys.exit(77)
if libc.mount(b"proc", b"/proc", b"proc", 0, b"subset=pid") != 0:
    sys.exit(77)
assert not os.path.exists("/proc/meminfo")
import zerofill
"""


MOVES = """
import zerofill

def is_refused():
    zerofill.trim()
    try:
        zerofill.zeros(limit * 2, "u1")
    except MemoryError:
        return True
    return False

above = pathlib.Path(sys.argv[1]).parent
for folder in [above, above, sys.argv[1] + "/inner", above, sys.argv[1]]:
    pathlib.Path(folder, "cgroup.procs").write_text("0")
    assert is_refused() is (folder is not above), folder
"""

# In a namespace of its own, of whose root the mount shows groups above.
UNNAMED_GROUPS = """
import ctypes
CLONE_NEWCGROUP = 0x2000000
if ctypes.CDLL(None).unshare(CLONE_NEWCGROUP) != 0:
    sys.exit(77)
assert " /.." in open("/proc/self/mountinfo").read()
import zerofill
"""


# Two threads need the room that trimming the pool makes, and it is there once.
RACE = """
import threading
import zerofill
zerofill.configure(pool_limit=2**31, decay=1000)
for _ in range(ROUNDS):
    try:
        arrays = [zerofill.zeros(4 << 20, "u1") for _ in range(limit >> 23)]
    except MemoryError:  # what was just returned may count as used for a while
        continue
    for array in arrays:
        array[:] = 1
    del arrays, array
    barrier, held = threading.Barrier(2), []

    def take():
        barrier.wait()
        try:
            for _ in range(100):
                held.append(zerofill.zeros(60 << 20, "u1"))
        except MemoryError:
            pass

    thread = threading.Thread(target=take)
    thread.start()
    available = zerofill._zerofill.system_info()["available_bytes"]
    barrier.wait()
    try:
        zerofill.zeros(available + limit * 42 // 100, "u1")
    except MemoryError:
        pass
    thread.join()
    held.clear()
print("alive")
"""


def test_two_threads_do_not_get_the_same_room(group, tmp_path, count):
    limit = 2 << 30
    group.set_limit(limit)
    code = f"ROUNDS = {count(10, 200)}{RACE}"
    assert run_in(group, code, tmp_path, limit) == "alive\n"


def test_page_cache_that_is_in_use_counts_as_free(group, tmp_path):
    run_in(group, PAGE_CACHE, tmp_path)


def test_page_cache_never_refuses_an_array(group, tmp_path, count):
    for seed in range(count(3, 20)):
        run_in(group, f"SEED = {seed}\n{PAGE_CACHE_MIX}", tmp_path)


def test_the_limit_holds_without_a_file_descriptor(group, tmp_path):
    assert run_in(group, NO_DESCRIPTORS + REFUSES, tmp_path) == "refused\n"


def test_the_limit_holds_where_proc_shows_processes_alone(group, tmp_path):
    assert run_in(group, NO_MEMINFO + REFUSES, tmp_path) == "refused\n"


def test_a_process_may_move_to_another_group(group, tmp_path):
    run_in(group, MOVES, tmp_path)


def test_the_limit_holds_below_groups_without_names(group, tmp_path):
    assert run_in(group, UNNAMED_GROUPS + REFUSES, tmp_path) == "refused\n"


def test_a_limit_of_the_address_space():
    """The process may map 2 GiB, some of which Python and NumPy use."""
    most = 2 << 30

    def limit_addresses():
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    run(most // 2, prepare=limit_addresses)


ADVICE = """
import resource
import zerofill
most = {most}
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    zerofill.zeros(1 << 40, "u1")
except MemoryError as error:
    print('commit="lazy"' in str(error))
"""


@pytest.mark.plain_build("it maps more than any limit allows")
@pytest.mark.parametrize(("most", "advised"), [(2 << 30, "False\n"), (1 << 50, "True\n")])
def test_lazy_memory_is_advised_where_it_can_be_had(most, advised):
    code = ADVICE.format(most=most)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == advised, result.stderr


def test_lazy_memory_may_exceed_the_machines():
    if OVERCOMMIT.read_text() == "2\n":
        pytest.skip("overcommit mode 2 counts lazy memory too")
    with open("/proc/meminfo") as meminfo:
        total = int(next(line for line in meminfo if line.startswith("MemTotal")).split()[1]) << 10
    array = zerofill.zeros(4 * total, "u1", commit="lazy")
    array[:: total // 2] = 1
    assert array[0] == 1
    assert array[1] == 0


@pytest.mark.parametrize("mode", ["1", "2"])
def test_overcommit_modes(pytestconfig, mode):
    """With --full only, because it changes the whole machine's setting. Mode 0 is the default."""
    if not pytestconfig.getoption("--full") or not os.access(OVERCOMMIT, os.W_OK):
        pytest.skip("needs --full, and root")
    before = OVERCOMMIT.read_text()
    try:
        OVERCOMMIT.write_text(mode)
        meminfo = dict(
            line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
        )
        limit = int(meminfo["CommitLimit" if mode == "2" else "MemAvailable"].split()[0]) << 10
        run(limit // 2)
    finally:
        OVERCOMMIT.write_text(before)
