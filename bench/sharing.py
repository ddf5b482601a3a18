"""Memory that processes share: zerofill's against multiprocessing.shared_memory.

``python bench/sharing.py`` prints a table of seconds and ratios: making zeros, making them again,
and sending them to a worker and back. Each way runs in a process of its own, in turn, five times;
the medians are printed. Beside them stands a limit. For memory that is made it is a third way: a
memory file whose pages the system is asked for, by madvise(2), and nothing else. For memory that is
made again it is the shortest time in which a C++ program zeroes as much. It needs 1 GiB in
``/dev/shm``, for multiprocessing's.
"""

import argparse
import concurrent.futures
import ctypes
import json
import mmap
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time
from multiprocessing.shared_memory import SharedMemory

import native_limit
import numpy as np

import zerofill

SIZES = {"1 MiB": 1 << 20, "64 MiB": 64 << 20, "1 GiB": 1 << 30}
TRIPS = 50
POPULATE_WRITE = 23  # madvise(2), Linux 5.14
WORTH_THREADS = 4 << 20  # bytes


class OfMultiprocessing:
    """Arrays in segments of /dev/shm, which travel by their names."""

    def make(self, nbytes):
        memory = SharedMemory(create=True, size=nbytes)
        array = np.ndarray(nbytes, "u1", memory.buf)
        array.fill(0)
        return memory, array

    def drop(self, made):
        memory, array = made
        del array, made
        memory.close()
        memory.unlink()

    def message(self, made):
        return made[0].name

    def open(self, message):
        memory = SharedMemory(message)
        return memory, np.ndarray(memory.size, "u1", memory.buf)

    def close(self, opened):
        memory, array = opened
        del array, opened
        memory.close()


class OfZerofill:
    """Arrays that travel as themselves."""

    def make(self, nbytes):
        return None, zerofill.zeros(nbytes, "u1", shared=True)

    def drop(self, made):
        pass

    def message(self, made):
        return made[1]

    def open(self, message):
        return None, message

    def close(self, opened):
        pass


class OfPages:
    """Memory files whose pages are made by the system, on as many threads as zerofill uses."""

    def __init__(self):
        self.madvise = ctypes.CDLL(None, use_errno=True).madvise
        self.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self.threads = concurrent.futures.ThreadPoolExecutor(zerofill.configure().num_threads)

    def make(self, nbytes):
        file = os.memfd_create("pages")
        os.ftruncate(file, nbytes)
        array = np.frombuffer(mmap.mmap(file, nbytes), "u1")
        start = array.ctypes.data
        parts = zerofill.configure().num_threads if nbytes >= WORTH_THREADS else 1
        share = nbytes // parts
        if parts == 1:
            self.populate(start, nbytes)
        else:
            list(
                self.threads.map(
                    self.populate, range(start, start + nbytes, share), [share] * parts
                )
            )
        return file, array

    def populate(self, start, nbytes):
        if self.madvise(start, nbytes, POPULATE_WRITE) != 0:
            raise OSError(ctypes.get_errno(), "madvise(MADV_POPULATE_WRITE)")

    def drop(self, made):
        os.close(made[0])


WAYS = {"shared_memory": OfMultiprocessing, "zerofill": OfZerofill, "pages": OfPages}


def answer(way, requests, answers):
    """Open what comes in, write to its first byte, and send it back."""
    while (message := requests.get()) is not None:
        opened = way.open(message)
        opened[1][0] += 1
        answers.put(message)
        way.close(opened)
        del message, opened


def seconds_of(action):
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def measure(way, nbytes):
    """Return the seconds of each step, in this process."""
    way.drop(way.make(1))  # starts what each way starts once
    found = {}
    found["made"], made = seconds_of(lambda: way.make(nbytes))
    if made[1].any():
        raise SystemExit("not zero")
    if isinstance(way, OfPages):
        return found
    made[1].fill(1)
    way.drop(made)
    del made
    found["made again"], made = seconds_of(lambda: way.make(nbytes))
    if made[1].any():
        raise SystemExit("not zero")
    context = multiprocessing.get_context("spawn")
    requests, answers = context.Queue(), context.Queue()
    worker = context.Process(target=answer, args=(way, requests, answers))
    worker.start()

    def trip():
        requests.put(way.message(made))
        answers.get()

    trip()  # imports
    found["sent and back"] = statistics.median(seconds_of(trip)[0] for _ in range(TRIPS))
    if made[1][0] != TRIPS + 1:
        raise SystemExit("the worker wrote elsewhere")
    requests.put(None)
    worker.join()
    way.drop(made)
    return found


def main() -> None:
    """Print the table, or the record of one way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "BYTES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, nbytes = options.one
        print(json.dumps(measure(WAYS[way](), int(nbytes))))
        return
    limits = native_limit.measure(SIZES.values(), zerofill.configure().num_threads) or {}
    print("| size | step | shared_memory | zerofill | ratio | limit | ratio |")
    print("|---|---|---|---|---|---|---|")
    ways = list(WAYS)
    for label, nbytes in SIZES.items():
        records = {way: [] for way in ways}
        for turn in range(options.rounds):
            first = turn % len(ways)
            for way in ways[first:] + ways[:first]:
                command = [sys.executable, str(pathlib.Path(__file__)), "--one", way, str(nbytes)]
                out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                records[way].append(json.loads(out.stdout))
        for step in records["zerofill"][0]:
            theirs, ours, limit = (
                statistics.median([one[step] for one in records[way] if step in one] or [0])
                for way in ways
            )
            if step == "made again" and limits:
                limit = limits["resident"][nbytes]
            row = f"{theirs * 1e3:.3f} ms | {ours * 1e3:.3f} ms | {ours / theirs:.3f} | "
            row += f"{limit * 1e3:.3f} ms | {limit / theirs:.3f}" if limit else "|"
            print(f"| {label} | {step} | {row} |", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of multiprocessing's resource tracker
    main()
