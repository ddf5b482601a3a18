"""Windows: the receiver takes a duplicate of the sender's handle out of it. Untried."""

from multiprocessing import reduction
from typing import Any

from .._zerofill import Buffer

__all__ = ["pack", "unpack"]

_FILE_MAP_ALL_ACCESS = 0x000F001F


def pack(buffer: Buffer, handle: int) -> Any:
    """Return what a message says of a Buffer, which has that handle in this process."""
    return reduction.DupHandle(handle, _FILE_MAP_ALL_ACCESS)  # type: ignore[attr-defined]


def unpack(sent: Any) -> int:
    """Return a handle of this process for the same memory. OSError if the sender has ended."""
    handle: int = sent.detach()
    return handle
