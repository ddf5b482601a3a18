"""Send shared arrays to other processes by a handle instead of their bytes.

Importing this module changes nobody's pickling. The first shared array has those picklers carry
handles that send objects to other processes of this machine, for memory of zerofill's alone: that
of multiprocessing and concurrent.futures, joblib's and loky's, and Dask's. All others store bytes.
"""

import multiprocessing.process
import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _zerofill, transport
from ._zerofill import Buffer
from .picklers import is_to_another_machine, register_picklers

__all__ = ["announce", "owner_of", "reduce_shared"]


class Message(NamedTuple):
    """What is sent of a piece of shared memory."""

    sent: Any  # what transport.pack() made of the handle
    nbytes: int
    alignment: int
    writable: bool
    identity: int
    number: int
    slot: int


# Those that this process has, by their identities.
_known: weakref.WeakValueDictionary[int, Buffer] = weakref.WeakValueDictionary()
_lock = threading.RLock()  # reentrant, because a collection may run anything meanwhile


def announce(buffer: Buffer) -> None:
    """Remember a new Buffer of shared memory; called where it is made."""
    register_picklers(reduce_shared)
    _remember(_zerofill.identity_of_shared(buffer), buffer)


def owner_of(array: Any) -> Buffer | None:
    """Return the Buffer of shared memory that an array is a view of, if there is one."""
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, Buffer) and base.shared else None


def reduce_shared(instance: Any) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """Return what a pickler stores of an array or a Buffer: a handle, or None for its bytes."""
    buffer = owner_of(instance)
    if buffer is None or is_to_another_machine(sys._getframe(1)):
        return None
    if isinstance(instance, Buffer):
        return _receive, (_send(buffer, writable=not memoryview(buffer).readonly),)
    if not _is_plain(type(instance)):
        return None
    layout = (
        type(instance),
        instance.shape,
        instance.dtype,
        instance.ctypes.data - buffer.address,
        instance.strides,
        instance.flags.writeable,
        getattr(instance, "__dict__", None) or None,
    )
    return _receive_array, (_send(buffer, writable=instance.flags.writeable), *layout)


def _is_plain(cls: type) -> bool:
    """Return whether a class of arrays leaves pickling to NumPy."""
    names = ("__reduce__", "__reduce_ex__", "__setstate__", "__getstate__")
    return all(getattr(cls, name, None) is getattr(np.ndarray, name, None) for name in names)


def _send(buffer: Buffer, writable: bool) -> Message:
    handle, *ticket = _zerofill.send_shared(buffer, _parent())
    return Message(transport.pack(handle), buffer.nbytes, buffer.alignment, writable, *ticket)


def _parent() -> int:
    """Return the process that may receive what this one sends, beside those that it starts."""
    parent = multiprocessing.process.parent_process()
    if parent is not None and parent.pid is not None:
        return parent.pid
    is_worker = multiprocessing.process.current_process().name != "MainProcess"
    return os.getppid() if is_worker else 0


def _receive(message: Message) -> Buffer:
    register_picklers(reduce_shared)  # it may be sent on from here
    ticket = (message.identity, message.number, message.slot)
    with _lock:
        known = _known.get(message.identity)
        fits = known is not None and (not message.writable or not memoryview(known).readonly)
        if known is not None and fits and _zerofill.receive_shared_again(known, *ticket):
            return known
        handle = transport.unpack(message.sent)
        received = _zerofill.receive_shared(
            handle, message.nbytes, message.alignment, message.writable, *ticket
        )
        if received is None:
            raise ProcessLookupError(
                "the process that sent this shared array has ended, or has given its memory up: "
                "no other process was left that could receive the array"
            )
        _known[message.identity] = received
        return received


def _remember(identity: int, buffer: Buffer) -> None:
    with _lock:
        _known[identity] = buffer


def _receive_array(
    message: Message,
    cls: type[np.ndarray[Any, Any]],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    offset: int,
    strides: tuple[int, ...],
    writable: bool,
    attributes: dict[str, Any] | None,
) -> np.ndarray[Any, Any]:
    buffer: Any = _receive(message)
    array: np.ndarray[Any, Any] = np.ndarray.__new__(cls, shape, dtype, buffer, offset, strides)
    if attributes:
        array.__dict__.update(attributes)
    if not writable:
        array.flags.writeable = False
    return array
