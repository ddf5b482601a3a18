"""What all tests share."""

from collections.abc import Iterator

import pytest

import zerofill


@pytest.fixture(autouse=True)
def nothing_is_left_alive() -> Iterator[None]:
    """Every test gives back what it took: live bytes end where they began."""
    before = zerofill.stats()
    yield
    after = zerofill.stats()
    assert (after.live_bytes, after.live_blocks) == (before.live_bytes, before.live_blocks)
