"""Fixtures of the unit tests."""

from collections.abc import Callable, Iterator

import pytest

import zerofill


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


@pytest.fixture
def installed() -> Iterator[None]:
    """Have NumPy allocate through zerofill during the test."""
    zerofill.install()
    yield
    zerofill.uninstall()
