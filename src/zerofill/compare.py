"""Run a program with NumPy's memory and with zerofill's in turn, and say what that is worth."""

import contextlib
import hashlib
import itertools
import os
import select
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, NamedTuple

from . import launch

__all__ = ["FIGURES", "PLAIN", "ZEROFILL", "Comparison", "Run", "Way", "compare", "preload"]

PLAIN, ZEROFILL = "NumPy", "zerofill"

# A difference below these is not spoken of: starting Python takes a few milliseconds more or less.
_LEAST_RATIO = 0.05
_LEAST_SECONDS = 0.02

# The resident memory of a program is looked at every so many seconds, or less often where that
# would take more than a twentieth of one CPU.
_SAMPLE_SECONDS = 0.02
_SAMPLE_SHARE = 0.05

_IS_LOADED = """
import ctypes, sys
try:
    ctypes.CDLL(sys.argv[1])
except OSError as error:
    sys.exit(f"{error}")
"""

# How long to wait for the end of a program's output after the program has ended.
_LEFT_OPEN_SECONDS = 1

# How long a signal may wait for its handler, at most.
_SIGNAL_SECONDS = 0.5


class Way(NamedTuple):
    """One way to run a program: its name, and the environment that makes it so."""

    name: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """What one run of a program took. Of its child processes, those that it waited for count.

    Attributes
    ----------
    wall, cpu, system : float
        Seconds: elapsed, of all CPUs, and of these in the system (getrusage(2)).
    faults : int
        Page faults that needed no reading from a file.
    peak_bytes : int
        The most resident memory of the process, or of one of its children. On Linux it is at least
        that of the process which started it.
    memory : tuple of (float, int)
        Seconds, and how many bytes were resident by then in the process and its children together.
        Empty where psutil is not installed.
    status : int
        The exit status; minus the number of the signal that ended the process.
    output : tuple of str
        Digests of what it wrote to standard output and to standard error.
    """

    wall: float
    cpu: float
    system: float
    faults: int
    peak_bytes: int
    memory: tuple[tuple[float, int], ...]
    status: int
    output: tuple[str, str]

    def seconds_above(self, nbytes: float) -> float:
        """Return for how long more than so many bytes were resident."""
        moments = [*self.memory, (self.wall, 0)]
        return sum(
            later - moment
            for (moment, resident), (later, _) in itertools.pairwise(moments)
            if resident > nbytes
        )


# What is compared of each run: an attribute, and its words.
FIGURES = {
    "wall": "wall time",
    "cpu": "CPU time",
    "system": "in the system",
    "faults": "page faults",
    "peak_bytes": "peak memory",
}


