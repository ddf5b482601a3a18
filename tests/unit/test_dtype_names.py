"""Every name and object that stands for a dtype, and the dtype that it resolves to."""

import subprocess
import sys
import types

import ml_dtypes
import numpy as np
import pytest

import zerofill

# The name, the dtype of Zeros's arrays, and the name in its config.
TENSORFLOW = {
    "half": (np.float16, "float16"),
    "float": (np.float32, "float32"),
    "float16": (np.float16, "float16"),
    "float32": (np.float32, "float32"),
    "float64": (np.float64, "float64"),
    "double": (np.float64, "float64"),
    "bfloat16": (ml_dtypes.bfloat16, "bfloat16"),
    "complex64": (np.complex64, "complex64"),
    "complex128": (np.complex128, "complex128"),
    "int2": (ml_dtypes.int2, "int2"),
    "uint2": (ml_dtypes.uint2, "uint2"),
    "int4": (ml_dtypes.int4, "int4"),
    "uint4": (ml_dtypes.uint4, "uint4"),
    "int8": (np.int8, "int8"),
    "int16": (np.int16, "int16"),
    "int32": (np.int32, "int32"),
    "int64": (np.int64, "int64"),
    "uint8": (np.uint8, "uint8"),
    "uint16": (np.uint16, "uint16"),
    "uint32": (np.uint32, "uint32"),
    "uint64": (np.uint64, "uint64"),
    "bool": (np.bool_, "bool"),
    "string": (np.object_, "string"),
    "qint8": (np.int8, "qint8"),
    "qint16": (np.int16, "qint16"),
    "qint32": (np.int32, "qint32"),
    "quint8": (np.uint8, "quint8"),
    "quint16": (np.uint16, "quint16"),
    "float8_e5m2": (ml_dtypes.float8_e5m2, "float8_e5m2"),
    "float8_e4m3fn": (ml_dtypes.float8_e4m3fn, "float8_e4m3fn"),
    "float8_e4m3fnuz": (ml_dtypes.float8_e4m3fnuz, "float8_e4m3fnuz"),
    "float8_e4m3b11fnuz": (ml_dtypes.float8_e4m3b11fnuz, "float8_e4m3b11fnuz"),
    "float8_e5m2fnuz": (ml_dtypes.float8_e5m2fnuz, "float8_e5m2fnuz"),
    "float4_e2m1fn": (ml_dtypes.float4_e2m1fn, "float4_e2m1fn"),
}

# Names that only ml_dtypes has.
ML_DTYPES = {
    "float6_e2m3fn": ml_dtypes.float6_e2m3fn,
    "float6_e3m2fn": ml_dtypes.float6_e3m2fn,
    "float8_e3m4": ml_dtypes.float8_e3m4,
    "float8_e4m3": ml_dtypes.float8_e4m3,
}

LONGDOUBLE = f"<f{np.dtype('longdouble').itemsize}"  # 8 on Windows and on Apple silicon

# Dtypes that NumPy resolves: the argument, the dtype's string, and the config.
NUMPY = [
    (int, "<i8", "int64"),
    (bool, "|b1", "bool"),
    (complex, "<c16", "complex128"),
    (np.float32, "<f4", "float32"),
    (np.dtype("f4"), "<f4", "float32"),
    ("f4", "<f4", "float32"),
    ("d", "<f8", "float64"),
    (">f4", ">f4", ">f4"),
    ("int", "<i8", "int64"),
    ("longdouble", LONGDOUBLE, {"<f8": "float64"}.get(LONGDOUBLE, LONGDOUBLE)),
    ("S5", "|S5", "|S5"),
    (str, "<U0", "<U0"),
    ("M8[ns]", "<M8[ns]", "<M8[ns]"),
    (">m8[25s]", ">m8[25s]", ">m8[25s]"),
    ("V3", "|V3", "|V3"),
    (object, "|O", "object"),
    ("object", "|O", "object"),
]


