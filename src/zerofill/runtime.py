"""Runtime options, counters, and returning cached memory to the system."""

import enum
import os
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from . import _zerofill
from ._zerofill import Reserve
from .keywords import check_keywords
from .option_values import check_option, parse_environment, variable_of

__all__ = ["Options", "Stats", "configure", "stats", "trim"]


class Options(NamedTuple):
    """The runtime options in force, as :func:`configure` returns them.

    Attributes
    ----------
    num_threads : int
        How many threads may work on one large array, including the calling thread.
    pool_limit : int or None
        How many bytes of freed blocks the pool may hold. None: it depends on recent use.
    decay : float
        Seconds until an idle block is returned to the system.
    scrub : bool or "auto"
        Whether large blocks are zeroed in the background once they are freed.
    audit : bool
        Whether clean blocks are checked for writes after free when they are reused.
    huge_pages : "auto" or "off"
        Whether the system is asked for huge pages.
    """

    num_threads: int
    pool_limit: int | None
    decay: float
    scrub: bool | Literal["auto"]
    audit: bool
    huge_pages: Literal["auto", "off"]


class Stats(NamedTuple):
    """The allocator's counters since the process started, as :func:`stats` returns them.

    A block is clean if all its bytes are known to be zero, and dirty otherwise.

    Arrays below 2 MiB (256 KiB if they are lazy) are small memory, of which only the live, peak,
    heap and returned counters know. Arrays that NumPy allocates itself, under
    :func:`numpy_allocator` or because they hold objects, are in all but the live counters.

    Attributes
    ----------
    live_bytes, live_blocks : int
        What arrays and buffers hold now.
    peak_bytes, peak_blocks : int
        The highest that these two ever were.
    pooled_clean_bytes, pooled_dirty_bytes : int
        Free blocks that the pool holds for reuse.
    reserved_bytes : int
        What is left of memory that :func:`reserve` made ahead of time.
    heap_used_bytes, heap_idle_bytes : int
        Pages that small memory is made of, in use and free. Free ones are held for reuse.
    clean_hits, dirty_hits : int
        How many requests were served by a block from the pool.
    misses : int
        How many requests took new memory from the system.
    zeroed_bytes : int
        Overwritten with zeros while the caller waited.
    skipped_bytes : int
        Not overwritten, because they were known to be zero.
    scrubbed_bytes : int
        Overwritten with zeros in the background.
    populated_bytes : int
        Made resident in fresh pages.
    huge_page_bytes : int
        Of these, on huge pages that the system granted.
    returned_bytes : int
        Returned to the system.
    moved_bytes : int
        Not copied when an array was resized, because its pages stayed or were moved.
    """

    live_bytes: int
    live_blocks: int
    peak_bytes: int
    peak_blocks: int
    pooled_clean_bytes: int
    pooled_dirty_bytes: int
    reserved_bytes: int
    heap_used_bytes: int
    heap_idle_bytes: int
    clean_hits: int
    dirty_hits: int
    misses: int
    zeroed_bytes: int
    skipped_bytes: int
    scrubbed_bytes: int
    populated_bytes: int
    huge_page_bytes: int
    returned_bytes: int
    moved_bytes: int


class _Unchanged(enum.Enum):
    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return "<unchanged>"


UNCHANGED: Final = _Unchanged.UNCHANGED

NUMPYS_VARIABLE: Final = "NUMPY_MADVISE_HUGEPAGE"


# What set each option that does not have its default.
_origins: dict[str, str] = {}


def option_origins() -> dict[str, str]:
    """Return what set each option: "default", "configure()", or the name of a variable."""
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
    """Return all memory that is cached for reuse to the system.

    What the C library keeps goes back too, as far as it can (malloc_trim(3)), and is not counted.
    The one exception is what other threads cache: up to 64 KiB of each of the smallest sizes, and
    four arrays of up to 256 KiB.

    Returns
    -------
    int
        How many bytes were returned.

    Examples
    --------
    >>> import zerofill
    >>> returned = zerofill.trim()
    >>> zerofill.trim()
    0
    """
    return _zerofill.trim()


