"""Sizes of memory as text."""

import re

__all__ = ["format_size", "parse_size"]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str) -> int:
    """Return a size in bytes: that of "4096", "64MiB", "1G".

    Raises
    ------
    ValueError
        For other text.
    """
    match = re.fullmatch(r"(\d+) *([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 4096, 64MiB or 1GiB")
    return int(match[1]) * _UNITS[match[2].upper()]


def format_size(nbytes: float) -> str:
    """Return a size with four significant figures and a unit: "64 MiB"."""
    value, units = float(nbytes), ["bytes", "KiB", "MiB", "GiB"]
    while units and abs(value) >= 1024:
        value /= 1024
        units.pop(0)
    return f"{value:.4g} {units[0] if units else 'TiB'}"
