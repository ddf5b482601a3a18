"""What this machine offers, what zerofill chose, and what would make it faster."""

import os
import platform
import re
from typing import Any

import numpy as np

from . import _zerofill
from .runtime import configure, is_disabled, option_origins

__all__ = ["advice", "effective_options", "system_report"]

_POPULATE_KERNEL = (5, 14)  # MADV_POPULATE_WRITE


def system_report() -> dict[str, Any]:
    """Return what is known of the machine; sizes are in bytes, 0 or None where not known."""
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "cpus": os.cpu_count() or 1,
        **_zerofill.system_info(),
    }


def effective_options() -> dict[str, dict[str, Any]]:
    """Return every run-time option with its value and where that comes from."""
    origins = option_origins()
    return {
        name: {"value": value, "origin": origins[name]}
        for name, value in configure()._asdict().items()
    }


def advice(machine: dict[str, Any], options: dict[str, dict[str, Any]]) -> list[str]:
    """Return what would make zerofill faster here, a sentence or two each.

    Parameters
    ----------
    machine : dict
        As :func:`system_report` returns it.
    options : dict
        As :func:`effective_options` returns it.

    Returns
    -------
    list of str
        Empty when there is nothing to say.
    """
    if is_disabled():
        return ["ZEROFILL_DISABLE sends everything through NumPy's memory: unset it."]
    values = {name: option["value"] for name, option in options.items()}
    return [*_about_pages(machine), *_about_cpus(machine, values), *_about_options(values)]


def _about_pages(machine: dict[str, Any]) -> list[str]:
    if machine["huge_page_bytes"] or not machine["system"].startswith("Linux"):
        return []
    found = {
        "never": "Huge pages are switched off, and fresh memory costs two to four times as much: "
        "as root, write madvise to /sys/kernel/mm/transparent_hugepage/enabled.",
        "prctl never": "Whoever started this process switched its huge pages off "
        "(PR_SET_THP_DISABLE), and fresh memory costs two to four times as much.",
    }
    sentences = [
        found.get(
            machine["huge_page_policy"],
            "This kernel has no transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE), and fresh "
            "memory costs two to four times as much.",
        )
    ]
    if _kernel_version(machine["system"]) < _POPULATE_KERNEL:
        sentences.append(
            "From Linux 5.14 on, small pages are made twice as fast (MADV_POPULATE_WRITE)."
        )
    return sentences


def _kernel_version(system: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", system)[:2])


def _about_cpus(machine: dict[str, Any], values: dict[str, Any]) -> list[str]:
    usable, threads, cpus = machine["usable_cpus"], values["num_threads"], machine["cpus"]
    sentences = []
    if usable < cpus:
        sentences.append(
            f"Only {usable} of this machine's {cpus} CPUs may be used: an affinity mask "
            "(taskset) or a CPU quota (of a container) leaves no more."
        )
    if threads < usable:
        sentences.append(
            f"num_threads is {threads}, and {usable} CPUs may be used: large arrays would be made "
            "faster with more."
        )
    if threads > usable:
        sentences.append(
            f"num_threads is {threads}, and only {usable} CPUs may be used: the threads wait for "
            "each other."
        )
    if min(threads, usable) == 1 and values["scrub"] == "auto":
        sentences.append(
            "With one CPU freed blocks are not zeroed in the background, as that would take time "
            "from you."
        )
    return sentences


def _about_options(values: dict[str, Any]) -> list[str]:
    sentences = []
    for name in ("pool_limit", "decay"):
        if values[name] == 0:
            sentences.append(
                f"{name} is 0: nothing is kept for reuse, and every large array costs fresh pages."
            )
    if values["scrub"] is False and values["num_threads"] > 1:
        sentences.append(
            "scrub is off: freed blocks of 64 MiB and more are zeroed when they are wanted again, "
            "and not in the background before."
        )
    if values["audit"]:
        sentences.append("audit is on: blocks that are known to be zero are read each time.")
    return sentences
