"""Run a program on zerofill, and collect what its processes do with large arrays."""

import collections
import contextlib
import dataclasses
import json
import mmap
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import launch
from .counters import Stats
from .profiler import VARIABLE

__all__ = ["Profile", "Sample", "Site", "profile"]

_MIB, _GIB = 1 << 20, 1 << 30
_NO_STATS = Stats(*[0] * len(Stats._fields))


@dataclass(frozen=True)
class Site:
    """A line of a program that makes large arrays, of 128 KiB or more.

    Attributes
    ----------
    file, function : str
        Where the line is. Empty for arrays that were made where no Python code ran.
    line : int
    count, nbytes : int
        How many arrays, and how many bytes they have in all.
    seconds : float
        How long it took to allocate them: zeroing, first touches, system calls.
    """

    file: str
    line: int
    function: str
    count: int
    nbytes: int
    seconds: float


class Sample(NamedTuple):
    """What was live and idle at one moment: seconds since the start, and bytes."""

    seconds: float
    live_bytes: int
    idle_bytes: int


@dataclass(frozen=True)
class Profile:
    """What the processes of one run did.

    Attributes
    ----------
    status : int
        The exit status; minus the number of the signal that ended the program.
    seconds : float
        Elapsed time of the run.
    process_seconds : float
        Elapsed time of its processes together.
    processes, lost_processes : int
        How many left a record, and how many ended without: killed, or by ``os._exit``.
    sites : list of Site
        With the most bytes first.
    stats : Stats
        The sums of their counters.
    options : dict
        Of the first process.
    freeing_seconds : float
        How long it took to free large arrays.
    other_system_seconds : float
        About how long the processes were in the system for anything else. In programs that work on
        arrays these are page faults for the most part: when an array is first written to, or a
        library is loaded.
    faults : int
        Page faults of the processes, which needed no reading from a file.
    samples : list of Sample
        Of the first process, taken when it made or freed a large array.
    resident : list of (float, int)
        Seconds, and how many bytes were resident in the first process by then. Empty where there is
        no /proc/pid/statm.
    most_idle_bytes : int
        The most memory that was kept for reuse in the first process.
    """

    status: int
    seconds: float
    process_seconds: float = 0.0
    processes: int = 0
    lost_processes: int = 0
    sites: Sequence[Site] = ()
    stats: Stats = _NO_STATS
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    freeing_seconds: float = 0.0
    other_system_seconds: float = 0.0
    faults: int = 0
    samples: Sequence[Sample] = ()
    resident: Sequence[tuple[float, int]] = ()
    most_idle_bytes: int = 0

    @property
    def allocating_seconds(self) -> float:
        """How long it took to make and to free large arrays."""
        return sum(site.seconds for site in self.sites) + self.freeing_seconds

    def share(self, seconds: float) -> float:
        """Return the part of the processes' time that so many seconds are."""
        return seconds / self.process_seconds if self.process_seconds else 0.0

    def advice(self) -> list[str]:
        """Return which options would change what was seen, a sentence each."""
        stats, options, found = self.stats, self.options, []
        small_pages = stats.populated_bytes - stats.huge_page_bytes
        made = sum(site.nbytes for site in self.sites)
        waits = self.share(self.allocating_seconds) > 0.05
        if small_pages > 64 * _MIB and options.get("huge_pages") == "off":
            found.append("huge_pages is off: `--huge-pages auto` makes fresh memory faster.")
        elif small_pages > max(stats.populated_bytes / 2, 64 * _MIB):
            found.append("Most fresh memory is on small pages: `zerofill info` says why.")
        if stats.returned_bytes > max(0.2 * made, 64 * _MIB) and stats.misses > 10:
            found.append(
                "Memory went back to the system and was made anew: a larger `--decay` or "
                "`--pool-limit` keeps more."
            )
        if waits and options.get("num_threads") == 1 and options.get("usable_cpus", 1) > 1:
            found.append("One thread makes large arrays: `--num-threads` allows more.")
        if waits and stats.zeroed_bytes > _GIB and options.get("scrub") != "on":
            found.append(
                "Reused memory was zeroed while the program waited: np.empty where all is written "
                "anyway needs no zeros, and `--scrub on` zeroes in the background."
            )
        if waits and stats.populated_bytes > _GIB:
            found.append(
                "Fresh memory was made while the program waited: zerofill.reserve(nbytes) makes it "
                "in the background, while the program reads its input."
            )
        if self.most_idle_bytes > max(stats.peak_bytes / 2, 64 * _MIB):
            found.append(
                "Much memory is kept for reuse: where it is short, a smaller `--pool-limit` or "
                "`--decay` keeps less."
            )
        return found


