"""How the handle of shared memory gets into another process: one module for each system."""

import sys

if sys.platform == "linux":
    from .proc import pack, unpack
elif sys.platform == "win32":
    from .dup_handle import pack, unpack
else:
    from .dup_fd import pack, unpack

__all__ = ["pack", "unpack"]
