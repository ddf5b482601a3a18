"""Request more and less memory than a limit, in several ways, and print whether it was granted.

``python within_limits.py LIMIT_BYTES [GROUP]`` joins the control group first. A process that prints
"done" was not killed.
"""

import pathlib
import sys
import threading

limit = int(sys.argv[1])
if len(sys.argv) > 2:
    pathlib.Path(sys.argv[2], "cgroup.procs").write_text("0")

import zerofill  # noqa: E402

PAGE = 4096


def ask(nbytes: float) -> bool:
    """Return whether the request was granted; check that the array is zero, and use it."""
    try:
        array = zerofill.zeros(int(nbytes), "u1")
    except MemoryError as error:
        if not str(error).startswith("Unable to allocate"):
            raise
        return False
    assert not array[::PAGE].any()
    array[::PAGE] = 1
    return True


def one_by_one() -> None:
    """Request half to four times the limit, each time with an empty pool."""
    for quarters in range(2, 17):
        zerofill.trim()
        print(f"{quarters / 4:.2f} of the limit: {ask(limit * quarters / 4)}")
    assert ask(limit / 2)
    assert not ask(limit * 4)


def beside_idle_blocks() -> None:
    """A request that only fits once the pool is purged is granted."""
    zerofill.configure(pool_limit=limit, decay=1000)
    assert ask(limit * 0.5)
    assert zerofill.stats().pooled_dirty_bytes > 0
    assert ask(limit * 0.65)


def two_at_once() -> None:
    """Two requests that do not fit together are never both granted at the same time."""
    zerofill.configure(pool_limit=0)
    for _ in range(20):
        start, granted = threading.Barrier(2), []

        def work(start=start, granted=granted):
            start.wait()
            granted.append(ask(limit * 0.45))

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(granted) == 2
    zerofill.trim()
    assert ask(limit / 2)


def until_it_is_full() -> None:
    """Live arrays fill the limit until there is a MemoryError; freeing them makes room again."""
    held = []
    try:
        while len(held) < 1000:
            held.append(zerofill.zeros(limit // 16, "u1"))
    except MemoryError:
        pass
    assert len(held) < 1000
    held.clear()
    zerofill.trim()
    assert ask(limit / 2)


one_by_one()
beside_idle_blocks()
two_at_once()
until_it_is_full()
print("done")
