"""Reused blocks: the counters show which work was done and which was not."""

import ctypes
import os
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import zerofill

pytestmark = [pytest.mark.own_memory, pytest.mark.thread_unsafe]

MIB = 1 << 20
GIB = 1 << 30


@pytest.fixture(autouse=True)
def empty_pool():
    """Each test starts with an empty pool; the pool is emptied and options restored after it."""
    before = zerofill.configure()
    zerofill.configure(scrub=False, decay=1000, pool_limit=2 * GIB)
    zerofill.trim()
    yield
    zerofill.configure(**before._asdict())
    zerofill.trim()


def gained(action):
    """Return the increases of the counters while `action` ran, without those that are 0."""
    before = zerofill.stats()
    action()
    after = zerofill.stats()
    names = (
        name for name in before._fields if not name.startswith(("live", "peak", "pooled", "heap"))
    )
    changes = {name: getattr(after, name) - getattr(before, name) for name in names}
    return {name: change for name, change in changes.items() if change}


def use(nbytes, **options):
    array = zerofill.zeros(nbytes, "u1", **options)
    assert not array.any()
    array.fill(0xA5)


def until(condition):
    """Wait until the background thread has done something."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, zerofill.stats()
        time.sleep(0.005)


def pooled():
    stats = zerofill.stats()
    return stats.pooled_clean_bytes + stats.pooled_dirty_bytes


def test_a_fresh_block_is_populated_and_not_zeroed():
    counts = gained(lambda: use(64 * MIB))
    assert counts.pop("huge_page_bytes", 0) <= counts["populated_bytes"]
    assert counts.keys() == {"misses", "skipped_bytes", "populated_bytes"}
    assert counts["misses"] == 1
    assert counts["skipped_bytes"] == 64 * MIB
    assert 64 * MIB <= counts["populated_bytes"] <= 64 * MIB + (128 << 10)


def test_a_dirty_block_is_zeroed_by_exactly_the_size_asked_for():
    use(64 * MIB)
    assert gained(lambda: use(64 * MIB)) == {"dirty_hits": 1, "zeroed_bytes": 64 * MIB}
    assert gained(lambda: use(63 * MIB)) == {"dirty_hits": 1, "zeroed_bytes": 63 * MIB}


def test_a_clean_block_costs_nothing():
    zerofill.configure(scrub=True)
    use(64 * MIB)
    until(lambda: zerofill.stats().pooled_dirty_bytes == 0)
    assert zerofill.stats().pooled_clean_bytes >= 64 * MIB
    zerofill.configure(scrub=False)
    assert gained(lambda: use(64 * MIB)) == {"clean_hits": 1, "skipped_bytes": 64 * MIB}


def test_scrubbing_is_counted_and_done_once():
    zerofill.configure(scrub=True)

    def free_and_wait():
        use(32 * MIB)
        until(lambda: zerofill.stats().pooled_dirty_bytes == 0)

    counts = gained(free_and_wait)
    assert counts["scrubbed_bytes"] == zerofill.stats().pooled_clean_bytes
    time.sleep(0.05)
    assert gained(lambda: time.sleep(0.05)) == {}


def test_scrubbing_by_itself_begins_with_reuse():
    if zerofill.configure(scrub="auto").num_threads < 2:
        pytest.skip("needs two CPUs")
    use(150 * MIB)  # a size that no other test uses
    time.sleep(0.05)
    assert zerofill.stats().pooled_clean_bytes == 0
    use(150 * MIB)
    until(lambda: zerofill.stats().pooled_clean_bytes >= 150 * MIB)


def test_a_block_wastes_at_most_an_eighth():
    use(64 * MIB)
    assert "dirty_hits" in gained(lambda: use(64 * MIB - 64 * MIB // 9))
    assert "misses" in gained(lambda: use(64 * MIB - 64 * MIB // 7))
    zerofill.trim()
    use(56 * MIB)
    assert "misses" in gained(lambda: use(64 * MIB))


@pytest.mark.parametrize("alignment", [1, 64, 128, 4096, 2 * MIB, GIB])
def test_reused_blocks_are_aligned(alignment):
    for _ in range(3):
        array = zerofill.zeros(8 * MIB, "u1", alignment=alignment)
        assert array.ctypes.data % alignment == 0
        assert not array.any()
        array.fill(7)
        del array
        use(8 * MIB)


def test_a_lazy_request_never_pays_for_zeroing():
    use(64 * MIB)
    counts = gained(lambda: zerofill.zeros(64 * MIB, "u1", commit="lazy"))
    assert counts.keys() == {"misses", "skipped_bytes", "returned_bytes"}
    assert "dirty_hits" in gained(lambda: use(64 * MIB))


def test_a_lazy_request_takes_a_clean_block():
    zerofill.configure(scrub=True)
    use(64 * MIB)
    until(lambda: zerofill.stats().pooled_dirty_bytes == 0)
    zerofill.configure(scrub=False)
    counts = gained(lambda: use(64 * MIB, commit="lazy"))
    assert counts == {"clean_hits": 1, "skipped_bytes": 64 * MIB}


def test_a_lazy_block_is_not_pooled():
    counts = gained(lambda: zerofill.zeros(GIB, "u1", commit="lazy"))
    assert counts["returned_bytes"] >= GIB
    assert pooled() == 0


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
@pytest.mark.plain_build("its shadow memory becomes resident too")
def test_freeing_a_sparse_array_makes_nothing_resident():
    array = zerofill.zeros(16 * GIB, "u1", commit="lazy")
    before = resident_bytes()
    array[[0, 8 * GIB, -1]] = 1
    del array
    assert resident_bytes() - before < MIB
    array = zerofill.zeros(16 * GIB, "u1", commit="lazy")
    assert array[[0, 8 * GIB, -1]].tolist() == [0, 0, 0]


has_huge_pages = pytest.mark.skipif(
    zerofill._zerofill.system_info()["huge_page_bytes"] == 0, reason="the system has no huge pages"
)


def run(code, **environment):
    """Run code in a new process; return the words that it prints."""
    command = [sys.executable, "-c", code]
    environment = {**os.environ, **environment}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return result.stdout.split()


@linux
@has_huge_pages
@pytest.mark.parametrize(
    ("environment", "is_huge"),
    [
        ({"NUMPY_MADVISE_HUGEPAGE": "0"}, False),
        ({"NUMPY_MADVISE_HUGEPAGE": "1"}, True),
        ({"NUMPY_MADVISE_HUGEPAGE": "0", "ZEROFILL_HUGE_PAGES": "auto"}, True),
        ({"ZEROFILL_HUGE_PAGES": "off"}, False),
    ],
)
def test_the_variables_for_huge_pages_count(environment, is_huge):
    """Where huge pages are off, 128 bytes written make 128 pages resident, and not 256 MiB."""
    code = """if True:
        import numpy as np, os, zerofill
        def resident_pages():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1])
        with zerofill.numpy_allocator():
            array = np.zeros(256 << 20, "u1")
        before = resident_pages()
        array[:: 2 << 20] = 1
        print(resident_pages() - before)
    """
    (pages,) = run(code, **environment)
    assert (int(pages) > 1000) == is_huge


def fresh_on_huge_pages():
    """Return an array. The system may refuse huge pages for a while, as when its memory is full."""
    arrays = []

    def make():
        zerofill.trim()
        arrays[:] = [zerofill.zeros(64 * MIB, "u1")]
        return arrays[0].base.huge_pages

    until(make)
    return arrays[0]


@linux
@has_huge_pages
def test_the_option_for_huge_pages_applies_at_once():
    for value in ("off", "auto", "off", "auto"):
        assert zerofill.configure(huge_pages=value).huge_pages == value
        counts = gained(fresh_on_huge_pages if value == "auto" else lambda: use(64 * MIB))
        assert ("huge_page_bytes" in counts) == (value == "auto")


@linux
@has_huge_pages
def test_huge_pages_that_are_refused_are_not_asked_for_again():
    """prctl(2) makes the system refuse them after they were said to be there."""
    code = """if True:
        import ctypes, zerofill
        PR_SET_THP_DISABLE = 41
        assert ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0
        first, second = zerofill.Buffer(256 << 20), zerofill.Buffer(64 << 20)
        stats = zerofill.stats()
        assert not any(memoryview(first)[:: 1 << 20])
        print(first.huge_pages, second.huge_pages, stats.huge_page_bytes)
    """
    assert run(code) == ["False", "False", "0"]


@linux
@has_huge_pages
def test_small_blocks_learn_from_each_other_that_huge_pages_are_refused():
    """The advice of a mapping ("hg" in smaps) is what was asked for."""
    code = """if True:
        import ctypes, re, zerofill
        assert ctypes.CDLL(None).prctl(41, 1, 0, 0, 0) == 0
        buffers = [zerofill.Buffer(4 << 20) for _ in range(20)]
        assert not any(buffer.huge_pages for buffer in buffers)
        with open("/proc/self/smaps") as file:
            mappings = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", file.read())[1:]
        asked = 0
        for mapping in mappings:
            start, end = (int(word, 16) for word in mapping.split()[0].split("-"))
            if re.search(r"VmFlags:.* hg", mapping):
                asked += sum(start <= buffer.address < end for buffer in buffers)
        print(asked)
    """
    (asked,) = run(code)
    assert int(asked) <= 4


@linux
@has_huge_pages
def test_huge_pages_back_a_fresh_block():
    array = fresh_on_huge_pages()
    with open("/proc/self/smaps") as file:
        text = file.read()
    address = array.ctypes.data
    for mapping in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", text)[1:]:
        start, end = (int(word, 16) for word in mapping.split()[0].split("-"))
        if start <= address < end:
            huge = int(re.search(r"AnonHugePages: +(\d+) kB", mapping)[1]) << 10
            assert huge >= 0.9 * 64 * MIB  # three of 32 may be refused
            return
    raise AssertionError("the mapping was not found")


@linux
def test_the_background_thread_has_a_name():
    use(8 * MIB)
    names = set()
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/comm") as file:
            names.add(file.read().strip())
    assert "zerofill-bg" in names


def test_the_limit_holds_and_older_blocks_make_room():
    zerofill.configure(pool_limit=40 * MIB)  # room for the last two
    arrays = [zerofill.zeros(size * MIB, "u1") for size in (16, 17, 20)]
    while arrays:
        arrays.pop(0)
        assert pooled() <= 40 * MIB
    assert pooled() >= 37 * MIB
    assert "misses" in gained(lambda: zerofill.zeros(14 * MIB, "u1"))


@pytest.mark.parametrize("options", [{"pool_limit": 0}, {"pool_limit": MIB}, {"decay": 0}])
def test_options_can_switch_the_pool_off(options):
    zerofill.configure(**options)
    counts = gained(lambda: use(8 * MIB))
    assert counts["returned_bytes"] >= 8 * MIB
    assert pooled() == 0


@pytest.mark.parametrize("options", [{"pool_limit": 0}, {"decay": 0}])
def test_options_reach_what_is_pooled(options):
    use(64 * MIB)
    assert zerofill.stats().pooled_dirty_bytes >= 64 * MIB
    zerofill.configure(**options)
    stats = zerofill.stats()
    assert (stats.pooled_clean_bytes, stats.pooled_dirty_bytes) == (0, 0)


def test_the_default_limit_is_twice_the_recent_peak():
    zerofill.configure(pool_limit=None)
    arrays = [zerofill.zeros(8 * MIB, "u1") for _ in range(4)]
    in_use = 4 * 8 * MIB
    arrays.clear()
    assert in_use <= pooled() <= 2 * in_use + 4 * MIB


def test_trim_purges_the_whole_pool():
    use(64 * MIB)
    use(8 * MIB)
    before = pooled()
    assert before >= 72 * MIB
    assert zerofill.trim() >= before  # with what is idle of small memory
    assert pooled() == 0
    assert zerofill.trim() == 0


def test_trim_while_scrubbing():
    zerofill.configure(scrub=True)
    for _ in range(50):
        use(32 * MIB)
        zerofill.trim()
        assert pooled() == 0
    until(lambda: pooled() == 0)
    use(32 * MIB)


@linux
def test_idle_blocks_are_purged_after_decay_without_a_call():
    zerofill.trim()
    before = resident_bytes()
    zerofill.configure(decay=0.1)
    use(256 * MIB)
    until(lambda: resident_bytes() < before * 1.05 + MIB)
    assert pooled() == 0


def test_blocks_freed_by_other_threads_are_pooled():
    arrays = [zerofill.zeros(8 * MIB, "u1") for _ in range(4)]
    threads = [threading.Thread(target=arrays.pop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pooled() >= 32 * MIB
    assert "dirty_hits" in gained(lambda: use(8 * MIB))


def test_large_arrays_do_not_all_start_alike():
    arrays = [zerofill.zeros(4 * MIB, "u1") for _ in range(8)]
    assert len({array.ctypes.data % (64 << 10) for array in arrays}) == 8
    aligned = [zerofill.zeros(4 * MIB, "u1", alignment=2 * MIB) for _ in range(8)]
    assert {array.ctypes.data % (2 * MIB) for array in aligned} == {0}


@pytest.mark.skipif(sys.platform == "win32", reason="lazy memory counts in full: 30 GiB")
def test_many_small_lazy_arrays_do_not_run_out_of_mappings():
    arrays = [zerofill.zeros(256 << 10, "u1", commit="lazy") for _ in range(100_000)]
    assert len({array.ctypes.data for array in arrays[::1000]}) == 100
    arrays[50_000][7] = 1
    assert not arrays[50_001].any()
    assert not arrays[49_999].any()


def test_a_block_whose_zeroing_was_interrupted_stays_dirty(monkeypatch):
    import signal

    if not hasattr(signal, "setitimer"):
        pytest.skip("needs setitimer")
    use(GIB)
    zerofill.configure(num_threads=1)

    def stop(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        for _ in range(20):
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            try:
                zerofill.zeros(GIB, "u1")
            except KeyboardInterrupt:
                break
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    array = zerofill.zeros(GIB, "u1")
    assert not array.view(np.uint64).any()


WRITES_AFTER_FREE = pytest.mark.plain_build("it ends the process at a write after free")


@WRITES_AFTER_FREE
def test_audit_finds_a_write_after_free(capfd):
    zerofill.configure(scrub=True, audit=True)
    use(8 * MIB)
    until(lambda: zerofill.stats().pooled_dirty_bytes == 0)
    array = zerofill.zeros(8 * MIB, "u1")
    address = array.ctypes.data
    del array
    until(lambda: zerofill.stats().pooled_dirty_bytes == 0)
    ctypes.memset(address + 12345, 0xAB, 1)
    array = zerofill.zeros(8 * MIB, "u1")
    assert array.ctypes.data == address
    assert not array.any()
    assert "write after free: byte 12345 of" in capfd.readouterr().err
    del array
    until(lambda: zerofill.stats().pooled_dirty_bytes == 0)
    use(8 * MIB)
    assert capfd.readouterr().err == ""


@WRITES_AFTER_FREE
def test_audit_misses_none(capfd):
    """Invariant 5: a write anywhere into a clean free block is reported, with its offset."""
    zerofill.configure(scrub=True, audit=True)
    use(4 * MIB)
    for step in range(100):
        until(lambda: zerofill.stats().pooled_dirty_bytes == 0)
        array = zerofill.zeros(4 * MIB, "u1")
        assert not array.any()
        address, offset = array.ctypes.data, (step * 41_941 + 7) % (4 * MIB)
        del array
        until(lambda: zerofill.stats().pooled_dirty_bytes == 0)
        ctypes.memset(address + offset, step + 1, 1)
        array = zerofill.zeros(4 * MIB, "u1")
        assert array.ctypes.data == address
        assert not array.any()
        assert f"write after free: byte {offset} of" in capfd.readouterr().err
        del array
