"""Configs of the initializer, pickles and reprs: every dtype and option can be restored."""

import copy
import json
import pickle

import ml_dtypes
import numpy as np
import pytest

from zerofill import Zeros, initializers

OPTIONS = [
    {},
    {"order": "F"},
    {"alignment": 4096},
    {"commit": "lazy"},
    {"commit": "background"},
    {"order": "F", "alignment": 1, "commit": "lazy"},
]

DTYPES = [
    *"half float double bfloat16 int2 uint4 bool complex64 string string_ref qint8 quint16".split(),
    *"float8_e5m2 float8_e3m4 float4_e2m1fn float6_e2m3fn float32_ref qint32_ref".split(),
    *">f4 <i8 >c16 S S5 U >U7 V V3 O M8 M8[ns] >M8[25s] m8[D] longdouble clongdouble".split(),
    np.longlong,
    np.intc,
    np.dtype([("a", "f4"), ("b", ">i2", (2, 3)), ("c", "S3")]),
    np.dtype([("a", "i1"), ("b", "f8")], align=True),
    np.dtype([("n", [("x", "M8[ns]"), ("o", object)]), ("y", ml_dtypes.bfloat16)]),
    np.dtype([(("title", "a"), "i4"), ("b", "i4")]),
    np.dtype({"names": ["b", "a"], "formats": ["i4", "i1"], "offsets": [4, 0], "itemsize": 16}),
    np.dtype([]),
    np.dtype(("f4", (2, 2))),
    np.dtype((np.record, [("a", "f4"), ("b", "i1")])),
    np.str_("qint8"),
    np.dtype((np.dtype([("a", "i1")]), (3,))),
    np.dtypes.StringDType(),
    np.dtypes.StringDType(coerce=False),
    np.dtypes.StringDType(na_object=None),
    np.dtypes.StringDType(na_object=np.nan),
    np.dtypes.StringDType(na_object=float("inf")),
    np.dtypes.StringDType(na_object=3),
    np.dtypes.StringDType(na_object="missing"),
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_round_trips(dtype, options):
    initializer = Zeros(dtype, **options)
    config = initializer.get_config()
    names = {"np": np, "ml_dtypes": ml_dtypes, "Zeros": Zeros}
    for restored in (
        Zeros.from_config(json.loads(json.dumps(config))),
        eval(repr(initializer), names),
        copy.copy(initializer),
        copy.deepcopy(initializer),
        initializer.clone(),
        *(pickle.loads(pickle.dumps(initializer, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
        initializers.deserialize(json.loads(json.dumps(initializers.serialize(initializer)))),
    ):
        assert restored == initializer
        assert hash(restored) == hash(initializer)
        assert restored.dtype == initializer.dtype
        assert json.dumps(restored.get_config()) == json.dumps(config)
        assert restored._options == options
    assert config.keys() == {"dtype", *options}


# Not pickled: to restore such a dtype, NumPy modifies the one that ml_dtypes registered.
@pytest.mark.parametrize(
    "dtype",
    [
        np.dtype(ml_dtypes.bfloat16).newbyteorder(">"),
        np.dtype([("a", np.dtype(ml_dtypes.bfloat16).newbyteorder(">"))]),
    ],
    ids=["alone", "in a structure"],
)
def test_swapped_dtypes_of_ml_dtypes_go_through_configs(dtype):
    initializer = Zeros(dtype)
    assert Zeros.from_config(json.loads(json.dumps(initializer.get_config()))) == initializer
    assert (
        eval(repr(initializer), {"np": np, "ml_dtypes": ml_dtypes, "Zeros": Zeros}) == initializer
    )
    assert initializer != Zeros("bfloat16")


def test_a_config_is_tensorflows_and_what_is_not_at_its_default():
    assert Zeros().get_config() == {"dtype": "float32"}
    assert Zeros("half").get_config() == {"dtype": "float16"}
    assert Zeros(alignment=64, order="C", commit="eager").get_config() == {"dtype": "float32"}
    assert Zeros("bool", alignment=128, order="f", commit="lazy").get_config() == {
        "dtype": "bool",
        "order": "F",
        "alignment": 128,
        "commit": "lazy",
    }


def test_structured_and_parametric_dtypes_are_written_as_their_parts():
    assert Zeros([("a", "f4", (2,)), ("b", "O")]).get_config() == {
        "dtype": {
            "names": ["a", "b"],
            "formats": [{"base": "float32", "shape": [2]}, "object"],
            "offsets": [0, 8],
            "itemsize": 16,
        }
    }
    assert Zeros(np.dtypes.StringDType(na_object="x")).get_config() == {
        "dtype": {"StringDType": {"na_object": "x"}}
    }


def test_what_cannot_be_written_is_a_type_error_that_names_it():
    with pytest.raises(TypeError, match=r"StringDType.*na_object is not JSON"):
        Zeros(np.dtypes.StringDType(na_object=object)).get_config()
    with pytest.raises(TypeError, match="title must be a string"):
        Zeros(np.dtype([((("t",), "a"), "i4")])).get_config()
    rational = pytest.importorskip("numpy._core._rational_tests").rational
    with pytest.raises(TypeError, match=r"rational.*a user's own"):
        Zeros(rational).get_config()
    assert Zeros(rational) == copy.copy(Zeros(rational))
    assert "rational" in repr(Zeros(rational))


@pytest.mark.parametrize("config", [{}, {"dtype": "int8"}, {"dtype": "qint8", "order": "F"}])
def test_from_config_leaves_the_callers_dict_alone(config):
    before = dict(config)
    Zeros.from_config(config)
    assert config == before


def test_from_config_takes_keras_and_tensorflow_configs():
    assert Zeros.from_config({}) == Zeros()
    assert Zeros.from_config({"dtype": "float16"}) == Zeros("half")


STRUCT = {"names": ["a"], "formats": ["i4"], "offsets": [0], "itemsize": 4}


def nested(depth):
    json = "i4"
    for _ in range(depth):
        json = {"base": json, "shape": [1]}
    return json


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        ({"dtyp": "f4"}, TypeError, "dtyp"),
        ({"dtype": "f4", "seed": 1}, TypeError, "seed"),
        ({"fill": b""}, TypeError, "fill"),
        ({"dtype": None}, TypeError, "None"),
        ({"dtype": "nope"}, TypeError, "nope"),
        ({"dtype": 1}, TypeError, "1"),
        ({"dtype": {}}, TypeError, "{}"),
        ({"dtype": {"names": ["a"]}}, TypeError, "names"),
        ({"dtype": {"base": "f4", "shape": ["x"]}}, TypeError, "shape"),
        ({"dtype": {"base": "f4", "shape": 2}}, TypeError, "shape"),
        ({"dtype": {"StringDType": {"nope": 1}}}, TypeError, "nope"),
        ({"dtype": {"StringDType": 3}}, TypeError, "3"),
        ({"dtype": {"names": 1, "formats": [], "offsets": [], "itemsize": 1}}, TypeError, "names"),
        ({"dtype": {**STRUCT, "offsets": [2**70]}}, TypeError, "offsets"),
        ({"dtype": {**STRUCT, "itemsize": 2**70}}, TypeError, "itemsize"),
        ({"dtype": {**STRUCT, "formats": ["string"]}}, TypeError, "part of another"),
        ({"dtype": {"base": "string", "shape": [2]}}, TypeError, "part of another"),
        ({"dtype": nested(5000)}, TypeError, "base"),
        ({"alignment": 3}, ValueError, "3"),
        ({"order": "Z"}, ValueError, "Z"),
        (None, TypeError, "None"),
        ("float32", TypeError, "float32"),
        ([("dtype", "f4")], TypeError, "dtype"),
    ],
)
def test_from_config_refuses_and_names_what_it_does_not_know(config, error, words):
    with pytest.raises(error, match=words):
        Zeros.from_config(config)
