"""Runtime options, memory ahead of time, and returning cached memory to the system."""

import enum
import os
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Self

from . import _zerofill
from ._zerofill import Reserve
from .keywords import check_keywords
from .option_values import check_option, parse_environment, variable_of

__all__ = ["Options", "configure", "reserve", "trim"]


class _OptionValues(NamedTuple):
    num_threads: int
    pool_limit: int | None
    decay: float
    scrub: bool | Literal["auto"]
    audit: bool
    huge_pages: Literal["auto", "off"]
    placement: Literal["caller", "interleave"] | int


class Options(_OptionValues):
    """The runtime options in force, as :func:`configure` returns them.

    At the end of a ``with`` statement, the options that the call has set have their former values.

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
    placement : "caller", "interleave" or int
        On which NUMA nodes memory is put.
    """

    _former: Mapping[str, Any] = {}  # nobody changes it
    _former_origins: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        _zerofill.set_options(**self._former)
        for name in self._former:
            _origins.pop(name, None)
        _origins.update(self._former_origins)


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


def trim() -> int:
    """Return all memory that is cached for reuse to the system.

    What the C library keeps goes back too, as far as it can (malloc_trim(3)), and is not counted.
    The one exception is what other threads cache: up to 64 KiB of each size class up to 16 KiB, and
    up to four larger arrays, 1.25 MiB together.

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
    pool_limit: int | str | _Unchanged | None = UNCHANGED,
    decay: float | _Unchanged = UNCHANGED,
    scrub: bool | Literal["auto", "on", "off"] | _Unchanged = UNCHANGED,
    audit: bool | _Unchanged = UNCHANGED,
    huge_pages: Literal["auto", "off"] | _Unchanged = UNCHANGED,
    placement: Literal["caller", "interleave"] | int | _Unchanged = UNCHANGED,
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
    pool_limit : int, str or None
        How many bytes of freed blocks the pool may hold for reuse, or a size such as "2GiB". None
        (the default): twice the recent peak of live bytes, and at most a quarter of the memory
        that the process may use.
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
        Whether the system is asked for huge pages (madvise(2), MADV_HUGEPAGE, and for shared
        memory MADV_COLLAPSE). "auto" (the default): for blocks that hold one, unless the system
        has just refused some or was slow to make them. NumPy's variable
        ``NUMPY_MADVISE_HUGEPAGE=0`` means "off" where the option is not set. When the option
        changes, the pool is emptied.
    placement : "caller", "interleave" or int
        On which NUMA nodes memory of more than 2 MiB is put, whichever thread touches it first.
        "caller" (the default): where the memory policy of the thread that asks for it says
        (set_mempolicy(2), numactl(8)), which by default is its own node. "interleave": page by
        page on all nodes in turn. A number: on that node alone. Has no effect where there is one
        node.

    Returns
    -------
    Options
        An immutable record. It is also a context manager that puts back what this call has set.

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
    >>> with zerofill.configure(pool_limit="2GiB", decay=1):
    ...     a = zerofill.zeros(1000)
    >>> zerofill.configure().decay
    10.0
    """
    given = {
        "num_threads": num_threads,
        "pool_limit": pool_limit,
        "decay": decay,
        "scrub": scrub,
        "audit": audit,
        "huge_pages": huge_pages,
        "placement": placement,
    }
    checked = {
        name: check_option(name, value) for name, value in given.items() if value is not UNCHANGED
    }
    former, former_origins = _zerofill.get_options(), dict(_origins)
    _zerofill.set_options(**checked)
    _origins.update(dict.fromkeys(checked, "configure()"))
    values = _zerofill.get_options()
    on_off = {"on": True, "off": False}
    options = Options(**{**values, "scrub": on_off.get(values["scrub"], "auto")})
    options._former = {name: former[name] for name in checked}
    options._former_origins = {n: origin for n, origin in former_origins.items() if n in checked}
    return options


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
