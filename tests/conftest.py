"""Options and fixtures of all tests."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

import zerofill
from zerofill.runtime import is_disabled


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option to repeat tests as often as the table in `tests/README.md` says."""
    parser.addoption("--full", action="store_true", help="full counts: takes an hour or so")


def pytest_configure(config: pytest.Config) -> None:
    """Set how many examples hypothesis' stateful machines run, and how long each is."""
    examples, steps = (1000, 50) if config.getoption("--full") else (60, 40)
    settings.register_profile(
        "machine", max_examples=examples, stateful_step_count=steps, deadline=None
    )


@pytest.fixture(scope="session")
def count(pytestconfig: pytest.Config):
    """Return a function that selects the short count, or the full one under ``--full``."""
    is_full = pytestconfig.getoption("--full")
    return lambda short, full: full if is_full else short


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs memory of zerofill's own, a plain build or a machine, where it is not."""
    is_sanitized = "ASAN_OPTIONS" in os.environ
    is_machine = "ZEROFILL_TEST_MACHINE" in os.environ
    for item in items:
        if not is_machine and item.get_closest_marker("in_machine"):
            item.add_marker(pytest.mark.skip(reason="only in a machine of machine.py"))
        if is_disabled() and item.get_closest_marker("own_memory"):
            item.add_marker(pytest.mark.skip(reason="ZEROFILL_DISABLE=1 uses NumPy's memory"))
        plain_build = item.get_closest_marker("plain_build")
        if is_sanitized and plain_build is not None:
            item.add_marker(pytest.mark.skip(reason=f"AddressSanitizer: {plain_build.args[0]}"))


@pytest.fixture(autouse=True)
def nothing_is_left_alive() -> Iterator[None]:
    """Check that every test frees what it allocates: live bytes are the same afterwards."""
    before = zerofill.stats()
    yield
    after = zerofill.stats()
    assert (after.live_bytes, after.live_blocks) == (before.live_bytes, before.live_blocks)
