"""pyarrow: buffers and arrays that use zerofill's memory, without a copy."""

import numpy as np
import pytest

import zerofill

pa = pytest.importorskip("pyarrow")


def check_shared(memory, address):
    buffer = pa.py_buffer(memory)
    assert buffer.address == address
    assert address % 64 == 0
    assert buffer.size == 3_000_000
    assert buffer.is_mutable


def test_py_buffer_shares_an_array():
    array = zerofill.zeros(3_000_000, "u1")
    check_shared(array, array.ctypes.data)


def test_py_buffer_shares_a_buffer():
    buffer = zerofill.Buffer(3_000_000)
    check_shared(buffer, buffer.address)


def test_an_array_of_arrows_over_ours():
    memory = zerofill.zeros(1000, "i8")
    array = pa.Array.from_buffers(pa.int64(), 1000, [None, pa.py_buffer(memory)])
    memory[7] = 42
    assert array[7].as_py() == 42
    assert array.to_numpy().ctypes.data == memory.ctypes.data


def test_a_buffer_outlives_the_array():
    buffer = pa.py_buffer(zerofill.zeros(3_000_000, "u1"))
    assert not np.frombuffer(buffer, "u1").any()
