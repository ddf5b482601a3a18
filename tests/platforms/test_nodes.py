"""On two NUMA nodes memory lies where it was wanted: in a machine by machine.py."""

import contextlib
import ctypes
import errno
import os
import pathlib
import platform
import struct
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import zerofill
from zerofill import _zerofill

MIB = 1 << 20

NODES = [0, 1]

pytestmark = [
    pytest.mark.in_machine,
    pytest.mark.thread_unsafe(reason="changes memory policies and CPUs"),
]

# syscalls(2); <linux/mempolicy.h>
MOVE_PAGES, SET_MEMPOLICY, MBIND = {"x86_64": (279, 238, 237), "aarch64": (239, 237, 235)}.get(
    platform.machine(), (0, 0, 0)
)
DEFAULT, PREFERRED, BIND, INTERLEAVE = range(4)


def system_call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def policy(mode, *nodes):
    """Give this thread a memory policy (set_mempolicy(2))."""
    mask = ctypes.c_ulong(sum(1 << node for node in nodes))
    system_call(SET_MEMPOLICY, mode, ctypes.byref(mask), 64)
    try:
        yield
    finally:
        system_call(SET_MEMPOLICY, DEFAULT, None, 0)


def cpus_of(node):
    found = set()
    text = pathlib.Path(f"/sys/devices/system/node/node{node}/cpulist").read_text().strip()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


