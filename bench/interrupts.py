"""How long Ctrl-C takes in the middle of a fill.

``python bench/interrupts.py [TIMES]``: SIGINT at a random time while 8 GiB are made of fresh pages,
and while as many dirty ones are cleared. Prints how long after the signal the KeyboardInterrupt
came, and how long the system takes to unmap it all, which is part of it where pages were fresh.
"""

import os
import random
import signal
import sys
import threading
import time

import numpy as np

import zerofill

NBYTES = 8 << 30


def seconds_to_answer(work, delay: float) -> float | None:
    """Return the time from the signal to the exception; None when the work was done before."""
    sent = []

    def ring():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(delay, ring)
    timer.start()
    try:
        work()
        timer.cancel()
        timer.join()
        time.sleep(0.001)  # a signal that was sent at the last moment is answered here
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0]
    return None


def seconds_to_unmap() -> float:
    """Return the time that giving all of it back takes."""
    array = zerofill.zeros(NBYTES, "u1")
    start = time.perf_counter()
    del array
    return time.perf_counter() - start


def report(name: str, work, times: int) -> None:
    """Interrupt it so many times, and print."""
    work()  # a virtual machine gets memory from its host at the first touch
    start = time.perf_counter()
    work()
    whole = time.perf_counter() - start
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
    report("fresh", lambda: zerofill.zeros(NBYTES, "u1"), times)
    dirty = np.ones(NBYTES, "u1")
    report("dirty", lambda: zerofill.clear(dirty), times)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
