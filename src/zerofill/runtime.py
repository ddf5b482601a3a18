"""Runtime options, counters, and giving memory back."""

import enum
import math
import operator
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from . import _zerofill

__all__ = ["Options", "Stats", "configure", "stats", "trim"]


MOST_THREADS: Final = _zerofill.most_threads


class Options(NamedTuple):
    """The runtime options in force, as :func:`configure` returns them.

    Attributes
    ----------
    num_threads : int
        Threads that work on one large array at most, the calling one counted.
    pool_limit : int or None
        Bytes of freed blocks that may be kept for reuse; None: chosen by use.
    decay : float
        Seconds until an idle block goes back to the system.
    scrub : bool or "auto"
        Whether freed large blocks are zeroed in the background.
    audit : bool
        Whether clean blocks are read again when they are handed out.
    """

    num_threads: int
    pool_limit: int | None
    decay: float
    scrub: bool | Literal["auto"]
    audit: bool


class Stats(NamedTuple):
    """What the allocator counted since the process started, as :func:`stats` returns it.

    Arrays below 2 MiB (lazy ones: 256 KiB) are one allocation of the C library each, and count as
    live alone. Arrays of NumPy's own, under :func:`numpy_allocator` and those of objects, do not
    count as live; from 2 MiB on they count as blocks.

    Attributes
    ----------
    live_bytes, live_blocks : int
        What arrays and buffers hold now.
    peak_bytes, peak_blocks : int
        The most that was ever live.
    pooled_clean_bytes, pooled_dirty_bytes : int
        Kept for reuse, known to be zero or not.
    clean_hits, dirty_hits : int
        Blocks that were reused, known to be zero or not.
    misses : int
        Blocks that had to come from the system.
    zeroed_bytes : int
        Written with zeros while a caller waited.
    skipped_bytes : int
        Not written, because they were known to be zero.
    scrubbed_bytes : int
        Written with zeros in the background.
    populated_bytes : int
        Fresh pages made resident.
    returned_bytes : int
        Given back to the system.
    moved_bytes : int
        Not copied as an array was resized in place, since its pages stayed or moved.
    """

    live_bytes: int
    live_blocks: int
    peak_bytes: int
    peak_blocks: int
    pooled_clean_bytes: int
    pooled_dirty_bytes: int
    clean_hits: int
    dirty_hits: int
    misses: int
    zeroed_bytes: int
    skipped_bytes: int
    scrubbed_bytes: int
    populated_bytes: int
    returned_bytes: int
    moved_bytes: int


class _Unchanged(enum.Enum):
    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return "<unchanged>"


UNCHANGED: Final = _Unchanged.UNCHANGED


# Where the options in force come from, but for the defaults.
_origins: dict[str, str] = {}


def option_origins() -> dict[str, str]:
    """Return where each option in force comes from: "default", a variable, or "configure()"."""
    return {name: _origins.get(name, "default") for name in Options._fields}


def stats() -> Stats:
    """Return the counters of this process.

    Returns
    -------
    Stats
        An immutable record.

    Examples
    --------
    >>> import zerofill
    >>> before = zerofill.stats().live_bytes
    >>> a = zerofill.zeros(1000, dtype="u1")
    >>> zerofill.stats().live_bytes - before
    1000
    """
    return Stats(**_zerofill.stats())


def trim() -> int:
    """Give all memory that is kept for reuse back to the system.

    Only what each thread keeps of the smallest arrays under :func:`numpy_allocator` stays with it,
    some 80 KiB at most.

    Returns
    -------
    int
        How many bytes that was.

    Examples
    --------
    >>> import zerofill
    >>> returned = zerofill.trim()
    >>> zerofill.trim()
    0
    """
    return _zerofill.trim()


