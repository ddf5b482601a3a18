"""Create arrays of zeros, and zero existing memory."""

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _zerofill
from ._zerofill import clear, zeros

__all__ = ["clear", "zeros", "zeros_like"]


_ArrayT = TypeVar("_ArrayT", bound=np.ndarray[Any, Any])
_ScalarT = TypeVar("_ScalarT", bound=np.generic)
_Commit: TypeAlias = Literal["eager", "lazy", "background"]
_Order: TypeAlias = Literal["K", "A", "C", "F"]
_Placement: TypeAlias = Literal["caller", "interleave"] | SupportsIndex
_Shape: TypeAlias = SupportsIndex | Sequence[SupportsIndex]


@overload
def zeros_like(
    a: _ArrayT,
    dtype: None = None,
    order: _Order | None = "K",
    subok: Literal[True] = True,
    shape: None = None,
    *,
    device: Literal["cpu"] | None = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> _ArrayT: ...
@overload
def zeros_like(
    a: NDArray[_ScalarT],
    dtype: None = None,
    order: _Order | None = "K",
    subok: bool = True,
    shape: _Shape | None = None,
    *,
    device: Literal["cpu"] | None = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> NDArray[_ScalarT]: ...
@overload
def zeros_like(
    a: object,
    dtype: type[_ScalarT] | np.dtype[_ScalarT],
    order: _Order | None = "K",
    subok: bool = True,
    shape: _Shape | None = None,
    *,
    device: Literal["cpu"] | None = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> NDArray[_ScalarT]: ...
@overload
def zeros_like(
    a: object,
    dtype: DTypeLike | None = None,
    order: _Order | None = "K",
    subok: bool = True,
    shape: _Shape | None = None,
    *,
    device: Literal["cpu"] | None = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> NDArray[Any]: ...
def zeros_like(
    a: object,
    dtype: DTypeLike | None = None,
    order: _Order | None = "K",
    subok: bool = True,
    shape: _Shape | None = None,
    *,
    device: Literal["cpu"] | None = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> NDArray[Any]:
    """Return an array of zeros with the shape and dtype of a given one, resident and aligned.

    It takes the arguments of :func:`numpy.zeros_like`, and has its results and error messages.

    Parameters
    ----------
    a : array_like
        The result has its shape, dtype and memory order. If it is an array of another library,
        with an ``__array_function__`` of its own, that library creates the result.
    dtype : data-type, optional
        A dtype to use instead of that of `a`, read as :func:`zerofill.zeros` reads it.
    order : {"K", "C", "F", "A"}, optional
        "K" (default): the memory order of `a`. "C": row-major. "F": column-major. "A":
        column-major if `a` is, else row-major.
    subok : bool, optional
        Whether the result has the subclass of `a` (default), or is a plain array.
    shape : int or sequence of ints, optional
        A shape to use instead of that of `a`.
    device : {"cpu", None}, optional
        For the array API standard; has no effect.
    alignment : int, optional
        As for :func:`zerofill.zeros`. Default 64 bytes.
    commit : {"eager", "lazy", "background"}, optional
        As for :func:`zerofill.zeros`. Default "eager".
    shared : bool, optional
        As for :func:`zerofill.zeros`. Default False.
    placement : {None, "caller", "interleave"} or int, optional
        As for :func:`zerofill.zeros`. Default None.

    Returns
    -------
    numpy.ndarray
        A writable array of zeros.

    Raises
    ------
    MemoryError, TypeError, ValueError
        As :func:`zerofill.zeros`.

    Examples
    --------
    >>> import numpy, zerofill
    >>> zerofill.zeros_like(numpy.ones((2, 2), order="F")).flags.f_contiguous
    True
    >>> zerofill.zeros_like([1, 2, 3])
    array([0, 0, 0])
    """
    return _zerofill.zeros_like(
        a, dtype, order, subok, shape, device, alignment, commit, shared, placement
    )
