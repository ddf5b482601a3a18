"""JAX and Flax: an initializer in the form that their own have.

Arrays need no bridge: ``jax.device_put(a, may_alias=True)`` and ``jax.numpy.from_dlpack(a)`` share
the memory of zerofill's arrays, because it is aligned to 64 bytes.
"""

from collections.abc import Sequence
from typing import Any

from .. import creation
from ._optional import import_optional

__all__ = ["zeros", "zeros_init"]

_jax = import_optional("jax", "0.4.34")


def zeros(key: Any, shape: Sequence[int], dtype: Any = None, out_sharding: Any = None) -> Any:
    """Return a JAX array of zeros, in memory of zerofill's where that is possible.

    The signature is that of :obj:`jax.nn.initializers.zeros`. On the CPU, and outside of
    transformations such as :func:`jax.jit`, the array shares zerofill's memory. Within one, on
    another device, or with a sharding, JAX allocates the array.

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
        The sharding of the array, if this version of JAX has this parameter in its own
        initializers.

    Returns
    -------
    jax.Array

    Raises
    ------
    TypeError, ValueError
        As :func:`jax.numpy.zeros`, for an invalid shape or dtype.
    MemoryError
        When the array does not fit in the memory that the process may still use.

    Examples
    --------
    >>> from zerofill.interop import jax as zerofill_jax
    >>> zerofill_jax.zeros(None, (2, 3))
    Array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    array = _jax.eval_shape(lambda: _jax.numpy.zeros(shape, float if dtype is None else dtype))
    if _is_traced(key) or out_sharding is not None or _jax.default_backend() != "cpu":
        sharding = {} if out_sharding is None else {"out_sharding": out_sharding}
        return _jax.nn.initializers.zeros(key, array.shape, array.dtype, **sharding)
    return _jax.device_put(creation.zeros(array.shape, array.dtype), may_alias=True)


def zeros_init(
    key: Any = None,
    shape: Sequence[int] | None = None,
    dtype: Any = None,
    out_sharding: Any = None,
) -> Any:
    """Return the initializer :func:`zeros`, as Flax's function of this name does.

    Parameters
    ----------
    key, shape, dtype, out_sharding : optional
        With a shape, this is :func:`zeros` itself.

    Returns
    -------
    callable or jax.Array

    Examples
    --------
    >>> from zerofill.interop.jax import zeros_init
    >>> zeros_init()(None, (2, 3)).shape
    (2, 3)
    """
    return zeros if shape is None else zeros(key, shape, dtype, out_sharding)


def _is_traced(key: Any) -> bool:
    """Return whether JAX is tracing, which would make an array of ours a constant of the trace."""
    tracer = _jax.core.Tracer
    return isinstance(key, tracer) or isinstance(_jax.numpy.zeros(()), tracer)
