"""Check the values of runtime options, and parse those that environment variables give."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import _zerofill

__all__ = ["MAX_THREADS", "check_option", "parse_environment", "variable_of"]

MAX_THREADS: Final = _zerofill.most_threads


def check_option(name: str, value: Any) -> Any:
    """Return a value of an option in the form that the native module takes.

    Raises
    ------
    TypeError, ValueError
        If the option cannot have that value.
    """
    return _CHECKS[name](value)


def _check_num_threads(value: Any) -> int:
    if value is None:
        return min(int(_zerofill.system_info()["usable_cpus"]), MAX_THREADS)
    threads = operator.index(value)
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError(f"num_threads must be from 1 to {MAX_THREADS}, got {value!r}")
    return threads


def _check_pool_limit(value: Any) -> int | None:
    if value is None:
        return None
    limit = operator.index(value)
    if not 0 <= limit < 2**63:
        raise ValueError(f"pool_limit must be a number of bytes from 0 to 2**63 - 1, got {value!r}")
    return limit


def _check_decay(value: Any) -> float:
    if isinstance(value, (str, bytes, bytearray)):  # float() would parse it
        raise TypeError(f"decay must be a number of seconds, got {value!r}")
    seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"decay must be a number of seconds, 0 or more, got {value!r}")
    return seconds


def _check_scrub(value: Any) -> str:
    if value is True or value is False:
        return "on" if value else "off"
    if isinstance(value, str) and value in ("auto", "on", "off"):
        return value
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f"scrub must be 'auto', 'on', 'off', True or False, got {value!r}")


def _check_audit(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise TypeError(f"audit must be True or False, got {value!r}")


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "num_threads": _check_num_threads,
    "pool_limit": _check_pool_limit,
    "decay": _check_decay,
    "scrub": _check_scrub,
    "audit": _check_audit,
}


def variable_of(option: str) -> str:
    """Return the name of the environment variable that sets an option."""
    return f"ZEROFILL_{option.upper()}"


def parse_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that ``ZEROFILL_...`` variables set, "disable" among them, checked.

    Raises
    ------
    ValueError
        For an invalid value; the message names the variable too.
    """
    return {
        name: _parse_variable(name, text)
        for name in _PARSERS
        if (text := environment.get(variable_of(name), ""))
    }


def _parse_variable(name: str, text: str) -> Any:
    try:
        value = _PARSERS[name](text)
        return value if name == "disable" else check_option(name, value)
    except ValueError as error:
        variable = variable_of(name)
        raise ValueError(f"the environment variable {variable}={text!r}: {error}") from None


_SWITCH = {"1": True, "on": True, "true": True, "0": False, "off": False, "false": False}


def _parse_switch(text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise ValueError(f"it must be 1 or 0, got {text!r}")
    return _SWITCH[text.lower()]


def _parse_scrub(text: str) -> bool | str:
    return "auto" if text.lower() == "auto" else _parse_switch(text)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "num_threads": int,
    "pool_limit": int,
    "decay": float,
    "scrub": _parse_scrub,
    "audit": _parse_switch,
    "disable": _parse_switch,
}
