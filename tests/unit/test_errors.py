"""Bad input: errors have NumPy's type and words. Each test of these runs NumPy as well."""

import re
import sys

import numpy as np
import pytest

import zerofill
from zerofill.runtime import is_disabled

Zeros = zerofill.Zeros


class BadIndex:
    def __index__(self):
        raise RuntimeError("no index today")


class LyingSequence:
    def __len__(self):
        return 3

    def __getitem__(self, index):
        raise KeyError(index)


# Arguments, keywords, the type of the error, and words of its message.
ZEROS = [
    ((), {}, TypeError, "zeros() missing required argument 'shape' (pos 0)"),
    ((-1,), {}, ValueError, "negative dimensions are not allowed"),
    (((3, -1),), {}, ValueError, "negative dimensions are not allowed"),
    (((0, -1),), {}, ValueError, "negative dimensions are not allowed"),
    (
        (2**62,),
        {},
        ValueError,
        "array is too big; `arr.size * arr.dtype.itemsize` is larger than "
        "the maximum possible size.",
    ),
    (((0, 2**62, 2**62),), {}, ValueError, "array is too big; `arr.size"),
    (((2**40, 2**40),), {}, ValueError, "array is too big; `arr.size"),
    ((2**63,), {}, ValueError, "Maximum allowed dimension exceeded"),
    (
        ((1,) * 65,),
        {},
        ValueError,
        "maximum supported dimension for an ndarray is currently 64, found 65",
    ),
    (("abc",), {}, TypeError, "'str' object cannot be interpreted as an integer"),
    ((1.5,), {}, TypeError, "xpected a sequence of integers or a single integer, got '1.5'"),
    (((1.5,),), {}, TypeError, "'float' object cannot be interpreted as an integer"),
    (((None, 2),), {}, TypeError, "'NoneType' object cannot be interpreted as an integer"),
    (([[1, 2]],), {}, TypeError, "'list' object cannot be interpreted as an integer"),
    ((BadIndex(),), {}, RuntimeError, "no index today"),
    ((LyingSequence(),), {}, TypeError, "xpected a sequence of integers or a single integer, got"),
    ((3,), {"order": "A"}, ValueError, "only 'C' or 'F' order is permitted"),
    ((3,), {"order": "K"}, ValueError, "only 'C' or 'F' order is permitted"),
    ((3,), {"order": "X"}, ValueError, "order must be one of 'C', 'F', 'A', or 'K' (got 'X')"),
    ((3,), {"order": 1}, TypeError, "order must be str, not int"),
    (
        (3,),
        {"device": "gpu"},
        ValueError,
        'Device not understood. Only "cpu" is allowed, but received: gpu',
    ),
    (
        (3,),
        {"device": 1},
        ValueError,
        'Device not understood. Only "cpu" is allowed, but received: 1',
    ),
    (
        (3,),
        {"like": 1},
        TypeError,
        "The `like` argument must be an array-like that implements the "
        "`__array_function__` protocol.",
    ),
    ((3,), {"foo": 1}, TypeError, "zeros() got an unexpected keyword argument 'foo'"),
    (
        (3,),
        {"shape": 3},
        TypeError,
        "argument for zeros() given by name ('shape') and position (position 0)",
    ),
    (
        (3, float, "C", 4),
        {},
        TypeError,
        "zeros() takes from 1 to 3 positional arguments but 4 were given",
    ),
    ((3, "nope"), {}, TypeError, "data type 'nope' not understood"),
    ((3, 7), {}, TypeError, "Cannot interpret '7' as a data type"),
    ((3, "M8[nope]"), {}, TypeError, 'Invalid datetime unit in metadata string "[nope]"'),
    (
        ((1,) * 60, np.dtype(("f4", (1,) * 5))),
        {},
        ValueError,
        "number of dimensions must be within [0, 64]",
    ),
    ((2**60, object), {}, ValueError, "array is too big; `arr.size"),
    ((2**60, "O"), {"order": "F"}, ValueError, "array is too big; `arr.size"),
]

