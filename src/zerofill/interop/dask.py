"""Dask: arrays of zeros whose chunks the workers make, each where it will live."""

import importlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Literal, SupportsIndex

from numpy.typing import DTypeLike, NDArray

from .. import creation
from ._library import library

__all__ = ["zeros"]

library("dask", "2024.1")
_array = importlib.import_module("dask.array")


def zeros(
    shape: SupportsIndex | Sequence[SupportsIndex],
    chunks: Any = "auto",
    dtype: DTypeLike | None = None,
    order: Literal["C", "F"] = "C",
    *,
    alignment: int = 64,
    commit: Literal["eager", "lazy"] = "eager",
) -> Any:
    """Return a Dask array of zeros in memory of its own, made by zerofill on the workers.

    The chunks of :func:`dask.array.zeros` are one element that is shown many times, and read-only:
    free to make, but no memory. These are writable, aligned, and resident on the worker that made
    them, so that the array may be larger than one machine. Two calls never share a chunk. As with
    the result of any task of Dask's, copy a chunk before writing to it unless nothing else uses it.

    Parameters
    ----------
    shape : int or sequence of ints
        Shape of the whole array.
    chunks : int, tuple, dict or str, optional
        How it is divided, as in :func:`dask.array.zeros`. Default "auto".
    dtype : data-type, optional
        As for :func:`zerofill.zeros`. Default float64.
    order : {"C", "F"}, optional
        Memory order of each chunk.
    alignment : int, optional
        In bytes, of each chunk on the worker that made it. Default 64.
    commit : {"eager", "lazy"}, optional
        As for :func:`zerofill.zeros`. Default "eager".

    Returns
    -------
    dask.array.Array

    Raises
    ------
    TypeError, ValueError
        As :func:`zerofill.zeros` and :func:`dask.array.zeros`, here and now.
    NotImplementedError
        As :func:`dask.array.zeros`, for ``chunks="auto"`` and a dtype of Python objects.
    MemoryError
        On the worker, when a chunk does not fit in what it may still use.

    Examples
    --------
    >>> from zerofill.interop import dask
    >>> x = dask.zeros((4, 6), chunks=(2, 3), dtype="i2")
    >>> x.numblocks, x.dtype
    ((2, 2), dtype('int16'))
    >>> int((x + 1).sum())
    24
    """
    given = shape if isinstance(shape, Iterable) else (shape,)
    lengths = creation.zeros((0, *given)).shape[1:]  # or NumPy's errors
    empty = creation.zeros((0,) * len(lengths), dtype, order, alignment=alignment, commit=commit)
    return _array.map_blocks(
        _make_chunk,
        chunks=_array.core.normalize_chunks(chunks, lengths, dtype=empty.dtype),
        dtype=empty.dtype,
        meta=empty,
        name=f"zerofill-{uuid.uuid4().hex}",
        options={"dtype": empty.dtype, "order": order, "alignment": alignment, "commit": commit},
    )


def _make_chunk(options: dict[str, Any], block_info: Any) -> NDArray[Any]:
    return creation.zeros(block_info[None]["chunk-shape"], **options)
