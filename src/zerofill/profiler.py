"""Record what a process does with large arrays: ``zerofill profile`` starts this in each.

The record is written when the process ends, as a JSON file in the folder that ``ZEROFILL_PROFILE``
names, after the number of the process that collects the records.
"""

import atexit
import json
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


def start() -> None:
    """Start recording, if the environment asks for it. The record is written at the exit."""
    collector, _, folder = os.environ.get(VARIABLE, "").partition(":")
    if folder:
        _Recorder(folder, is_first=str(os.getppid()) == collector)


class _Recorder:
    """Records this process, and those that it forks, each for itself."""

    def __init__(self, folder: str, *, is_first: bool) -> None:
        self._folder = folder
        self._is_first = is_first
        self._follows_multiprocessing = False
        self._begin()
        atexit.register(self._write)
        self._follow_multiprocessing()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._follow_multiprocessing, after_in_child=self._after_fork_in_child
            )

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._start = time.perf_counter()
        self._before = counters.stats()
        self._system_seconds = (0.0, 0.0) if self._is_first else _system_seconds()
        self._file = pathlib.Path(self._folder, f"{self._pid}.json")
        try:
            self._file.touch()  # stays empty if the process is killed
        except OSError:
            return  # the profile has ended before this process, or it is another user's
        libraries = (np.__file__, __file__)
        folders = [os.path.join(os.path.dirname(file), "") for file in libraries]
        _zerofill.start_recording_call_sites(LEAST_BYTES, folders)

    def _write(self) -> None:
        if self._pid != os.getpid() or not self._file.exists():
            return
        sites = _zerofill.call_sites()
        _zerofill.stop_recording_call_sites()
        record = {
            "pid": self._pid,
            "is_first": self._is_first,
            "seconds": time.perf_counter() - self._start,
            "stats": counters.stats().since(self._before)._asdict(),
            "options": {**_zerofill.get_options(), "usable_cpus": _usable_cpus()},
            "system_seconds": [
                now - then
                for now, then in zip(_system_seconds(), self._system_seconds, strict=True)
            ],
            "faults": _page_faults(),
            **sites,
        }
        unfinished = self._file.with_suffix(".part")
        try:
            unfinished.write_text(json.dumps(record), encoding="utf-8")
            unfinished.replace(self._file)
        except FileNotFoundError:
            return  # the profile has ended meanwhile
        except OSError as error:
            if sys.stderr is not None:
                print(f"zerofill profile: no record of {self._pid}: {error}", file=sys.stderr)

    def _after_fork_in_child(self) -> None:
        _zerofill.forget_call_sites_in_child()
        _zerofill.stop_recording_call_sites()
        self._is_first = False
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


def _usable_cpus() -> int:
    return int(_zerofill.system_info()["usable_cpus"])


def _system_seconds() -> tuple[float, float]:
    """Return how long the main thread and all threads were in the system (getrusage(2))."""
    try:
        import resource
    except ImportError:
        return 0.0, 0.0
    thread = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    times = [resource.getrusage(who).ru_stime for who in (thread, resource.RUSAGE_SELF)]
    return times[0], times[1]


def _page_faults() -> int:
    """Return how many pages were mapped without reading a file for them (getrusage(2))."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