ZEROS_LIKE = [
    ((), {}, TypeError, "zeros_like() missing 1 required positional argument: 'a'"),
    (([1],), {"order": "X"}, ValueError, "order must be one of 'C', 'F', 'A', or 'K' (got 'X')"),
    (([1],), {"shape": (-1,)}, ValueError, "negative dimensions are not allowed"),
    (([1],), {"shape": "ab"}, TypeError, "'str' object cannot be interpreted as an integer"),
    (([1],), {"device": "gpu"}, ValueError, "Device not understood."),
    (([1],), {"foo": 1}, TypeError, "zeros_like() got an unexpected keyword argument 'foo'"),
    (([1],), {"subok": "x"}, TypeError, "'str' object cannot be interpreted as an integer"),
    (
        ([1], None, "K", True, None, None),
        {},
        TypeError,
        "zeros_like() takes from 1 to 5 positional arguments but 6 were given",
    ),
    (([1], "nope"), {}, TypeError, "data type 'nope' not understood"),
    (([[1, 2], [3]],), {}, ValueError, "setting an array element with a sequence."),
]


def assert_raises(function, arguments, keywords, error, words):
    with pytest.raises(error, match=re.escape(words)) as raised:
        function(*arguments, **keywords)
    assert type(raised.value) is error


@pytest.mark.parametrize("module", [np, zerofill], ids=["numpy", "zerofill"])
@pytest.mark.parametrize(("arguments", "keywords", "error", "words"), ZEROS, ids=repr)
def test_zeros_fails_as_numpys(module, arguments, keywords, error, words):
    assert_raises(module.zeros, arguments, keywords, error, words)


@pytest.mark.parametrize("module", [np, zerofill], ids=["numpy", "zerofill"])
@pytest.mark.parametrize(("arguments", "keywords", "error", "words"), ZEROS_LIKE, ids=repr)
def test_zeros_like_fails_as_numpys(module, arguments, keywords, error, words):
    assert_raises(module.zeros_like, arguments, keywords, error, words)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "words"),
    [
        case
        for case in ZEROS
        if "shape" not in case[3]
        and len(case[0]) == 1
        and not case[1]
        and "NoneType" not in case[3]
    ],
    ids=repr,
)
def test_the_initializer_fails_as_numpys_for_a_shape(arguments, keywords, error, words):
    assert_raises(Zeros("float64"), arguments, keywords, error, words)


@pytest.mark.parametrize("module", [np, zerofill], ids=["numpy", "zerofill"])
@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [
        (
            2**55,
            "f8",
            "Unable to allocate 256. PiB for an array with shape (36028797018963968,) "
            "and data type float64",
        ),
        (
            (2**30, 2**14),
            "f4",
            "Unable to allocate 64.0 TiB for an array with shape "
            "(1073741824, 16384) and data type float32",
        ),
        (
            2**62,
            "S",
            "Unable to allocate 4.00 EiB for an array with shape "
            "(4611686018427387904,) and data type |S1",
        ),
        (
            2**50,
            ("i2", (3, 2)),
            "Unable to allocate 12.0 PiB for an array with shape "
            "(1125899906842624, 3, 2) and data type int16",
        ),
    ],
)
def test_too_much_memory_is_numpys_sentence(module, shape, dtype, words):
    with pytest.raises(MemoryError) as raised:
        module.zeros(shape, dtype)
    assert str(raised.value).startswith(words)


@pytest.mark.own_memory
def test_an_eager_request_beyond_memory_says_what_there_is_and_what_would_do():
    with pytest.raises(MemoryError) as raised:
        Zeros()(2**42)
    said = str(raised.value)
    assert re.match(
        r"Unable to allocate 16.0 TiB for an array with shape \(4398046511104,\) and data type "
        r"float32: .* can still be used \(.+\)",
        said,
    )
    # Windows counts lazy memory too, against the same limit.
    assert said.endswith('"lazy" would take memory only as pages are touched') == (
        sys.platform != "win32"
    )


