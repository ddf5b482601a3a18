"""threadpoolctl sees and limits zerofill's threads once this module is imported.

>>> import threadpoolctl
>>> import zerofill.interop.threadpoolctl
>>> with threadpoolctl.threadpool_limits(limits=1, user_api="zerofill"):
...     zerofill.configure().num_threads
1
"""

import zerofill

from ..option_values import MAX_THREADS
from ..runtime import configure
from ._optional import import_optional

__all__ = ["ZerofillController"]

_threadpoolctl = import_optional("threadpoolctl", "3.2")


class ZerofillController(_threadpoolctl.LibController):  # type: ignore[misc,name-defined]
    """Presents zerofill's worker threads to threadpoolctl as it does those of BLAS and OpenMP."""

    user_api = "zerofill"
    internal_api = "zerofill"
    filename_prefixes = ("_zerofill",)

    def get_num_threads(self) -> int:
        """Return how many threads may work on one large array."""
        return configure().num_threads

    def set_num_threads(self, num_threads: int) -> None:
        """Set that number for the whole process. 1 also stops automatic scrubbing."""
        configure(num_threads=min(max(num_threads, 1), MAX_THREADS))

    def get_version(self) -> str:
        """Return zerofill's version."""
        return zerofill.__version__


_threadpoolctl.register(ZerofillController)
