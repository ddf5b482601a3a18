"""macOS: multiprocessing's own thread hands descriptors over a socket. Untried."""

from multiprocessing import reduction
from typing import Any

__all__ = ["pack", "unpack"]


def pack(descriptor: int) -> Any:
    """Return what a message says of a descriptor of this process."""
    return reduction.DupFd(descriptor)


def unpack(sent: Any) -> int:
    """Return a descriptor of this process for the same file. OSError if the sender has ended."""
    descriptor: int = sent.detach()
    return descriptor