@contextlib.contextmanager
def running_on(node):
    """Have this thread run on a node's CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus_of(node))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def nodes_of(array, count=1000):  # None: of all
    """Return the node of each of so many pages of an array (move_pages(2))."""
    start = -(-array.ctypes.data // 4096) * 4096
    pages = (array.ctypes.data + array.nbytes - start) // 4096
    chosen = np.linspace(0, pages - 1, min(count or pages, pages)).astype("u8")
    addresses = (start + 4096 * chosen).astype("u8")
    found = np.full(len(addresses), -1, "i4")
    where, result = (ctypes.c_void_p(a.ctypes.data) for a in (addresses, found))
    for _ in range(100):
        system_call(MOVE_PAGES, 0, ctypes.c_ulong(len(addresses)), where, None, result, 0)
        missing = addresses[found == -errno.ENOENT]
        if not len(missing):
            break
        # Linux 6.1 says this of a page that it has marked to learn who uses it, until one does.
        array.view("u1")[missing - array.ctypes.data]
    return list(found)


def in_another_process(code):
    """Run a program that has this module as ``t``. That a kill is an error needs the process."""
    lines = ["import sys", f"sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})"]
    lines += ["import numpy as np", "import test_nodes as t", "import zerofill"]
    lines.append(textwrap.dedent(code))
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=300)


@pytest.fixture(autouse=True)
def nothing_is_kept():
    zerofill.trim()
    # A node of which no huge page is left has it come from another one, as it prefers to.
    for file, value in [("drop_caches", "3"), ("compact_memory", "1")]:
        pathlib.Path("/proc/sys/vm", file).write_text(value)
    yield
    zerofill.trim()


@pytest.fixture(params=[1, 4])
def threads(request):
    with zerofill.configure(num_threads=request.param):
        yield request.param


@pytest.fixture(params=["fresh", "reused"])
def age(request):
    return request.param


MAKERS = {
    "zeros": lambda nbytes, **options: zerofill.zeros(nbytes, "u1", **options),
    "shared": lambda nbytes, **options: zerofill.zeros(nbytes, "u1", shared=True, **options),
    "lazy": lambda nbytes, **options: zerofill.zeros(nbytes, "u1", commit="lazy", **options),
    "background": lambda nbytes, **options: zerofill.zeros(
        nbytes, "u1", commit="background", **options
    ),
}


def written(array, node=1):
    """Have a thread without a policy write to all of it, on a node where it was not wanted."""

    def write():
        system_call(SET_MEMPOLICY, DEFAULT, None, 0)  # it has that of the thread that started it
        with running_on(node):
            array[...] = 1

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    return array


def make(kind, age, nbytes=16 * MIB, writer=1, **options):
    if age == "reused":
        written(MAKERS[kind](nbytes, **options), writer)
    return written(MAKERS[kind](nbytes, **options), writer)


def test_there_are_two_nodes():
    assert _zerofill.system_info()["nodes"] == NODES


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("node", [0, 1])
def test_the_callers_node(kind, node, threads, age):
    with running_on(node):
        array = make(kind, age, writer=1 - node)
    assert nodes_of(array) == [node] * 1000


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("node", [0, 1])
@pytest.mark.parametrize("mode", [PREFERRED, BIND])
def test_the_callers_policy(kind, node, mode, threads, age):
    with running_on(1 - node), policy(mode, node):
        array = make(kind, age, writer=1 - node)
    assert nodes_of(array) == [node] * 1000


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("node", [0, 1])
def test_a_node_by_its_number(kind, node, threads, age):
    with running_on(1 - node):
        array = make(kind, age, writer=1 - node, placement=node)
    assert nodes_of(array) == [node] * 1000


@pytest.mark.parametrize("nbytes", [1, 1000, 5000, 100_000, 3 * MIB])
@pytest.mark.parametrize("kind", MAKERS)
def test_small_arrays_too(kind, nbytes):
    for node in NODES:
        with running_on(1 - node):
            array = MAKERS[kind](nbytes, placement=node)
            array[...] = 1
        if nbytes >= 2 * 4096:
            assert set(nodes_of(array)) == {node}


@pytest.mark.parametrize("kind", MAKERS)
def test_interleaved_page_by_page(kind, threads, age):
    with zerofill.configure(huge_pages="off"):
        found = nodes_of(make(kind, age, 16 * MIB, placement="interleave"), count=None)
    assert found[::2] == found[0:1] * len(found[::2])
    assert found[1::2] == [1 - found[0]] * len(found[1::2])


def test_interleaved_on_huge_pages(threads, age):
    found = nodes_of(make("zeros", age, 128 * MIB, placement="interleave"), count=None)
    assert abs(found.count(0) - found.count(1)) <= 1024


def test_the_option():
    for value in [1, 0]:
        with zerofill.configure(placement=value) as options:
            assert options.placement == value
            assert set(nodes_of(make("zeros", "fresh"))) == {value}
            with running_on(1 - value):
                assert set(nodes_of(make("zeros", "fresh", placement="caller"))) == {1 - value}
    with zerofill.configure(placement="interleave"):
        assert set(nodes_of(make("zeros", "fresh"))) == {0, 1}


def test_numpys_arrays():
    with zerofill.numpy_allocator(), running_on(0), policy(BIND, 1):
        for maker in (np.zeros, np.ones, lambda n: np.empty(n) + 1):
            for _ in range(2):
                array = written(maker(4 * MIB), 0)
                assert nodes_of(array) == [1] * 1000
                del array
        array = np.ones(3 * MIB)
        array.resize(9 * MIB)
        written(array, 0)
        assert nodes_of(array) == [1] * 1000


@pytest.mark.parametrize("nbytes", [3 * 4096, 100_000, 500_000, MIB])
@pytest.mark.parametrize("bound", [False, True])
def test_numpys_small_arrays(nbytes, bound):
    def array():
        return np.ones(nbytes, "u1")

    # A huge page comes from another node, by Linux's choice, where a thread's own has none left.
    with zerofill.numpy_allocator(), zerofill.configure(huge_pages="off"):
        for node in [0, 1, 0, 1]:
            binding = policy(BIND, node) if bound else contextlib.nullcontext()
            with running_on(1 - node if bound else node), binding:
                for _ in range(64):  # what a thread has cached on the other node is used first
                    array()
                arrays = [array() for _ in range(20)]
                assert {there for array in arrays for there in nodes_of(array)} == {node}
            del arrays


def test_memory_made_ahead_of_time():
    with policy(BIND, 1):
        assert zerofill.reserve(16 * MIB).wait()
    before = zerofill.stats().reserved_bytes
    with running_on(0):
        assert nodes_of(written(zerofill.zeros(8 * MIB, "u1"))) == [0] * 1000
    assert zerofill.stats().reserved_bytes == before
    with policy(BIND, 1):
        assert nodes_of(zerofill.zeros(8 * MIB, "u1")) == [1] * 1000
        assert zerofill.stats().reserved_bytes < before


def test_a_kept_block_stays_on_its_node():
    with running_on(0):
        zerofill.zeros(16 * MIB, "u1")
    pooled = zerofill.stats().pooled_dirty_bytes + zerofill.stats().pooled_clean_bytes
    assert pooled >= 16 * MIB
    with running_on(1):
        assert nodes_of(zerofill.zeros(16 * MIB, "u1")) == [1] * 1000
    with running_on(0):
        hits = zerofill.stats()
        assert nodes_of(zerofill.zeros(16 * MIB, "u1")) == [0] * 1000
        since = zerofill.stats().since(hits)
        assert since.clean_hits + since.dirty_hits == 1


def test_a_scrubbed_block_stays_on_its_node():
    with zerofill.configure(scrub=True, num_threads=2), running_on(0), policy(BIND, 1):
        written(zerofill.zeros(16 * MIB, "u1"))
        for _ in range(500):
            if zerofill.stats().pooled_clean_bytes:
                break
            threading.Event().wait(0.02)
        assert zerofill.stats().pooled_clean_bytes
        before = zerofill.stats()
        array = zerofill.zeros(16 * MIB, "u1")
        assert zerofill.stats().since(before).clean_hits == 1
        assert nodes_of(array) == [1] * 1000


def test_idle_memory_makes_room_on_the_node_that_a_thread_is_bound_to():
    in_another_process("""
        lines = open("/sys/devices/system/node/node1/meminfo").readlines()
        (free,) = [int(line.split()[3]) * 1024 for line in lines if "MemFree" in line]
        with t.policy(t.BIND, 1), zerofill.numpy_allocator():
            assert zerofill.reserve(free // 2).wait()
            np.ones(free * 5 // 8, "u1")  # beside what is reserved, the node has no room for it
    """)


def test_a_node_that_a_cpuset_leaves_out():
    group = pathlib.Path("/sys/fs/cgroup/node0")
    group.mkdir()
    try:
        (group / "cpuset.mems").write_text("0")
        in_another_process(f"""
            open("{group}/cgroup.procs", "w").write(str(t.os.getpid()))
            with t.pytest.raises(PermissionError, match="placement=1 cannot be had"):
                zerofill.zeros(16 << 20, "u1", placement=1)
            assert set(t.nodes_of(zerofill.zeros(16 << 20, "u1", placement=0))) == {{0}}
        """)
    finally:
        group.rmdir()


def test_a_node_that_is_too_small_is_a_memory_error():
    fits = _zerofill.system_info()["available_bytes"]
    total = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) * 1024
    nbytes = total // 2 + 128 * MIB  # more than either node has
    assert nbytes < fits
    with policy(BIND, 1), pytest.raises(MemoryError, match="NUMA node 1"):
        zerofill.zeros(nbytes, "u1")
    with pytest.raises(MemoryError, match="NUMA node 0"):
        zerofill.zeros(nbytes, "u1", placement=0)
    zerofill.zeros(nbytes, "u1")


def threads_of_ours():
    """Return the worker threads by their names."""
    tasks = pathlib.Path("/proc/self/task")
    return [
        task
        for task in tasks.iterdir()
        if (task / "comm").read_text().startswith("zerofill-") and task.name != str(os.getpid())
    ]


def test_workers_have_the_policy_and_the_cpus_of_the_process():
    """Whatever the first large array was made under."""
    in_another_process("""
        import os
        zerofill.configure(num_threads=4)
        everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {0})
        with t.policy(t.BIND, 1):
            zerofill.zeros(64 << 20, "u1")
        os.sched_setaffinity(0, everywhere)
        zerofill.zeros(65 << 20, "u1")
        workers = [task for task in t.threads_of_ours() if "bg" not in (task / "comm").read_text()]
        assert len(workers) == 3, workers
        for task in workers:
            assert os.sched_getaffinity(int(task.name)) == everywhere
        with t.running_on(0):
            array = zerofill.zeros(66 << 20, "u1")
        assert t.nodes_of(array) == [0] * 1000
    """)


def forbid(number):
    """Have a system call fail from now on, as in some containers (seccomp(2))."""
    pr_set_no_new_privs, pr_set_seccomp, mode_filter = 38, 22, 2
    program = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (6, 0, 0, 0x50001), (6, 0, 0, 0x7FFF0000)]
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(code)
    filters = struct.pack("HxxxxxxP", len(program), ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0) == 0
    assert libc.prctl(pr_set_seccomp, mode_filter, filters, 0, 0) == 0


def test_a_system_that_forbids_it():
    in_another_process("""
        t.forbid(t.MBIND)
        with t.running_on(0):
            for make in t.MAKERS.values():
                for options in [{}, {"placement": "interleave"}]:
                    array = make(16 << 20, **options)
                    array[...] = 1
                    del array
                    assert not zerofill.zeros(16 << 20, "u1").any()
            with t.pytest.raises(PermissionError, match="placement=1"):
                zerofill.zeros(16 << 20, "u1", placement=1)
    """)


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match=r"of \[0, 1\], got 2"):
        zerofill.zeros(3, placement=2)
    with pytest.raises(ValueError, match="got 'all'"):
        zerofill.configure(placement="all")
