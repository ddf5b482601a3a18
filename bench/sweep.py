"""The measurements behind the thresholds of csrc/memory/plan.cpp.

``python bench/sweep.py`` prints, for each size, the cycle of zeroing and using over the use alone:
with one thread and with all, with and without the scrubber. ``plan.cpp`` switches where one column
overtakes another: kParallelZeroBytes between the first two, kScrubBytes between the last two. Then
it compiles ``streaming_sweep.cpp`` with the kernel, which shows the same for streaming_bytes().
"""

import pathlib
import platform
import statistics
import subprocess
import tempfile
import time

import numpy as np

import zerofill
from zerofill.benchmark import touch_memory

WAYS = {
    "one thread": {"num_threads": 1, "scrub": False},
    "all threads": {"num_threads": None, "scrub": False},
    "scrubbed": {"num_threads": None, "scrub": True},
}


def median_seconds(step, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def ratios(nbytes):
    """Return each way's cycle over the use alone; the ways take turns."""
    rounds = int(np.clip((1 << 31) // nbytes, 11, 200))
    make, resident = zerofill.Zeros(), np.ones(nbytes // 4, np.float32)

    def use():
        np.add(resident, 1, out=resident)

    def cycle():
        array = make(resident.shape)
        np.add(array, 1, out=array)

    found = {way: [] for way in WAYS}
    for _ in range(5):
        alone = median_seconds(use, rounds)
        for way, options in WAYS.items():
            zerofill.configure(**options)
            median_seconds(cycle, 5)
            found[way].append(median_seconds(cycle, rounds) / alone)
    return {way: statistics.median(values) for way, values in found.items()}


def sweep_streaming():
    """Compile the native sweep with the kernel's own sources and run it."""
    here = pathlib.Path(__file__).parent
    kernel = here.parent / "csrc" / "kernel"
    machine = "x86_64" if platform.machine() in ("x86_64", "AMD64") else platform.machine()
    lines = kernel / f"stream_lines_{machine}.cpp"
    sources = [here / "streaming_sweep.cpp", kernel / "zero.cpp", lines]
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "streaming_sweep"
        flags = ["-O3", "-std=c++17", "-pthread", f"-I{kernel.parent}"]
        subprocess.run(["c++", *flags, *map(str, sources), "-o", str(program)], check=True)
        subprocess.run([program], check=True)


def main():
    touch_memory(3 << 30)
    print(f"{'size':>10}" + "".join(f"{way:>14}" for way in WAYS))
    for power in range(22, 31):
        found = ratios(1 << power)
        print(f"{(1 << power) >> 20:6} MiB" + "".join(f"{found[way]:14.2f}" for way in WAYS))
    print(flush=True)
    sweep_streaming()


if __name__ == "__main__":
    main()
