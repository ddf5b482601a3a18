"""Importing the library of a bridge, or saying what to do."""

import importlib
import re
from typing import Any

__all__ = ["library"]


def library(name: str, least_version: str) -> Any:
    """Return the module of a library, for the bridge of the same name.

    Parameters
    ----------
    name : str
        Of the module, of the bridge and of the extra that installs it.
    least_version : str
        The oldest version that will do.

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
    if _numbers(module.__version__) < _numbers(least_version):
        raise ImportError(
            f"zerofill.interop.{name} needs {name} {least_version} or newer, and "
            f"{module.__version__} is installed; {remedy}",
            name=name,
        )
    return module


def _numbers(version: str) -> list[int]:
    """Return the release of a version (PEP 440), whatever follows it."""
    release = re.match(r"[\d.]*\d", version)
    return [int(number) for number in release[0].split(".")] if release else []
