"""NumPy itself on zerofill: its memory handler (NEP 49), for a while or for good."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from . import _zerofill
from .runtime import is_disabled

__all__ = ["install", "numpy_allocator", "uninstall"]

# What NumPy used in this context before install(); None where that is not in force.
_former_handler: ContextVar[object] = ContextVar("zerofill_former_handler", default=None)


@contextlib.contextmanager
def numpy_allocator() -> Iterator[None]:
    """Have NumPy allocate through zerofill, within a ``with`` statement or a decorated function.

    Every array that NumPy makes meanwhile, by :func:`numpy.zeros`, :func:`numpy.empty`, arithmetic
    or anything else, has its memory from zerofill: aligned to 64 bytes, and from 2 MiB on out of
    the pool. As ever with NumPy, fresh pages are resident only once they are touched, and
    ``OWNDATA`` is True. Arrays may outlive the statement.

    NumPy keeps the choice in a context variable (NEP 49), so what counts is where code runs:

    - asyncio tasks start with what was chosen where they were created;
    - threads start with NumPy's own memory (on free-threaded Python 3.14, or with
      ``-X thread_inherit_context=1``, they inherit the choice, too). Decorate a thread's function,
      or give :func:`install` to an executor as its ``initializer``;
    - a generator that yields within the statement leaves the choice to whoever called it.

    On exit the former handler is restored, unless another one was set meanwhile: that one stays.
    Under ``ZEROFILL_DISABLE=1`` nothing changes.

    Returns
    -------
    context manager
        Which is a decorator, too, for functions other than coroutines and generators.

    See Also
    --------
    install : the same without an end.

    Examples
    --------
    >>> import numpy as np
    >>> import zerofill
    >>> with zerofill.numpy_allocator():
    ...     a = np.ones(1000) + 1
    >>> a.ctypes.data % 64
    0
    >>> @zerofill.numpy_allocator()
    ... def work():
    ...     return np.arange(3)
    >>> work()
    array([0, 1, 2])
    """
    former = _choose_ours()
    try:
        yield
    finally:
        _choose_again(former)


def install() -> None:
    """Have NumPy allocate through zerofill from now on, in this context.

    As :func:`numpy_allocator`, until :func:`uninstall`. A second call changes nothing. Within a
    ``with`` statement of that function it ends where the statement does.

    See Also
    --------
    numpy_allocator : who sees the choice.

    Examples
    --------
    >>> import zerofill
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> zerofill.install()
    >>> executor = ThreadPoolExecutor(initializer=zerofill.install)
    >>> zerofill.uninstall()
    """
    if not _is_ours():
        _former_handler.set(_choose_ours())


def uninstall() -> None:
    """Undo :func:`install` in this context; arrays that were made meanwhile stay as they are.

    Where another handler than zerofill's is in use, it stays.

    Examples
    --------
    >>> import zerofill
    >>> zerofill.install()
    >>> zerofill.uninstall()
    """
    former = _former_handler.get()
    if former is not None:
        _former_handler.set(None)
        _choose_again(former)


def _is_ours() -> bool:
    return _zerofill.get_numpy_handler() is _zerofill.numpy_handler


def _choose_ours() -> object:
    """Return what was there before."""
    if is_disabled():
        return _zerofill.get_numpy_handler()
    return _zerofill.set_numpy_handler(_zerofill.numpy_handler)


def _choose_again(former: object) -> None:
    if _is_ours():
        _zerofill.set_numpy_handler(former)
