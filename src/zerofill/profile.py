"""Run a program on zerofill, and collect what its processes do with large arrays."""

import collections
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import launch
from .counters import Stats

__all__ = ["Profile", "Sample", "Site", "profile"]

# Name of the variable, here too: zerofill.profiler is imported in the program alone.
_VARIABLE = "ZEROFILL_PROFILE"

_MIB = 1 << 20
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
    """Memory at one moment: seconds since NumPy was imported, and bytes."""

    seconds: float
    live_bytes: int
    idle_bytes: int
    resident_bytes: int


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
        How long the main threads were in the system for anything else. In programs that work on
        arrays these are page faults for the most part: when an array is first written to, or a
        library is loaded.
    faults : int
        Page faults of the processes, which needed no reading from a file.
    timeline : list of Sample
        Of the first process.
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
    timeline: Sequence[Sample] = ()

    @property
    def allocating_seconds(self) -> float:
        """How long it took to make and to free large arrays."""
        return sum(site.seconds for site in self.sites) + self.freeing_seconds

    @property
    def most_idle_bytes(self) -> int:
        """The most memory that was kept for reuse, in the first process."""
        return max((sample.idle_bytes for sample in self.timeline), default=0)

    def share(self, seconds: float) -> float:
        """Return the part of the processes' time that so many seconds are."""
        return seconds / self.process_seconds if self.process_seconds else 0.0

    def advice(self) -> list[str]:
        """Return which options would change what was seen, a sentence each."""
        stats, found = self.stats, []
        fresh = stats.populated_bytes - stats.huge_page_bytes
        if self.options.get("huge_pages") == "off" and fresh > 64 * _MIB:
            found.append("huge_pages is off: `--huge-pages auto` makes fresh memory faster.")
        elif fresh > stats.populated_bytes / 2 and fresh > 64 * _MIB:
            found.append("Most fresh memory is on small pages: `zerofill info` says why.")
        if stats.returned_bytes > 0.2 * stats.populated_bytes and stats.misses > 10:
            found.append(
                "Memory went back to the system and was made anew: a larger `--decay` or "
                "`--pool-limit` keeps more."
            )
        if self.options.get("num_threads") == 1 and (os.cpu_count() or 1) > 1:
            found.append("One thread makes large arrays: `--num-threads` allows more.")
        if self.share(self.allocating_seconds) > 0.05 and stats.zeroed_bytes > (1 << 30):
            found.append(
                "Reused memory was zeroed while the program waited: np.empty where all is written "
                "anyway needs no zeros, and `--scrub on` zeroes in the background."
            )
        if self.share(self.allocating_seconds) > 0.05 and stats.populated_bytes > (1 << 30):
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
    with tempfile.TemporaryDirectory(prefix="zerofill-") as folder:
        start = time.perf_counter()
        status = _run(command, {**environment, _VARIABLE: f"{os.getpid()}:{folder}"})
        seconds = time.perf_counter() - start
        texts = [file.read_text("utf-8") for file in pathlib.Path(folder).glob("*.json")]
    records = [json.loads(text) for text in texts if text]
    if not records:
        return Profile(status, seconds, lost_processes=len(texts))
    first = next((record for record in records if record["is_first"]), records[0])
    first["seconds"] = seconds
    return Profile(
        status,
        seconds,
        process_seconds=sum(record["seconds"] for record in records),
        processes=len(records),
        lost_processes=len(texts) - len(records),
        sites=_merge_sites(row for record in records for row in record["sites"]),
        stats=_sum_stats([Stats(**record["stats"]) for record in records]),
        options=first["options"],
        freeing_seconds=sum(record["freeing_seconds"] for record in records),
        other_system_seconds=sum(map(_other_system_seconds, records)),
        faults=sum(record["faults"] for record in records),
        timeline=[Sample(*sample) for sample in first["timeline"]],
    )


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command, which gets the signals that this process gets."""
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, frame: object) -> None:
        if process is not None:
            process.send_signal(number)

    # A terminal sends SIGINT to both. It must not be ignored here, or the program would ignore it.
    former = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
    }
    try:
        process = subprocess.Popen(command, env=environment)
        return process.wait()
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


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
    return Stats(*(sum(values) for values in zip(*all_stats, strict=True)))


def _other_system_seconds(record: Mapping[str, Any]) -> float:
    allocating = record["populating_seconds"] + record["freeing_seconds"]
    return max(0.0, float(record["system_seconds"] - allocating))
