"""How long another thread waits for a mapping of its own while zerofill fills gigabytes.

``python bench/neighbours.py [SECONDS]``: a thread maps and unmaps a page once a millisecond, while
this one makes arrays of 2 GiB, of fresh pages and in a reused block in turn. Prints percentiles of
that thread's waits, and for comparison those beside an idle thread and beside np.full.
"""

import mmap
import sys
import threading
import time

import numpy as np

import zerofill
from zerofill.benchmark import time_calls

NBYTES = 2 << 30


def map_and_unmap() -> None:
    """Take the lock of the address space, as any thread does that gets memory from the system."""
    mmap.mmap(-1, mmap.PAGESIZE).close()


def sample(done: threading.Event) -> list[float]:
    """Map and unmap until told to stop; return the seconds that each took."""
    waits = []
    while not done.wait(0.001):
        waits.append(time_calls(map_and_unmap))
    return waits


def waits_beside(work, seconds: float) -> list[float]:
    """Return what another thread waited while `work` was called again and again."""
    done, waits = threading.Event(), []
    thread = threading.Thread(target=lambda: waits.extend(sample(done)))
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
    """Make an array of zeros by NumPy, all of it written."""
    np.full(NBYTES, 0, "u1")


def main(seconds: float) -> int:
    """Measure and print."""
    loads = {"nothing": lambda: time.sleep(0.1), "zerofill": fill, "np.full": fill_with_numpy}
    for name, work in loads.items():
        waits = np.array(waits_beside(work, seconds)) * 1e3
        median, percentile_99 = np.percentile(waits, [50, 99])
        print(
            f"beside {name:9}: {len(waits):6} waits, median {median:.3f} ms,"
            f" 99 % {percentile_99:.3f} ms, worst {waits.max():.3f} ms"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10))
