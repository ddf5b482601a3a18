"""Importing the library of a bridge, or saying what to do."""

import importlib
from collections.abc import Callable
from typing import Any

__all__ = ["library"]


def library(name: str, least_version: str, is_new_enough: Callable[[Any], bool]) -> Any:
    """Return the module of a library, for the bridge of the same name.

    Parameters
    ----------
    name : str
        Of the module, of the bridge and of the extra that installs it.
    least_version : str
        The oldest version that will do; for the error only.
    is_new_enough : callable
        Whether the module has what the bridge needs.

    Raises
    ------
    ImportError
        Where it is missing or too old; says what to install.
    """
    remedy = f"install it with: pip install 'zerofill[{name}]'"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # it is there, and something that it needs is not
        raise ModuleNotFoundError(
            f"zerofill.interop.{name} needs {name}, which is not installed; {remedy}", name=name
        ) from error
    if not is_new_enough(module):
        version = getattr(module, "__version__", "one of an unknown version")
        raise ImportError(
            f"zerofill.interop.{name} needs {name} {least_version} or newer, and {version} is "
            f"installed; {remedy}",
            name=name,
        )
    return module
