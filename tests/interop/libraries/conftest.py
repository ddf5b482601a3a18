"""Other libraries may free arrays late, JAX only at its next garbage collection."""

import pytest


@pytest.fixture(autouse=True)
def nothing_is_left_alive():
    """Override the check that every array is freed at the end of a test."""
