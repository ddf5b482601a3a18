"""Options, counters, trim, and environment variables."""

import os
import subprocess
import sys
import threading

import pytest

import zerofill
from zerofill import runtime

pytestmark = pytest.mark.thread_unsafe


@pytest.fixture(autouse=True)
def options_are_restored():
    before = zerofill.configure()
    yield
    zerofill.configure(**before._asdict())


def test_options_are_an_immutable_record_of_everything():
    options = zerofill.configure()
    assert options._fields[:3] == ("num_threads", "pool_limit", "decay")
    assert options._fields[3:] == ("scrub", "audit", "huge_pages", "placement")
    with pytest.raises(AttributeError):
        options.decay = 3
    assert (options.pool_limit, options.decay, options.scrub) == (None, 10.0, "auto")
    assert options.audit is False
    assert options.num_threads >= 1


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"num_threads": 3}, "num_threads", 3),
        ({"pool_limit": 1 << 30}, "pool_limit", 1 << 30),
        ({"pool_limit": 0}, "pool_limit", 0),
        ({"decay": 1}, "decay", 1.0),
        ({"scrub": False}, "scrub", False),
        ({"scrub": "on"}, "scrub", True),
        ({"scrub": "auto"}, "scrub", "auto"),
        ({"audit": True}, "audit", True),
    ],
)
def test_an_option_is_set_and_stays(given, name, value):
    assert getattr(zerofill.configure(**given), name) == value
    assert getattr(zerofill.configure(), name) == value


def test_none_restores_defaults():
    default = zerofill.configure(num_threads=None).num_threads
    assert zerofill.configure(num_threads=7).num_threads == 7
    assert zerofill.configure(num_threads=None).num_threads == default
    assert zerofill.configure(pool_limit=None).pool_limit is None


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            {"num_threads": 0},
            ValueError,
            "num_threads must be an integer from 1 to 256, or None, got 0",
        ),
        ({"num_threads": 257}, ValueError, "got 257"),
        ({"num_threads": 1.5}, TypeError, "integer"),
        ({"num_threads": "2"}, TypeError, "integer"),
        ({"pool_limit": -1}, ValueError, "got -1"),
        ({"pool_limit": 2**63}, ValueError, "got 9223372036854775808"),
        ({"decay": -1}, ValueError, "got -1"),
        ({"decay": float("nan")}, ValueError, "got nan"),
        ({"decay": float("inf")}, ValueError, "got inf"),
        ({"decay": None}, TypeError, "got None"),
        ({"scrub": "yes"}, ValueError, "got 'yes'"),
        ({"scrub": 1}, TypeError, "got 1"),
        ({"audit": "on"}, TypeError, "got 'on'"),
        ({"decay": "5"}, TypeError, "got '5'"),
        ({"threads": 1}, TypeError, "unexpected keyword argument 'threads'"),
    ],
)
def test_wrong_options_change_nothing(given, error, words):
    before = zerofill.configure()
    with pytest.raises(error, match=words):
        zerofill.configure(decay=5, **given) if "decay" not in given else zerofill.configure(
            **given
        )
    assert zerofill.configure() == before


def test_counters_are_an_immutable_record():
    stats = zerofill.stats()
    assert isinstance(stats, zerofill.Stats)
    with pytest.raises(AttributeError):
        stats.misses = 0
    assert all(isinstance(value, int) and value >= 0 for value in stats)


@pytest.mark.own_memory
def test_live_bytes_and_their_peak():
    before = zerofill.stats()
    arrays = [zerofill.zeros(size, "u1") for size in (9, 1000, 5 << 20)]
    during = zerofill.stats()
    assert during.live_bytes - before.live_bytes == 9 + 1000 + (5 << 20)
    assert during.live_blocks - before.live_blocks == 3
    assert during.peak_bytes >= during.live_bytes
    del arrays
    after = zerofill.stats()
    assert after.live_bytes == before.live_bytes
    assert after.peak_bytes == during.peak_bytes


def test_a_lazy_block_is_not_populated():
    before = zerofill.stats()
    array = zerofill.zeros(1 << 28, "u1", commit="lazy")
    after = zerofill.stats()
    assert after.populated_bytes == before.populated_bytes
    assert after.zeroed_bytes == before.zeroed_bytes
    assert array.nbytes == 1 << 28


def test_trim_empties_the_pool():
    zerofill.zeros(1 << 24, "u1")
    assert zerofill.trim() >= 0
    stats = zerofill.stats()
    assert stats.pooled_clean_bytes + stats.pooled_dirty_bytes == 0


