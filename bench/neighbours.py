"""How long another thread waits for a mapping of its own while zerofill fills gigabytes.

``python bench/neighbours.py [SECONDS]``: a thread maps and unmaps a page once a millisecond, while
this one makes arrays of 2 GiB, from fresh pages and from kept blocks in turn. Prints percentiles of
its waits, and those without any load.
"""

import mmap
import sys
import threading
import time

import numpy as np

import zerofill

NBYTES = 2 << 30


def watch(done: threading.Event) -> list[float]:
    """Map and unmap until told to stop; return the seconds that each took."""
    waits = []
    while not done.wait(0.001):
        start = time.perf_counter()
        mmap.mmap(-1, mmap.PAGESIZE).close()
        waits.append(time.perf_counter() - start)
    return waits


def waits_beside(work, seconds: float) -> list[float]:
    """Return what another thread waited while `work` was called again and again."""
    done, waits = threading.Event(), []
    thread = threading.Thread(target=lambda: waits.extend(watch(done)))
    thread.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        work()
    done.set()
    thread.join()
    return waits


def fill() -> None:
    """Make an array of fresh pages, then one in the block of the first."""
    zerofill.trim()
    zerofill.zeros(NBYTES, "u1")
    zerofill.zeros(NBYTES, "u1")


def fill_with_numpy() -> None:
    """Do it as NumPy does."""
    np.full(NBYTES, 0, "u1")


def main(seconds: float) -> int:
    """Measure and print."""
    ways = {"nothing": lambda: time.sleep(0.1), "zerofill": fill, "np.full": fill_with_numpy}
    for name, work in ways.items():
        waits = np.array(waits_beside(work, seconds)) * 1e3
        middle, most = np.percentile(waits, [50, 99])
        print(
            f"beside {name:9}: {len(waits):6} waits, median {middle:.3f} ms, 99 % {most:.3f} ms,"
            f" worst {waits.max():.3f} ms"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10))
