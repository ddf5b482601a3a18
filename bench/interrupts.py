"""How long Ctrl-C takes in the middle of filling an array.

``python bench/interrupts.py [TIMES]``: SIGINT at a random time while 8 GiB of fresh pages are made
resident, and while 8 GiB of dirty memory are cleared. Prints how long after the signal the
KeyboardInterrupt came, and how long the system takes to unmap 8 GiB, which the time for fresh pages
includes.
"""

import os
import random
import signal
import sys
import threading
import time

import numpy as np

import zerofill
from zerofill.benchmark import time_calls

NBYTES = 8 << 30


def seconds_to_answer(work, delay: float) -> float | None:
    """Return the time from the signal to the exception; None if the work was done before."""
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(delay, interrupt)
    timer.start()
    try:
        work()
        timer.cancel()
        timer.join()
        time.sleep(0.001)  # if the signal came at the last moment, the exception is raised here
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0]
    return None


def seconds_to_unmap() -> float:
    """Return the time that the system takes to unmap all of it."""
    arrays = [zerofill.zeros(NBYTES, "u1")]
    return time_calls(arrays.clear)


def make_fresh() -> None:
    """Make an array of fresh pages and free it."""
    zerofill.zeros(NBYTES, "u1")


def report(name: str, work, times: int) -> None:
    """Interrupt the work that many times, and print the answers."""
    work()  # a virtual machine gets memory from its host at the first touch
    whole = time_calls(work)
    answers = [seconds_to_answer(work, random.uniform(0, 0.9 * whole)) for _ in range(times)]
    answered = [seconds for seconds in answers if seconds is not None]
    print(
        f"{name}: {len(answered)} of {times} interrupted,"
        f" median {np.median(answered) * 1e3:.1f} ms,"
        f" worst {max(answered) * 1e3:.1f} ms (the whole takes {whole * 1e3:.0f} ms)"
    )


def main(times: int) -> int:
    """Measure and print."""
    zerofill.configure(pool_limit=0)
    print(f"unmapping 8 GiB: {seconds_to_unmap() * 1e3:.1f} ms")
    report("fresh", make_fresh, times)
    dirty = np.ones(NBYTES, "u1")
    report("dirty", lambda: zerofill.clear(dirty), times)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
