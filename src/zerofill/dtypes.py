"""Names and foreign dtype objects to ``numpy.dtype``, and dtypes to JSON and back.

Two readings exist. NumPy's is that of ``np.dtype``. TensorFlow's applies to strings, to
``tf.DType`` objects (by their name) and to the type ``float``, which TensorFlow takes for float32;
all else is read as NumPy reads it. The names are those of ``tf.dtypes.as_dtype``.
"""

import math
import reprlib
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Reading", "from_json", "read_as_numpy", "read_as_tensorflow", "to_json", "to_source"]


class Reading(NamedTuple):
    """What a dtype argument was read as.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the array's elements.
    fill : bytes or None
        What fills an object array instead of the int 0.
    name : str or None
        TensorFlow's name, where the dtype does not tell it.
    """

    dtype: np.dtype[Any]
    fill: bytes | None = None
    name: str | None = None


_ALIASES = {"half": "float16", "float": "float32", "double": "float64"}

_SHARED_WITH_NUMPY = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "float16 float32 float64 complex64 complex128".split()
)

_FROM_ML_DTYPES = frozenset(
    "bfloat16 int2 uint2 int4 uint4 float4_e2m1fn float8_e4m3b11fnuz float8_e4m3fn "
    "float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz".split()
)

# Quantized numbers are integers with a scale kept elsewhere; these are the integers.
_STORAGE_OF_QUANTIZED = {
    "qint8": "int8",
    "qint16": "int16",
    "qint32": "int32",
    "quint8": "uint8",
    "quint16": "uint16",
}

# NPY_USERDEF: from here on, the numbers of types that libraries registered; new ones have none.
_FIRST_REGISTERED = 256

_WITHOUT_ELEMENTS = frozenset({"resource", "variant"})


def read_as_tensorflow(dtype: object) -> Reading:
    """Read a dtype as TensorFlow does where TensorFlow has a say, else as NumPy does.

    Parameters
    ----------
    dtype : str, tf.DType, type or anything that ``np.dtype`` takes
        None is refused: it says nothing.

    Returns
    -------
    Reading

    Raises
    ------
    TypeError
        When it is none of these; names what was given.
    """
    if dtype is None:
        raise TypeError("dtype must be a data type such as 'float32', got None")
    if dtype is float:
        return Reading(np.dtype(np.float32))
    name = _name(dtype)
    return (name and _read_tensorflow_name(name)) or _read_with_numpy_first(dtype, name)


def read_as_numpy(dtype: object) -> Reading:
    """Read a dtype as NumPy does, and the names and objects that NumPy does not know.

    Parameters
    ----------
    dtype : anything that ``np.dtype`` takes, str, tf.DType, torch.dtype
        None is float64.

    Returns
    -------
    Reading

    Raises
    ------
    TypeError
        When it is none of these: NumPy's own error.
    """
    return _read_with_numpy_first(dtype, _name(dtype))


def _read_with_numpy_first(dtype: Any, name: str | None) -> Reading:
    try:
        return Reading(_numpy_dtype(dtype))
    except TypeError:
        reading = name and (_read_tensorflow_name(name) or _read_ml_dtypes_name(name))
        if not reading:
            raise
        return reading


def _numpy_dtype(dtype: Any) -> np.dtype[Any]:
    if isinstance(dtype, type(np.dtype)):  # a class of dtypes: np.dtype does not instantiate it
        dtype = np.empty(0, dtype=dtype).dtype
    result: np.dtype[Any] = np.dtype(dtype)
    return result


def _name(dtype: object) -> str | None:
    """Return the name that stands for a dtype in TensorFlow or torch, and strings themselves."""
    if isinstance(dtype, str):
        return str(dtype)
    package = str(type(dtype).__module__).partition(".")[0]
    if package == "tensorflow" and hasattr(type(dtype), "as_numpy_dtype"):
        return str(getattr(dtype, "name", dtype))
    if package == "torch" and type(dtype).__name__ == "dtype":
        return str(dtype).removeprefix("torch.")
    return None


