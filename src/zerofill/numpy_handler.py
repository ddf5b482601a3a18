"""Have NumPy allocate through zerofill, by setting its memory handler (NEP 49)."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from . import _zerofill
from .runtime import is_disabled

__all__ = ["install", "numpy_allocator", "uninstall"]

# The handler that install() replaced in this context; None if install() is not in effect here.
_replaced_handler: ContextVar[object] = ContextVar("zerofill_replaced_handler", default=None)


_P = ParamSpec("_P")
_R = TypeVar("_R")


class _NumpyAllocator:
    """What :func:`numpy_allocator` returns: a context manager, and a decorator."""

    def __init__(self) -> None:
        self._previous: list[object] = []

    def __enter__(self) -> None:
        self._previous.append(_set_handler())

    def __exit__(self, *error: object) -> None:
        _restore_handler(self._previous.pop())

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
            with _NumpyAllocator():
                return function(*args, **kwargs)

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


def numpy_allocator() -> _NumpyAllocator:
    """Have NumPy allocate through zerofill, within a ``with`` statement or a decorated function.

    Every array that NumPy creates meanwhile, by :func:`numpy.zeros`, :func:`numpy.empty`,
    arithmetic or anything else, gets its memory from zerofill: aligned to 64 bytes, and from the
    pool if it has 2 MiB or more. As always in NumPy, fresh pages become resident only when they
    are touched, and ``OWNDATA`` is True. Arrays may outlive the statement.

    NumPy stores its memory handler in a context variable (NEP 49), so the choice applies to the
    code that runs in the same context:

    - an asyncio task starts with the handler of the code that created it;
    - a thread starts with NumPy's own handler (on free-threaded Python 3.14, or with
      ``-X thread_inherit_context=1``, with that of the thread that started it). Decorate the
      thread's function, or pass :func:`install` to an executor as its ``initializer``;
    - a generator that yields within the statement leaves the handler set in the code that called
      it.

    On exit the previous handler is restored, unless another one was set meanwhile: that one stays.
    Under ``ZEROFILL_DISABLE=1`` nothing changes.

    Returns
    -------
    context manager
        It is also a decorator, for functions other than coroutines and generators.

    Raises
    ------
    TypeError
        When it decorates a coroutine function or a generator function.

    See Also
    --------
    install : the same until :func:`uninstall` is called.

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
    return _NumpyAllocator()


def install() -> None:
    """Have NumPy allocate through zerofill from now on, in this context.

    Like :func:`numpy_allocator`, but until :func:`uninstall` is called. A second call changes
    nothing. Within a ``with`` statement of that function, it lasts only as long as the statement.

    See Also
    --------
    numpy_allocator : which code is affected.

    Examples
    --------
    >>> import zerofill
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> zerofill.install()
    >>> executor = ThreadPoolExecutor(initializer=zerofill.install)
    >>> zerofill.uninstall()
    """
    if not _is_active():
        _replaced_handler.set(_set_handler())


def uninstall() -> None:
    """Undo :func:`install` in this context. Arrays that exist already keep their memory.

    If another handler than zerofill's is in use, it stays.

    Examples
    --------
    >>> import zerofill
    >>> zerofill.install()
    >>> zerofill.uninstall()
    """
    previous = _replaced_handler.get()
    if previous is not None:
        _replaced_handler.set(None)
        _restore_handler(previous)


def _is_active() -> bool:
    return _zerofill.get_numpy_handler() is _zerofill.numpy_handler


def _set_handler() -> object:
    """Set zerofill's handler, unless zerofill is disabled; return the previous handler."""
    if is_disabled():
        return _zerofill.get_numpy_handler()
    return _zerofill.set_numpy_handler(_zerofill.numpy_handler)


def _restore_handler(previous: object) -> None:
    if _is_active():
        _zerofill.set_numpy_handler(previous)
