"""The config of Zeros that Keras saves, so that every program with Keras can load it.

Keras looks an initializer up by the bare name of its class first, and so reads Zeros as its own,
which makes the same values and takes no options.
"""

import sys
from types import FrameType
from typing import Any, Final

__all__ = ["fit_for_keras", "is_keras", "register_with_keras"]

# Keras 3, and Keras 2 as TensorFlow uses it since version 2.16.
_PACKAGES: Final = ("keras", "tf_keras")


def _package_of(caller: FrameType) -> str:
    return str(caller.f_globals.get("__name__")).partition(".")[0]


def is_keras(caller: FrameType) -> bool:
    """Return whether the code that runs in a frame is Keras's own."""
    return _package_of(caller) in _PACKAGES


def fit_for_keras(config: dict[str, Any], cls: type, keras: FrameType) -> dict[str, Any]:
    """Return what of a class's config the Keras that asks for it shall save.

    Where the class is registered, all but TensorFlow's default dtype. Elsewhere nothing: then the
    config is that of Keras's class of the same name. Keras gives the dtype with each call.
    """
    saving: Any = getattr(sys.modules.get(_package_of(keras)), "saving", None)
    registered_name = getattr(saving, "get_registered_name", None)
    if registered_name is None or registered_name(cls) == cls.__name__:
        return {}
    return {key: value for key, value in config.items() if (key, value) != ("dtype", "float32")}


def register_with_keras(cls: type) -> None:
    """Register a class under the package name "zerofill" with each Keras that is imported.

    Nothing is imported. A class that is registered already stays as it is.
    """
    for package in _PACKAGES:
        saving: Any = getattr(sys.modules.get(package), "saving", None)
        if saving is not None and saving.get_registered_name(cls) == cls.__name__:
            saving.register_keras_serializable(package="zerofill", name=cls.__name__)(cls)
