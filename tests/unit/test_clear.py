"""clear() has the result of NumPy's own assignment, and refuses what must not be written to."""

import array as array_module
import ctypes
import mmap

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zerofill

MIB = 1 << 20


@settings(deadline=None, max_examples=300)
@given(data=st.data(), dtype=st.sampled_from(["u1", "i2", "f4", "c16", "S3", "V7", ">f8", "g"]))
@pytest.mark.thread_unsafe
def test_only_the_elements_of_a_view_are_cleared(data, dtype):
    shape = tuple(data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=4)))
    whole = np.frombuffer(
        bytearray(b"\xa5") * (int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype
    )
    whole = whole.reshape(shape)
    expected = whole.copy()
    index = tuple(
        slice(data.draw(st.integers(0, n)), None, data.draw(st.sampled_from([1, 2, 3, -1, -2])))
        for n in shape
    )
    axes = data.draw(st.permutations(range(len(shape))))
    view = whole[index].transpose(axes)
    expected[index] = np.zeros((), dtype)
    assert zerofill.clear(view) is view
    assert whole.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "nbytes", [0, 1, 63, 64, 65, 4096, MIB + 3, 5 * MIB, 40 * MIB, 100 * MIB + 7]
)
@pytest.mark.parametrize("offset", [0, 1])
def test_contiguous_sizes_and_their_neighbours(nbytes, offset):
    whole = np.full(nbytes + 130, 0xA5, np.uint8)
    zerofill.clear(whole[offset + 64 : offset + 64 + nbytes])
    assert (whole[: offset + 64] == 0xA5).all()
    assert not whole[offset + 64 : offset + 64 + nbytes].any()
    assert (whole[offset + 64 + nbytes :] == 0xA5).all()


def test_large_strided_views():
    whole = np.full((3000, 3000), 7, "i4")
    zerofill.clear(whole[::3, 1::2].T)
    assert (whole[::3, 1::2] == 0).all()
    whole[::3, 1::2] = 7
    assert (whole == 7).all()


@pytest.mark.thread_unsafe
def test_the_bytes_written_are_counted():
    array = np.ones(MIB, "f4")
    before = zerofill.stats().zeroed_bytes
    zerofill.clear(array[::2])
    assert zerofill.stats().zeroed_bytes - before == 2 * MIB


def test_broadcast_and_overlapping_views():
    base = np.full(8, 7, "i4")
    windows = np.lib.stride_tricks.as_strided(base, (3, 4), (4, 4))
    zerofill.clear(windows)
    assert base.tolist() == [0, 0, 0, 0, 0, 0, 7, 7]
    one = np.full(2, 7, "i4")
    repeated = np.lib.stride_tricks.as_strided(one, (5,), (0,))
    zerofill.clear(repeated)
    assert one.tolist() == [0, 7]


def test_scalars_and_empty_arrays():
    scalar = np.array(5)
    assert zerofill.clear(scalar) is scalar
    assert scalar == 0
    empty = np.empty((0, 3))
    assert zerofill.clear(empty) is empty
    zerofill.clear(np.empty(3, "V0"))


def test_elements_that_are_references_are_released(new_counted_class):
    counted = new_counted_class()
    array = np.array([counted() for _ in range(10)], object)
    zerofill.clear(array[::2])
    assert counted.alive == 5
    assert array[::2].tolist() == [0] * 5
    zerofill.clear(array)
    assert counted.alive == 0


def test_dtypes_with_references():
    structured = np.array([(1, "x"), (2, "y")], [("n", "i4"), ("o", object)])
    zerofill.clear(structured)
    assert structured.tolist() == [(0, 0), (0, 0)]
    strings = np.array(["a", "b" * 100], np.dtypes.StringDType())
    zerofill.clear(strings)
    assert strings.tolist() == ["", ""]


def test_dtypes_of_ml_dtypes():
    array = np.ones(5, ml_dtypes.bfloat16)
    zerofill.clear(array)
    assert array.tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: bytearray(b"\xa5" * 1000),
        lambda: memoryview(bytearray(b"\xa5" * 1000)),
        lambda: array_module.array("d", [1.5] * 100),
        lambda: (ctypes.c_int * 50)(*[7] * 50),
        lambda: mmap.mmap(-1, 4096),
        lambda: zerofill.Buffer(1000),
    ],
)
def test_buffers(make):
    buffer = make()
    memoryview(buffer).cast("B")[:4] = b"\xa5" * 4
    assert zerofill.clear(buffer) is buffer
    assert not any(memoryview(buffer).cast("B"))


