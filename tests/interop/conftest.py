"""Fixtures of the tests with other libraries."""

import errno
import os
import pathlib

import pytest


@pytest.fixture
def direct_folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return an empty folder whose files can be opened with O_DIRECT."""
    if not hasattr(os, "O_DIRECT"):
        pytest.skip("the system has no O_DIRECT")
    probe = tmp_path / "probe"
    probe.touch()
    try:
        os.close(os.open(probe, os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        pytest.skip("the file system has no O_DIRECT")
    probe.unlink()
    return tmp_path
