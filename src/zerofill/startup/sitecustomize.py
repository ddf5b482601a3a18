"""What Python imports at its start under ``zerofill run``: it has NumPy use zerofill later.

The folder of this file stands first in ``PYTHONPATH``, so that every Python process that the
program starts finds it (https://docs.python.org/3/library/site.html). A process that never imports
NumPy must not pay for it, so nothing is imported here that Python has not imported by now.
"""

import sys


class _NumpyFinder:
    """Finds NumPy as the other finders do, and has zerofill installed after it was imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "numpy":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            _call_after_import(spec.loader, _install)
        return spec


def _call_after_import(loader, action):
    execute = loader.exec_module

    def exec_module(module):
        del loader.exec_module
        execute(module)
        action()

    loader.exec_module = exec_module


def _install():
    try:
        # Not from zerofill itself, which may be what imports NumPy and is half imported then.
        from zerofill.numpy_handler import install
    except ImportError:  # another Python, which a program has started
        return
    install(threads=True)


def _import_hidden():
    """Import the ``sitecustomize`` that Python would have imported without this one."""
    folder = __file__.rpartition("sitecustomize")[0].rstrip("/\\")
    sys.path[:] = [entry for entry in sys.path if entry.rstrip("/\\") != folder]
    this = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # noqa: F401  # another file now
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", this)


sys.meta_path.insert(0, _NumpyFinder())
_import_hidden()