def _read_tensorflow_name(name: str) -> Reading | None:
    if name.endswith("_ref"):
        reading = _read_tensorflow_name(name.removesuffix("_ref"))
        if reading is None:
            return None
        return reading._replace(name=f"{reading.name or reading.dtype.name}_ref")
    name = _ALIASES.get(name, name)
    if name in _SHARED_WITH_NUMPY:
        return Reading(np.dtype(name))
    if name in _FROM_ML_DTYPES:
        return _read_ml_dtypes_name(name)
    if name in _STORAGE_OF_QUANTIZED:
        return Reading(np.dtype(_STORAGE_OF_QUANTIZED[name]), name=name)
    if name == "string":
        return Reading(np.dtype(object), fill=b"", name=name)
    if name in _WITHOUT_ELEMENTS:
        raise TypeError(f"dtype {name!r} cannot be filled with zeros: its elements are handles")
    return None


def _read_ml_dtypes_name(name: str) -> Reading | None:
    import ml_dtypes

    scalar = getattr(ml_dtypes, name, None)
    if not isinstance(scalar, type):
        return None
    dtype = np.dtype(scalar)
    # NumPy takes a class that it does not know, such as ml_dtypes.finfo, for object.
    return Reading(dtype) if dtype.type is scalar else None


# JSON -----------------------------------------------------------------------------------------


def to_json(dtype: np.dtype[Any], name: str | None = None) -> Any:
    """Write a dtype so that :func:`from_json` restores it.

    Parameters
    ----------
    dtype : numpy.dtype
        Metadata is left out: it does not count for equality either.
    name : str, optional
        TensorFlow's name, where the dtype does not tell it.

    Returns
    -------
    str or dict
        TensorFlow's name where it has one, else NumPy's string, else a dict of such.

    Raises
    ------
    TypeError
        For a user's own dtype, or for parts that JSON cannot hold.
    """
    if name is not None:
        return name
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": to_json(base), "shape": list(shape)}
    if dtype.names is not None:
        return _struct_to_json(dtype)
    if dtype.kind == "T":
        return {"StringDType": _string_to_json(dtype)}
    if dtype.kind == "O":
        return "object"
    if dtype.isnative and dtype.name in _SHARED_WITH_NUMPY:
        return dtype.name
    if 0 <= dtype.num < _FIRST_REGISTERED:
        return dtype.str
    return _registered_to_json(dtype)


def _unwritable(dtype: np.dtype[Any], reason: str) -> TypeError:
    return TypeError(f"dtype {dtype!r} cannot be written to a config: {reason}")


def _registered_to_json(dtype: np.dtype[Any]) -> Any:
    native = dtype.newbyteorder("=")
    reading = _read_ml_dtypes_name(native.name)
    if reading is None or reading.dtype != native:
        raise _unwritable(dtype, "it is a user's own")
    if dtype.isnative:
        return native.name
    return {"native": native.name, "byteorder": dtype.byteorder}


def _struct_to_json(dtype: np.dtype[Any]) -> dict[str, Any]:
    if dtype.type not in (np.void, np.record):
        raise _unwritable(dtype, "its elements are neither np.void nor np.record")
    fields = [_field(dtype, name) for name in dtype.names or ()]
    json: dict[str, Any] = {
        "names": list(dtype.names or ()),
        "formats": [to_json(field) for field, _, _ in fields],
        "offsets": [offset for _, offset, _ in fields],
        "itemsize": dtype.itemsize,
    }
    titles = [title for _, _, title in fields]
    if any(title is not None for title in titles):
        json["titles"] = [_checked_title(title) for title in titles]
    if dtype.isalignedstruct:
        json["aligned"] = True
    if dtype.type is np.record:
        json["record"] = True
    return json


def _field(dtype: np.dtype[Any], name: str) -> tuple[np.dtype[Any], int, object]:
    assert dtype.fields is not None
    field = dtype.fields[name]
    return field[0], field[1], field[2] if len(field) == 3 else None


def _checked_title(title: object) -> str | None:
    if title is None or isinstance(title, str):
        return title
    raise TypeError(f"a field's title must be a string to be written to a config, got {title!r}")


