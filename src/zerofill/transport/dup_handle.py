"""Windows: the receiver takes a duplicate of the sender's handle out of it. Untried."""

from multiprocessing import reduction
from typing import Any

__all__ = ["close", "pack", "unpack"]

_FILE_MAP_ALL_ACCESS = 0x000F001F


def pack(handle: int) -> Any:
    """Return what a message says of a handle of this process."""
    return reduction.DupHandle(handle, _FILE_MAP_ALL_ACCESS)  # type: ignore[attr-defined]


def unpack(sent: Any) -> int:
    """Return a handle of this process for the same memory.

    Raises
    ------
    ProcessLookupError
        If the sender has ended.
    """
    try:
        handle: int = sent.detach()
    except OSError as error:
        raise ProcessLookupError(
            "the process that sent this shared array has ended: it must run until the array has "
            "arrived"
        ) from error
    return handle


def close(handle: int) -> None:
    """Close what unpack() has returned."""
    import _winapi

    _winapi.CloseHandle(handle)  # type: ignore[attr-defined]
