"""The libraries that are compared, and how each makes an array of zeros."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import zerofill


def _zerofill(shape: tuple[int, ...]) -> Any:
    return zerofill.zeros(shape, np.float32)


def _torch(shape: tuple[int, ...]) -> Any:
    import torch

    return torch.zeros(shape, dtype=torch.float32)


def _jax(shape: tuple[int, ...]) -> Any:
    import jax.numpy as jnp

    return jnp.zeros(shape, jnp.float32).block_until_ready()


def _tensorflow(shape: tuple[int, ...]) -> Any:
    import tensorflow as tf

    return tf.zeros(shape, tf.float32)


def _pyfftw(shape: tuple[int, ...]) -> Any:
    import pyfftw

    return pyfftw.zeros_aligned(shape, np.float32)


# The peer's name, the module that has to be installed, and the function that makes zeros.
_PEERS: dict[str, tuple[str, Callable[[tuple[int, ...]], Any]]] = {
    "zerofill": ("zerofill", _zerofill),
    "np.zeros": ("numpy", lambda shape: np.zeros(shape, np.float32)),
    "np.empty": ("numpy", lambda shape: np.empty(shape, np.float32)),
    "np.full": ("numpy", lambda shape: np.full(shape, 0, np.float32)),
    "torch": ("torch", _torch),
    "jax": ("jax", _jax),
    "tensorflow": ("tensorflow", _tensorflow),
    "pyfftw": ("pyfftw", _pyfftw),
}


def zeros_function(peer: str) -> Callable[[tuple[int, ...]], Any]:
    """Return the function by which a peer makes zeros; skip the test if it is not installed."""
    module, function = _PEERS[peer]
    try:
        importlib.import_module(module)
    except ImportError:
        pytest.skip(f"{module} is not installed")
    return function


def is_zero(array: Any) -> bool:
    """Return whether every element is zero, for an array of any of the libraries."""
    return not np.asarray(array).any()
