"""Refuse keyword arguments that a function does not have, and name those that it has."""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["check_keywords"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def check_keywords(**hints: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a function or a ``__new__`` whose parameters can all be given by keyword.

    Parameters
    ----------
    **hints : str
        For a keyword that people try although there is none, what they want instead.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        called = function.__qualname__.removesuffix(".__new__")
        known = [name for name in inspect.signature(function).parameters if name != "cls"]

        @functools.wraps(function)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            for name in kwargs:
                if name in known:
                    continue
                hint = f"; {hints[name]}" if name in hints else ""
                raise TypeError(
                    f"{called}() got an unexpected keyword argument {name!r}; it takes "
                    f"{', '.join(known[:-1])} and {known[-1]}{hint}"
                )
            return function(*args, **kwargs)

        return checked

    return decorate
