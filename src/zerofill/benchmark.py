"""Compare Zeros with NumPy on this machine: the measurement behind ``python -m zerofill bench``.

For every size and every implementation, two things are timed: the call that creates an array, and
the whole cycle of creating it, writing to all of it once (``+= 1``) and freeing it.

:func:`time_calls` and :func:`time_interleaved` are the only timing loops; the suite in ``bench/``
uses them too.
"""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _zerofill
from .initializers import Zeros

__all__ = [
    "CASES",
    "Case",
    "Result",
    "is_zeroed_and_aligned",
    "measure",
    "medians",
    "select_cases",
    "time_calls",
    "time_interleaved",
    "touch_memory",
]

MakeArray: TypeAlias = Callable[[], NDArray[np.float32]]
Context: TypeAlias = Callable[[], contextlib.AbstractContextManager[object]]

_ALIGNMENT_BYTES = 64


@dataclass(frozen=True)
class Case:
    """One size of array.

    Attributes
    ----------
    name : str
        How the size is printed.
    shape : tuple of int
    """

    name: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size of the array, in bytes."""
        return int(np.prod(self.shape)) * 4


def _float32_shape(nbytes: int) -> tuple[int, ...]:
    return (nbytes // 4,)


CASES = (
    Case("(3, 3)", (3, 3)),
    Case("1 KiB", _float32_shape(1 << 10)),
    Case("16 KiB", _float32_shape(16 << 10)),
    Case("256 KiB", _float32_shape(256 << 10)),
    Case("1 MiB", _float32_shape(1 << 20)),
    Case("4 MiB", _float32_shape(4 << 20)),
    Case("16 MiB", _float32_shape(16 << 20)),
    Case("64 MiB", _float32_shape(64 << 20)),
    Case("256 MiB", _float32_shape(256 << 20)),
    Case("1 GiB", _float32_shape(1 << 30)),
)


@dataclass(frozen=True)
class Result:
    """The times that were measured for one case: medians, in seconds, by implementation.

    Attributes
    ----------
    case : Case
    call : dict of str to float
        Time of the call that creates the array.
    cycle : dict of str to float
        Time to create the array, write to all of it once and free it.
    """

    case: Case
    call: dict[str, float]
    cycle: dict[str, float]

    def ratio(self, what: str, peer: str) -> float:
        """Return the time of ``Zeros`` divided by a peer's, for "call" or "cycle"."""
        times: dict[str, float] = getattr(self, what)
        return times["Zeros"] / times[peer]


def select_cases(
    cases: Iterable[Case], max_bytes: int | None = None
) -> tuple[list[Case], list[Case]]:
    """Select the cases that are small enough for the user's limit and for the free memory.

    Parameters
    ----------
    cases : iterable of Case
    max_bytes : int, optional
        Larger cases are dropped.

    Returns
    -------
    selected, too_large : list of Case
        `too_large` are the cases for which there is not enough free memory. zerofill would refuse
        them, but NumPy would have the process killed.
    """
    small_enough = [case for case in cases if max_bytes is None or case.nbytes <= max_bytes]
    available = _zerofill.system_info()["available_bytes"]
    if available is None:
        return small_enough, []
    limit = available * 3 // 4
    return (
        [case for case in small_enough if case.nbytes <= limit],
        [case for case in small_enough if case.nbytes > limit],
    )


def touch_memory(nbytes: int) -> None:
    """Write to that much memory once: a virtual machine gets it from its host only then."""
    np.full(_float32_shape(nbytes), 1, np.float32)


# Timing ---------------------------------------------------------------------------------------


def time_calls(function: Callable[[], object], iterations: int = 1) -> float:
    """Return the mean seconds of a call, from one reading of the clock over all iterations.

    What the last call returns is freed after the clock is read. So a single iteration times the
    call alone; a function that returns nothing has its freeing timed too.
    """
    start = time.perf_counter()
    for _ in range(iterations - 1):
        function()
    result = function()
    elapsed = time.perf_counter() - start
    del result
    return elapsed / iterations


def time_interleaved(
    functions: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    iterations: int = 1,
    warmup_iterations: int = 0,
    contexts: Mapping[str, Context] | None = None,
) -> dict[str, list[float]]:
    """Time several functions in turn, so that a change of the machine's speed affects them all.

    Parameters
    ----------
    functions : mapping of str to callable
    rounds : int
        How many times each function is timed.
    iterations : int, optional
        How many calls each of these times is the mean of.
    warmup_iterations : int, optional
        How many calls precede them untimed, because the function before has left its own memory
        in the caches.
    contexts : mapping of str to callable, optional
        Makes the context manager that a function runs in; entering and leaving it is not timed.

    Returns
    -------
    dict of str to list of float
        The seconds of each function, one for each round.
    """
    contexts = contexts or {}
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            with contexts.get(name, contextlib.nullcontext)():
                for _ in range(warmup_iterations):
                    function()
                seconds[name].append(time_calls(function, iterations))
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the median of each list."""
    return {name: statistics.median(times) for name, times in seconds.items()}


# The comparison -------------------------------------------------------------------------------


def _implementations(case: Case) -> dict[str, MakeArray]:
    initializer, shape = Zeros(), case.shape
    return {
        "Zeros": lambda: initializer(shape),
        "np.zeros": lambda: np.zeros(shape, np.float32),
        "np.full": lambda: np.full(shape, 0, np.float32),
    }


def _cycle_of(make: MakeArray) -> Callable[[], None]:
    def cycle() -> None:
        array = make()
        array += 1

    return cycle


def is_zeroed_and_aligned(array: NDArray[Any]) -> bool:
    """Return whether every byte is zero and the address is a multiple of 64 bytes."""
    flat = array.reshape(-1).view(np.uint8)
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    zero = not words.any() and not flat[words.nbytes :].any()
    return zero and array.ctypes.data % _ALIGNMENT_BYTES == 0


def _verify(case: Case, make: MakeArray) -> None:
    array = make()
    if not is_zeroed_and_aligned(array):
        raise AssertionError(f"Zeros made a wrong array of {case.name}")
    array += 1
    if not (array == 1).all():
        raise AssertionError(f"an array of {case.name} lost what was written to it")


def _median_times(functions: Mapping[str, Callable[[], object]], case: Case) -> dict[str, float]:
    # Each time is the mean over 2,000 calls or 1.25 MiB; above 64 KiB, it is that of one call.
    iterations = max(1, min(2000, (64 << 10) // case.nbytes * 20))
    return medians(
        time_interleaved(
            functions,
            rounds=15 if case.nbytes <= 64 << 20 else 7,
            iterations=iterations,
            warmup_iterations=iterations,
        )
    )


def measure(cases: Iterable[Case]) -> Iterator[Result]:
    """Verify and time each case.

    Parameters
    ----------
    cases : iterable of Case

    Yields
    ------
    Result

    Raises
    ------
    AssertionError
        If an array is not all zero or not aligned.
    """
    for case in cases:
        calls = _implementations(case)
        _verify(case, calls["Zeros"])
        cycles = {name: _cycle_of(make) for name, make in calls.items()}
        yield Result(case, _median_times(calls, case), _median_times(cycles, case))
