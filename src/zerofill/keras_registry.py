"""Register Zeros with Keras, so that saved and cloned models restore it.

Keras finds a class by the name under which it was registered. It reads the bare name Zeros as its
own class, which takes none of the options.
"""

import sys
from typing import Any, Final

__all__ = ["register_with_keras"]

# Keras 3, and Keras 2 as TensorFlow uses it since version 2.16.
_MODULES: Final = ("keras", "tf_keras")


def register_with_keras(cls: type) -> None:
    """Register a class under the package name "zerofill" with each Keras that is imported.

    Nothing is imported. A class that is registered already stays as it is.
    """
    for name in _MODULES:
        saving: Any = getattr(sys.modules.get(name), "saving", None)
        # A module that is still being imported may lack either.
        register = getattr(saving, "register_keras_serializable", None)
        registered_name = getattr(saving, "get_registered_name", None)
        if register is None or registered_name is None:
            continue
        if registered_name(cls) == cls.__name__:
            register(package="zerofill", name=cls.__name__)(cls)
