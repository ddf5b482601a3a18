"""Linux: the receiver opens the sender's descriptor by its path (proc_pid_fd(5))."""

import os
from typing import NamedTuple

__all__ = ["close", "pack", "unpack"]


class Descriptor(NamedTuple):
    """A file descriptor of another process."""

    process: int
    number: int


def pack(descriptor: int) -> Descriptor:
    """Return what a message says of a descriptor of this process."""
    return Descriptor(os.getpid(), descriptor)


def unpack(sent: Descriptor) -> int:
    """Return a descriptor of this process for the same file.

    Raises
    ------
    ProcessLookupError
        If the sender has ended.
    PermissionError
        If this process may not look into it.
    """
    path = f"/proc/{sent.process}/fd/{sent.number}"
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ProcessLookupError(
            f"the process {sent.process}, which sent this shared array, has ended or is in another "
            "container: it must run until the array has arrived"
        ) from error
    except PermissionError as error:
        raise PermissionError(
            f"this process may not open the memory of the process {sent.process}, which sent this "
            "shared array: both must run as one user, and the sender must be dumpable (prctl(2))"
        ) from error


def close(descriptor: int) -> None:
    """Close what unpack() has returned."""
    os.close(descriptor)
