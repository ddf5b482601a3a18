"""Dask: arrays of zeros whose chunks are created by the workers that use them."""

import importlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Literal, SupportsIndex

from numpy.typing import DTypeLike, NDArray

from .. import creation
from ._optional import import_optional

__all__ = ["zeros"]

import_optional("dask", "2024.1", "[array,distributed]")
_array = importlib.import_module("dask.array")


def zeros(
    shape: SupportsIndex | Sequence[SupportsIndex],
    chunks: Any = "auto",
    dtype: DTypeLike | None = None,
    order: Literal["C", "F"] = "C",
    *,
    alignment: int = 64,
    commit: Literal["eager", "lazy", "background"] = "eager",
) -> Any:
    """Return a Dask array of zeros whose chunks are allocated by zerofill on the workers.

    A chunk of :func:`dask.array.zeros` is read-only, a single element that is repeated by strides
    of 0: it costs nothing, but nothing can be stored in it. A chunk of this array is writable,
    aligned, and resident on the worker that created it, so the array may be larger than the memory
    of one machine. Two calls never share a chunk. As with the result of any Dask task, copy a chunk
    before you write to it, unless nothing else uses it.

    Parameters
    ----------
    shape : int or sequence of ints
        Shape of the whole array.
    chunks : int, tuple, dict or str, optional
        How the array is divided, as in :func:`dask.array.zeros`. Default "auto".
    dtype : data-type, optional
        As for :func:`zerofill.zeros`. Default float64.
    order : {"C", "F"}, optional
        Memory order of each chunk. Default "C".
    alignment : int, optional
        In bytes, of each chunk on the worker that created it. Default 64.
    commit : {"eager", "lazy", "background"}, optional
        As for :func:`zerofill.zeros`. Default "eager".

    Returns
    -------
    dask.array.Array

    Raises
    ------
    TypeError, ValueError
        As :func:`zerofill.zeros` and :func:`dask.array.zeros`, when this function is called.
    NotImplementedError
        As :func:`dask.array.zeros`, for ``chunks="auto"`` and a dtype of Python objects.
    MemoryError
        On the worker, when a chunk does not fit in the memory that the worker may still use.

    Examples
    --------
    >>> from zerofill.interop import dask
    >>> x = dask.zeros((4, 6), chunks=(2, 3), dtype="i2")
    >>> x.numblocks, x.dtype
    ((2, 2), dtype('int16'))
    >>> int((x + 1).sum())
    24
    """
    lengths = shape if isinstance(shape, Iterable) else (shape,)
    # An empty array has the whole shape checked, with NumPy's errors, and allocates nothing.
    lengths = creation.zeros((0, *lengths)).shape[1:]
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