def configure(
    *,
    num_threads: int | _Unchanged | None = UNCHANGED,
    pool_limit: int | _Unchanged | None = UNCHANGED,
    decay: float | _Unchanged = UNCHANGED,
    scrub: bool | Literal["auto", "on", "off"] | _Unchanged = UNCHANGED,
    audit: bool | _Unchanged = UNCHANGED,
) -> Options:
    """Set runtime options and return them all.

    Each is also an environment variable, ``ZEROFILL_NUM_THREADS`` and so on, which is read when
    zerofill is imported. A new value counts from the next array on that is made or freed.

    Parameters
    ----------
    num_threads : int or None
        Threads that work on one large array at most, the calling one counted; 1 to 256. None: the
        CPUs that the affinity mask and the cgroup quota give (the default).
    pool_limit : int or None
        Bytes of freed blocks that may be kept for reuse. None (the default): twice what was in use
        lately, and at most a quarter of the memory that the process may use.
    decay : float
        Seconds until an idle block goes back to the system. Default 10.
    scrub : bool, "auto", "on" or "off"
        Whether freed large blocks are zeroed in the background, so that the next array costs
        nothing. "auto" (the default): those of 64 MiB and more whose size is being reused, if
        `num_threads` is more than one.
    audit : bool
        Whether a block that is known to be zero is read again when it is handed out, and a write
        after free is reported on standard error. Default False.

    Returns
    -------
    Options
        An immutable record.

    Raises
    ------
    TypeError
        For an option that does not exist, or a value of the wrong type.
    ValueError
        For an invalid value. Nothing was changed then. On import, for an environment variable
        with such a value.

    Examples
    --------
    >>> import zerofill
    >>> zerofill.configure(num_threads=1).num_threads
    1
    >>> options = zerofill.configure(num_threads=None)
    """
    given = {
        "num_threads": num_threads,
        "pool_limit": pool_limit,
        "decay": decay,
        "scrub": scrub,
        "audit": audit,
    }
    checked = {key: _CHECKS[key](value) for key, value in given.items() if value is not UNCHANGED}
    _zerofill.set_options(**checked)
    _origins.update(dict.fromkeys(checked, "configure()"))
    options = _zerofill.get_options()
    on_off = {"on": True, "off": False}
    return Options(**{**options, "scrub": on_off.get(options["scrub"], "auto")})


def _check_num_threads(value: Any) -> int:
    if value is None:
        return min(int(_zerofill.system_info()["usable_cpus"]), MOST_THREADS)
    threads = operator.index(value)
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"num_threads must be from 1 to {MOST_THREADS}, got {value!r}")
    return threads


def _check_pool_limit(value: Any) -> int | None:
    if value is None:
        return None
    limit = operator.index(value)
    if not 0 <= limit < 2**63:
        raise ValueError(f"pool_limit must be a number of bytes from 0 to 2**63 - 1, got {value!r}")
    return limit


def _check_decay(value: Any) -> float:
    if isinstance(value, (str, bytes, bytearray)):
        raise TypeError(f"decay must be a number of seconds, got {value!r}")
    seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"decay must be a number of seconds, 0 or more, got {value!r}")
    return seconds


def _check_scrub(value: Any) -> str:
    if value is True or value is False:
        return "on" if value else "off"
    if isinstance(value, str) and value in ("auto", "on", "off"):
        return value
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f"scrub must be 'auto', 'on', 'off', True or False, got {value!r}")


def _check_audit(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise TypeError(f"audit must be True or False, got {value!r}")


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "num_threads": _check_num_threads,
    "pool_limit": _check_pool_limit,
    "decay": _check_decay,
    "scrub": _check_scrub,
    "audit": _check_audit,
}

_SWITCH = {"1": True, "on": True, "true": True, "0": False, "off": False, "false": False}


def _read_switch(text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise ValueError(f"it must be 1 or 0, got {text!r}")
    return _SWITCH[text.lower()]


def _read_scrub(text: str) -> bool | str:
    return "auto" if text.lower() == "auto" else _read_switch(text)


_READERS: dict[str, Callable[[str], Any]] = {
    "num_threads": int,
    "pool_limit": int,
    "decay": float,
    "scrub": _read_scrub,
    "audit": _read_switch,
}


def read_environment(environment: Mapping[str, str]) -> None:
    """Set the options that ``ZEROFILL_...`` variables name; called once, on import.

    Raises
    ------
    ValueError
        Names the variable and its value.
    """
    options = {}
    for name, read in {**_READERS, "disable": _read_switch}.items():
        variable = f"ZEROFILL_{name.upper()}"
        text = environment.get(variable, "")
        if not text:
            continue
        try:
            value = read(text)
            options[name] = value if name == "disable" else _CHECKS[name](value)
        except ValueError as error:
            raise ValueError(f"the environment variable {variable}={text!r}: {error}") from None
    if options.pop("disable", False):
        _zerofill.disable_own_memory()
    configure(**options)
    _origins.update({name: f"ZEROFILL_{name.upper()}" for name in options})


def is_disabled() -> bool:
    """Whether ``ZEROFILL_DISABLE`` sends everything through NumPy's own memory."""
    return _zerofill.is_own_memory_disabled()


read_environment(os.environ)
