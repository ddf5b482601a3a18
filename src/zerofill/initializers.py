"""Initializers with the configuration API of TensorFlow and Keras.

The reference is ``tf.compat.v1.zeros_initializer``; :func:`get`, :func:`serialize` and
:func:`deserialize` behave as those of ``keras.initializers``.
"""

import copy
import operator
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, SupportsIndex, TypeVar

import numpy as np

from . import dtype_serialization, dtypes
from ._zerofill import NativeZeros, call_natively
from .keras_configs import fit_for_keras, is_keras
from .keywords import check_keywords

__all__ = ["Initializer", "Zeros", "deserialize", "get", "serialize", "zeros", "zeros_initializer"]

_Self = TypeVar("_Self", bound="Initializer")
_SelfZeros = TypeVar("_SelfZeros", bound="Zeros")


class Initializer:
    """Base class of initializers: callables that make arrays and can be saved as a config."""

    __slots__ = ()

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        """Return an array of the given shape and dtype. Subclasses must define this."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to make an array")

    def get_config(self) -> dict[str, Any]:
        """Return the configuration as a JSON-serializable dict."""
        return {}

    @classmethod
    def from_config(cls: type[_Self], config: Mapping[str, Any]) -> _Self:
        """Return a new initializer from what :meth:`get_config` returned."""
        return cls(**config)

    def clone(self: _Self) -> _Self:
        """Return a new initializer that is equal to this one."""
        return type(self).from_config(self.get_config())


# NativeZeros comes first, or the __call__ of Initializer, which only raises, would hide its own.
@call_natively
class Zeros(NativeZeros, Initializer):  # type: ignore[misc]
    """Initializer that generates arrays of zeros, resident and aligned.

    It is called like the initializer of that name in TensorFlow 1, TensorFlow 2 and Keras, and
    returns NumPy arrays. It is immutable, and equal to another one with the same options. A
    subclass that adds parameters overrides ``__new__``.

    Parameters
    ----------
    dtype : str, type, numpy.dtype, tf.DType or torch.dtype, optional
        The dtype of the arrays, unless the call gives another. Names are read as TensorFlow reads
        them: "float" and the type ``float`` are float32, "qint8" is its integer storage type, and
        "string" makes an object array of ``b""``. Default "float32".
    order : {"C", "F"}, optional
        Row-major (default) or column-major.
    alignment : int, optional
        A power of two from 1 to 2**30, in bytes. The address of the first element is a multiple
        of it. Default 64.
    commit : {"eager", "lazy", "background"}, optional
        When pages become resident, as for :func:`zerofill.zeros`. Default "eager".
    shared : bool, optional
        Whether other processes can have the arrays too, as for :func:`zerofill.zeros`. Default
        False.

    Raises
    ------
    TypeError
        If `dtype` is not a dtype, or is one that has no zero. For an option that does not exist.
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

    @check_keywords(shape=dtypes.SHAPE_HINT)
    def __new__(
        cls: type[_SelfZeros],
        dtype: Any = "float32",
        *,
        order: Literal["C", "F"] = "C",
        alignment: int = 64,
        commit: Literal["eager", "lazy", "background"] = "eager",
        shared: bool = False,
    ) -> _SelfZeros:
        """Make an initializer. The class describes the parameters."""
        resolved = dtypes.read_as_tensorflow(dtype)
        return super().__new__(
            cls, resolved.dtype, resolved.fill, resolved.name, order, alignment, commit, shared
        )

    @property
    def _options(self) -> dict[str, Any]:
        """The options other than the dtype that differ from their default."""
        options = {key: getattr(self, key) for key in _DEFAULTS}
        return {key: value for key, value in options.items() if value != _DEFAULTS[key]}

    @property
    def _dtype_argument(self) -> Any:
        """The argument for which the constructor arrives at the same dtype and name."""
        return self.dtype if self._name is None else self._name

    def get_config(self) -> dict[str, Any]:
        """Return the configuration as a JSON-serializable dict.

        Returns
        -------
        dict
            ``{"dtype": "float32"}`` as in TensorFlow, with those of the other options that differ
            from their default. A dtype for which TensorFlow has no name is written as NumPy's
            string, or as a dict of its parts. Keras, when it saves or copies a model, gets
            what every program with Keras can load: see :mod:`zerofill.interop.keras`.

        Raises
        ------
        TypeError
            For a dtype of a user's own class, because no name stands for it.

        Examples
        --------
        >>> import zerofill
        >>> zerofill.Zeros("half", alignment=4096).get_config()
        {'dtype': 'float16', 'alignment': 4096}
        """
        dtype = dtype_serialization.to_json(self.dtype, self._name)
        config = {"dtype": dtype, **self._options}
        caller = sys._getframe(1)
        if type(self) is Zeros and is_keras(caller):
            return fit_for_keras(config, Zeros, caller)
        return config

    @classmethod
    def from_config(cls: type[_SelfZeros], config: Mapping[str, Any]) -> _SelfZeros:
        """Return a new initializer from a configuration.

        Parameters
        ----------
        config : mapping
            What :meth:`get_config` returned, here or in TensorFlow or Keras (``{}``). It is not
            modified.

        Returns
        -------
        Zeros

        Raises
        ------
        TypeError
            For an unknown key, which the message names, or a value that is not a dtype.
        ValueError
            For an invalid value of another option.

        Examples
        --------
        >>> import zerofill
        >>> zerofill.Zeros.from_config({"dtype": "int8"})
        Zeros('int8')
        """
        if not isinstance(config, Mapping):
            raise TypeError(f"config must be a dict as get_config() returns it, got {config!r}")
        options = dict(config)
        unknown = options.keys() - _DEFAULTS.keys() - {"dtype"}
        if unknown and cls is Zeros:
            raise TypeError(
                f"config has unknown keys {sorted(map(str, unknown))}; "
                f"Zeros knows {['dtype', *_DEFAULTS]}"
            )
        if "dtype" in options:
            resolved = dtype_serialization.from_json(options["dtype"])
            options["dtype"] = resolved.dtype if resolved.name is None else resolved.name
        return cls(**options)

    def clone(self: _SelfZeros) -> _SelfZeros:
        """Return a new initializer that is equal to this one."""
        return copy.copy(self)

    def __getnewargs_ex__(self) -> tuple[tuple[Any], dict[str, Any]]:
        return (self._dtype_argument,), self._options

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        # Protocols 0 and 1 ignore __getnewargs_ex__, but can store what protocol 2 makes of it.
        return super().__reduce_ex__(max(operator.index(protocol), 2))

    @property
    def _key(self) -> tuple[Any, ...]:
        # Equal dtypes may have different hashes, but have the same string. Equality of structured
        # dtypes ignores whether their elements are np.record.
        is_record = self.dtype.type is np.record
        return (self._name, self.dtype.str, is_record, *(getattr(self, key) for key in _DEFAULTS))

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        assert isinstance(other, Zeros)
        return self._key == other._key and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((type(self), self._key))

    def __repr__(self) -> str:
        source = dtype_serialization.to_source(self.dtype, self._name)
        arguments = [] if source == "'float32'" else [source]
        arguments += [f"{key}={value!r}" for key, value in self._options.items()]
        return f"{type(self).__name__}({', '.join(arguments)})"


