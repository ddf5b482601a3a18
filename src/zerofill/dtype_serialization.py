"""Write dtypes to JSON and read them back, and write them as Python expressions."""

import math
import reprlib
from typing import Any

import numpy as np

from .dtypes import NUMPY_NAMES, ResolvedDType, find_ml_dtype, read_as_tensorflow

__all__ = ["from_json", "to_json", "to_source"]

# NumPy numbers the dtypes that libraries register from here on. Those that libraries define by its
# newer interface have no number of their own, but -1.
_NPY_USERDEF = 256


def to_json(dtype: np.dtype[Any], name: str | None = None) -> Any:
    """Write a dtype so that :func:`from_json` restores it.

    Parameters
    ----------
    dtype : numpy.dtype
        Its metadata is left out, as NumPy leaves it out of comparisons.
    name : str, optional
        TensorFlow's name, if it cannot be told from the dtype.

    Returns
    -------
    str or dict
        TensorFlow's name if there is one, else NumPy's string, else a dict made of these.

    Raises
    ------
    TypeError
        For a dtype of a user's own class, or one with a part that JSON cannot hold.
    """
    if name is not None:
        return name
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": to_json(base), "shape": list(shape)}
    if dtype.names is not None:
        return _struct_to_json(dtype)
    if dtype.kind == "T":
        return {"StringDType": _string_dtype_to_json(dtype)}
    if dtype.kind == "O":
        return "object"
    if dtype.isnative and dtype.name in NUMPY_NAMES:
        return dtype.name
    if 0 <= dtype.num < _NPY_USERDEF:
        return dtype.str
    return _registered_to_json(dtype)


def _not_serializable(dtype: np.dtype[Any], reason: str) -> TypeError:
    return TypeError(f"dtype {dtype!r} cannot be written to a config: {reason}")


def _registered_to_json(dtype: np.dtype[Any]) -> Any:
    native = dtype.newbyteorder("=")
    known = find_ml_dtype(native.name)
    if known is None or known != native:  # to NumPy, None equals float64
        raise _not_serializable(dtype, "it is a user's own")
    if dtype.isnative:
        return native.name
    return {"native": native.name, "byteorder": dtype.byteorder}


def _struct_to_json(dtype: np.dtype[Any]) -> dict[str, Any]:
    if dtype.type not in (np.void, np.record):
        raise _not_serializable(dtype, "its elements are neither np.void nor np.record")
    fields = [_field(dtype, name) for name in dtype.names or ()]
    json: dict[str, Any] = {
        "names": list(dtype.names or ()),
        "formats": [to_json(field) for field, _, _ in fields],
        "offsets": [offset for _, offset, _ in fields],
        "itemsize": dtype.itemsize,
    }
    titles = [title for _, _, title in fields]
    if any(title is not None for title in titles):
        json["titles"] = [_check_title(title) for title in titles]
    if dtype.isalignedstruct:
        json["aligned"] = True
    if dtype.type is np.record:
        json["record"] = True
    return json


def _field(dtype: np.dtype[Any], name: str) -> tuple[np.dtype[Any], int, object]:
    assert dtype.fields is not None
    field = dtype.fields[name]
    return field[0], field[1], field[2] if len(field) == 3 else None


def _check_title(title: object) -> str | None:
    if title is None or isinstance(title, str):
        return title
    raise TypeError(f"a field's title must be a string to be written to a config, got {title!r}")


def _string_dtype_to_json(dtype: Any) -> dict[str, Any]:
    json: dict[str, Any] = {}
    if not dtype.coerce:
        json["coerce"] = False
    if hasattr(dtype, "na_object"):
        missing = dtype.na_object
        if not (missing is None or isinstance(missing, (str, int, float))):
            raise _not_serializable(dtype, "na_object is not JSON")
        json["na_object"] = missing
    return json


def from_json(json: Any) -> ResolvedDType:
    """Read what :func:`to_json` wrote, or anything else that :class:`zerofill.Zeros` takes.

    Parameters
    ----------
    json : str, dict or dtype
        Nothing in it is imported, called or evaluated.

    Returns
    -------
    ResolvedDType

    Raises
    ------
    TypeError
        If it does not stand for a dtype.
    """
    if not isinstance(json, dict):
        return read_as_tensorflow(json)
    try:
        return ResolvedDType(_dtype_from_dict(json))
    except KeyError as error:
        raise TypeError(
            f"cannot read a dtype from {reprlib.repr(json)}: it lacks {error}"
        ) from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise TypeError(f"cannot read a dtype from {reprlib.repr(json)}: {error}") from None


def _dtype_from_dict(json: dict[str, Any]) -> Any:
    if "base" in json:
        return np.dtype((_component_from_json(json["base"]), tuple(json["shape"])))
    if "StringDType" in json:
        return np.dtypes.StringDType(**json["StringDType"])
    if "native" in json:
        return _component_from_json(json["native"]).newbyteorder(json["byteorder"])
    parts: Any = {key: json[key] for key in ("names", "offsets", "itemsize")}
    parts["formats"] = [_component_from_json(field) for field in json["formats"]]
    if "titles" in json:
        parts["titles"] = json["titles"]
    dtype: Any = np.dtype(parts, align=bool(json.get("aligned", False)))
    return np.dtype((np.record, dtype)) if json.get("record", False) else dtype


def _component_from_json(json: Any) -> np.dtype[Any]:
    """Read a dtype within another, which cannot be TensorFlow's string: NumPy fills it with 0."""
    resolved = from_json(json)
    if resolved.fill is not None:
        raise TypeError(f"{json!r} cannot be a part of another dtype")
    return resolved.dtype


# Source ---------------------------------------------------------------------------------------


def to_source(dtype: np.dtype[Any], name: str | None = None) -> str:
    """Write a dtype as a Python expression, for a ``repr`` that evaluates back.

    Parameters
    ----------
    dtype : numpy.dtype
    name : str, optional
        TensorFlow's name, if it cannot be told from the dtype.

    Returns
    -------
    str
        A string literal if that is enough, else an expression that uses ``np`` and ``ml_dtypes``.
        For a dtype of a user's own class, its ``repr``.
    """
    try:
        json = to_json(dtype, name)
    except TypeError:
        return repr(dtype)
    return repr(json) if isinstance(json, str) else _compound_to_source(dtype)


def _compound_to_source(dtype: np.dtype[Any]) -> str:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return f"np.dtype(({_component_to_source(base)}, {shape!r}))"
    if dtype.kind == "T":
        options = _string_dtype_to_json(dtype).items()
        words = ", ".join(f"{key}={_value_to_source(value)}" for key, value in options)
        return f"np.dtypes.StringDType({words})"
    if dtype.names is None:
        native = _component_to_source(dtype.newbyteorder("="))
        return f"np.dtype({native}).newbyteorder({dtype.byteorder!r})"
    return _struct_to_source(dtype)


def _struct_to_source(dtype: np.dtype[Any]) -> str:
    json = _struct_to_json(dtype)
    align = ", align=True" if json.pop("aligned", False) else ""
    record = json.pop("record", False)
    formats = ", ".join(_component_to_source(_field(dtype, name)[0]) for name in json["names"])
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


def _component_to_source(dtype: np.dtype[Any]) -> str:
    """Write a dtype within another; np.dtype evaluates it, and knows no name of ml_dtypes."""
    json = to_json(dtype)
    if not isinstance(json, str):
        return _compound_to_source(dtype)
    return f"ml_dtypes.{json}" if dtype.num >= _NPY_USERDEF else repr(json)