def test_strided_memoryviews():
    whole = bytearray(b"\xa5" * 12)
    zerofill.clear(memoryview(whole)[::-3])
    assert [byte == 0 for byte in whole] == [False, False, True] * 4


@pytest.mark.parametrize("make", [lambda: np.ones(3), lambda: np.ones((2, 2), object)])
def test_read_only_arrays_have_numpys_words(make):
    array = make()
    array.flags.writeable = False
    with pytest.raises(ValueError, match="assignment destination is read-only"):
        zerofill.clear(array)
    assert array.all()


@pytest.mark.parametrize("buffer", [b"abc", memoryview(b"abc"), np.float32(1)], ids=repr)
def test_read_only_buffers(buffer):
    with pytest.raises(
        ValueError, match=f"this {type(buffer).__name__} is read-only|numpy.float32"
    ):
        zerofill.clear(buffer)


@pytest.mark.parametrize("thing", [None, 5, "text", [1, 2], object()], ids=repr)
def test_what_has_no_memory_to_write_to(thing):
    with pytest.raises(TypeError, match=f"not an object of type {type(thing).__name__}"):
        zerofill.clear(thing)


def test_buffers_of_objects_are_refused():
    array = np.array([1, "x"], object)
    with pytest.raises(TypeError, match="buffer of Python objects"):
        zerofill.clear(memoryview(array))
    assert array.tolist() == [1, "x"]
    structured = memoryview(np.array([(1, "x")], [("n", "i4"), ("o", object)]))
    with pytest.raises(TypeError, match="buffer of Python objects"):
        zerofill.clear(structured)


def test_a_field_called_o_is_no_object():
    array = np.array([(1,), (2,)], [("O", "i4")])
    zerofill.clear(memoryview(array))
    assert array.tolist() == [(0,), (0,)]


def test_wrong_arguments():
    with pytest.raises(TypeError, match="one argument"):
        zerofill.clear()
    with pytest.raises(TypeError, match="keyword"):
        zerofill.clear(array=np.ones(3))


@pytest.mark.parametrize("wrap", [lambda view: view, memoryview], ids=["array", "memoryview"])
def test_fields_that_a_view_leaves_out_are_left_alone(wrap):
    array = np.array([(1, 2, 3)] * 3, [("x", "i4"), ("y", "i4"), ("z", "i4")])
    zerofill.clear(wrap(array[["x", "z"]]))
    assert array.tolist() == [(0, 2, 0)] * 3
    zerofill.clear(wrap(array["y"]))
    assert array.tolist() == [(0, 0, 0)] * 3


def test_fields_that_a_nested_view_leaves_out_are_left_alone():
    inner = np.dtype({"names": ["b"], "formats": ["i1"], "offsets": [2], "itemsize": 4})
    array = np.frombuffer(bytearray(b"\xa5" * 24), np.dtype([("n", inner, (2,)), ("c", "i4")]))
    zerofill.clear(array)
    assert array.tobytes() == b"\xa5\xa5\0\xa5\xa5\xa5\0\xa5\0\0\0\0" * 2


PADDED = np.dtype({"names": ["a"], "formats": ["i2"], "offsets": [1], "itemsize": 4})


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        ([("id", "i4"), ("image", "u1", (1 << 20,))], []),
        ([("parts", PADDED, (2,))], [0, 3, 4, 7]),
        ({"names": ["parts", "all"], "formats": [(PADDED, (2,)), "V8"], "offsets": [0, 0]}, []),
        ({"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [0, 2], "itemsize": 7}, [6]),
        ({"names": ["b", "a"], "formats": ["i2", "i2"], "offsets": [2, 0]}, []),
    ],
    ids=["large subarray", "padded parts", "padded but covered", "overlapping", "not in order"],
)
def test_bytes_between_fields_are_left_alone(dtype, kept):
    array = np.empty(3, dtype)
    memory = array.view("u1").reshape(3, -1)
    memory[:] = 7
    zerofill.clear(array)
    assert (memory[:, kept] == 7).all()
    assert np.count_nonzero(memory) == 3 * len(kept)


def test_a_subarray_costs_no_time_by_element():
    """Nothing is written here. Looking for padding byte by byte would take half a minute."""
    dtype = np.dtype([("id", "i4"), ("image", "u1", (1 << 30,))])
    for _ in range(5):
        zerofill.clear(np.empty(0, dtype))
