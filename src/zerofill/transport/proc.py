"""Linux: the receiver opens the sender's descriptor by its path (proc_pid_fd(5))."""

import os

__all__ = ["pack", "unpack"]


def pack(descriptor: int) -> str:
    """Return what a message says of a descriptor of this process."""
    # The number that /proc has for this process, which may be of another namespace.
    return f"/proc/{os.readlink('/proc/self')}/fd/{descriptor}"


def unpack(sent: str) -> str:
    """Return what the receiver opens."""
    return sent