def _string_to_json(dtype: Any) -> dict[str, Any]:
    json: dict[str, Any] = {}
    if not dtype.coerce:
        json["coerce"] = False
    if hasattr(dtype, "na_object"):
        missing = dtype.na_object
        if not (missing is None or isinstance(missing, (str, int, float))):
            raise _unwritable(dtype, "na_object is not JSON")
        json["na_object"] = missing
    return json


def from_json(json: Any) -> Reading:
    """Read what :func:`to_json` wrote, and whatever else a config may hold as a dtype.

    Parameters
    ----------
    json : str, dict or dtype
        Nothing in it is imported, called or evaluated.

    Returns
    -------
    Reading

    Raises
    ------
    TypeError
        When it names no dtype.
    """
    if not isinstance(json, dict):
        return read_as_tensorflow(json)
    try:
        return Reading(_dict_to_dtype(json))
    except (KeyError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TypeError(f"cannot read a dtype from {reprlib.repr(json)}: {error}") from None


def _dict_to_dtype(json: dict[str, Any]) -> Any:
    if "base" in json:
        return np.dtype((_part(json["base"]), tuple(json["shape"])))
    if "StringDType" in json:
        return np.dtypes.StringDType(**json["StringDType"])
    if "native" in json:
        return _part(json["native"]).newbyteorder(json["byteorder"])
    parts: Any = {key: json[key] for key in ("names", "offsets", "itemsize")}
    parts["formats"] = [_part(field) for field in json["formats"]]
    if "titles" in json:
        parts["titles"] = json["titles"]
    dtype: Any = np.dtype(parts, align=bool(json.get("aligned", False)))
    return np.dtype((np.record, dtype)) if json.get("record", False) else dtype


def _part(json: Any) -> np.dtype[Any]:
    """Read a dtype that is a part of another, where NumPy's zero is all there can be."""
    reading = from_json(json)
    if reading.fill is not None:
        raise TypeError(f"{json!r} cannot be a part of another dtype")
    return reading.dtype


# Source ---------------------------------------------------------------------------------------


def to_source(dtype: np.dtype[Any], name: str | None = None) -> str:
    """Write a dtype as a Python expression, for a ``repr`` that evaluates back.

    Parameters
    ----------
    dtype : numpy.dtype
    name : str, optional
        TensorFlow's name, where the dtype does not tell it.

    Returns
    -------
    str
        A string literal where one will do, else an expression of ``np`` and ``ml_dtypes``; for a
        user's own dtype, the ``repr`` of its scalar type.
    """
    try:
        json = to_json(dtype, name)
    except TypeError:
        return repr(dtype)
    return repr(json) if isinstance(json, str) else _dict_to_source(dtype)


def _dict_to_source(dtype: np.dtype[Any]) -> str:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return f"np.dtype(({_part_to_source(base)}, {shape!r}))"
    if dtype.kind == "T":
        options = _string_to_json(dtype).items()
        words = ", ".join(f"{key}={_value_to_source(value)}" for key, value in options)
        return f"np.dtypes.StringDType({words})"
    if dtype.names is None:
        native = _part_to_source(dtype.newbyteorder("="))
        return f"np.dtype({native}).newbyteorder({dtype.byteorder!r})"
    return _struct_to_source(dtype)


def _struct_to_source(dtype: np.dtype[Any]) -> str:
    json = _struct_to_json(dtype)
    align = ", align=True" if json.pop("aligned", False) else ""
    record = json.pop("record", False)
    formats = ", ".join(_part_to_source(_field(dtype, name)[0]) for name in json["names"])
    parts = [
        f"'formats': [{formats}]" if key == "formats" else f"{key!r}: {value!r}"
        for key, value in json.items()
    ]
    source = f"np.dtype({{{', '.join(parts)}}}{align})"
    return f"np.dtype((np.record, {source}))" if record else source


def _value_to_source(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _part_to_source(dtype: np.dtype[Any]) -> str:
    """Write a part of a dtype, for which NumPy must know the name."""
    json = to_json(dtype)
    if not isinstance(json, str):
        return _dict_to_source(dtype)
    return f"ml_dtypes.{json}" if dtype.num >= _FIRST_REGISTERED else repr(json)
