"""Dask's messages: a handle to a worker on the same machine, the bytes to one elsewhere."""

import importlib
import inspect
import ipaddress
import pickle
import sys
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
    """Return whether what is sent stays on this machine.

    Both ends have one address of the network then. That is not enough where the other end may be
    the scheduler, which passes on what it gets as it is, to workers and clients elsewhere: unless
    the address is of this machine's own network (127.0.0.1), where nobody else can be.
    """
    if not isinstance(context, dict):
        return False
    ends = [context.get(end) for end in ("sender", "recipient")]
    sender, recipient = (_host(end.get("address")) if isinstance(end, dict) else "" for end in ends)
    if not recipient or sender != recipient:
        return False
    return _is_loopback(recipient) or recipient not in _scheduler_hosts()


def _host(address: Any) -> str:
    return urlsplit(address).hostname or "" if isinstance(address, str) else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _scheduler_hosts() -> set[str]:
    """Return the hosts of the schedulers that this process's clients and workers have."""
    hosts = set()
    for module, name in (("distributed.client", "Client"), ("distributed.worker", "Worker")):
        cls = getattr(sys.modules.get(module), name, None)
        for instance in list(getattr(cls, "_instances", ())):
            hosts.add(_host(getattr(instance.scheduler, "address", "")))
    return hosts
