"""The measurements behind the thresholds of zeroing/plan.cpp and blocks/scrubber.cpp in csrc/.

``python bench/sweep.py`` prints, for each size, the time of zeroing and using memory divided by
that of using it: with one thread, with all threads, and with blocks scrubbed in the background.
The core switches where one column overtakes another: kParallelZeroBytes (plan.cpp) between the
first two, is_larger_than_caches() (scrubber.cpp) between the last two. Then it compiles
``streaming_sweep.cpp`` with the kernel, which shows the same for find_streaming_bytes().
"""

import contextlib
import functools
import pathlib
import platform
import subprocess
import tempfile

import numpy as np

import zerofill
from zerofill.benchmark import medians, time_interleaved, touch_memory

OPTIONS = {
    "one thread": {"num_threads": 1, "scrub": False},
    "all threads": {"num_threads": None, "scrub": False},
    "scrubbed": {"num_threads": None, "scrub": True},
}


@contextlib.contextmanager
def configured(options):
    before = zerofill.configure()
    zerofill.configure(**options)
    try:
        yield
    finally:
        zerofill.configure(**before._asdict())


def ratios(nbytes):
    """Return the time of a cycle under each set of options, divided by that of the use alone."""
    make, resident = zerofill.Zeros(), np.ones(nbytes // 4, np.float32)

    def use():
        np.add(resident, 1, out=resident)

    def cycle():
        array = make(resident.shape)
        np.add(array, 1, out=array)

    seconds = medians(
        time_interleaved(
            {"use": use, **dict.fromkeys(OPTIONS, cycle)},
            rounds=5,
            # Many cycles in a row, so that the pool and the scrubber settle into each way.
            iterations=int(np.clip((1 << 31) // nbytes, 11, 200)),
            warmup_iterations=5,
            contexts={name: functools.partial(configured, OPTIONS[name]) for name in OPTIONS},
        )
    )
    return {name: seconds[name] / seconds["use"] for name in OPTIONS}


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
    print(f"{'size':>10}" + "".join(f"{name:>14}" for name in OPTIONS))
    for power in range(22, 31):
        found = ratios(1 << power)
        print(f"{(1 << power) >> 20:6} MiB" + "".join(f"{found[name]:14.2f}" for name in OPTIONS))
    print(flush=True)
    sweep_streaming()


if __name__ == "__main__":
    main()
