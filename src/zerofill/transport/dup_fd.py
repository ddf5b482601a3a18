"""macOS: multiprocessing's own thread hands descriptors over a socket. Untried."""

import os
from multiprocessing import reduction
from typing import Any

__all__ = ["close", "pack", "unpack"]


def pack(descriptor: int) -> Any:
    """Return what a message says of a descriptor of this process."""
    return reduction.DupFd(descriptor)


def unpack(sent: Any) -> int:
    """Return a descriptor of this process for the same file.

    Raises
    ------
    ProcessLookupError
        If the sender has ended.
    """
    try:
        descriptor: int = sent.detach()
    except (ConnectionError, FileNotFoundError) as error:
        raise ProcessLookupError(
            "the process that sent this shared array has ended: it must run until the array has "
            "arrived"
        ) from error
    return descriptor


def close(descriptor: int) -> None:
    """Close what unpack() has returned."""
    os.close(descriptor)
