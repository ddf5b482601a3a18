"""What all tests share."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

import zerofill


@pytest.fixture(autouse=True)
def nothing_is_left_alive() -> Iterator[None]:
    """Every test gives back what it took: live bytes end where they began."""
    before = zerofill.stats()
    yield
    after = zerofill.stats()
    assert (after.live_bytes, after.live_blocks) == (before.live_bytes, before.live_blocks)


def dirty(nbytes: int) -> None:
    """Leave non-zero bytes behind in memory that is likely to be handed out next."""
    for _ in range(3):
        block: NDArray[np.uint8] = np.full(nbytes, 0xA5, np.uint8)
        del block
