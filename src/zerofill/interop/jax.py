"""JAX: an initializer in the form of :mod:`jax.nn.initializers`, which Flax takes too.

Arrays need no bridge: ``jax.device_put(a, may_alias=True)`` and ``jax.numpy.from_dlpack(a)`` share
the memory of what zerofill makes, since it is aligned to 64 bytes.
"""

from collections.abc import Sequence
from typing import Any

from ..creation import zeros
from ._library import library

__all__ = ["zeros_init"]

_jax = library("jax", "0.4.34")


def zeros_init(key: Any, shape: Sequence[int], dtype: Any = None, out_sharding: Any = None) -> Any:
    """Return a JAX array of zeros, made by zerofill where it can be.

    The signature is that of the initializers of :mod:`jax.nn.initializers`. On the CPU and outside
    of a transformation the array shares zerofill's memory. Within one, such as :func:`jax.jit`, on
    another device, or with a sharding, JAX makes it.

    Parameters
    ----------
    key : jax.Array or None
        A random key, which zeros do not need.
    shape : sequence of int
        Shape of the array.
    dtype : data-type, optional
        Read as JAX reads it: 64-bit types are 32-bit ones unless ``jax_enable_x64`` is set.
        Default: JAX's float, float32 or float64.
    out_sharding : jax.sharding.NamedSharding or PartitionSpec, optional
        Where the array is to be; for a JAX whose own initializers have it.

    Returns
    -------
    jax.Array

    Raises
    ------
    TypeError, ValueError
        As :func:`jax.numpy.zeros`, for an invalid shape or dtype.
    MemoryError
        When the array does not fit in what the process may still use.

    Examples
    --------
    >>> from zerofill.interop.jax import zeros_init
    >>> zeros_init(None, (2, 3))
    Array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    wanted = _jax.eval_shape(lambda: _jax.numpy.zeros(shape, float if dtype is None else dtype))
    if _is_traced(key) or out_sharding is not None or _jax.default_backend() != "cpu":
        where = {} if out_sharding is None else {"out_sharding": out_sharding}
        return _jax.nn.initializers.zeros(key, wanted.shape, wanted.dtype, **where)
    return _jax.device_put(zeros(wanted.shape, wanted.dtype), may_alias=True)


def _is_traced(key: Any) -> bool:
    """Whether a transformation is under way: an array of ours would become a constant of it."""
    tracer = _jax.core.Tracer
    return isinstance(key, tracer) or isinstance(_jax.numpy.zeros(()), tracer)
