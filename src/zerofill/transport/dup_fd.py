"""macOS: multiprocessing's own thread hands descriptors over a socket. Untried."""

from multiprocessing import reduction
from typing import Any

from .._zerofill import Buffer

__all__ = ["pack", "unpack"]


def pack(buffer: Buffer, descriptor: int) -> Any:
    """Return what a message says of a Buffer, which has that descriptor in this process."""
    return reduction.DupFd(descriptor)


def unpack(sent: Any) -> int:
    """Return a descriptor of this process for the same file. OSError if the sender has ended."""
    descriptor: int = sent.detach()
    return descriptor