@dataclass(frozen=True)
class Comparison:
    """The first run, which counts for nothing, and those of each way in order of their turns."""

    first: Run
    runs: Mapping[str, Sequence[Run]]

    def median(self, way: str, figure: str) -> float:
        """Return the median of a figure of :data:`FIGURES`."""
        return float(statistics.median(getattr(run, figure) for run in self.runs[way]))

    def ratio(self, way: str, figure: str) -> float | None:
        """Return a way's median over plain NumPy's; None where that is 0."""
        plain = self.median(PLAIN, figure)
        return self.median(way, figure) / plain if plain else None

    def spread(self, way: str, figure: str) -> tuple[float, float] | None:
        """Return the lowest and the highest ratio of a turn; None where one cannot be told."""
        pairs = list(zip(self.runs[PLAIN], self.runs[way], strict=True))
        if not all(getattr(plain, figure) for plain, _ in pairs):
            return None
        ratios = [getattr(run, figure) / getattr(plain, figure) for plain, run in pairs]
        return min(ratios), max(ratios)

    def seconds_above_plain(self, way: str) -> float | None:
        """Return for how long a way had 5 % more resident than plain NumPy's peak, or more.

        None where it is not known.
        """
        if not all(run.memory for runs in self.runs.values() for run in runs):
            return None
        peaks = [max(nbytes for _, nbytes in run.memory) for run in self.runs[PLAIN]]
        peak = statistics.median(peaks)
        return statistics.median(run.seconds_above(1.05 * peak) for run in self.runs[way])

    def verdict(self, way: str) -> Literal["helps", "costs", "makes no difference"]:
        """Return whether a way is faster than plain NumPy.

        A difference counts if every run of one is faster than every run of the other, by more than
        the faster half of either differ among themselves. Of four runs and more the slowest fourth
        is left out, because other programs may have held it up. When a program is compared with
        itself, that takes 1 of 1,000 comparisons of three runs for a difference if its times vary
        by 1 %, and 3 of 100 if they vary by 30 % (a simulation, as in the tests).
        """
        plain, other = self._usual_times(PLAIN), self._usual_times(way)
        gain = max(plain[0] - other[-1], other[0] - plain[-1])
        spread = max(times[len(times) // 2] - times[0] for times in (plain, other))
        least = max(spread, _LEAST_RATIO * plain[0], _LEAST_SECONDS)
        if gain <= least:
            return "makes no difference"
        return "helps" if plain[0] > other[-1] else "costs"

    def _usual_times(self, way: str) -> list[float]:
        times = sorted(run.wall for run in self.runs[way])
        return times[: len(times) - len(times) // 4]

    def differences(self) -> list[str]:
        """Return in what the program's behaviour differs between the ways, a sentence each."""
        found = []
        for what in ("status", "output"):
            by_way = {way: {getattr(run, what) for run in runs} for way, runs in self.runs.items()}
            by_way[PLAIN].add(getattr(self.first, what))
            word = "exit status" if what == "status" else what
            if len(by_way[PLAIN]) > 1:
                found.append(f"The program's {word} differs from run to run, with {PLAIN} too.")
                continue
            found += [
                f"The program's {word} with {way} differs from that with {PLAIN}."
                for way, values in by_way.items()
                if values != by_way[PLAIN]
            ]
        return found


def preload(library: str, environment: Mapping[str, str]) -> Way:
    """Return the way that has a library take the place of the C library's ``malloc``.

    Parameters
    ----------
    library : str
        Its path, or a name that the loader finds, such as "libmimalloc.so.2" (ld.so(8)).
    environment : mapping of str to str
        What the environment is without it.

    Raises
    ------
    ValueError
        If the loader does not find it.
    """
    if not library or " " in library or ":" in library:
        raise ValueError(
            f"the loader takes no name that is empty or has ' ' or ':', got {library!r}"
        )
    path = os.path.abspath(library) if os.sep in library else library
    variable = "DYLD_INSERT_LIBRARIES" if sys.platform == "darwin" else "LD_PRELOAD"
    others = environment.get(variable)
    changed = {**environment, variable: f"{path}:{others}" if others else path}
    # Musl's loader says nothing of what it does not find.
    command = [sys.executable, "-S", "-c", _IS_LOADED, path]
    check = subprocess.run(command, env=changed, capture_output=True, text=True)
    if path in check.stderr or check.returncode != 0:
        raise ValueError(f"the loader cannot preload {library!r}: {check.stderr.strip()}")
    return Way(library, changed)


def compare(program: Sequence[str], ways: Sequence[Way], runs: int) -> Comparison:
    """Run a program in each way in turn.

    The first run counts for nothing: it fills the system's caches of files, and passes the
    program's output on. All others get an empty standard input, as it does.

    Parameters
    ----------
    program : sequence of str
        What follows ``python``.
    ways : sequence of Way
        Plain NumPy among them.
    runs : int
        How many runs of each way count.
    """
    command = launch.python_command(program)
    plain = next(way for way in ways if way.name == PLAIN)
    first = _run(command, plain.environment, passes_output=True)
    found: dict[str, list[Run]] = {way.name: [] for way in ways}
    for turn in range(runs):
        order = list(ways) if turn % 2 == 0 else list(reversed(ways))
        for way in order:
            found[way.name].append(_run(command, way.environment, passes_output=False))
    return Comparison(first, found)


def _run(command: Sequence[str], environment: Mapping[str, str], passes_output: bool) -> Run:
    start = time.perf_counter()
    # Or the program would be started, and nobody know it.
    with launch.signals_deferred() as deferred:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            close_fds=False,  # what the shell passes on to this command is for the program
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    assert process.stdout is not None and process.stderr is not None  # noqa: PT018
    try:
        for number in deferred:
            signal.raise_signal(number)
        readers = [
            _Reader(stream, sink.buffer if passes_output and sink is not None else None)
            for stream, sink in ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
        ]
        with _sampling(process.pid) as memory:
            _wait_for_end(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
    except BaseException as error:
        _end(process, error)
        raise
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    digests = [reader.digest() for reader in readers]
    return Run(
        wall,
        usage.ru_utime + usage.ru_stime,
        usage.ru_stime,
        usage.ru_minflt,
        usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        tuple(memory),
        process.returncode,
        (digests[0], digests[1]),
    )


def _wait_for_end(pid: int) -> None:
    """Wait as wait4(2) does, which sleeps through a signal that came just before it."""
    with launch.pidfd(pid) as ended:
        while ended is not None and not select.select([ended], [], [], _SIGNAL_SECONDS)[0]:
            pass  # Python has run the handlers of signals


def _end(process: "subprocess.Popen[bytes]", error: BaseException) -> None:
    """End a program whose run is given up: by an interrupt from a terminal it ends by itself."""
    if isinstance(error, KeyboardInterrupt):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Reader:
    """Reads a stream to its end in a thread, and may copy it to another stream."""

    def __init__(self, stream: IO[bytes], sink: IO[bytes] | None) -> None:
        self._stream = stream
        self._sink = sink
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while data := os.read(self._stream.fileno(), 1 << 16):
            self._hash.update(data)
            if self._sink is not None:
                try:
                    self._sink.write(data)
                    self._sink.flush()
                except OSError:  # nobody reads it; the program goes on
                    self._sink = None
        self._stream.close()

    def digest(self) -> str:
        # A process that the program has left behind may keep the stream open.
        self._thread.join(_LEFT_OPEN_SECONDS)
        return self._hash.hexdigest()


@contextlib.contextmanager
def _sampling(pid: int) -> Iterator[list[tuple[float, int]]]:
    """Yield a list that gets the resident memory of a process and its children meanwhile."""
    samples: list[tuple[float, int]] = []
    try:
        import psutil
    except ImportError:
        yield samples
        return
    ends = threading.Event()
    start = time.perf_counter()

    def resident(process: Any) -> int:
        try:
            return int(process.memory_info().rss)
        except psutil.Error:  # it has just ended
            return 0

    def sample() -> None:
        while not ends.is_set():
            moment = time.perf_counter()
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(pid)
                processes = [root, *root.children(recursive=True)]
                samples.append((moment - start, sum(map(resident, processes))))
            took = time.perf_counter() - moment
            ends.wait(max(_SAMPLE_SECONDS, took / _SAMPLE_SHARE))

    # A signal's handler may raise while the thread is being started.
    thread = threading.Thread(target=sample, daemon=True)
    try:
        thread.start()
        yield samples
    finally:
        ends.set()
        if thread.is_alive():
            thread.join()
