"""Invariant 8: fork is safe at any moment. Both processes work on, and Python's warning about
forking with several threads does not count zerofill's.

With ``--full`` there are more than 500 forks.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import zerofill

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

MIB = 1 << 20


def check_in_child(test) -> None:
    """Fork, run `test` in the child, and check that it exits with 0 within 10 s."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # ends a child that hangs
        code = 1
        try:
            test()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0


def use_everything():
    for size in (9, 300_000, 20 * MIB):
        array = zerofill.zeros(size, "u1")
        assert not array.any()
        array.fill(7)
        zerofill.clear(array)
        assert not array.any()
        with zerofill.numpy_allocator():
            array = np.ones(size, "u1") + np.zeros(size, "u1")
        assert array.all()
    zerofill.trim()


def test_the_child_works_on(count):
    use_everything()
    inherited = zerofill.zeros(20 * MIB, "u1")
    inherited.fill(3)

    def child():
        assert (inherited == 3).all()
        inherited.fill(4)
        use_everything()

    for _ in range(count(20, 200)):
        check_in_child(child)
    assert (inherited == 3).all()
    use_everything()


def test_nested_forks():
    use_everything()
    check_in_child(lambda: (use_everything(), check_in_child(use_everything)))


def test_python_does_not_count_zerofills_threads(count):
    use_everything()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(count(20, 100)):
            zerofill.zeros(20 * MIB, "u1")
            check_in_child(lambda: None)


def test_fork_while_another_thread_fills(count):
    stop = threading.Event()

    def fill():
        array = np.empty(64 * MIB, "u1")
        while not stop.is_set():
            zerofill.clear(array)
            zerofill.zeros(8 * MIB, "u1")

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        for _ in range(count(15, 200)):
            check_in_child(use_everything)
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def scrubbing():
    before = zerofill.configure()
    zerofill.configure(scrub=True, pool_limit=1 << 30)
    yield
    zerofill.configure(**before._asdict())
    zerofill.trim()


def test_fork_while_the_background_thread_scrubs(scrubbing, count):
    for _ in range(count(20, 150)):
        zerofill.zeros(256 * MIB, "u1").fill(1)  # freed dirty: scrubbing takes milliseconds
        check_in_child(use_everything)


def test_fork_from_a_thread(count):
    errors = []

    def work():
        try:
            for _ in range(count(5, 50)):
                use_everything()
                check_in_child(use_everything)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(method):
    """The initializer is pickled and sent to the workers, which create the arrays."""
    use_everything()
    initializer = zerofill.Zeros("u1", alignment=4096)
    with multiprocessing.get_context(method).Pool(2) as pool:
        arrays = pool.map_async(initializer, [10, 10 * MIB] * 4).get(timeout=60)
    assert [array.size for array in arrays] == [10, 10 * MIB] * 4
    assert not any(array.any() for array in arrays)


PREPARED = """
import os, sys, threading
seen = []

def look():  # hooks run in reverse order: after zerofill's, and before the fork itself
    stats = zerofill.stats()
    threads = len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 1
    seen.append((stats.pooled_dirty_bytes + stats.pooled_clean_bytes, threads))
    zerofill.zeros(8 << 20, "u1")  # no lock is held meanwhile

os.register_at_fork(before=look)
import zerofill

def use():
    array = zerofill.zeros(64 << 20, "u1")
    array[:] = 1

use()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
use()
stats = zerofill.stats()
print(seen[0], stats.pooled_dirty_bytes + stats.pooled_clean_bytes >= 64 << 20)
"""


@pytest.mark.own_memory
@pytest.mark.plain_build("it has a thread of its own")
def test_what_takes_long_is_done_before_without_the_gil():
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", PREPARED], env=environment, capture_output=True, text=True
    )
    assert result.stdout == "(0, 1) True\n", result.stderr
