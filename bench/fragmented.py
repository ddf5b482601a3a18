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


def fragment(spare: int) -> mmap.mmap:
    """Return memory that has every other small page of the machine's free memory."""
    nbytes = (available_bytes() - spare) // CHUNK * CHUNK
    memory = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    page = mmap.PAGESIZE
    for start in range(0, nbytes, page):
        memory[start] = 1
    freed = min(nbytes, 8 * GIB)  # as much again stays: the rest of the memory is full
    for start in range(0, freed, 2 * page):
        memory.madvise(mmap.MADV_DONTNEED, start, page)
    return memory


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
    memory = fragment(int(options.spare * GIB))
    print(f"fragmented in {time.perf_counter() - start:.0f} s")
    for huge_pages in ("auto", "off") * options.rounds:
        *times, share = run(CHUNKS, huge_pages)
        p99 = statistics.quantiles(times, n=100)[98]
        whole, whole_share = run(WHOLE, huge_pages)
        print(
            f"huge_pages={huge_pages:4}  2 MiB each: p99 {p99 * 1e3:.2f} ms, total "
            f"{sum(times) * 1e3:.0f} ms, {share:.0%} huge; 1 GiB at once: {whole * 1e3:.0f} ms, "
            f"{whole_share:.0%} huge"
        )
    memory.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
