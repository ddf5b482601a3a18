"""Zero-initialised, aligned, resident NumPy arrays for every dtype.

``zeros`` and ``zeros_like`` take the arguments of NumPy's functions, ``Zeros`` is an initializer
like TensorFlow's and Keras's, ``clear`` zeroes existing memory, and ``numpy_allocator`` has NumPy
itself allocate through zerofill.
"""

from . import initializers
from ._zerofill import Buffer, Reserve
from .counters import Stats, stats
from .creation import clear, zeros, zeros_like
from .initializers import Zeros, zeros_initializer
from .numpy_handler import install, is_installed, numpy_allocator, uninstall
from .runtime import Options, configure, reserve, trim

__all__ = [
    "Buffer",
    "Options",
    "Reserve",
    "Stats",
    "Zeros",
    "clear",
    "configure",
    "initializers",
    "install",
    "is_installed",
    "numpy_allocator",
    "reserve",
    "stats",
    "trim",
    "uninstall",
    "zeros",
    "zeros_initializer",
    "zeros_like",
]

__version__ = "0.1.0"
