"""Arrays equal those of np.zeros in everything that NumPy documents about them."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zerofill
from zerofill.runtime import is_disabled

MIB = 1 << 20

DTYPES = [
    *"? b B h H i I l L q Q e f d g F D G".split(),
    *">f4 <i2 >i8 >c16 >U3 S5 S U7 U V3 V O".split(),
    *"M8[ns] m8[25s] >M8[D] m8".split(),
    np.dtype([("a", "f4"), ("b", ">i2", (2, 3)), ("c", "S3")]),
    np.dtype([("a", "i1"), ("b", "f8")], align=True),
    np.dtype([("n", [("x", "f4"), ("o", object)]), ("y", "i1")]),
    np.dtype({"names": ["a"], "formats": ["i4"], "offsets": [4], "itemsize": 16}),
    np.dtype(("f4", (2, 2))),
    np.dtype((("i2", (3,)), (2,))),
    np.dtypes.StringDType(),
    np.dtypes.StringDType(na_object=None),
    np.dtype(ml_dtypes.bfloat16),
    np.dtype(ml_dtypes.int4),
    np.dtype(ml_dtypes.float8_e4m3fn),
    np.dtype([("a", ml_dtypes.bfloat16)]),
]

shapes = st.one_of(
    st.integers(0, 300),
    st.lists(st.integers(0, 5), max_size=5).map(tuple),
    st.lists(st.integers(0, 5), max_size=4),
    st.sampled_from([(), (0,), (1,) * 32, (0, 3), (300, 1000), (70, 80, 90), MIB]),
)


def assert_equal_to_numpys(ours: np.ndarray, numpys: np.ndarray) -> None:
    assert ours.dtype == numpys.dtype
    assert ours.shape == numpys.shape
    assert ours.strides == numpys.strides
    ours_flags = {name: ours.flags[name] for name in ("C", "F", "A", "W", "X")}
    numpys_flags = {name: numpys.flags[name] for name in ("C", "F", "A", "W", "X")}
    assert ours_flags == numpys_flags
    if lives_in_numpys_memory(ours):
        assert ours.tolist() == numpys.tolist()
    else:  # compare the padding too, which a comparison of elements ignores
        assert not np.frombuffer(ours.base, np.uint8).any()


def lives_in_numpys_memory(array: np.ndarray) -> bool:
    return array.dtype.hasobject or array.dtype.kind == "T"


@settings(deadline=None, max_examples=400)
@given(
    shape=shapes,
    dtype=st.sampled_from(DTYPES),
    order=st.sampled_from("CF"),
    power=st.integers(0, 15),
    commit=st.sampled_from(["eager", "lazy", "background"]),
)
def test_zeros_equals_numpys(shape, dtype, order, power, commit):
    numpys = np.zeros(shape, dtype, order)
    alignment = min(1 << power, 64) if lives_in_numpys_memory(numpys) else 1 << power
    ours = zerofill.zeros(shape, dtype, order, alignment=alignment, commit=commit)
    assert_equal_to_numpys(ours, numpys)
    if not lives_in_numpys_memory(numpys):
        assert ours.ctypes.data % alignment == 0
        assert is_disabled() or isinstance(ours.base, zerofill.Buffer)


@settings(deadline=None, max_examples=200)
@given(
    shape=shapes,
    dtype=st.sampled_from(DTYPES),
    order=st.sampled_from("CF"),
    commit=st.sampled_from(["eager", "lazy", "background"]),
)
def test_the_initializer_makes_the_same_array(shape, dtype, order, commit):
    initializer = zerofill.Zeros(dtype, order=order, commit=commit)
    assert_equal_to_numpys(initializer(shape), np.zeros(shape, dtype, order))


@settings(deadline=None, max_examples=300)
@given(data=st.data(), order=st.sampled_from(["K", "A", "C", "F", None]))
def test_zeros_like_equals_numpys(data, order):
    source = np.zeros(data.draw(st.lists(st.integers(0, 4), max_size=4)), "i4")
    source = source.transpose(data.draw(st.permutations(range(source.ndim))))
    for axis in range(source.ndim):
        step = data.draw(st.sampled_from([1, -1, 2]))
        source = source[(slice(None),) * axis + (slice(None, None, step),)]
    dtype = data.draw(st.sampled_from([None, *DTYPES]))
    shape = data.draw(st.sampled_from([None, 3, (2, 3), (2,) * source.ndim]))
    ours = zerofill.zeros_like(source, dtype, order, shape=shape)
    assert_equal_to_numpys(ours, np.zeros_like(source, dtype, order, shape=shape))


@pytest.mark.parametrize("source", [5, [1, 2], [[1.5], [2]], "text", None, np.float32(3), True])
def test_zeros_like_takes_what_numpys_takes(source):
    assert_equal_to_numpys(zerofill.zeros_like(source), np.zeros_like(source))


class Foreign:
    """An array of another library, which creates its own zeros."""

    def __array_function__(self, function, types, args, kwargs):
        return function.__name__, kwargs


def test_zeros_like_leaves_other_libraries_arrays_to_them():
    assert zerofill.zeros_like(Foreign())[0] == "zeros_like"


def test_like_is_numpys():
    assert zerofill.zeros(3, like=Foreign())[0] == "zeros"
    ours = zerofill.zeros((2, 2), "i2", like=np.ones(3))
    assert_equal_to_numpys(ours, np.zeros((2, 2), "i2"))


def test_defaults():
    assert zerofill.zeros(3).dtype == np.float64
    assert zerofill.Zeros()(3).dtype == np.float32
    assert zerofill.zeros(3).ctypes.data % 64 == 0
    assert zerofill.zeros(shape=(2,), dtype=None, order=None, device=None, like=None).shape == (2,)


@pytest.mark.parametrize("power", range(31))
@pytest.mark.parametrize("nbytes", [1, 100, MIB])
def test_every_alignment(power, nbytes):
    array = zerofill.zeros(nbytes, "u1", alignment=1 << power)
    assert array.ctypes.data % (1 << power) == 0
    assert not array.any()


@pytest.mark.parametrize("nbytes", [36, 4096, 300_000, 3 * MIB + 5, 80 * MIB])
@pytest.mark.parametrize("commit", ["eager", "lazy", "background"])
def test_arrays_share_nothing_and_start_at_zero(nbytes, commit):
    arrays = []
    for value in range(1, 5):
        array = zerofill.zeros(nbytes, "u1", commit=commit)
        assert not array.any()
        array.fill(value)
        arrays.append(array)
    assert [array[0] for array in arrays] == [1, 2, 3, 4]
    assert [array[-1] for array in arrays] == [1, 2, 3, 4]
    assert not any(np.may_share_memory(arrays[0], array) for array in arrays[1:])


def test_memory_that_was_used_comes_back_as_zeros():
    for nbytes in (36, 1000, 200_000, 2 * MIB, 40 * MIB):
        for _ in range(5):
            array = zerofill.zeros(nbytes, "u1")
            assert not array.any()
            array.fill(0xA5)
            del array


def test_views_keep_the_memory_alive():
    view = zerofill.zeros(1000, "i4")[10:20]
    others = [zerofill.zeros(1000, "i4") for _ in range(100)]
    for other in others:
        other.fill(7)
    assert view.tolist() == [0] * 10


def test_an_array_is_not_its_own_owner():
    array = zerofill.zeros(3)
    assert not array.flags.owndata
    with pytest.raises(ValueError, match="does not own its data"):
        array.resize(5)


def test_a_user_may_register_a_dtype():
    rational = pytest.importorskip("numpy._core._rational_tests").rational
    array = zerofill.zeros(3, rational)
    assert array.tolist() == np.zeros(3, rational).tolist()
    assert array.base is None


@pytest.mark.parametrize(
    "source", [np.rec.array([(1, 2.0)]), np.ma.masked_array([1, 2]), np.ones(3)], ids=repr
)
def test_zeros_like_of_strings_holds_bytes(source):
    like = zerofill.zeros_like(source, dtype="string")
    assert type(like) is type(source)
    assert set(np.asarray(like).reshape(-1).tolist()) == {b""}


def test_zeros_like_of_objects_is_guarded():
    with pytest.raises(MemoryError, match="can still be used") as raised:
        zerofill.zeros_like(np.broadcast_to(np.array(None), 2**42), commit="lazy")
    assert "lazy" not in str(raised.value)


def test_options_are_checked_although_another_library_makes_the_array():
    for make in (
        lambda **options: zerofill.zeros(3, like=Foreign(), **options),
        lambda **options: zerofill.zeros_like(Foreign(), **options),
    ):
        for options in ({"alignment": 3}, {"commit": "x"}, {"device": "gpu"}):
            with pytest.raises(ValueError, match=r"alignment|commit|Device"):
                make(**options)
