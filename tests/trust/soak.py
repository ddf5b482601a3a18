"""Run a mixed load for minutes, and print how the process grows.

``python tests/trust/soak.py [MINUTES]`` prints resident memory, mappings and threads every ten
seconds. The exit code is 1 if resident memory at the end is more than 1 % above that after a tenth
of the time.
"""

import os
import random
import sys
import threading
import time

import zerofill

MIB = 1 << 20
SIZES = [9, 1000, 70_000, 300_000, 3 * MIB, 20 * MIB, 80 * MIB]


def load(seed: int, until: float) -> None:
    """Create, check and fill arrays, and free them in random order."""
    chance = random.Random(seed)
    held: list = []
    while time.monotonic() < until:
        commit = chance.choice(["eager", "eager", "lazy", "background"])
        array = zerofill.zeros(chance.choice(SIZES), "u1", commit=commit)
        assert not array.any()
        array.fill(1)
        held.append(array)
        if len(held) > 4:
            del held[chance.randrange(len(held))]


def resident_mib() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / MIB


def lines(path: str) -> int:
    with open(path) as file:
        return sum(1 for _ in file)


def main(minutes: float) -> int:
    """Run it; return the exit code."""
    rounds = max(10, int(minutes * 6))
    curve = []
    for step in range(rounds):
        until = time.monotonic() + minutes * 60 / rounds
        threads = [threading.Thread(target=load, args=(step * 4 + i, until)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        zerofill.trim()  # no array is alive between rounds, so resident memory shows growth
        curve.append(resident_mib())
        tasks = len(os.listdir("/proc/self/task"))
        print(f"{curve[-1]:8.1f} MiB  {lines('/proc/self/maps'):5} mappings  {tasks} threads")
    start, end = curve[len(curve) // 10], min(curve[-3:])
    print(f"drift {100 * (end / start - 1):+.2f} %")
    return 1 if end > 1.01 * start else 0


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10))
