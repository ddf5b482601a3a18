"""What Python imports at its start under ``zerofill run``: it has NumPy use zerofill later.

The folder of this file stands first in ``PYTHONPATH``, so that every Python process that the
program starts finds it (https://docs.python.org/3/library/site.html). A process that never imports
NumPy must not pay for it, so nothing is imported here that Python has not imported by now.
"""

import sys

# Importing `typing` takes longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _NumpyFinder:
    """Finds NumPy as the other finders do, and has zerofill installed once it was imported."""

    def find_spec(self, name: "str", path: "Any" = None, target: "Any" = None) -> "Any":
        if name != "numpy":
            return None
        # Programs look for NumPy without importing it, too: this finder stays until they do.
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: "Any") -> None:
        execute = loader.exec_module

        def exec_module(module: "Any") -> None:
            del loader.exec_module
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            _install()

        loader.exec_module = exec_module


def _install() -> None:
    try:
        # Not from zerofill itself, which may be what imports NumPy and is half imported then.
        from zerofill.numpy_handler import install
    except ImportError:  # another Python, which a program has started
        return
    install(threads=True)


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


sys.meta_path.insert(0, _NumpyFinder())
_import_hidden()
