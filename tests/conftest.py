"""What all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

import zerofill
from zerofill.runtime import is_disabled


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the counts that the table of `tests/README.md` speaks of."""
    parser.addoption("--full", action="store_true", help="the full counts: takes an hour or so")


def pytest_configure(config: pytest.Config) -> None:
    """Set how long stateful machines of hypothesis run."""
    examples, steps = (1000, 50) if config.getoption("--full") else (60, 40)
    settings.register_profile(
        "machine", max_examples=examples, stateful_step_count=steps, deadline=None
    )


@pytest.fixture(scope="session")
def count(pytestconfig: pytest.Config):
    """Return a function that chooses between a short count and the full one."""
    full = pytestconfig.getoption("--full")
    return lambda short, all_of_them: all_of_them if full else short


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what ZEROFILL_DISABLE=1 takes away."""
    for item in items:
        if is_disabled() and item.get_closest_marker("own_memory"):
            item.add_marker(pytest.mark.skip(reason="ZEROFILL_DISABLE=1 uses NumPy's memory"))


@pytest.fixture(autouse=True)
def nothing_is_left_alive() -> Iterator[None]:
    """Every test gives back what it took: live bytes end where they began."""
    before = zerofill.stats()
    yield
    after = zerofill.stats()
    assert (after.live_bytes, after.live_blocks) == (before.live_bytes, before.live_blocks)
