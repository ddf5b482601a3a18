"""Send shared arrays to other processes by a handle instead of their bytes.

Importing this module changes nobody's pickling. The first shared array has those picklers carry
handles that send objects to other processes of this machine, for memory of zerofill's alone: that
of multiprocessing and concurrent.futures, joblib's and loky's, and Dask's. All others store bytes.
"""

import errno
import multiprocessing.process
import multiprocessing.util
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from . import _zerofill, transport
from ._zerofill import Buffer
from .picklers import is_to_another_machine, register_picklers, take_back_unless_dumped

__all__ = ["announce", "owner_of", "reduce_shared"]

# How long a worker that ends waits until what it has sent has arrived, in seconds.
_GRACE = 2.0


# What is sent of a piece of shared memory: what transport.pack() made of the handle, the size in
# bytes, the alignment, whether it may be written, and the identity, number and slot of a ticket.
_Message: TypeAlias = tuple[Any, int, int, bool, int, int, int]
_Layout: TypeAlias = tuple[
    tuple[int, ...], Any, int, tuple[int, ...], type | None, dict[str, Any] | None
]

# Those that this process has, by their identities.
_known: weakref.WeakValueDictionary[int, Buffer] = weakref.WeakValueDictionary()
_forked_in: set[int] = set()  # this process, if it is the child of a fork
_lock = threading.RLock()  # reentrant, because a collection may run anything meanwhile
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
    os.register_at_fork(after_in_child=lambda: _forked_in.add(os.getpid()))


def announce(buffer: Buffer) -> None:
    """Remember a new Buffer of shared memory; called where it is made."""
    register_picklers(reduce_shared)
    with _lock:
        _known[_zerofill.identity_of_shared(buffer)] = buffer


def owner_of(array: Any) -> Buffer | None:
    """Return the Buffer of shared memory that an array is a view of, if there is one."""
    base = array
    while base is not None and not isinstance(base, Buffer):
        # The base of a strided view is an object that has the array as its base.
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base if base is not None and base.shared else None


def reduce_shared(instance: Any) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """Return what a pickler stores of an array or a Buffer: a handle, or None for its bytes."""
    buffer = owner_of(instance)
    if buffer is None or is_to_another_machine(sys._getframe(1)):
        return None
    if isinstance(instance, Buffer):
        return _receive, _send(buffer, writable=not memoryview(buffer).readonly)
    cls = type(instance)
    if cls is not np.ndarray and not _is_plain(cls):
        return None
    offset = instance.__array_interface__["data"][0] - buffer.address
    if not instance.flags.c_contiguous and not _is_within(instance, buffer):
        return None
    # Short, because reading it is most of the time that a message takes.
    dtype = instance.dtype
    layout = (
        instance.shape,
        dtype.str if dtype.isbuiltin == 1 and not dtype.metadata else dtype,
        offset,
        instance.strides,
        None if cls is np.ndarray else cls,
        getattr(instance, "__dict__", None) or None,
    )
    return _receive_array, (_send(buffer, instance.flags.writeable), layout)


def _is_plain(cls: type) -> bool:
    """Return whether a class of arrays leaves pickling to NumPy."""
    names = ("__reduce__", "__reduce_ex__", "__setstate__", "__getstate__")
    return all(getattr(cls, name, None) is getattr(np.ndarray, name, None) for name in names)


def _is_within(array: np.ndarray[Any, Any], buffer: Buffer) -> bool:
    """Return whether all elements are the Buffer's: strides can be anything."""
    first, end = np.lib.array_utils.byte_bounds(array)
    return buffer.address <= first and end <= buffer.address + buffer.nbytes


def _send(buffer: Buffer, writable: bool) -> _Message:
    with _lock:
        handle, *ticket = _zerofill.send_shared(buffer, *_relatives())
    take_back_unless_dumped(lambda: _zerofill.receive_shared_again(buffer, *ticket))
    _wait_at_exit()
    identity, number, slot = ticket
    sent = transport.pack(buffer, handle)
    return sent, buffer.nbytes, buffer.alignment, writable, identity, number, slot


def _relatives() -> tuple[int, int, int, int]:
    """Return who may receive what this process sends, and who is a child but receives nothing.

    The parent, if this process was forked or is a worker; the process that multiprocessing was
    told to start this one by; the fork server; the resource tracker. 0 stands for none.
    """
    creator = multiprocessing.process.parent_process()
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    tracker = getattr(
        sys.modules.get("multiprocessing.resource_tracker"), "_resource_tracker", None
    )
    is_worker = multiprocessing.process.current_process().name != "MainProcess"
    knows_parent = is_worker or os.getpid() in _forked_in
    return (
        os.getppid() if knows_parent and os.getppid() != 1 else 0,
        (creator.pid if creator is not None else None) or 0,
        getattr(server, "_forkserver_pid", None) or 0,
        getattr(tracker, "_pid", None) or 0,
    )


_waiting_process = 0


def _wait_at_exit() -> None:
    """Have a worker that ends wait for what it has sent, after its queues are flushed."""
    global _waiting_process
    if multiprocessing.process.parent_process() is None or _waiting_process == os.getpid():
        return
    _waiting_process = os.getpid()
    multiprocessing.util.Finalize(None, _wait_until_arrived, exitpriority=-20)


def _wait_until_arrived() -> None:
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        known = list(_known.values())
        if all(map(_zerofill.has_shared_arrived, known)) and not _zerofill.stats()["sent_bytes"]:
            return
        del known
        time.sleep(0.001)


def _receive(
    sent: Any, nbytes: int, alignment: int, writable: bool, identity: int, number: int, slot: int
) -> Buffer:
    register_picklers(reduce_shared)  # it may be sent on from here
    with _lock:
        known = _known.get(identity)
    fits = known is not None and (not writable or not memoryview(known).readonly)
    if known is not None and fits and _zerofill.receive_shared_again(known, identity, number, slot):
        return known
    try:
        received = _zerofill.receive_shared(
            transport.unpack(sent), nbytes, alignment, writable, identity, number, slot
        )
    except OSError as error:
        raise _as_python_expects(error) from error
    if received is None:
        raise RuntimeError(_LOST)
    with _lock:
        _known[identity] = received
    return received


_LOST = (
    "the process that sent this shared array has ended, is in another container, or has given the "
    "array up because no process was left that could receive it: it must run until the array has "
    "arrived"
)


def _as_python_expects(error: OSError) -> Exception:
    """Return the error of a receiver: not an OSError, which multiprocessing takes for the end."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return MemoryError(
            "this process cannot open the memory of a shared array that it was sent: "
            f"{error.strerror}; shared memory has a file descriptor each (RLIMIT_NOFILE)"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return RuntimeError(
            "this process may not open the memory of the process that sent this shared array: "
            "both must run as one user, and the sender must be dumpable (prctl(2))"
        )
    return RuntimeError(_LOST)


def _receive_array(message: _Message, layout: _Layout) -> np.ndarray[Any, Any]:
    shape, dtype, offset, strides, cls, attributes = layout
    buffer: Any = _receive(*message)
    array: np.ndarray[Any, Any]
    array = np.ndarray.__new__(cls or np.ndarray, shape, dtype, buffer, offset, strides)
    if attributes:
        array.__dict__.update(attributes)
    if not message[3]:
        array.flags.writeable = False
    return array