def profile(program: Sequence[str], environment: Mapping[str, str]) -> Profile:
    """Run a program that finds zerofill by its environment, and return what its processes did.

    Parameters
    ----------
    program : sequence of str
        What follows ``python``.
    environment : mapping of str to str
        From :func:`zerofill.launch.environment_of_run`.
    """
    command = launch.python_command(program)
    # A process that the program has left behind may still write its record.
    with tempfile.TemporaryDirectory(prefix="zerofill-", ignore_cleanup_errors=True) as folder:
        start = time.perf_counter()
        status, resident = _run(command, {**environment, VARIABLE: f"{os.getpid()}:{folder}"})
        seconds = time.perf_counter() - start
        _wait_for_records(pathlib.Path(folder))
        texts = [file.read_text("utf-8") for file in pathlib.Path(folder).glob("*.json")]
    records = [json.loads(text) for text in texts if text]
    if not records:
        return Profile(status, seconds, lost_processes=len(texts))
    # A program that never imports NumPy itself may start others that do.
    first = next((record for record in records if record["is_first"]), None)
    if first is not None:
        first["seconds"] = seconds
    else:
        resident = []
    return Profile(
        status,
        seconds,
        process_seconds=sum(record["seconds"] for record in records),
        processes=len(records),
        lost_processes=len(texts) - len(records),
        sites=_merge_sites(row for record in records for row in record["sites"]),
        stats=_sum_stats([Stats(**record["stats"]) for record in records]),
        options=(first or records[0])["options"],
        freeing_seconds=sum(record["freeing_seconds"] for record in records),
        other_system_seconds=sum(map(_other_system_seconds, records)),
        faults=sum(record["faults"] for record in records),
        samples=[
            Sample(moment - start, live, idle)
            for moment, live, idle in (first or {}).get("samples", [])
        ],
        resident=[(moment - start, nbytes) for moment, nbytes in resident],
        most_idle_bytes=(first or {}).get("most_idle_bytes", 0),
    )


def _wait_for_records(folder: pathlib.Path, seconds: float = 0.5) -> None:
    """Wait for processes that end just after the program, such as a fork server; not for long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(_is_running(int(file.stem)) for file in _empty_records(folder)):
            return
        time.sleep(0.01)


def _empty_records(folder: pathlib.Path) -> list[pathlib.Path]:
    return [file for file in folder.glob("*.json") if not file.stat().st_size]


def _is_running(pid: int) -> bool:
    if os.name != "posix":
        return False  # there a signal of 0 is Ctrl-C
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _run(
    command: Sequence[str], environment: Mapping[str, str]
) -> tuple[int, list[tuple[float, int]]]:
    """Run a command, which gets the signals that this process gets.

    Returns
    -------
    int
        Its status.
    list of (float, int)
        Moments, and how many bytes were resident by then.
    """
    with launch.signals_deferred() as deferred:
        # What the shell has opened for the program is not ours to close.
        process = subprocess.Popen(command, env=environment, close_fds=False)
    with _signals_passed_on(process):
        for number in deferred:
            process.send_signal(number)
        return _wait(process)


@contextlib.contextmanager
def _signals_passed_on(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    def pass_on(number: int, frame: object) -> None:
        # A terminal sends these to both.
        if number not in (signal.SIGINT, getattr(signal, "SIGQUIT", None)) or not _in_foreground():
            process.send_signal(number)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    former = {number: signal.getsignal(number) for number in numbers}
    changed = [number for number, old in former.items() if old != signal.SIG_IGN]
    try:
        for number in changed:
            signal.signal(number, pass_on)
        yield
    finally:
        for number in changed:
            signal.signal(number, former[number])


def _in_foreground() -> bool:
    """Return whether a terminal sends its signals to this process."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


# How often the resident memory is looked at, in seconds, and how many figures are kept. When there
# are more, every other one goes, and from then on it is looked at half as often.
_PERIOD = 0.02
_MOST_FIGURES = 2000


def _wait(process: "subprocess.Popen[bytes]") -> tuple[int, list[tuple[float, int]]]:
    figures: list[tuple[float, int]] = []
    with contextlib.suppress(OSError), launch.pidfd(process.pid) as ended:
        if ended is not None:
            figures = _watch_resident_memory(process.pid, ended)
    return process.wait(), figures


def _watch_resident_memory(pid: int, ended: int) -> list[tuple[float, int]]:
    period, figures = _PERIOD, []
    while not select.select([ended], [], [], period)[0]:
        statm = pathlib.Path(f"/proc/{pid}/statm").read_bytes()
        figures.append((time.perf_counter(), int(statm.split()[1]) * mmap.PAGESIZE))
        if len(figures) > _MOST_FIGURES:
            del figures[1::2]
            period *= 2
    return figures


def _merge_sites(rows: Iterable[Sequence[Any]]) -> list[Site]:
    counts: dict[tuple[str, int, str], list[float]] = collections.defaultdict(lambda: [0, 0, 0.0])
    for file, line, function, count, nbytes, seconds in rows:
        sums = counts[file or "", line, function or ""]
        sums[0] += count
        sums[1] += nbytes
        sums[2] += seconds
    sites = [
        Site(*place, int(count), int(nbytes), seconds)
        for place, (count, nbytes, seconds) in counts.items()
    ]
    return sorted(sites, key=lambda site: site.nbytes, reverse=True)


def _sum_stats(all_stats: Sequence[Stats]) -> Stats:
    """Return the sums; of the peaks, which were at different times, the highest."""
    sums = Stats(*(sum(values) for values in zip(*all_stats, strict=True)))
    return sums._replace(
        peak_bytes=max(stats.peak_bytes for stats in all_stats),
        peak_blocks=max(stats.peak_blocks for stats in all_stats),
    )


def _other_system_seconds(record: Mapping[str, Any]) -> float:
    """Return how long a process was in the system beside making and freeing large arrays.

    That is known of all threads together, zerofill's among them, and not of which they did it in:
    one figure is right if the main thread made the arrays, the other if others did.
    """
    allocating = record["populating_seconds"] + record["freeing_seconds"]
    of_main = record["system_seconds"][0] - allocating
    of_all = record["system_seconds"][1] - allocating * record["options"]["num_threads"]
    return max(0.0, float(of_main), float(of_all))
