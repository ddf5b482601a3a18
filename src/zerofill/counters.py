"""The allocator's counters."""

from typing import NamedTuple

from . import _zerofill
from .sizes import format_size

__all__ = ["Stats", "stats"]


class Stats(NamedTuple):
    """The allocator's counters since the process started, as :func:`stats` returns them.

    A block is clean if all its bytes are known to be zero, and dirty otherwise.

    Arrays below 2 MiB (256 KiB if they are lazy) are small memory, of which only the live, peak,
    heap and returned counters know. Arrays that NumPy allocates itself, under
    :func:`numpy_allocator` or because they hold objects, are live where they have more than 16 KiB,
    and count by the pages that they take; smaller ones are in `heap_used_bytes`.

    Attributes
    ----------
    live_bytes, live_blocks : int
        What arrays and buffers hold now, NumPy's under the handler among them.
    peak_bytes, peak_blocks : int
        The highest that these two ever were.
    pooled_clean_bytes, pooled_dirty_bytes : int
        Free blocks that the pool holds for reuse.
    reserved_bytes : int
        What is left of memory that :func:`reserve` made ahead of time.
    sent_bytes : int
        Shared memory whose arrays are gone here, kept until other processes have received them.
    heap_used_bytes, heap_idle_bytes : int
        Pages that small memory is made of, in use and free. Free ones are held for reuse.
    clean_hits, dirty_hits : int
        How many requests were served by a block from the pool.
    misses : int
        How many requests took new memory from the system.
    zeroed_bytes : int
        Overwritten with zeros while the caller waited.
    skipped_bytes : int
        Not overwritten, because they were known to be zero.
    scrubbed_bytes : int
        Overwritten with zeros in the background.
    populated_bytes : int
        Made resident in fresh pages.
    huge_page_bytes : int
        Of these, on huge pages that the system granted.
    returned_bytes : int
        Returned to the system.
    moved_bytes : int
        Not copied when an array was resized, because its pages stayed or were moved.
    """

    live_bytes: int
    live_blocks: int
    peak_bytes: int
    peak_blocks: int
    pooled_clean_bytes: int
    pooled_dirty_bytes: int
    reserved_bytes: int
    sent_bytes: int
    heap_used_bytes: int
    heap_idle_bytes: int
    clean_hits: int
    dirty_hits: int
    misses: int
    zeroed_bytes: int
    skipped_bytes: int
    scrubbed_bytes: int
    populated_bytes: int
    huge_page_bytes: int
    returned_bytes: int
    moved_bytes: int

    def since(self, before: "Stats") -> "Stats":
        """Return what has changed since an earlier record, and the peaks as they are now.

        Examples
        --------
        >>> import zerofill
        >>> before = zerofill.stats()
        >>> a = zerofill.zeros(8 << 20, dtype="u1")
        >>> zerofill.stats().since(before).live_bytes
        8388608
        """
        if not isinstance(before, Stats):
            raise TypeError(f"before must be what stats() returned, got {before!r}")
        changes = Stats(*(now - then for now, then in zip(self, before, strict=True)))
        return changes._replace(peak_bytes=self.peak_bytes, peak_blocks=self.peak_blocks)

    def __str__(self) -> str:
        """Return a summary, several lines."""
        hits = self.clean_hits + self.dirty_hits
        kept = self.pooled_clean_bytes + self.pooled_dirty_bytes + self.heap_idle_bytes
        size = format_size
        return "\n".join(
            (
                f"live       {size(self.live_bytes)} in {self.live_blocks:,} blocks of arrays",
                f"           at most {size(self.peak_bytes)}, {self.peak_blocks:,} of them",
                f"kept       {size(kept)} for reuse, {size(self.reserved_bytes)} reserved",
                f"requests   {hits:,} served by the pool, {self.misses:,} by the system",
                f"zeroed     {size(self.zeroed_bytes)}, and {size(self.scrubbed_bytes)} in the "
                "background",
                f"not zeroed {size(self.skipped_bytes)}, known to be zero",
                f"resident   {size(self.populated_bytes)} made so, {size(self.huge_page_bytes)} on "
                "huge pages",
                f"returned   {size(self.returned_bytes)} to the system",
                f"not copied {size(self.moved_bytes)} when arrays were resized",
            )
        )


def stats() -> Stats:
    """Return the counters of this process.

    Returns
    -------
    Stats
        An immutable record.

    Examples
    --------
    >>> import zerofill
    >>> before = zerofill.stats().live_bytes
    >>> a = zerofill.zeros(1000, dtype="u1")
    >>> zerofill.stats().live_bytes - before
    1000
    """
    return Stats(**_zerofill.stats())
