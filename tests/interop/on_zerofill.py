"""A plugin of pytest that has NumPy allocate through zerofill for a whole run."""

import zerofill


def pytest_configure() -> None:
    """Install before anything is collected: test modules make arrays as they are imported."""
    zerofill.install()
