"""Have NumPy allocate through zerofill, by setting its memory handler (NEP 49)."""

import functools
import inspect
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import ParamSpec, TypeVar

from . import _zerofill
from .runtime import is_disabled

__all__ = ["install", "is_installed", "numpy_allocator", "uninstall"]

# How to undo install() in this context; None if it is not in effect here.
_installed: ContextVar["Token[object] | None"] = ContextVar("zerofill_installed", default=None)


_P = ParamSpec("_P")
_R = TypeVar("_R")


class _NumpyAllocator:
    """What :func:`numpy_allocator` returns: a context manager, and a decorator."""

    def __init__(self, handler: object) -> None:
        self._handler = handler
        self._of_thread = threading.local()  # threads may share one manager

    def _entered(self) -> "list[Token[object] | None]":
        found: list[Token[object] | None] = self._of_thread.__dict__.setdefault("entered", [])
        return found

    def __enter__(self) -> None:
        self._entered().append(_set_handler(self._handler))

    def __exit__(self, *error: object) -> None:
        _restore_handler(self._entered().pop())

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        if not callable(function):
            raise TypeError(f"numpy_allocator() decorates functions, got {function!r}")
        kind = _suspending_kind(function)
        if kind is not None:
            raise TypeError(
                f"numpy_allocator() cannot decorate {function!r}: calling {kind} only creates an "
                "object, and its body runs later, in the context of whoever runs it. Write `with "
                "zerofill.numpy_allocator():` inside of it, around code that does not suspend"
            )

        @functools.wraps(function)
        def within(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            token = _set_handler(self._handler)
            try:
                return function(*args, **kwargs)
            finally:
                _restore_handler(token)

        return within


def _suspending_kind(function: object) -> str | None:
    """Return what a function is whose call does not run its body; None for a plain one."""
    call_method = type(function).__call__ if callable(function) else None
    for candidate in (function, call_method):
        if inspect.iscoroutinefunction(candidate):
            return "a coroutine function"
        if inspect.isgeneratorfunction(candidate) or inspect.isasyncgenfunction(candidate):
            return "a generator function"
    return None


def numpy_allocator(*, alignment: int = 64) -> _NumpyAllocator:
    """Have NumPy allocate through zerofill, within a ``with`` statement or a decorated function.

    Every array that NumPy creates meanwhile, by :func:`numpy.zeros`, :func:`numpy.empty`,
    arithmetic or anything else, gets its memory from zerofill: aligned, and from the pool if it has
    2 MiB or more. As always in NumPy, fresh pages become resident only when they are touched, and
    ``OWNDATA`` is True. Arrays may outlive the statement.

    NumPy stores its memory handler in a context variable (NEP 49), so the choice applies to the
    code that runs in the same context:

    - an asyncio task starts with the handler of the code that created it;
    - a thread starts with NumPy's own handler (on free-threaded Python 3.14, or with
      ``-X thread_inherit_context=1``, with that of the thread that started it). Decorate the
      thread's function, or call ``install(threads=True)`` once;
    - a generator that yields within the statement leaves the handler set in the code that called
      it.

    On exit the previous handler is restored, unless one that is not zerofill's was set meanwhile.
    Under ``ZEROFILL_DISABLE=1`` nothing changes.

    Parameters
    ----------
    alignment : int
        The address of each array's first element is a multiple of it: a power of two up to 2**30,
        in bytes. Less than 64 counts as 64. O_DIRECT, for example, wants 512 or 4096 (open(2)).

    Returns
    -------
    context manager
        It is also a decorator, for functions other than coroutines and generators.

    Raises
    ------
    TypeError
        If `alignment` is not an integer, or when a coroutine function or a generator function is
        decorated.
    ValueError
        If `alignment` is not a power of two from 1 to 2**30.

    See Also
    --------
    install : the same until :func:`uninstall` is called.

    Examples
    --------
    >>> import numpy as np
    >>> import zerofill
    >>> with zerofill.numpy_allocator(alignment=4096):
    ...     a = np.ones(1000) + 1
    >>> a.ctypes.data % 4096
    0
    >>> @zerofill.numpy_allocator()
    ... def work():
    ...     return np.arange(3)
    >>> work()
    array([0, 1, 2])
    """
    return _NumpyAllocator(_zerofill.numpy_handler(alignment))


def install(*, threads: bool = False, alignment: int = 64) -> None:
    """Have NumPy allocate through zerofill from now on, in this context or in every thread.

    Like :func:`numpy_allocator`, but until :func:`uninstall` is called. A second call changes
    nothing but the alignment. Within a ``with`` statement of that function, what it sets for this
    context lasts only as long as the statement.

    Parameters
    ----------
    threads : bool
        Whether NumPy does so in every thread of the process, those that run already among them,
        and in the processes that it forks. Only code whose context was given a handler of its own
        keeps that one. Default False: in the context of the caller.
    alignment : int
        As of :func:`numpy_allocator`.

    Raises
    ------
    TypeError, ValueError
        As of :func:`numpy_allocator`.
    RuntimeError
        If `threads` is True and this Python offers no way to do it.

    See Also
    --------
    numpy_allocator : which code a context is.

    Notes
    -----
    Processes that Python starts anew, as multiprocessing does by "spawn", begin with NumPy's own
    memory. ``python -m zerofill run`` reaches them too.

    Examples
    --------
    >>> import zerofill
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> zerofill.install(threads=True)
    >>> with ThreadPoolExecutor() as executor:
    ...     executor.submit(zerofill.is_installed).result()
    True
    >>> zerofill.uninstall()
    """
    if not isinstance(threads, bool):
        raise TypeError(f"threads must be True or False, got {threads!r}")
    handler = _zerofill.numpy_handler(alignment)
    if is_disabled():
        return
    if threads:
        _zerofill.set_default_numpy_handler(handler)
    current = _zerofill.get_numpy_handler()
    if current is handler:
        return
    token = _set_handler(handler)
    if not _zerofill.numpy_handler_alignment(current):
        _installed.set(token)


def is_installed() -> bool:
    """Return whether NumPy allocates through zerofill here, in the context of the caller.

    Examples
    --------
    >>> import zerofill
    >>> with zerofill.numpy_allocator():
    ...     zerofill.is_installed()
    True
    """
    return _zerofill.numpy_handler_alignment(_zerofill.get_numpy_handler()) != 0


def uninstall() -> None:
    """Undo :func:`install` in this context, and in every thread if it was for all of them.

    Arrays that exist already keep their memory. If another handler than zerofill's is in use, it
    stays.

    Examples
    --------
    >>> import zerofill
    >>> zerofill.install()
    >>> zerofill.uninstall()
    """
    _zerofill.set_default_numpy_handler(None)
    token = _installed.get()
    if token is not None:
        _installed.set(None)
        _restore_handler(token)


def _set_handler(handler: object) -> Token[object] | None:
    """Set a handler of zerofill's, unless zerofill is disabled; return what undoes it."""
    return None if is_disabled() else _zerofill.numpy_handler_variable.set(handler)


def _restore_handler(token: Token[object] | None) -> None:
    """Undo :func:`_set_handler`, unless another handler than zerofill's was set meanwhile."""
    if token is None or not is_installed():
        return
    try:
        _zerofill.numpy_handler_variable.reset(token)
    except ValueError:  # it was set in another context, of which this one is a copy
        former = token.old_value
        _zerofill.set_numpy_handler(None if former is Token.MISSING else former)