@pytest.mark.parametrize("name", TENSORFLOW)
def test_tensorflow_names(name):
    scalar, config_name = TENSORFLOW[name]
    initializer = zerofill.Zeros(name)
    assert initializer.dtype == np.dtype(scalar)
    assert initializer((2, 3)).dtype == np.dtype(scalar)
    assert initializer.get_config() == {"dtype": config_name}
    assert zerofill.Zeros()(2, dtype=name).dtype == np.dtype(scalar)


@pytest.mark.parametrize("name", TENSORFLOW)
def test_tensorflow_reference_names(name):
    scalar, config_name = TENSORFLOW[name]
    initializer = zerofill.Zeros(name + "_ref")
    assert initializer.dtype == np.dtype(scalar)
    assert initializer.get_config() == {"dtype": config_name + "_ref"}


@pytest.mark.parametrize("name", ML_DTYPES)
def test_names_of_ml_dtypes(name):
    assert zerofill.Zeros(name)(2).dtype == np.dtype(ML_DTYPES[name])
    assert zerofill.zeros(2, name).dtype == np.dtype(ML_DTYPES[name])
    assert zerofill.Zeros(name).get_config() == {"dtype": name}


@pytest.mark.skipif(sys.byteorder == "big", reason="the strings are those of little-endian systems")
@pytest.mark.parametrize(("argument", "string", "config_name"), NUMPY, ids=str)
def test_what_numpy_reads(argument, string, config_name):
    initializer = zerofill.Zeros(argument)
    assert initializer.dtype.str == string
    assert initializer.get_config() == {"dtype": config_name}


def test_float_is_tensorflows_in_the_initializer_and_numpys_in_zeros():
    assert zerofill.Zeros(float)(1).dtype == np.float32
    assert zerofill.Zeros("int8")(1, float).dtype == np.float32
    assert zerofill.Zeros("int8")(1, "float").dtype == np.float32
    assert zerofill.zeros(1, float).dtype == np.float64
    assert zerofill.zeros(1, "float").dtype == np.float64


@pytest.mark.parametrize("name", ["bfloat16", "qint8", "quint16", "int4", "string", "float32_ref"])
def test_zeros_takes_tensorflows_names_that_numpy_does_not_know(name):
    assert zerofill.zeros(2, name).dtype == zerofill.Zeros(name)(2).dtype


def test_strings_are_bytes_and_objects_are_the_int_zero():
    assert zerofill.Zeros("string")((2, 2)).tolist() == [[b"", b""], [b"", b""]]
    assert zerofill.zeros(2, "string").tolist() == [b"", b""]
    assert zerofill.Zeros(object)(2).tolist() == [0, 0]
    assert type(zerofill.zeros(1, object)[0]) is int
    assert zerofill.zeros(2, np.dtypes.StringDType()).tolist() == ["", ""]


def test_classes_of_dtypes():
    assert zerofill.zeros(2, np.dtypes.Int16DType).dtype == np.int16
    assert zerofill.Zeros(np.dtypes.StringDType)(2).tolist() == ["", ""]


# Stand-ins for dtypes of libraries that need not be installed. They have what zerofill looks at:
# the names of the module, of the type and of the dtype.
class TensorFlowDType:
    __module__ = "tensorflow.python.framework.dtypes"
    as_numpy_dtype = None

    def __init__(self, name):
        self.name = name


class TorchDType:
    __module__ = "torch"

    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return "torch." + self._name


TorchDType.__name__ = "dtype"


@pytest.mark.parametrize("name", ["float32", "bfloat16", "qint8", "string", "int64_ref"])
def test_dtypes_of_tensorflow_are_read_by_their_name(name):
    assert zerofill.Zeros(TensorFlowDType(name)) == zerofill.Zeros(name)
    assert zerofill.Zeros()(2, TensorFlowDType(name)).dtype == zerofill.Zeros(name).dtype