def run(code: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_options_come_from_the_environment():
    result = run(
        "import zerofill; print(tuple(zerofill.configure()))",
        ZEROFILL_NUM_THREADS="3",
        ZEROFILL_POOL_LIMIT="1048576",
        ZEROFILL_DECAY="2.5",
        ZEROFILL_SCRUB="off",
        ZEROFILL_AUDIT="1",
        ZEROFILL_HUGE_PAGES="OFF",
        ZEROFILL_PLACEMENT="0",
    )
    assert result.stdout.strip() == "(3, 1048576, 2.5, False, True, 'off', 0)", result.stderr


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("NUM_THREADS", "many", "must be an integer from 1 to 256"),
        ("NUM_THREADS", "0", "must be an integer from 1 to 256"),
        ("POOL_LIMIT", "1GB 3", "must be an integer, a number of bytes from 0 to 2**63 - 1"),
        ("DECAY", "-1", "must be a finite number of seconds, 0 or more"),
        ("DECAY", "soon", "must be a finite number of seconds, 0 or more"),
        ("SCRUB", "maybe", "must be auto, 1 or 0"),
        ("AUDIT", "2", "must be 1 or 0"),
        ("PLACEMENT", "here", "placement must be"),
        ("PLACEMENT", "63", "number of a NUMA node that has memory"),
        ("DISABLE", "perhaps", "must be 1 or 0"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_what_is_right(name, value, right):
    result = run("import zerofill", **{f"ZEROFILL_{name}": value})
    assert result.returncode == 1
    assert f"the environment variable ZEROFILL_{name}='{value}'" in result.stderr
    assert right in result.stderr


def test_disable_sends_everything_through_numpy():
    code = """
import numpy as np, zerofill
before = zerofill.stats()
for size in (9, 10_000, 5 << 20):
    for array in (
        zerofill.Zeros("u1", alignment=4096)(size),
        zerofill.zeros(size, "u1", alignment=4096),
        zerofill.zeros_like(np.ones(size, "u1"), alignment=4096),
    ):
        assert not array.any() and array.ctypes.data % 4096 == 0
        assert type(array.base) is np.ndarray
assert zerofill.stats() == before
print("ok")
"""
    result = run(code, ZEROFILL_DISABLE="1")
    assert result.stdout == "ok\n", result.stderr


def test_import_brings_in_no_other_library():
    code = """
import sys, numpy
before = set(sys.modules)
import zerofill
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names) - {"numpy"}))
"""
    assert run(code).stdout.strip() == "['zerofill']"


def test_disabled_memory_fails_as_numpys():
    code = """
import zerofill
try:
    zerofill.zeros(2**63 - 1, "u1")
except MemoryError:
    print("refused")
"""
    assert run(code, ZEROFILL_DISABLE="1").stdout == "refused\n"


@pytest.mark.parametrize("kind", ["", "'legacy'"])
@pytest.mark.parametrize("imported_before", [False, True])
def test_a_sub_interpreter_gets_a_clean_import_error(imported_before, kind, count):
    """Invariant 16."""
    if kind and sys.version_info < (3, 13):
        pytest.skip("this Python has one kind")
    interpreters = count(10, 50)
    code = f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
if {imported_before}:
    import zerofill
clean = 0
for _ in range({interpreters}):
    other = interpreters.create({kind})
    try:
        failure = interpreters.run_string(other, "import zerofill")
    except Exception as error:
        failure = error
    # zerofill imports NumPy first, which may refuse to be imported again by an error of its own.
    ours = "ImportError" in str(failure) or "main interpreter only" in str(failure)
    clean += ours or (clean > 0 and "RuntimeError" in str(failure))
    interpreters.destroy(other)
if {imported_before}:  # else a sub-interpreter had NumPy, which a process can import once
    clean += not zerofill.zeros(3).any()
print(clean)
"""
    assert run(code).stdout == f"{interpreters + imported_before}\n"


def test_options_that_two_threads_set_do_not_undo_each_other():
    def count(name, values):
        for value in values:
            assert getattr(zerofill.configure(**{name: value}), name) == value

    threads = [
        threading.Thread(target=count, args=("decay", [float(n) for n in range(1, 2000)])),
        threading.Thread(target=count, args=("num_threads", [1 + n % 200 for n in range(2000)])),
    ]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    options = zerofill.configure()
    assert (options.decay, options.num_threads) == (1999.0, 200)


def test_options_are_put_back_at_the_end_of_a_statement(monkeypatch):
    monkeypatch.setattr(runtime, "_origins", {"audit": "ZEROFILL_AUDIT"})
    before, origins = zerofill.configure(), runtime.option_origins()
    with zerofill.configure(decay=1, scrub="on", pool_limit=1 << 20) as options:
        assert options == zerofill.configure()
        assert (options.decay, options.scrub, options.pool_limit) == (1.0, True, 1 << 20)
        with pytest.raises(ZeroDivisionError), zerofill.configure(decay=2, audit=True):
            1 / 0  # noqa: B018
        assert zerofill.configure() == options
        zerofill.configure(audit=True)  # not by the statement
    assert zerofill.configure() == before._replace(audit=True)
    assert runtime.option_origins() == {**origins, "audit": "configure()"}
    with zerofill.configure():
        pass
    assert zerofill.configure() == before._replace(audit=True)


@pytest.mark.parametrize(("text", "nbytes"), [("2GiB", 2 << 30), ("64 mib", 64 << 20), ("0", 0)])
def test_a_limit_may_be_text(text, nbytes):
    assert zerofill.configure(pool_limit=text).pool_limit == nbytes


@pytest.mark.own_memory
def test_what_has_changed_since():
    before = zerofill.stats()
    array = zerofill.zeros(1000, "u1")
    gained = zerofill.stats().since(before)
    assert isinstance(gained, zerofill.Stats)
    assert (gained.live_bytes, gained.live_blocks) == (1000, 1)
    assert gained.peak_bytes == zerofill.stats().peak_bytes
    del array
    assert zerofill.stats().since(before).live_bytes == 0
    with pytest.raises(TypeError, match=r"before must be what stats\(\) returned, got None"):
        gained.since(None)


def test_counters_print_as_a_summary():
    values = dict.fromkeys(zerofill.Stats._fields, 0)
    stats = zerofill.Stats(**{**values, "live_bytes": 3 << 20, "live_blocks": 2000, "misses": 7})
    text = str(stats)
    assert "live       3 MiB in 2,000 blocks of arrays" in text
    assert "0 served by the pool, 7 by the system" in text
    assert max(map(len, text.splitlines())) <= 80
    assert repr(stats).startswith("Stats(live_bytes=3145728, ")