def test_object_arrays_are_guarded_too():
    with pytest.raises(MemoryError, match="can still be used"):
        zerofill.zeros(2**42, object)


@pytest.mark.parametrize("alignment", [0, -1, 3, 65, 2**31, 2**70, -(2**70)])
def test_alignment_must_be_a_power_of_two_in_range(alignment):
    words = re.escape(f"alignment must be a power of two from 1 to 2**30, got {alignment}")
    for make in (
        lambda: zerofill.zeros(3, alignment=alignment),
        lambda: zerofill.zeros_like([1], alignment=alignment),
        lambda: Zeros(alignment=alignment),
        lambda: zerofill.Buffer(3, alignment=alignment),
    ):
        with pytest.raises(ValueError, match=words):
            make()


@pytest.mark.parametrize("alignment", ["64", None, 64.0])
def test_alignment_must_be_an_integer(alignment):
    words = re.escape(f"alignment must be a power of two from 1 to 2**30, got {alignment!r}")
    with pytest.raises(TypeError, match=words):
        zerofill.zeros(3, alignment=alignment)


@pytest.mark.parametrize("commit", ["Eager", "", None, 1, b"eager"])
def test_commit_must_be_known(commit):
    words = re.escape(f'commit must be "eager", "lazy" or "background", got {commit!r}')
    for make in (
        lambda: zerofill.zeros(3, commit=commit),
        lambda: zerofill.zeros_like([1], commit=commit),
        lambda: Zeros(commit=commit),
        lambda: zerofill.Buffer(3, commit=commit),
    ):
        with pytest.raises(ValueError, match=words):
            make()


@pytest.mark.parametrize("dtype", [object, "string", np.dtypes.StringDType(), [("a", "O")]])
def test_objects_in_numpys_memory_have_no_larger_alignment(dtype):
    assert zerofill.zeros(3, dtype, alignment=64).shape == (3,)
    if is_disabled():
        with pytest.raises(ValueError, match="NumPy's memory, which cannot be aligned to 128"):
            zerofill.zeros(3, dtype, alignment=128)
    else:
        assert zerofill.zeros(3, dtype, alignment=128).ctypes.data % 128 == 0


@pytest.mark.parametrize("shape", [None, (None, 3), [None], (2, None)])
def test_an_unknown_dimension_is_a_clear_value_error(shape):
    with pytest.raises(ValueError, match="shape must be fully known"):
        Zeros()(shape)
    with pytest.raises(ValueError, match="shape must be fully known"):
        Zeros()((2,), partition_shape=shape) if shape is not None else Zeros()(None)


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        ((), {}, "Zeros.__call__() missing required argument 'shape' (pos 0)"),
        ((3, None, None, None), {}, "takes from 1 to 3 positional arguments but 4 were given"),
        ((3,), {"dtpye": "f4"}, "got an unexpected keyword argument 'dtpye'"),
        ((3,), {"shape": 3}, "given by name ('shape') and position"),
    ],
)
def test_wrong_arguments_of_the_call(arguments, keywords, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        Zeros()(*arguments, **keywords)


@pytest.mark.parametrize("order", ["A", "K", "X"])
def test_the_initializers_order_is_c_or_f(order):
    with pytest.raises(ValueError, match="order"):
        Zeros(order=order)


def test_an_error_leaves_nothing_behind():
    before = zerofill.stats()
    for arguments, keywords, error, _ in ZEROS:
        for _ in range(50):
            with pytest.raises(error):
                zerofill.zeros(*arguments, **keywords)
    after = zerofill.stats()
    assert after.live_blocks == before.live_blocks
    assert after.misses == before.misses
