"""The picklers that carry handles of shared memory, once there is any.

Each asks a class of its library for one hook, :meth:`pickle.Pickler.reducer_override`, and hands
all that is not shared memory to what was there before.
"""

import contextlib
import importlib.machinery
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from .._zerofill import Buffer

__all__ = ["is_to_another_machine", "register_picklers", "take_back_unless_dumped"]

_Reduce = Callable[[Any], Any]

_MOST_FRAMES = 12  # from a pickler's hook up to the call that sends
_registered: dict[str, object] = {}
_dumping = threading.local()


def register_picklers(reduce: _Reduce) -> None:
    """Have the picklers of the libraries that are loaded, by now or later, ask about arrays.

    Parameters
    ----------
    reduce : callable
        Returns what to store of an array or a Buffer, or None where that is for others to say.
    """
    if not _registered:
        sys.meta_path.insert(0, _Watcher(reduce))
    for library in _PICKLERS:
        if library not in _registered and _is_loaded(library):
            _register(library, reduce)


def _register(library: str, reduce: _Reduce) -> None:
    mine = object()
    if _registered.setdefault(library, mine) is not mine:
        return  # another thread does it
    # A library that has changed sends the bytes, as it did.
    with contextlib.suppress(AttributeError, ImportError, KeyError, TypeError):
        _PICKLERS[library](reduce)


def _is_loaded(library: str) -> bool:
    """Return whether a module is there, and not just being imported."""
    spec = getattr(sys.modules.get(library), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def take_back_unless_dumped(take_back: Callable[[], object]) -> None:
    """Have something called if the pickler that asks just now fails."""
    undo = getattr(_dumping, "undo", None)
    if undo is not None:
        undo.append(take_back)


def is_to_another_machine(frame: FrameType | None) -> bool:
    """Return whether what is pickled goes out by a socket of the network.

    Such a socket may end on this machine, too; but the other end gets the bytes then, which is
    right in any case.
    """
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return False
        # Only there: before Python 3.13, a frame that is asked for its locals keeps them alive.
        if frame.f_code.co_name == "send":
            sender = frame.f_locals.get("self")
            if hasattr(sender, "_send_bytes"):
                return _is_of_network(sender)
        frame = frame.f_back
    return False


def _is_of_network(connection: Any) -> bool:
    """Return whether a connection of multiprocessing is one of the internet's."""
    try:
        if not stat.S_ISSOCK(os.fstat(connection.fileno()).st_mode):
            return False  # a pipe
        with socket.socket(fileno=connection.fileno()) as view:
            family = view.family
            view.detach()
    except OSError:
        return False  # Windows's, or closed
    return family in (socket.AF_INET, socket.AF_INET6)


def _ask_first(pickler: Any, reduce: _Reduce) -> None:
    """Have the objects of a class of picklers ask `reduce` before they do what they did."""
    former = getattr(pickler, "reducer_override", None)
    former_dump = pickler.dump

    def reducer_override(self: Any, instance: Any) -> Any:
        if isinstance(instance, (np.ndarray, Buffer)):
            reduced = reduce(instance)
            if reduced is not None:
                return reduced
        return NotImplemented if former is None else former(self, instance)

    def dump(self: Any, instance: Any) -> Any:
        outer = getattr(_dumping, "undo", None)
        _dumping.undo = []
        try:
            return former_dump(self, instance)
        except BaseException:
            for take_back in _dumping.undo:
                take_back()
            raise
        finally:
            _dumping.undo = outer

    pickler.reducer_override = reducer_override
    pickler.dump = dump


def _register_multiprocessing(reduce: _Reduce) -> None:
    from multiprocessing.reduction import ForkingPickler

    _ask_first(ForkingPickler, reduce)


def _register_loky(library: str) -> Callable[[_Reduce], None]:
    def register(reduce: _Reduce) -> None:
        _ask_first(sys.modules[library].get_loky_pickler(), reduce)

    return register


def _register_joblibs_pool(reduce: _Reduce) -> None:
    _ask_first(sys.modules["joblib.pool"].CustomizablePickler, reduce)


def _register_dask(reduce: _Reduce) -> None:
    from .dask_messages import register

    register(reduce)


class _Watcher:
    """A finder of modules that registers picklers which are imported after the first array."""

    def __init__(self, reduce: _Reduce) -> None:
        self._reduce = reduce

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec that others find for a module of picklers, which is to be registered."""
        if name not in _PICKLERS or name in _registered:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        execute = getattr(spec and spec.loader, "exec_module", None)
        if execute is None:
            return None

        def execute_and_register(module: ModuleType) -> None:
            execute(module)
            _register(name, self._reduce)

        spec.loader.exec_module = execute_and_register  # type: ignore[union-attr,method-assign]
        return spec


_PICKLERS: dict[str, Callable[[_Reduce], None]] = {
    "zerofill": _register_multiprocessing,
    "joblib.pool": _register_joblibs_pool,
    "loky.backend.reduction": _register_loky("loky.backend.reduction"),
    "joblib.externals.loky.backend.reduction": _register_loky(
        "joblib.externals.loky.backend.reduction"
    ),
    "distributed.protocol.numpy": _register_dask,
}
