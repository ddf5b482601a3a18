"""A pytest plugin that has NumPy allocate through zerofill for a whole run."""

import zerofill


def pytest_configure() -> None:
    """Install before collection, because test modules create arrays when they are imported."""
    zerofill.install()
