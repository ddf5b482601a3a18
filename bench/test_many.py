"""Many threads at once, and many arrays at once."""

import threading

import numpy as np
import pytest

from peers import zeros_function

THREADS = 4


@pytest.mark.parametrize("peer", ["zerofill", "np.zeros"])
@pytest.mark.benchmark(group="4 threads making 64 KiB arrays at once")
def test_threads(benchmark, peer):
    make, count = zeros_function(peer), 2000

    def work(start):
        start.wait()
        for _ in range(count):
            make((16384,))

    def prepare():
        start = threading.Barrier(THREADS + 1)
        threads = [threading.Thread(target=work, args=(start,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        return (start, threads), {}

    def run(start, threads):
        start.wait()
        for thread in threads:
            thread.join()

    benchmark.pedantic(run, setup=prepare, rounds=15, iterations=1, warmup_rounds=1)
    assert not make((16384,)).any()


@pytest.mark.parametrize("peer", ["zerofill", "np.zeros"])
@pytest.mark.benchmark(group="32 arrays of 4 MiB walked together")
def test_walk(benchmark, peer):
    make = zeros_function(peer)
    arrays = [make(((4 << 20) // 4,)) for _ in range(32)]
    for array in arrays:
        array += 1
    total = np.zeros(4096, np.float32)

    def walk():
        for start in range(0, arrays[0].size, total.size):
            for array in arrays:
                np.add(total, array[start : start + total.size], out=total)

    benchmark.pedantic(walk, rounds=15, iterations=1, warmup_rounds=2)
    assert (total == total[0]).all()
