"""Fixtures of the unit tests."""

from collections.abc import Callable

import pytest


@pytest.fixture
def new_counted_class() -> Callable[[], type]:
    """Return a function that makes a class which counts its instances."""

    def make() -> type:
        class Counted:
            alive = 0

            def __init__(self) -> None:
                Counted.alive += 1

            def __del__(self) -> None:
                Counted.alive -= 1

        return Counted

    return make
