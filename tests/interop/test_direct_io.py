"""Reading a file without the system's cache needs aligned memory, which zerofill provides."""

import os

import numpy as np
import pytest

import zerofill

pytestmark = pytest.mark.own_memory

BYTES = 1 << 20


@pytest.fixture
def direct_file(direct_folder):
    path = direct_folder / "data"
    np.arange(BYTES // 4, dtype="u4").tofile(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    yield descriptor
    os.close(descriptor)


def test_a_file_is_read_into_an_array(direct_file):
    array = zerofill.zeros(BYTES, "u1", alignment=4096)
    assert os.readv(direct_file, [array]) == BYTES
    assert (array.view("u4") == np.arange(BYTES // 4)).all()


def test_a_file_is_read_into_a_buffer(direct_file):
    buffer = zerofill.Buffer(BYTES, alignment=4096)
    assert os.readv(direct_file, [buffer]) == BYTES
    assert (np.frombuffer(buffer, "u4") == np.arange(BYTES // 4)).all()


def test_an_array_of_numpys_is_written(direct_folder):
    with zerofill.numpy_allocator(alignment=4096):
        array = np.arange(BYTES // 4, dtype="u4") + 1
    descriptor = os.open(direct_folder / "written", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    try:
        assert os.write(descriptor, array) == BYTES
    finally:
        os.close(descriptor)
    assert (np.fromfile(direct_folder / "written", "u4") == array).all()
