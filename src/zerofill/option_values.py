"""Check the values of runtime options, and parse those that environment variables give."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import _zerofill
from .sizes import parse_size

__all__ = [
    "MAX_THREADS",
    "check_option",
    "parse_environment",
    "parse_option",
    "variable_of",
]

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
    wanted = f"num_threads must be an integer from 1 to {MAX_THREADS}, or None"
    return _check_integer(value, 1, MAX_THREADS, wanted)


def _check_pool_limit(value: Any) -> int | None:
    if value is None:
        return None
    wanted = (
        "pool_limit must be an integer, a number of bytes from 0 to 2**63 - 1, "
        "a size such as '2GiB', or None"
    )
    if isinstance(value, str):
        try:
            return _check_integer(parse_size(value), 0, 2**63 - 1, wanted)
        except ValueError:
            raise ValueError(f"{wanted}, got {value!r}") from None
    return _check_integer(value, 0, 2**63 - 1, wanted)


def _check_integer(value: Any, lowest: int, highest: int, wanted: str) -> int:
    if not hasattr(type(value), "__index__"):
        raise TypeError(f"{wanted}, got {value!r}")
    number = operator.index(value)
    if not lowest <= number <= highest:
        raise ValueError(f"{wanted}, got {value!r}")
    return number


def _check_decay(value: Any) -> float:
    wanted = "decay must be a finite number of seconds, 0 or more"
    # Text has neither method, though float() would parse it.
    if not (hasattr(type(value), "__float__") or hasattr(type(value), "__index__")):
        raise TypeError(f"{wanted}, got {value!r}")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{wanted}, got {value!r}")
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


def _check_huge_pages(value: Any) -> str:
    if isinstance(value, str) and value in ("auto", "off"):
        return value
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f"huge_pages must be 'auto' or 'off', got {value!r}")


def _check_placement(value: Any) -> int | str:
    _zerofill.check_placement(value)
    return value if isinstance(value, str) else operator.index(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "num_threads": _check_num_threads,
    "pool_limit": _check_pool_limit,
    "decay": _check_decay,
    "scrub": _check_scrub,
    "audit": _check_audit,
    "huge_pages": _check_huge_pages,
    "placement": _check_placement,
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


def parse_option(name: str, text: str) -> Any:
    """Return an option's value, checked, from the text of a variable or of the command line.

    Raises
    ------
    TypeError, ValueError
        If it cannot be that option's.
    """
    value = _PARSERS[name](text)
    return value if name == "disable" else check_option(name, value)


def _parse_variable(name: str, text: str) -> Any:
    try:
        return parse_option(name, text)
    except (TypeError, ValueError) as error:  # TypeError: of text that is no number
        variable = variable_of(name)
        raise ValueError(f"the environment variable {variable}={text!r}: {error}") from None


_SWITCH = {"1": True, "on": True, "true": True, "0": False, "off": False, "false": False}


def _parse_switch(text: str, others: str = "") -> bool:
    if text.lower() not in _SWITCH:
        raise ValueError(f"it must be {others}1 or 0, got {text!r}")
    return _SWITCH[text.lower()]


def _parse_scrub(text: str) -> bool | str:
    return "auto" if text.lower() == "auto" else _parse_switch(text, "auto, ")


def _parse_number(kind: Callable[[str], float]) -> Callable[[str], float | str]:
    def parse(text: str) -> float | str:
        try:
            return kind(text)
        except ValueError:
            return text  # the option's check says what it must be

    return parse


def _parse_placement(text: str) -> int | str:
    return int(text) if text.isdecimal() else text.lower()


_PARSERS: dict[str, Callable[[str], Any]] = {
    "num_threads": _parse_number(int),
    "pool_limit": str,
    "decay": _parse_number(float),
    "scrub": _parse_scrub,
    "audit": _parse_switch,
    "huge_pages": str.lower,
    "placement": _parse_placement,
    "disable": _parse_switch,
}