def reserve(nbytes: int) -> Reserve:
    """Make memory resident ahead of time, in the background, for arrays that are made later.

    The call returns at once. Threads of low priority, as many as `num_threads` says, make zeroed
    pages while the program does something else, such as reading its input. When all are there,
    arrays of 2 MiB and more are cut out of them, zerofill's and NumPy's under
    :func:`numpy_allocator`, at the price of memory that is reused. What is not used stays until
    :func:`trim`, a fork, or until memory runs low; it does not count for `pool_limit`.

    Parameters
    ----------
    nbytes : int
        How many bytes the arrays will have together.

    Returns
    -------
    Reserve
        To be waited for or cancelled. It may be dropped.

    Raises
    ------
    MemoryError
        If it does not fit in the memory that the process may still use.
    TypeError, ValueError, OverflowError
        If `nbytes` is not an integer, negative, or 2**63 or more.

    Examples
    --------
    >>> import zerofill
    >>> reserve = zerofill.reserve(8 << 20)
    >>> reserve.wait()
    True
    >>> array = zerofill.zeros((1024, 1024))
    """
    return _zerofill.reserve(0 if is_disabled() else nbytes)


@check_keywords()
def configure(
    *,
    num_threads: int | _Unchanged | None = UNCHANGED,
    pool_limit: int | _Unchanged | None = UNCHANGED,
    decay: float | _Unchanged = UNCHANGED,
    scrub: bool | Literal["auto", "on", "off"] | _Unchanged = UNCHANGED,
    audit: bool | _Unchanged = UNCHANGED,
    huge_pages: Literal["auto", "off"] | _Unchanged = UNCHANGED,
) -> Options:
    """Set runtime options, and return the values of all of them.

    Each is also an environment variable, ``ZEROFILL_NUM_THREADS`` and so on, which is read when
    zerofill is imported. A new value applies at once: what the pool
    holds beyond a lower `pool_limit`, or longer than a lower `decay`, is returned to the system.

    Parameters
    ----------
    num_threads : int or None
        How many threads may work on one large array, including the calling thread, from 1 to 256.
        None (the default): as many as the affinity mask and the cgroup quota give CPUs.
    pool_limit : int or None
        How many bytes of freed blocks the pool may hold for reuse. None (the default): twice the
        recent peak of live bytes, and at most a quarter of the memory that the process may use.
    decay : float
        Seconds until an idle block is returned to the system. Default 10.
    scrub : bool, "auto", "on" or "off"
        Whether large blocks are zeroed in the background once they are freed, so that the next
        array need not wait for that. "auto" (the default): blocks of 64 MiB and more whose size is
        being reused, if `num_threads` is more than one.
    audit : bool
        Whether a block that should be all zero is checked when it is reused. A byte that is not
        zero was written after it was freed, and is reported on standard error. Default False.
    huge_pages : "auto" or "off"
        Whether the system is asked for huge pages (madvise(2), MADV_HUGEPAGE). "auto" (the
        default): for blocks that hold one, unless the system has just refused some or was slow to
        make them. NumPy's variable ``NUMPY_MADVISE_HUGEPAGE=0`` means "off" where the option is
        not set. When the option changes, the pool is emptied.

    Returns
    -------
    Options
        An immutable record.

    Raises
    ------
    TypeError
        For an option that does not exist, or a value of the wrong type.
    ValueError
        For an invalid value, in which case no option is changed. When zerofill is imported, for an
        environment variable with an invalid value.

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
        "huge_pages": huge_pages,
    }
    checked = {
        name: check_option(name, value) for name, value in given.items() if value is not UNCHANGED
    }
    _zerofill.set_options(**checked)
    _origins.update(dict.fromkeys(checked, "configure()"))
    options = _zerofill.get_options()
    on_off = {"on": True, "off": False}
    return Options(**{**options, "scrub": on_off.get(options["scrub"], "auto")})


def configure_from_environment(environment: Mapping[str, str]) -> None:
    """Set the options that ``ZEROFILL_...`` variables give. Called once, on import.

    Raises
    ------
    ValueError
        For an invalid value; the message names the variable too.
    """
    options = parse_environment(environment)
    if options.pop("disable", False):
        _zerofill.disable_own_memory()
    configure(**options)
    _origins.update({name: variable_of(name) for name in options})
    if "huge_pages" not in options and environment.get(NUMPYS_VARIABLE, "").strip() == "0":
        configure(huge_pages="off")
        _origins["huge_pages"] = NUMPYS_VARIABLE


def is_disabled() -> bool:
    """Return whether ``ZEROFILL_DISABLE`` has every array use NumPy's own memory."""
    return _zerofill.is_own_memory_disabled()


def prepare_forks() -> None:
    """Have what takes long before a fork done without the GIL. Called once, on import."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_zerofill.prepare_fork, after_in_parent=_zerofill.end_fork)


configure_from_environment(os.environ)
prepare_forks()
