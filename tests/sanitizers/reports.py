"""What sanitizers report: what of it counts, and what a run must find that looks at anything."""

import pathlib

__all__ = ["IS_UNDEFINED_BEHAVIOR_LOOKED_FOR", "PLANTED", "PLANTED_RACE", "take_reports"]

# What a sanitizer must report: program, status, and words of the report.
WRITE_AFTER_FREE = """
import ctypes, zerofill
array = zerofill.zeros(8 << 20, "u1")
address = array.ctypes.data
del array
ctypes.memset(address, 1, 1)
"""
LOST_BUFFER = """
import ctypes, zerofill
buffer = zerofill.Buffer(10_000)
ctypes.pythonapi.Py_IncRef(ctypes.py_object(buffer))
"""
PLANTED_RACE = """
import threading, zerofill
array = zerofill.zeros(1_000_000, "u1")
barrier = threading.Barrier(2)
def clear():
    barrier.wait()
    for _ in range(200):
        zerofill.clear(array)
threads = [threading.Thread(target=clear) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
# Nothing undefined can be planted from Python. So whether the module calls what would report it.
IS_UNDEFINED_BEHAVIOR_LOOKED_FOR = """
import zerofill._zerofill
assert b"__ubsan_handle" in open(zerofill._zerofill.__file__, "rb").read()
"""
PLANTED = [(WRITE_AFTER_FREE, -6, "use-after-poison"), (LOST_BUFFER, 0, "Direct leak of 10")]


def take_reports(logs: pathlib.Path) -> str:
    """Return what a sanitizer reported in any process, and remove it.

    A leak or a race counts if the extension module is on its stack. CPython leaves objects behind
    at exit, and lsan.supp cannot name all that make them, because distributions strip names of
    functions.
    """
    found = []
    for log in sorted(logs.parent.glob(f"{logs.name}*")):
        text = log.read_text(encoding="utf-8", errors="replace")
        log.unlink()
        if "ERROR: LeakSanitizer" in text:
            leaks = [part for part in text.split("\n\n") if " leak of " in part]
            found += filter(_is_ours, leaks)
        elif "WARNING: ThreadSanitizer" in text:
            found += filter(_is_ours, text.split("=" * 18))
        elif "ERROR: " in text:  # else it warns that malloc returned null
            found.append(text)
    return "\n\n".join(found)


def _is_ours(report: str) -> bool:
    return "/csrc/" in report or "/_zerofill." in report
