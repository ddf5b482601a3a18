"""Resolve dtype names and other libraries' dtype objects to ``numpy.dtype``.

There are two sets of rules. NumPy's are those of ``np.dtype``. TensorFlow's apply to strings, to
``tf.DType`` objects (by their name) and to the type ``float``, which TensorFlow reads as float32;
anything else is read by NumPy's rules. The names are those of ``tf.dtypes.as_dtype``.

The native module calls :func:`read_as_numpy` and :func:`read_as_tensorflow` by name for the
arguments that it cannot resolve itself.
"""

import reprlib
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "NUMPY_NAMES",
    "SHAPE_HINT",
    "ResolvedDType",
    "find_ml_dtype",
    "read_as_numpy",
    "read_as_tensorflow",
]


class ResolvedDType(NamedTuple):
    """The dtype that an argument stands for. The native module reads the first two by position.

    Attributes
    ----------
    dtype : numpy.dtype
        The dtype of the array's elements.
    fill : bytes or None
        The value that an object array is filled with instead of the int 0.
    name : str or None
        TensorFlow's name, if it cannot be told from the dtype: "qint8" is stored as int8.
    """

    dtype: np.dtype[Any]
    fill: bytes | None = None
    name: str | None = None


_ALIASES = {"half": "float16", "float": "float32", "double": "float64"}

# The names that mean the same to NumPy and to TensorFlow.
NUMPY_NAMES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "float16 float32 float64 complex64 complex128".split()
)

_ML_DTYPES_NAMES = frozenset(
    "bfloat16 int2 uint2 int4 uint4 float4_e2m1fn float8_e4m3b11fnuz float8_e4m3fn "
    "float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz".split()
)

# A quantized number is an integer whose scale is stored elsewhere; these are the integers.
_QUANTIZED_STORAGE = {
    "qint8": "int8",
    "qint16": "int16",
    "qint32": "int32",
    "quint8": "uint8",
    "quint16": "uint16",
}

_HANDLE_NAMES = frozenset({"resource", "variant"})


def read_as_tensorflow(dtype: object) -> ResolvedDType:
    """Resolve a dtype by TensorFlow's rules where it has any, else by NumPy's.

    Parameters
    ----------
    dtype : str, tf.DType, type or anything that ``np.dtype`` takes
        None is refused, because TensorFlow has no default for it.

    Returns
    -------
    ResolvedDType

    Raises
    ------
    TypeError
        If it is none of these; the message names what was given.
    """
    if dtype is float:
        return ResolvedDType(np.dtype(np.float32))
    name = _dtype_name(dtype)
    resolved = _resolve_tensorflow_name(name) if name else None
    if resolved is not None:
        return resolved
    if dtype is None:  # float64 to NumPy
        raise _not_a_dtype(dtype, "")
    try:
        return _resolve_with_numpy_first(dtype, name)
    except _NUMPY_ERRORS as error:
        reason = SHAPE_HINT if _is_shape(dtype) else error
        raise _not_a_dtype(dtype, f": {reason}") from None


# What np.dtype raises for what is no dtype. It parses strings with commas as Python's source, and
# cannot encode lone surrogates.
_NUMPY_ERRORS = (TypeError, ValueError, SyntaxError, OverflowError, RecursionError)

SHAPE_HINT = "a shape is one argument of the initializer's call, as in Zeros('float32')((2, 3))"


def _is_shape(value: object) -> bool:
    lengths = value if isinstance(value, (tuple, list)) else (value,)
    return all(isinstance(length, int) for length in lengths)


def _not_a_dtype(given: object, reason: str) -> TypeError:
    return TypeError(
        f"dtype must be a data type such as 'float32', got {reprlib.repr(given)}{reason}"
    )


def read_as_numpy(dtype: object) -> ResolvedDType:
    """Resolve a dtype by NumPy's rules, and the names and objects that NumPy does not know.

    Parameters
    ----------
    dtype : anything that ``np.dtype`` takes, str, tf.DType, torch.dtype
        None is float64.

    Returns
    -------
    ResolvedDType

    Raises
    ------
    TypeError
        If it is none of these: NumPy's own error.
    """
    return _resolve_with_numpy_first(dtype, _dtype_name(dtype))


def _resolve_with_numpy_first(dtype: Any, name: str | None) -> ResolvedDType:
    try:
        return ResolvedDType(_as_numpy_dtype(dtype))
    except TypeError:
        resolved = name and (_resolve_tensorflow_name(name) or _resolve_ml_dtypes_name(name))
        if not resolved:
            raise
        return resolved


def _as_numpy_dtype(dtype: Any) -> np.dtype[Any]:
    if isinstance(dtype, type(np.dtype)):  # a class of dtypes: np.dtype does not instantiate it
        dtype = np.empty(0, dtype=dtype).dtype
    result: np.dtype[Any] = np.dtype(dtype)
    return result


def _dtype_name(dtype: object) -> str | None:
    """Return a string as it is, and the name of a dtype object of TensorFlow's or torch's."""
    if isinstance(dtype, str):
        return str(dtype)
    package = str(type(dtype).__module__).partition(".")[0]
    if package == "tensorflow" and hasattr(type(dtype), "as_numpy_dtype"):
        return str(getattr(dtype, "name", dtype))
    if package == "torch" and type(dtype).__name__ == "dtype":
        return str(dtype).removeprefix("torch.")
    return None


def _resolve_tensorflow_name(name: str) -> ResolvedDType | None:
    value_name = name.removesuffix("_ref")
    resolved = _resolve_value_name(value_name)
    if resolved is None or value_name == name:
        return resolved
    return resolved._replace(name=f"{resolved.name or resolved.dtype.name}_ref")


def _resolve_value_name(name: str) -> ResolvedDType | None:
    """Resolve a name without the suffix "_ref", which TensorFlow's reference types have once."""
    name = _ALIASES.get(name, name)
    if name in NUMPY_NAMES:
        return ResolvedDType(np.dtype(name))
    if name in _ML_DTYPES_NAMES:
        return _resolve_ml_dtypes_name(name)
    if name in _QUANTIZED_STORAGE:
        return ResolvedDType(np.dtype(_QUANTIZED_STORAGE[name]), name=name)
    if name == "string":
        return ResolvedDType(np.dtype(object), fill=b"", name=name)
    if name in _HANDLE_NAMES:
        raise TypeError(f"dtype {name!r} cannot be filled with zeros: its elements are handles")
    return None


def _resolve_ml_dtypes_name(name: str) -> ResolvedDType | None:
    dtype = find_ml_dtype(name)
    return None if dtype is None else ResolvedDType(dtype)


def find_ml_dtype(name: str) -> np.dtype[Any] | None:
    """Return the dtype of that name in ``ml_dtypes``, or None if it has none."""
    import ml_dtypes

    scalar = getattr(ml_dtypes, name, None)
    if not isinstance(scalar, type):
        return None
    dtype: np.dtype[Any] = np.dtype(scalar)
    # np.dtype turns any class that it does not know, such as ml_dtypes.finfo, into object.
    return dtype if dtype.type is scalar else None
