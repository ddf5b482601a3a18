"""What Python imports at its start under ``zerofill run``: it has NumPy use zerofill later.

The folder of this file stands first in ``PYTHONPATH``, so that every Python process that the
program starts finds it (https://docs.python.org/3/library/site.html). A process that never imports
NumPy must not pay for it, so nothing is imported here that Python has not imported by now.
"""

import os
import sys

# Importing `typing` takes longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any
else:
    ModuleSpec = type(sys.__spec__)


class _WatchedSpec(ModuleSpec):
    """The spec of a module; Python's importlib tells it when the module was executed.

    Wrapping the loader would do, too, but show in tracebacks and warnings of the module.
    """

    def __setattr__(self, name: str, value: "Any") -> None:
        super().__setattr__(name, value)
        if name == "_initializing" and not value:
            self.__class__ = ModuleSpec  # type: ignore[assignment]
            _install()


class _NumpyFinder:
    """Finds NumPy as the finders behind it do, and watches it."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if name != "numpy" or self not in sys.meta_path:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find_spec = getattr(finder, "find_spec", None)
            spec = find_spec and find_spec(name, path, target)
            if spec is not None:
                if type(spec) is ModuleSpec:
                    spec.__class__ = _WatchedSpec
                return spec
        return None


_finder = _NumpyFinder()


def _install() -> None:
    numpy = sys.modules.get("numpy")
    if not hasattr(numpy, "ndarray"):
        return  # its import has failed, or it is not NumPy
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    try:
        # Not from zerofill itself, which may be what imports NumPy and is half imported then.
        from zerofill.numpy_handler import install

        install(threads=True)
    except ModuleNotFoundError as error:
        # Another Python, which the program has started, may lack it.
        if (error.name or "").partition(".")[0] == "zerofill":
            return
        _report("run: NumPy keeps its own memory", error)
    except Exception as error:
        _report("run: NumPy keeps its own memory", error)
    if "ZEROFILL_PROFILE" in os.environ:
        _start_profiler()


def _start_profiler() -> None:
    try:
        from zerofill.profiler import start

        start()
    except Exception as error:
        _report("profile: this process is not recorded", error)


def _report(what: str, error: Exception) -> None:
    """Say what went wrong, and leave the program alone."""
    if sys.stderr is not None:
        print(f"zerofill {what}: {error!r}", file=sys.stderr)


def _import_hidden() -> None:
    """Import the ``sitecustomize`` that Python would have imported without this one."""
    folder = __file__.rpartition("sitecustomize")[0].rstrip("/\\")
    sys.path[:] = [entry for entry in sys.path if entry.rstrip("/\\") != folder]
    this = sys.modules.pop("sitecustomize")
    try:
        __import__("sitecustomize")  # another file now
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", this)


if "numpy" in sys.modules:  # a .pth file has imported it
    _install()
else:
    sys.meta_path.insert(0, _finder)
_import_hidden()