_DEFAULTS: dict[str, Any] = {"order": "C", "alignment": 64, "commit": "eager", "shared": False}

zeros = Zeros
zeros_initializer = Zeros

_CLASSES = {"Zeros": Zeros, "zeros": Zeros, "zero": Zeros}
_KNOWN_PACKAGES = ("keras", "tf_keras", "tensorflow", "zerofill")


def get(identifier: Any) -> Callable[..., Any] | None:
    """Return the initializer that an identifier stands for, as ``keras.initializers.get`` does.

    Parameters
    ----------
    identifier : None, str, dict, class or callable
        None is returned as it is. A name is "zeros", "Zeros" or "zero". A dict is what
        :func:`serialize` returns, here or in TensorFlow or Keras. A class is instantiated; any
        other callable is returned as it is.

    Returns
    -------
    callable or None

    Raises
    ------
    ValueError
        For anything else; the message names it.

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
    found = _CLASSES.get(identifier) if isinstance(identifier, str) else identifier
    if not callable(found):
        raise ValueError(
            f"Could not interpret initializer identifier: {identifier!r}; it must be one of the "
            f"names {sorted(_CLASSES)}, a config dict, a class or a callable"
        )
    initializer: Callable[..., Any] = found() if isinstance(found, type) else found
    return initializer


def serialize(initializer: Initializer | None) -> dict[str, Any] | None:
    """Return a JSON-serializable dict that :func:`deserialize` restores the initializer from.

    Parameters
    ----------
    initializer : Initializer or None
        None is returned as it is.

    Returns
    -------
    dict or None
        In the form of Keras 3: "module", "class_name", "config" and "registered_name".

    Raises
    ------
    ValueError
        If it is not an initializer; the message names it.

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

    A config may come from a file that somebody else wrote, so nothing that it names is imported,
    called or evaluated: only the classes of this module are known.

    Parameters
    ----------
    config : dict, str or None
        What :func:`serialize` returned, here or in Keras, or TensorFlow's
        ``{"class_name": ..., "config": ...}``. A name or None is read as in :func:`get`.

    Returns
    -------
    Initializer or None

    Raises
    ------
    ValueError
        If it does not describe an initializer that is known here; the message names it.
    TypeError
        For an unknown key in its "config".

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
    if not isinstance(name, str) or name not in _CLASSES or package not in _KNOWN_PACKAGES:
        raise ValueError(
            f"Could not interpret initializer config: {config!r}; its class_name must be one of "
            f"{sorted(_CLASSES)}, of {', '.join(_KNOWN_PACKAGES)}"
        )
    return _CLASSES[name].from_config(config.get("config") or {})
