"""Zeros beside NumPy on this machine: the measurement behind ``python -m zerofill bench``.

For every size, two things are timed for each way to make an array: the call alone, and the whole
cycle of making the array, writing to all of it once (``+= 1``) and freeing it. The ways take turns,
so that a change of the machine's speed meets all of them, and medians are kept.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _zerofill
from .initializers import Zeros

__all__ = ["CASES", "Case", "Row", "fitting", "measure", "touch_memory", "zeros_are_right"]

Array = NDArray[np.float32]
Maker = Callable[[], Array]

_ALIGNMENT_BYTES = 64


@dataclass(frozen=True)
class Case:
    """One size of array.

    Attributes
    ----------
    name : str
        For a person to read.
    shape : tuple of int
    """

    name: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size of the array, in bytes."""
        return int(np.prod(self.shape)) * 4


def _floats(nbytes: int) -> tuple[int, ...]:
    return (nbytes // 4,)


CASES = (
    Case("(3, 3)", (3, 3)),
    Case("1 KiB", _floats(1 << 10)),
    Case("16 KiB", _floats(16 << 10)),
    Case("256 KiB", _floats(256 << 10)),
    Case("1 MiB", _floats(1 << 20)),
    Case("4 MiB", _floats(4 << 20)),
    Case("16 MiB", _floats(16 << 20)),
    Case("64 MiB", _floats(64 << 20)),
    Case("256 MiB", _floats(256 << 20)),
    Case("1 GiB", _floats(1 << 30)),
)


@dataclass(frozen=True)
class Row:
    """What was measured for one case; times are medians in seconds.

    Attributes
    ----------
    case : Case
    call : dict of str to float
        Time of the call that makes the array, for each way to make it.
    cycle : dict of str to float
        Time to make the array, write to all of it once and free it.
    """

    case: Case
    call: dict[str, float]
    cycle: dict[str, float]

    def ratio(self, what: str, peer: str) -> float:
        """Return the time of ``Zeros`` over a peer's, for "call" or "cycle"."""
        times: dict[str, float] = getattr(self, what)
        return times["Zeros"] / times[peer]


def makers(case: Case) -> dict[str, Maker]:
    """Return the ways to make an array of zeros that are compared."""
    initializer, shape = Zeros(), case.shape
    return {
        "Zeros": lambda: initializer(shape),
        "np.zeros": lambda: np.zeros(shape, np.float32),
        "np.full": lambda: np.full(shape, 0, np.float32),
    }


def fitting(cases: Iterable[Case], max_bytes: int | None = None) -> tuple[list[Case], list[Case]]:
    """Split cases into those that memory and `max_bytes` leave room for, and the others.

    Parameters
    ----------
    cases : iterable of Case
    max_bytes : int, optional
        Cases above it are left out without being asked for memory.

    Returns
    -------
    wanted, too_large : list of Case
        `too_large` are those for which memory is short; NumPy, beside which they would be
        measured, has no guard against that.
    """
    wanted = [case for case in cases if max_bytes is None or case.nbytes <= max_bytes]
    available = _zerofill.system_info()["available_bytes"]
    if available is None:
        return wanted, []
    most = available * 3 // 4
    return (
        [case for case in wanted if case.nbytes <= most],
        [case for case in wanted if case.nbytes > most],
    )


def zeros_are_right(array: NDArray[Any]) -> bool:
    """Return whether every byte is zero and the address is aligned to 64 bytes."""
    flat = array.reshape(-1).view(np.uint8)
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    zero = not words.any() and not flat[words.nbytes :].any()
    return zero and array.ctypes.data % _ALIGNMENT_BYTES == 0


def touch_memory(nbytes: int) -> None:
    """Use that much memory once: a virtual machine gets it from its host only then."""
    np.full(_floats(nbytes), 1, np.float32)


def _use(array: Array) -> None:
    array += 1


def _check(case: Case, make: Maker) -> None:
    array = make()
    if not zeros_are_right(array):
        raise AssertionError(f"Zeros made a wrong array of {case.name}")
    _use(array)
    if not (array == 1).all():
        raise AssertionError(f"an array of {case.name} lost what was written to it")


def _time_calls(make: Maker, count: int) -> float:
    """Return the seconds that a call takes; the arrays are freed outside of what is timed."""
    if count > 1:  # too short for one reading of the clock, and its freeing is as short
        start = time.perf_counter()
        for _ in range(count):
            make()
        return (time.perf_counter() - start) / count
    start = time.perf_counter()
    array = make()
    elapsed = time.perf_counter() - start
    del array
    return elapsed


def _time_cycles(make: Maker, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        _use(make())
    return (time.perf_counter() - start) / count


def _medians(
    ways: dict[str, Maker], timer: Callable[[Maker, int], float], count: int, rounds: int
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, make in ways.items():
            timer(make, count)  # the one before has left its own memory in the caches
            times[name].append(timer(make, count))
    return {name: statistics.median(values) for name, values in times.items()}


def measure(cases: Iterable[Case]) -> Iterator[Row]:
    """Check and time each case.

    Parameters
    ----------
    cases : iterable of Case

    Yields
    ------
    Row

    Raises
    ------
    AssertionError
        When an array is not all zero or not aligned.
    """
    for case in cases:
        ways = makers(case)
        _check(case, ways["Zeros"])
        # 2,000 calls or 1.25 MiB a reading; from 64 KiB on arrays are read one by one.
        count = max(1, min(2000, (64 << 10) // case.nbytes * 20))
        rounds = 15 if case.nbytes <= 64 << 20 else 7
        yield Row(
            case,
            call=_medians(ways, _time_calls, count, rounds),
            cycle=_medians(ways, _time_cycles, count, rounds),
        )
