"""Dtypes and configs at the edge: generated ones give NumPy's arrays, or a documented error."""

import copy
import json
import pickle
import re
import reprlib

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import zerofill
from zerofill import Zeros, initializers

# NumPy warns of names that it deprecated, and generated text has some.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.thread_unsafe,  # hypothesis
]

few = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

LENGTHS = st.lists(st.integers(0, 3), max_size=3).map(tuple)
SCALARS = st.sampled_from(
    "? i1 >i2 f4 <f8 c16 O S S0 S3 U >U2 V V3 M8[ns] m8[D] bfloat16 int4".split()
).map(lambda name: np.dtype(getattr(ml_dtypes, name, name)))


def with_subarray(base, shape):
    try:
        return np.dtype((base, shape))
    except ValueError:  # of a dtype without a size
        return base


def struct(formats, extra_bytes, align):
    names = [f"f{i}" for i in range(len(formats))]
    dtype = np.dtype({"names": names, "formats": formats}, align=align)
    if align:
        return dtype
    offsets = [dtype.fields[name][1] for name in names]
    itemsize = dtype.itemsize + extra_bytes
    parts = {"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize}
    return np.dtype(parts)


DTYPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(with_subarray, inner, LENGTHS),
        st.builds(struct, st.lists(inner, max_size=3), st.integers(0, 5), st.booleans()),
    ),
    max_leaves=6,
)


def look_of(array):
    """Return all that can be told of an array from outside."""
    flags = array.flags
    return (
        (array.shape, array.strides, array.dtype, str(array.dtype)),
        (flags.c_contiguous, flags.f_contiguous, flags.writeable),
        repr(array.tolist()),  # not the bytes, because np.zeros_like leaves padding as it was
    )


@few
@given(DTYPES, LENGTHS, st.sampled_from("CF"))
def test_zeros_and_the_initializer_are_numpys(dtype, shape, order):
    expected = look_of(np.zeros(shape, dtype, order))
    assert look_of(zerofill.zeros(shape, dtype, order)) == expected
    assert look_of(Zeros(dtype, order=order)(shape)) == expected
    assert look_of(Zeros(order=order)(shape, dtype)) == expected


@few
@given(DTYPES, LENGTHS, st.permutations(range(3)), st.sampled_from("KACF"))
def test_zeros_like_is_numpys(dtype, shape, axes, order):
    prototype = np.ones(shape)
    if prototype.ndim == 3:
        prototype = prototype.transpose(axes)
    expected = look_of(np.zeros_like(prototype, dtype, order))
    assert look_of(zerofill.zeros_like(prototype, dtype, order)) == expected
    of_dtype = np.zeros(shape, dtype)
    expected = look_of(np.zeros_like(of_dtype, order=order))
    assert look_of(zerofill.zeros_like(of_dtype, order=order)) == expected


@pytest.mark.parametrize("base", ["f4", "O", [("a", "i2"), ("b", "O")], []])
@pytest.mark.parametrize("subarray", [(0,), (3, 0), (0, 3), (2, 0, 3)])
def test_a_subarray_without_bytes_is_numpys(base, subarray):
    dtype = np.dtype((base, subarray))
    expected = look_of(np.zeros((2, 5), dtype))
    assert expected[0][0] == (2, 5)
    assert look_of(zerofill.zeros((2, 5), dtype)) == expected
    assert look_of(Zeros(dtype)((2, 5))) == expected
    assert look_of(zerofill.zeros_like(np.ones((2, 5)), dtype)) == expected
    assert Zeros.from_config(Zeros(dtype).get_config()).dtype == dtype


@few
@given(DTYPES)
def test_every_dtype_is_restored(dtype):
    initializer = Zeros(dtype)
    names = {"np": np, "ml_dtypes": ml_dtypes, "Zeros": Zeros}
    for restored in (
        Zeros.from_config(json.loads(json.dumps(initializer.get_config()))),
        eval(repr(initializer), names),
        copy.deepcopy(initializer),
        pickle.loads(pickle.dumps(initializer)),
    ):
        assert restored == initializer
        assert restored.dtype == dtype


# Configs ----------------------------------------------------------------------------------------

TEXT = st.one_of(
    st.text(st.characters(codec=None), max_size=8),
    st.lists(
        st.sampled_from("f4 M8 ns [ ] ( ) , : { } < > = 3 -1 float32 _ref string \ud800".split()),
        max_size=6,
    ).map("".join),
)
KEYS = st.sampled_from(
    "dtype order alignment commit names formats offsets itemsize titles aligned record base shape "
    "native byteorder StringDType coerce na_object class_name config module".split()
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, KEYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, TEXT), inner, max_size=5)
    ),
    max_leaves=10,
)


def outcome_of(read, json):
    """Return what reading returns or raises."""
    try:
        return read(json)
    except Exception as error:
        return error


@few
@given(JSON)
def test_a_config_is_read_or_refused_as_documented(config):
    for read in (
        Zeros.from_config,
        lambda json: Zeros.from_config({"dtype": json}),
        initializers.get,
        initializers.deserialize,
        lambda json: initializers.deserialize({"class_name": "Zeros", "config": json}),
    ):
        outcome = outcome_of(read, config)
        assert outcome is None or isinstance(outcome, (Zeros, TypeError, ValueError))
        assert not isinstance(outcome, UnicodeError)


@few
@given(DTYPES, st.data())
def test_a_config_that_was_changed_is_read_or_refused(dtype, data):
    written = Zeros(dtype).get_config()["dtype"]
    assume(isinstance(written, dict))
    key = data.draw(st.sampled_from(sorted(written)))
    changed = {**written, key: data.draw(JSON)}
    without = {other: value for other, value in written.items() if other != key}
    for dtype_config in (changed, without):
        outcome = outcome_of(Zeros.from_config, {"dtype": dtype_config})
        assert isinstance(outcome, (Zeros, TypeError))


NO_DTYPES = [
    *("float32" + "_ref" * 5000, "float32_ref_ref", "\ud800", "float32\ud800", "f4,\ud800"),
    *("nope", "", ",", "f4,(2", "111111111111111i", "(" * 5000, "(2," * 3000, "M8[nope]", b"\xff"),
    *(7, (2, 3), [2, 3], object(), [("a",)], [("a", "f4", -1)], ("f4", (2**40, 2**40))),
]


@pytest.mark.parametrize("given", NO_DTYPES, ids=lambda given: ascii(given)[:20])
def test_what_is_no_dtype_is_a_type_error_that_names_it(given):
    words = f"dtype must be a data type such as 'float32', got {reprlib.repr(given)}: "
    for read in (Zeros, lambda dtype: Zeros()(2, dtype), lambda d: Zeros.from_config({"dtype": d})):
        with pytest.raises(TypeError, match=re.escape(words)) as raised:
            read(given)
        assert type(raised.value) is TypeError
