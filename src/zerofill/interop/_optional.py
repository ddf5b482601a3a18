"""Import the library of a bridge, or say what to install."""

import importlib
import re
from typing import Any

__all__ = ["import_optional"]


def import_optional(name: str, min_version: str, extras: str = "") -> Any:
    """Return the module of an optional library, for the bridge of the same name.

    Parameters
    ----------
    name : str
        Name of the module, which is also that of the bridge and of the package to install.
    min_version : str
        The oldest version that works.
    extras : str, optional
        Those of the package that are needed, such as "[array]".

    Raises
    ------
    ImportError
        If it is missing or too old; the message says what to install.
    """
    hint = f"install it with: pip install '{name}{extras}>={min_version}'"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # the library is installed, but something that it imports is not
        raise ModuleNotFoundError(
            f"zerofill.interop.{name} needs {name}, which is not installed; {hint}", name=name
        ) from error
    if _release(module.__version__) < _release(min_version):
        raise ImportError(
            f"zerofill.interop.{name} needs {name} {min_version} or newer, and "
            f"{module.__version__} is installed; {hint}",
            name=name,
        )
    return module


def _release(version: str) -> list[int]:
    """Return the numbers of a version (PEP 440), without suffixes such as ``rc1``."""
    release = re.match(r"[\d.]*\d", version)
    return [int(number) for number in release[0].split(".")] if release else []