@pytest.mark.parametrize(
    ("name", "scalar"),
    [
        ("float32", np.float32),
        ("bfloat16", ml_dtypes.bfloat16),
        ("bool", np.bool_),
        ("complex64", np.complex64),
        ("float8_e5m2", ml_dtypes.float8_e5m2),
        ("quint8", np.uint8),
    ],
)
def test_dtypes_of_torch_are_read_by_their_name(name, scalar):
    assert zerofill.Zeros(TorchDType(name))(2).dtype == np.dtype(scalar)
    assert zerofill.zeros(2, TorchDType(name)).dtype == np.dtype(scalar)


class HandleDType(TensorFlowDType):
    """Like tf.resource, whose NumPy type cannot be asked for."""

    __module__ = "tensorflow.python.framework.dtypes"

    @property
    def as_numpy_dtype(self):
        raise KeyError(20)


def test_a_handle_of_tensorflow_is_a_type_error():
    with pytest.raises(TypeError, match="'resource' cannot be filled"):
        zerofill.Zeros(HandleDType("resource"))


def test_a_dtype_is_refused_although_ml_dtypes_was_forgotten_once(monkeypatch):
    code = """
import sys, ml_dtypes, numpy as np, zerofill
kept = sys.modules.pop("ml_dtypes")
zerofill.zeros(1, np.dtype(kept.float8_e8m0fnu))
sys.modules["ml_dtypes"] = kept
try:
    zerofill.zeros(1, np.dtype(kept.float8_e8m0fnu))
except TypeError:
    print("refused")
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout.strip() == b"refused"


def test_scalar_types_of_jax_carry_their_dtype():
    scalar_type = types.SimpleNamespace(dtype=np.dtype(ml_dtypes.bfloat16))
    assert zerofill.Zeros(scalar_type)(2).dtype == ml_dtypes.bfloat16


@pytest.mark.parametrize(
    ("dtype", "named"),
    [
        ("resource", "resource"),
        ("variant_ref", "variant"),
        ("nope", "nope"),
        ("nope_ref", "nope_ref"),
        (None, "None"),
        (7, "7"),
        (1.5, "1.5"),
        (TensorFlowDType("resource"), "resource"),
        (TorchDType("bits8"), "torch.bits8"),
    ],
    ids=repr,
)
def test_what_is_no_dtype_is_a_type_error_that_names_it(dtype, named):
    with pytest.raises(TypeError, match=named):
        zerofill.Zeros(dtype)
    if dtype is not None:
        with pytest.raises(TypeError, match=named):
            zerofill.Zeros()(2, dtype=dtype)
        with pytest.raises(TypeError, match=named):
            zerofill.zeros(2, dtype=dtype)


EXPONENT = np.dtype(ml_dtypes.float8_e8m0fnu)


@pytest.mark.parametrize(
    "dtype",
    [
        "float8_e8m0fnu",
        EXPONENT,
        ml_dtypes.float8_e8m0fnu,
        np.dtype([("a", EXPONENT)]),
        np.dtype((EXPONENT, (2,))),
    ],
    ids=repr,
)
def test_the_dtype_without_a_zero_is_refused_everywhere(dtype):
    for make in (
        lambda: zerofill.Zeros(dtype),
        lambda: zerofill.Zeros()(2, dtype),
        lambda: zerofill.zeros(2, dtype),
        lambda: zerofill.zeros_like([1, 2], dtype),
    ):
        with pytest.raises(TypeError, match="float8_e8m0fnu"):
            make()


def test_the_dtype_without_a_zero_cannot_be_cleared():
    array = np.ones(2, EXPONENT)
    with pytest.raises(TypeError, match="has no zero"):
        zerofill.clear(array)
    assert array.tolist() == [1, 1]


def test_a_class_that_calls_itself_ml_dtypes_is_not_believed(monkeypatch):
    rational = pytest.importorskip("numpy._core._rational_tests").rational
    monkeypatch.setitem(sys.modules, "ml_dtypes", types.SimpleNamespace(rational=object))
    assert not isinstance(zerofill.zeros(1, rational).base, zerofill.Buffer)
