"""Linux: the receiver opens the sender's descriptor by its path (proc_pid_fd(5))."""

from .._zerofill import Buffer

__all__ = ["pack", "unpack"]


def pack(buffer: Buffer, descriptor: int) -> str | None:
    """Return what a message says of a Buffer, which has that descriptor in this process."""
    return buffer.path


def unpack(sent: str) -> str:
    """Return what the receiver opens."""
    return sent
