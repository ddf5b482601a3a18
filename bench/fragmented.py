"""Fresh memory where no huge page is left: the time of each 2 MiB, with huge pages and without.

``python bench/fragmented.py`` fills the free memory of the machine but for ``--spare`` GiB with
small pages and frees every other one, so that a huge page can only be had by moving pages about
(compaction). It needs a machine that nobody else uses.
"""

import argparse
import mmap
import os
import statistics
import subprocess
import sys
import time

import numpy as np

GIB = 1 << 30
CHUNK = 2 << 20

CHUNKS = """
import time, zerofill
zerofill.configure(pool_limit=0)
times, kept = [], []
for _ in range(512):
    start = time.perf_counter()
    kept.append(zerofill.Buffer(2 << 20))
    times.append(time.perf_counter() - start)
stats = zerofill.stats()
print(*times, stats.huge_page_bytes / max(1, stats.populated_bytes))
"""

WHOLE = """
import time, zerofill
start = time.perf_counter()
buffer = zerofill.Buffer(1 << 30)
seconds = time.perf_counter() - start
stats = zerofill.stats()
print(seconds, stats.huge_page_bytes / stats.populated_bytes)
"""


def available_bytes() -> int:
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable")) << 10


def free_huge_pages() -> int:
    """Return how many huge pages are free as they are. A line of buddyinfo counts by order."""
    with open("/proc/buddyinfo") as file:
        orders = [list(map(int, line.split()[4:])) for line in file]
    return sum(count << order for of_zone in orders for order, count in enumerate(of_zone[9:]))


def map_memory(nbytes: int, advice: int) -> mmap.mmap:
    memory = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(advice)
    return memory


class Fragmented:
    """Memory of which every other small page is given back, and that has all free huge pages.

    So a huge page can be had by compaction alone. And none comes from the host of a virtual
    machine, which may give memory at its first use and take it back while it is free: that takes
    longer than any compaction.

    Parameters
    ----------
    spare : int
        Bytes of the machine's free memory that are left alone.
    """

    def __init__(self, spare: int) -> None:
        nbytes = (available_bytes() - spare) // CHUNK * CHUNK
        self.memory = map_memory(nbytes, mmap.MADV_NOHUGEPAGE)
        self.bytes = np.frombuffer(self.memory, "u1")
        self.bytes[:: mmap.PAGESIZE] = 1
        self.with_holes = min(nbytes, 10 * GIB)  # the rest stays full
        self.huge_pages: list[mmap.mmap] = []

    def make_holes(self) -> None:
        """Make the holes anew: a process that has ended leaves huge pages that it had made."""
        page = mmap.PAGESIZE
        self.huge_pages.clear()
        self.bytes[: self.with_holes : page] = 1
        for start in range(0, self.with_holes, 2 * page):
            self.memory.madvise(mmap.MADV_DONTNEED, start, page)
        while (count := free_huge_pages()) > 0 and available_bytes() > 3 * GIB:
            memory = map_memory(count * CHUNK, mmap.MADV_HUGEPAGE)
            np.frombuffer(memory, "u1")[::CHUNK] = 1
            self.huge_pages.append(memory)


def run(code: str, huge_pages: str) -> list[float]:
    environment = {**os.environ, "ZEROFILL_HUGE_PAGES": huge_pages}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [float(word) for word in result.stdout.split()]


def main() -> int:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spare", type=float, default=0.5, help="GiB that are left alone")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    start = time.perf_counter()
    memory = Fragmented(int(options.spare * GIB))
    print(f"fragmented in {time.perf_counter() - start:.0f} s")
    ways = ("auto", "off")
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in ways}
    for turn in range(options.rounds):
        for way in ways if turn % 2 else ways[::-1]:
            memory.make_holes()
            *times, share = run(CHUNKS, way)
            memory.make_holes()
            whole, whole_share = run(WHOLE, way)
            p99 = statistics.quantiles(times, n=100)[98]
            found[way].append((p99, sum(times), share, whole, whole_share))
    columns = ["p99 of 2 MiB (worst), ms", "512 of them, ms", "huge", "1 GiB, ms", "huge"]
    print(f"| huge_pages | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|")
    for way in ways:
        medians = map(statistics.median, zip(*found[way], strict=True))
        p99, total, share, whole, whole_share = medians
        worst = max(one[0] for one in found[way])
        times = f"{p99 * 1e3:.2f} ({worst * 1e3:.2f}) | {total * 1e3:.0f} | {share:.0%}"
        print(f"| {way} | {times} | {whole * 1e3:.0f} | {whole_share:.0%} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
