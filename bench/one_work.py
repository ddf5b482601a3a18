"""One work on arrays of one size, in a process of its own; prints a record as JSON.

``python bench/one_work.py chain 65536`` runs it with NumPy's memory, or with that of the library
that the environment puts in malloc's place (LD_PRELOAD). ``--zerofill`` installs zerofill first.
``--threads 4`` runs it in as many threads at once.
"""

import argparse
import json
import resource
import statistics
import threading
import time

import numpy as np


def zeros(x, y):
    c = np.zeros(x.shape)
    c += 1
    return c


def empty(x, y):
    c = np.empty(x.shape)
    c.fill(1)
    return c


def add(x, y):
    return x + y


def chain(x, y):
    return x * 2 + y * 3 - x


# Each with the value of every element of its result, for x = 1 and y = 2.
WORKS = {"zeros": (zeros, 1), "empty": (empty, 1), "add": (add, 3), "chain": (chain, 7)}

WARM_SECONDS = 0.05
BATCH_SECONDS = 0.001
LEAST_BATCHES = 5


def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def time_work(work, nbytes: int, seconds: float) -> dict[str, float]:
    """Return the median time of a call, in seconds, and the page faults of a call."""
    x, y = np.ones(nbytes // 8), np.full(nbytes // 8, 2.0)
    calls, start = 0, time.perf_counter()
    while calls < 5 or time.perf_counter() - start < WARM_SECONDS:
        work(x, y)
        calls += 1
    one = (time.perf_counter() - start) / calls
    iterations = range(max(1, round(BATCH_SECONDS / one)))
    batches = max(LEAST_BATCHES, round(seconds / (one * len(iterations))))
    times = []
    before = faults()
    for _ in range(batches):
        start = time.perf_counter()
        for _ in iterations:
            work(x, y)
        times.append((time.perf_counter() - start) / len(iterations))
    faulted = (faults() - before) / (batches * len(iterations))
    return {"seconds": statistics.median(times), "faults": faulted}


def run_threads(work, nbytes: int, seconds: float, threads: int) -> dict[str, float]:
    """Return the wall time over the calls of all threads.

    A median of calls would say how they take turns at the GIL: a call takes 5 ms where it waits
    for it, and nothing where it does not.
    """
    together = threading.Barrier(threads + 1)
    calls = [0] * threads
    ends = [0.0]

    def body(number):
        x, y = np.ones(nbytes // 8), np.full(nbytes // 8, 2.0)
        work(x, y)
        together.wait()
        count = 0
        while time.perf_counter() < ends[0] or ends[0] == 0:
            work(x, y)
            count += 1
        calls[number] = count

    running = [threading.Thread(target=body, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    together.wait()
    before, start = faults(), time.perf_counter()
    ends[0] = start + seconds
    for thread in running:
        thread.join()
    elapsed = time.perf_counter() - start
    return {"seconds": elapsed / sum(calls), "faults": (faults() - before) / sum(calls)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("nbytes", type=int)
    parser.add_argument("--zerofill", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    if options.zerofill:
        import zerofill

        zerofill.install(threads=True)
    work, value = WORKS[options.work]
    if options.threads == 1:
        record = time_work(work, options.nbytes, options.seconds)
    else:
        record = run_threads(work, options.nbytes, 5 * options.seconds, options.threads)
    count = options.nbytes // 8
    result = work(np.ones(count), np.full(count, 2.0))
    if result.shape != (count,) or not (result == value).all():
        raise SystemExit(f"{options.work} gave wrong elements")
    record["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(record))


if __name__ == "__main__":
    main()
