"""What a build that sanitizers look at is made with, and the processes that run it."""

import os
import pathlib
import subprocess

__all__ = ["pip_settings", "sanitizer_environment"]


def pip_settings(kinds: str) -> list[str]:
    """Return pip's settings for a build, of kinds such as "address,undefined"."""
    settings = {
        "cmake.build-type": "RelWithDebInfo",
        "cmake.define.ZEROFILL_SANITIZE": kinds,
        "install.strip": "false",
    }
    return [f"--config-settings={name}={value}" for name, value in settings.items()]


def sanitizer_environment(logs: pathlib.Path) -> dict[str, str]:
    """Return the variables that make a plain CPython run a module with AddressSanitizer.

    Its library must be loaded before all others, and libstdc++ right behind it, because
    AddressSanitizer looks for ``__cxa_throw`` as it starts. CPython's own allocator would hide
    overflows within its arenas. Reports go to files whose names begin with ``logs``.
    """
    compiler = os.environ.get("CXX") or "c++"
    libraries = [
        subprocess.check_output([compiler, f"-print-file-name={name}"], text=True).strip()
        for name in ("libasan.so", "libubsan.so", "libstdc++.so.6")
    ]
    # An error aborts; a leak leaves the status alone, because take_reports() judges it.
    flags = ["detect_leaks=1", "allocator_may_return_null=1", "abort_on_error=1"]
    suppressions = pathlib.Path(__file__).resolve().with_name("lsan.supp")
    return {
        "LD_PRELOAD": ":".join(libraries),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": f"{':'.join(flags)}:log_path={logs}",
        "LSAN_OPTIONS": f"exitcode=0:suppressions={suppressions}:print_suppressions=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
