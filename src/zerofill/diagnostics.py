"""What this machine offers, which options are in effect, and what would make zerofill faster."""

import importlib.metadata
import os
import platform
import re
from typing import Any

import numpy as np

from . import _zerofill
from .runtime import configure, is_disabled, option_origins

__all__ = ["advice", "effective_options", "system_report"]

_POPULATE_WRITE_KERNEL = (5, 14)  # the first Linux with MADV_POPULATE_WRITE


def system_report() -> dict[str, Any]:
    """Describe the machine and the software. Sizes are in bytes; 0 or None means not known."""
    return {
        "zerofill": importlib.metadata.version("zerofill"),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "cpus": os.cpu_count() or 1,
        **_zerofill.system_info(),
    }


def effective_options() -> dict[str, dict[str, Any]]:
    """Return every runtime option with its "value" and its "origin", which says what set it."""
    origins = option_origins()
    return {
        name: {"value": value, "origin": origins[name]}
        for name, value in configure()._asdict().items()
    }


def advice(report: dict[str, Any], options: dict[str, dict[str, Any]]) -> list[str]:
    """Return what would make zerofill faster here, a sentence or two each.

    Parameters
    ----------
    report : dict
        From :func:`system_report`.
    options : dict
        From :func:`effective_options`.

    Returns
    -------
    list of str
        Empty if there is nothing to improve.
    """
    if is_disabled():
        return ["ZEROFILL_DISABLE has every array use NumPy's own memory: unset it."]
    values = {name: option["value"] for name, option in options.items()}
    return [
        *_page_advice(report),
        *_shared_page_advice(report),
        *_cpu_advice(report, values),
        *_option_advice(values),
    ]


def _page_advice(report: dict[str, Any]) -> list[str]:
    if report["huge_page_bytes"] or not report["system"].startswith("Linux"):
        return []
    causes = {
        "never": "Huge pages are switched off, which makes fresh memory cost two to four times as "
        "much: as root, write madvise to /sys/kernel/mm/transparent_hugepage/enabled.",
        "prctl never": "Huge pages are switched off for this process (PR_SET_THP_DISABLE, which it "
        "may inherit from its parent), which makes fresh memory cost two to four times as much.",
    }
    no_support = (
        "This kernel has no transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE), which makes "
        "fresh memory cost two to four times as much."
    )
    sentences = [causes.get(report["huge_page_policy"], no_support)]
    if _kernel_version(report["system"]) < _POPULATE_WRITE_KERNEL:
        sentences.append(
            "Linux 5.14 and newer make small pages resident twice as fast (MADV_POPULATE_WRITE)."
        )
    return sentences


def _shared_page_advice(report: dict[str, Any]) -> list[str]:
    if report["shared_huge_pages"] or not report["huge_page_bytes"]:
        return []
    if report["shared_huge_page_policy"] == "unsupported":
        return []
    return [
        "Arrays made with shared=True get no huge pages, so that making one takes three to four "
        "times as long: as root, write advise to "
        "/sys/kernel/mm/transparent_hugepage/shmem_enabled."
    ]


def _kernel_version(system: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", system)[:2])


def _cpu_advice(report: dict[str, Any], values: dict[str, Any]) -> list[str]:
    usable, threads, cpus = report["usable_cpus"], values["num_threads"], report["cpus"]
    sentences = []
    if usable < cpus:
        sentences.append(
            f"Only {usable} of this machine's {cpus} CPUs may be used, because of an affinity mask "
            "(taskset) or a container's CPU quota."
        )
    if threads < usable:
        sentences.append(
            f"num_threads is {threads}, and {usable} CPUs may be used: more threads would make "
            "large arrays faster."
        )
    if threads > usable:
        sentences.append(
            f"num_threads is {threads}, and only {usable} CPUs may be used: the threads wait for "
            "each other."
        )
    if min(threads, usable) == 1 and values["scrub"] == "auto":
        sentences.append(
            "With one CPU freed blocks are not zeroed in the background, because that would take "
            "time from your program."
        )
    return sentences


def _option_advice(values: dict[str, Any]) -> list[str]:
    sentences = []
    for name in ("pool_limit", "decay"):
        if values[name] == 0:
            sentences.append(
                f"{name} is 0: no block is reused, so every large array pays for fresh pages."
            )
    if values["scrub"] is False and values["num_threads"] > 1:
        sentences.append(
            "scrub is off: freed blocks of 64 MiB and more are zeroed when they are reused, while "
            "the caller waits, and not in the background before."
        )
    if values["audit"]:
        sentences.append("audit is on: blocks that should be zero are read whenever one is reused.")
    return sentences
