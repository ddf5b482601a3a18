"""Initializers with the configuration API of TensorFlow's and Keras's.

The reference is ``tf.compat.v1.zeros_initializer``; :func:`get`, :func:`serialize` and
:func:`deserialize` behave as those of ``keras.initializers``.
"""

import copy
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal, SupportsIndex, TypeVar

import numpy as np

from . import dtypes
from ._zerofill import NativeZeros, call_natively

__all__ = ["Initializer", "Zeros", "deserialize", "get", "serialize", "zeros", "zeros_initializer"]

_Self = TypeVar("_Self", bound="Initializer")
_SelfZeros = TypeVar("_SelfZeros", bound="Zeros")


class Initializer:
    """Base class of initializers: a callable that makes an array, and its configuration."""

    __slots__ = ()

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """Return an array of the given shape and dtype. Subclasses must define it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to make an array")

    def get_config(self) -> dict[str, Any]:
        """Return the configuration as a JSON-serializable dict."""
        return {}

    @classmethod
    def from_config(cls: type[_Self], config: Mapping[str, Any]) -> _Self:
        """Return a new initializer from what :meth:`get_config` gave."""
        return cls(**config)

    def clone(self: _Self) -> _Self:
        """Return a new initializer that is equal to this one."""
        return type(self).from_config(self.get_config())


# NativeZeros comes first: its call must not be hidden by the abstract one.
@call_natively
class Zeros(NativeZeros, Initializer):  # type: ignore[misc]
    """Initializer that generates arrays of zeros, resident and aligned.

    Takes the calls of TensorFlow 1's and 2's initializers of that name and of Keras's, and returns
    NumPy arrays. Immutable; equal to another one with the same options. A subclass with parameters
    of its own overrides ``__new__``.

    Parameters
    ----------
    dtype : str, type, numpy.dtype, tf.DType or torch.dtype, optional
        What arrays are made of where the call does not say. Names are read as TensorFlow reads
        them: "float" and the type ``float`` are float32, "qint8" is its integer storage type,
        "string" gives an object array of ``b""``. Default "float32".
    order : {"C", "F"}, optional
        Row-major (default) or column-major.
    alignment : int, optional
        The address of the first element is a multiple of this power of two, from 1 to 2**30
        bytes. Default 64.
    commit : {"eager", "lazy"}, optional
        "eager" (default): every page is resident on return. "lazy": pages become resident when
        they are first touched, as with :func:`numpy.zeros`.

    Raises
    ------
    TypeError
        For what is no dtype, or one that has no zero.
    ValueError
        For an invalid value of another option.

    Examples
    --------
    >>> from zerofill import Zeros
    >>> initializer = Zeros()
    >>> initializer((3, 3))
    array([[0., 0., 0.],
           [0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    >>> initializer(2, dtype="int64")
    array([0, 0])
    >>> Zeros.from_config(initializer.get_config()) == initializer
    True
    """

    __slots__ = ("__weakref__",)

    def __new__(
        cls: type[_SelfZeros],
        dtype: Any = "float32",
        *,
        order: Literal["C", "F"] = "C",
        alignment: int = 64,
        commit: Literal["eager", "lazy"] = "eager",
    ) -> _SelfZeros:
        """Make an initializer; the parameters are those of the class."""
        reading = dtypes.read_as_tensorflow(dtype)
        return super().__new__(
            cls, reading.dtype, reading.fill, reading.name, order, alignment, commit
        )

    @property
    def _options(self) -> dict[str, Any]:
        """The native options that are not at their default."""
        options = {"order": self.order, "alignment": self.alignment, "commit": self.commit}
        return {key: value for key, value in options.items() if value != _DEFAULTS[key]}

    @property
    def _dtype_argument(self) -> Any:
        """What the constructor takes for the same dtype."""
        return self.dtype if self._name is None else self._name

    def get_config(self) -> dict[str, Any]:
        """Return the configuration as a JSON-serializable dict.

        Returns
        -------
        dict
            ``{"dtype": "float32"}`` as TensorFlow's, and those native options that are not at
            their default. A dtype that TensorFlow has no name for is written as NumPy's string,
            or as a dict of its parts.

        Raises
        ------
        TypeError
            For a user's own dtype, which no name stands for.

        Examples
        --------
        >>> import zerofill
        >>> zerofill.Zeros("half", alignment=4096).get_config()
        {'dtype': 'float16', 'alignment': 4096}
        """
        return {"dtype": dtypes.to_json(self.dtype, self._name), **self._options}

    @classmethod
    def from_config(cls: type[_SelfZeros], config: Mapping[str, Any]) -> _SelfZeros:
        """Return a new initializer from a configuration.

        Parameters
        ----------
        config : mapping
            What :meth:`get_config` gave, TensorFlow's, or Keras's (``{}``). It is not changed.

        Returns
        -------
        Zeros

        Raises
        ------
        TypeError
            For an unknown key, which is named, or what is no dtype.
        ValueError
            For an invalid value of another option.

        Examples
        --------
        >>> import zerofill
        >>> zerofill.Zeros.from_config({"dtype": "int8"})
        Zeros('int8')
        """
        if not isinstance(config, Mapping):
            raise TypeError(f"config must be a dict as get_config() gives it, got {config!r}")
        options = dict(config)
        unknown = options.keys() - _DEFAULTS.keys() - {"dtype"}
        if unknown and cls is Zeros:
            raise TypeError(
                f"config has unknown keys {sorted(map(str, unknown))}; "
                f"Zeros knows {['dtype', *_DEFAULTS]}"
            )
        if "dtype" in options:
            reading = dtypes.from_json(options["dtype"])
            options["dtype"] = reading.dtype if reading.name is None else reading.name
        return cls(**options)

    def clone(self: _SelfZeros) -> _SelfZeros:
        """Return a new initializer that is equal to this one."""
        return copy.copy(self)

    def __getnewargs_ex__(self) -> tuple[tuple[Any], dict[str, Any]]:
        return (self._dtype_argument,), self._options

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        # The older protocols have no words for keyword arguments, but can write what 2 does.
        return super().__reduce_ex__(max(operator.index(protocol), 2))

    @property
    def _key(self) -> tuple[Any, ...]:
        # np.dtype's hash is not the same for all dtypes that are equal; its string is. Equality
        # leaves out whether elements of a structure are np.record.
        record = self.dtype.type is np.record
        return (self._name, self.dtype.str, record, self.order, self.alignment, self.commit)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Zeros)
        return self._key == other._key and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((type(self), self._key))

    def __repr__(self) -> str:
        source = dtypes.to_source(self.dtype, self._name)
        arguments = [] if source == "'float32'" else [source]
        arguments += [f"{key}={value!r}" for key, value in self._options.items()]
        return f"{type(self).__name__}({', '.join(arguments)})"


_DEFAULTS: dict[str, Any] = {"order": "C", "alignment": 64, "commit": "eager"}

zeros = Zeros
zeros_initializer = Zeros

_BY_NAME = {"Zeros": Zeros, "zeros": Zeros, "zero": Zeros}
_KNOWN_PACKAGES = ("keras", "tf_keras", "tensorflow", "zerofill")


def get(identifier: Any) -> Callable[..., Any] | None:
    """Return the initializer that an identifier stands for, as ``keras.initializers.get``.

    Parameters
    ----------
    identifier : None, str, dict, class or callable
        None gives None. A name is "zeros", "Zeros" or "zero". A dict is what :func:`serialize`
        gives, or TensorFlow's or Keras's. A class is instantiated; any other callable is returned
        as it is.

    Returns
    -------
    callable or None

    Raises
    ------
    ValueError
        For anything else; names it.

    Examples
    --------
    >>> from zerofill import initializers
    >>> initializers.get("zeros")
    Zeros()
    """
    if identifier is None:
        return None
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    found = _BY_NAME.get(identifier) if isinstance(identifier, str) else identifier
    if not callable(found):
        raise ValueError(
            f"Could not interpret initializer identifier: {identifier!r}; it must be one of the "
            f"names {sorted(_BY_NAME)}, a config dict, a class or a callable"
        )
    initializer: Callable[..., Any] = found() if isinstance(found, type) else found
    return initializer


def serialize(initializer: Initializer | None) -> dict[str, Any] | None:
    """Return a JSON-serializable dict that :func:`deserialize` restores the initializer from.

    Parameters
    ----------
    initializer : Initializer or None
        None gives None.

    Returns
    -------
    dict or None
        In the form of Keras 3: "module", "class_name", "config" and "registered_name".

    Raises
    ------
    ValueError
        When it is not an initializer; names it.

    Examples
    --------
    >>> from zerofill import initializers
    >>> initializers.serialize(initializers.Zeros())["config"]
    {'dtype': 'float32'}
    """
    if initializer is None:
        return None
    if not isinstance(initializer, Initializer):
        raise ValueError(f"only an Initializer can be serialized, got {initializer!r}")
    return {
        "module": type(initializer).__module__,
        "class_name": type(initializer).__name__,
        "config": initializer.get_config(),
        "registered_name": None,
    }


def deserialize(config: Any) -> Initializer | None:
    """Return the initializer that a config describes.

    Nothing that the config names is imported, called or evaluated: only this module's own classes
    are known.

    Parameters
    ----------
    config : dict, str or None
        What :func:`serialize` gave, TensorFlow's ``{"class_name": ..., "config": ...}``, or
        Keras's. A name or None is taken as in :func:`get`.

    Returns
    -------
    Initializer or None

    Raises
    ------
    ValueError
        When it describes no initializer that is known here; names it.
    TypeError
        For an unknown key within its "config".

    Examples
    --------
    >>> from zerofill import initializers
    >>> initializers.deserialize({"class_name": "Zeros", "config": {"dtype": "int8"}})
    Zeros('int8')
    """
    if config is None:
        return None
    if isinstance(config, str):
        config = {"class_name": config}
    if not isinstance(config, Mapping):
        raise ValueError(f"Could not interpret initializer config: {config!r}; it must be a dict")
    name = config.get("class_name")
    package = str(config.get("module") or "zerofill").partition(".")[0]
    if not isinstance(name, str) or name not in _BY_NAME or package not in _KNOWN_PACKAGES:
        raise ValueError(
            f"Could not interpret initializer config: {config!r}; its class_name must be one of "
            f"{sorted(_BY_NAME)}, of {', '.join(_KNOWN_PACKAGES)}"
        )
    return _BY_NAME[name].from_config(config.get("config") or {})
