"""Dask's messages: a handle to a worker on the same machine, bytes to one elsewhere."""

import importlib
import inspect
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np

__all__ = ["register"]


def register(reduce: Callable[[Any], Any]) -> None:
    """Have Dask ask `reduce` what to send of an array to a worker on this machine.

    Dask tells the addresses of both ends as a serializer's "context". What it makes of an array is
    a header and frames; a header with "pickle" says that the frames are a pickle, which every
    worker with zerofill installed reads.
    """
    dask_serialize = importlib.import_module("distributed.protocol.serialize").dask_serialize
    former = dask_serialize.dispatch(np.ndarray)
    options = ("context",) if "context" in inspect.signature(former).parameters else ()

    def serialize(array: Any, context: Any = None) -> Any:
        reduced = reduce(array) if _is_same_machine(context) else None
        if reduced is None:
            return former(array, **dict.fromkeys(options, context))
        return {"pickle": True}, [pickle.dumps(_Reduced(reduced), protocol=4)]

    dask_serialize.register(np.ndarray)(serialize)


class _Reduced:
    """What pickles as `reduced` says."""

    def __init__(self, reduced: Any) -> None:
        self._reduced = reduced

    def __reduce__(self) -> Any:
        return self._reduced


def _is_same_machine(context: Any) -> bool:
    """Return whether both ends of a connection have one address of the network."""
    if not isinstance(context, dict):
        return False
    ends = (context.get(end) for end in ("sender", "recipient"))
    hosts = [_host(end.get("address")) if isinstance(end, dict) else None for end in ends]
    return hosts[0] is not None and hosts[0] == hosts[1]


def _host(address: Any) -> str | None:
    return urlsplit(address).hostname if isinstance(address, str) else None
