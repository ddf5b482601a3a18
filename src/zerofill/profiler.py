"""Record what a process does with large arrays: ``zerofill profile`` starts this in each.

The record is written when the process ends, as a JSON file in the folder that ``ZEROFILL_PROFILE``
names, after the number of the process that collects the records.
"""

import _thread
import atexit
import json
import mmap
import os
import pathlib
import sys
import time

import numpy as np

from . import _zerofill, counters

__all__ = ["LEAST_BYTES", "VARIABLE", "start"]

VARIABLE = "ZEROFILL_PROFILE"

# Arrays of fewer bytes are not recorded. The C library maps pages for arrays from this size on
# (mallopt(3), M_MMAP_THRESHOLD), and so page faults are seen from here on without zerofill.
LEAST_BYTES = 128 << 10

# How often memory is looked at, in seconds, and how many samples are kept. When there are more,
# every other one is dropped, and from then on they are taken half as often.
_SAMPLE_SECONDS = 0.02
_MOST_SAMPLES = 2000


def start() -> None:
    """Start recording, if the environment asks for it. The record is written at the exit."""
    collector, _, folder = os.environ.get(VARIABLE, "").partition(":")
    if folder:
        _Recorder(folder, samples=os.getppid() == int(collector))


class _Recorder:
    """Records this process, and those that it forks, each for itself."""

    def __init__(self, folder: str, *, samples: bool) -> None:
        self._folder = folder
        self._timeline = _Timeline() if samples else None
        self._follows_multiprocessing = False
        self._begin()
        atexit.register(self._write)
        self._follow_multiprocessing()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=self._after_fork_in_parent,
                after_in_child=self._after_fork_in_child,
            )
        if self._timeline is not None:
            self._timeline.start()

    def _begin(self) -> None:
        self._start = time.perf_counter()
        self._before = counters.stats()
        self._pid = os.getpid()
        self._file = pathlib.Path(self._folder, f"{self._pid}.json")
        self._file.touch()  # stays empty if the process is killed
        libraries = (np.__file__, __file__)
        folders = [os.path.join(os.path.dirname(file), "") for file in libraries]
        _zerofill.start_recording_call_sites(LEAST_BYTES, folders)

    def _write(self) -> None:
        if self._pid != os.getpid():
            return  # forked where no hook could run
        timeline = [] if self._timeline is None else self._timeline.stop()
        _zerofill.stop_recording_call_sites()
        system_seconds, faults = _resource_usage()
        record = {
            "pid": self._pid,
            "is_first": self._timeline is not None,
            "seconds": time.perf_counter() - self._start,
            "stats": counters.stats().since(self._before)._asdict(),
            "options": _zerofill.get_options(),
            "system_seconds": system_seconds,
            "faults": faults,
            "timeline": timeline,
            **_zerofill.call_sites(),
        }
        unfinished = self._file.with_suffix(".part")
        try:
            unfinished.write_text(json.dumps(record), encoding="utf-8")
            unfinished.replace(self._file)
        except OSError as error:
            if sys.stderr is not None:
                print(f"zerofill profile: no record of {self._pid}: {error}", file=sys.stderr)

    def _before_fork(self) -> None:
        if self._timeline is not None:
            self._timeline.pause()
        self._follow_multiprocessing()

    def _after_fork_in_parent(self) -> None:
        if self._timeline is not None:
            self._timeline.start()

    def _after_fork_in_child(self) -> None:
        _zerofill.forget_call_sites_in_child()
        self._timeline = None
        self._begin()

    def _follow_multiprocessing(self) -> None:
        """Write at the end of its processes too, where Python does not ask atexit."""
        util = sys.modules.get("multiprocessing.util")
        if util is None or self._follows_multiprocessing:
            return

        def write_at_end(recorder: "_Recorder") -> None:
            util.Finalize(None, recorder._write, exitpriority=-1000)

        self._follows_multiprocessing = True
        util.register_after_fork(self, write_at_end)  # which starts with no finalizers
        write_at_end(self)


def _resource_usage() -> tuple[float, int]:
    """Return the main thread's seconds in the system, and how many pages the process had mapped.

    The first is that of all threads where a system does not tell it of one (getrusage(2)).
    """
    try:
        import resource
    except ImportError:
        return 0.0, 0
    process = resource.getrusage(resource.RUSAGE_SELF)
    thread = resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF))
    return thread.ru_stime, process.ru_minflt


class _Timeline:
    """Samples of a process's memory: seconds; bytes that are live, idle and resident."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._samples: list[tuple[float, int, int, int]] = []
        self._period = _SAMPLE_SECONDS
        self._ends = _thread.allocate_lock()  # held until the thread is to end
        self._ended = _thread.allocate_lock()  # held while the thread runs
        self._ends.acquire()

    def start(self) -> None:
        """Start the thread: one that `threading` does not count among the program's."""
        self._ended.acquire()
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:  # there can be no more threads: no samples then
            self._ended.release()

    def pause(self) -> None:
        """End the thread, and wait until the system does not count it: Python warns at a fork."""
        count = _thread_count()
        self._ends.release()
        with self._ended:
            self._ends.acquire()
        deadline = time.perf_counter() + 0.01
        while count and _thread_count() >= count and time.perf_counter() < deadline:
            time.sleep(0.0001)

    def stop(self) -> list[tuple[float, int, int, int]]:
        """End the thread and return the samples."""
        self.pause()
        self._sample()
        return self._samples

    def _run(self) -> None:
        try:
            while not self._ends.acquire(timeout=self._period):
                self._sample()
            self._ends.release()
        finally:
            self._ended.release()

    def _sample(self) -> None:
        seconds = time.perf_counter() - self._start
        now = _zerofill.stats()
        idle = now["pooled_clean_bytes"] + now["pooled_dirty_bytes"] + now["heap_idle_bytes"]
        self._samples.append((seconds, now["live_bytes"], idle, _resident_bytes()))
        if len(self._samples) > _MOST_SAMPLES:
            del self._samples[1::2]
            self._period *= 2


def _thread_count() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0  # not Linux


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0  # not Linux
