"""The configuration API: configs, value semantics, signatures, get, serialize, deserialize."""

import abc
import copy
import inspect
import json
import pickle
import sys
import weakref

import ml_dtypes
import numpy as np
import pytest

import zerofill
from zerofill import Zeros, initializers

OPTIONS = [
    {},
    {"order": "F"},
    {"alignment": 4096},
    {"commit": "lazy"},
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


def test_equality_and_hash_are_by_value():
    assert Zeros() == Zeros("float32") == Zeros(np.float32) == Zeros(float)
    assert len({Zeros(), Zeros("f4"), Zeros(float), Zeros("<f4")}) == 1
    assert Zeros() != Zeros("float64")
    assert Zeros() != Zeros(alignment=128)
    assert Zeros("qint8") != Zeros("int8")
    assert Zeros("string") != Zeros(object)
    assert Zeros(np.longlong) == Zeros(np.int64)
    assert hash(Zeros(np.longlong)) == hash(Zeros(np.int64))
    assert Zeros() != "Zeros()"
    assert Zeros() != Subclass()


def test_it_is_immutable():
    initializer = Zeros()
    for name in ("dtype", "order", "alignment", "commit"):
        with pytest.raises(AttributeError):
            setattr(initializer, name, None)
    with pytest.raises(AttributeError):
        initializer.anything = 1
    with pytest.raises(AttributeError):
        initializer._name = "qint8"


def test_it_can_be_weakly_referenced():
    initializer = Zeros()
    assert weakref.ref(initializer)() is initializer


def test_an_abstract_subclass_is_not_instantiated():
    class Abstract(Zeros, metaclass=abc.ABCMeta):
        @abc.abstractmethod
        def extra(self):
            """Do what a subclass says."""

    with pytest.raises(TypeError, match="abstract"):
        Abstract()


class Slotted(Zeros):
    __slots__ = ("extra",)


def test_the_slots_of_a_subclass_travel():
    slotted = Slotted("int8")
    slotted.extra = 3
    for restored in (copy.copy(slotted), slotted.clone(), pickle.loads(pickle.dumps(slotted, 0))):
        assert restored == slotted
        assert restored.extra == 3


def test_np_record_is_preserved_and_compared():
    record = np.dtype((np.record, [("a", "f4")]))
    restored = Zeros.from_config(Zeros(record).get_config())
    assert type(restored(1)[0]) is np.record
    assert Zeros(record) != Zeros(np.dtype([("a", "f4")]))


def test_repr():
    assert repr(Zeros()) == "Zeros()"
    assert repr(Zeros("float")) == "Zeros()"
    assert repr(Zeros("qint8", alignment=128)) == "Zeros('qint8', alignment=128)"
    assert repr(Zeros(order="F", commit="lazy")) == "Zeros(order='F', commit='lazy')"
    assert repr(Subclass()) == "Subclass()"


class Subclass(Zeros):
    """A user's subclass without anything of its own."""


class Named(Zeros):
    def __init__(self, *args, **kwargs):
        self.name = "n"


class Counting(Zeros):
    calls = 0

    def __call__(self, shape, dtype=None, **kwargs):
        type(self).calls += 1
        return super().__call__(shape, dtype, **kwargs)


@pytest.mark.thread_unsafe
def test_subclasses():
    assert Subclass("int8")(2).tolist() == [0, 0]
    assert Subclass("int8").clone() == Subclass("int8")
    assert type(Subclass.from_config({"dtype": "int8"})) is Subclass
    named = pickle.loads(pickle.dumps(Named("int8")))
    assert (named.name, named.dtype) == ("n", np.int8)
    counting = Counting()
    assert counting(3).shape == (3,)
    assert counting((2, 2), dtype="int8").dtype == np.int8
    assert Counting.calls == 2


# inspect parses the signatures of built-in functions, and Python 3.11 has one recursion counter for
# the parses of all threads: "AST constructor recursion depth mismatch" (cpython gh-106905).
@pytest.mark.thread_unsafe
def test_signatures():
    call = (
        "(shape, dtype=None, partition_info=None, *, partition_shape=None, partition_offset=None)"
    )
    assert str(inspect.signature(Zeros())) == call
    assert str(inspect.signature(Subclass())) == call
    assert str(inspect.signature(Zeros().__call__)) == call
    parameters = inspect.signature(Zeros).parameters
    assert list(parameters) == ["dtype", "order", "alignment", "commit"]
    assert [parameter.default for parameter in parameters.values()] == ["float32", "C", 64, "eager"]
    spec = inspect.getfullargspec(Zeros())
    assert spec.args == ["self", "shape", "dtype", "partition_info"]
    assert spec.defaults == (None, None)
    assert spec.kwonlyargs == ["partition_shape", "partition_offset"]
    assert str(inspect.signature(Counting())) == "(shape, dtype=None, **kwargs)"
    for function, names in (
        (zerofill.zeros, ["shape", "dtype", "order", "device", "like", "alignment", "commit"]),
        (zerofill.clear, ["array"]),
        (zerofill.Buffer, ["nbytes", "alignment", "commit"]),
    ):
        assert list(inspect.signature(function).parameters) == names


def test_the_constructors_options_are_keywords():
    with pytest.raises(TypeError, match="positional"):
        Zeros("float32", "F")
    with pytest.raises(TypeError, match="seed"):
        Zeros(seed=1)


class TensorShape:
    """Like TensorFlow's, neither a list nor a tuple."""

    def __init__(self, dimensions):
        self._dimensions = dimensions

    def as_list(self):
        if self._dimensions is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._dimensions)

    def __iter__(self):
        return iter(self._dimensions)

    def __len__(self):
        return len(self._dimensions)


@pytest.mark.parametrize("shape", [(2, 3), [2, 3], TensorShape((2, 3)), np.array([2, 3])], ids=repr)
def test_shapes(shape):
    assert Zeros()(shape).shape == (2, 3)
    assert Zeros()(shape=shape).shape == (2, 3)
    assert Zeros()((9,), partition_shape=shape, partition_offset=(0, 0)).shape == (2, 3)


def test_scalar_shapes():
    assert Zeros()(3).shape == (3,)
    assert Zeros()(np.int64(3)).shape == (3,)
    assert Zeros()(()).shape == ()
    assert Zeros()(TensorShape(())).shape == ()


def test_unknown_tensor_shapes():
    with pytest.raises(ValueError, match="fully known"):
        Zeros()(TensorShape((None, 3)))
    with pytest.raises(ValueError, match="unknown TensorShape"):
        Zeros()(TensorShape(None))


def test_a_shape_whose_as_list_fails_is_not_tried_in_another_way():
    class Broken:
        def as_list(self):
            raise RuntimeError("broken")

        def __index__(self):
            return 3

    with pytest.raises(RuntimeError, match="broken"):
        Zeros()(Broken())


@pytest.mark.parametrize("info", [None, 1, "x", object(), (5, 3)], ids=repr)
def test_partition_info_is_ignored(info):
    assert Zeros()((2, 2), None, info).shape == (2, 2)
    assert Zeros()((2, 2), partition_info=info).shape == (2, 2)


# get, serialize, deserialize -------------------------------------------------------------------


def test_names_and_aliases():
    assert initializers.zeros is Zeros
    assert initializers.zeros_initializer is Zeros
    assert zerofill.zeros_initializer is Zeros
    assert issubclass(Zeros, initializers.Initializer)


@pytest.mark.parametrize("name", ["zeros", "Zeros", "zero"])
def test_get_by_name(name):
    assert initializers.get(name) == Zeros()
    assert initializers.get({"class_name": name, "config": {"dtype": "int8"}}) == Zeros("int8")
    assert initializers.deserialize(name) == Zeros()


def test_get_passes_on_and_instantiates():
    def function(shape, dtype=None):
        return shape

    initializer = Zeros("int8")
    assert initializers.get(None) is None
    assert initializers.get(initializer) is initializer
    assert initializers.get(function) is function
    assert initializers.get(Zeros) == Zeros()
    assert initializers.get(Subclass) == Subclass()


@pytest.mark.parametrize(
    "identifier",
    ["nope", "ZEROS", "", 5, True, [], b"zeros", 1.5, ("zeros",), np.zeros(2)],
    ids=repr,
)
def test_get_refuses_anything_else_and_names_it(identifier):
    with pytest.raises(ValueError, match="Could not interpret initializer identifier") as raised:
        initializers.get(identifier)
    assert repr(identifier) in str(raised.value)


FORMS = [
    {"class_name": "Zeros", "config": {"dtype": "int8"}},
    {
        "module": "tensorflow.python.ops.init_ops",
        "class_name": "Zeros",
        "config": {"dtype": "int8"},
        "registered_name": "Zeros",
    },
    {
        "module": "zerofill.initializers",
        "class_name": "Zeros",
        "config": {"dtype": "int8"},
        "registered_name": None,
    },
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_deserialize_takes_each_librarys_form(form):
    before = json.dumps(form)
    assert initializers.deserialize(form) == Zeros("int8")
    assert initializers.get(form) == Zeros("int8")
    assert json.dumps(form) == before


def test_deserialize_takes_keras_form_without_a_config():
    keras = {
        "module": "keras.initializers",
        "class_name": "Zeros",
        "config": {},
        "registered_name": None,
    }
    assert initializers.deserialize(keras) == Zeros()
    assert initializers.deserialize({"class_name": "Zeros", "config": None}) == Zeros()
    assert initializers.deserialize({"class_name": "Zeros"}) == Zeros()
    assert initializers.deserialize(None) is None


def test_serialize():
    assert initializers.serialize(Zeros("int8")) == {
        "module": "zerofill.initializers",
        "class_name": "Zeros",
        "config": {"dtype": "int8"},
        "registered_name": None,
    }
    assert initializers.serialize(None) is None
    for wrong in (Zeros, "zeros", 5, len):
        with pytest.raises(ValueError, match="only an Initializer can be serialized"):
            initializers.serialize(wrong)


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        ("nope", ValueError, "nope"),
        ({}, ValueError, "class_name"),
        ({"class_name": "Ones", "config": {}}, ValueError, "Ones"),
        ({"class_name": ["Zeros"], "config": {}}, ValueError, "class_name"),
        ({"class_name": "os.system", "config": {"command": "true"}}, ValueError, "os.system"),
        ({"module": "os", "class_name": "Zeros", "config": {}}, ValueError, "'os'"),
        ({"module": 5, "class_name": "Zeros", "config": {}}, ValueError, "5"),
        ({"class_name": "Zeros", "config": {"seed": 1}}, TypeError, "seed"),
        ({"class_name": "Zeros", "config": "x"}, TypeError, "'x'"),
        (5, ValueError, "5"),
        ([], ValueError, "must be a dict"),
    ],
)
def test_deserialize_refuses_and_names_what_it_does_not_know(config, error, words):
    with pytest.raises(error, match=words):
        initializers.deserialize(config)


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "Zeros", "config": {"dtype": "antigravity"}},
        {"class_name": "Zeros", "config": {"dtype": "antigravity.geohash"}},
        {"class_name": "Zeros", "config": {"dtype": {"class": "antigravity", "x": "print(1)"}}},
        {"class_name": "Zeros", "config": {"dtype": ["__import__('antigravity')"]}},
        {"class_name": "antigravity", "config": {}},
        {"module": "antigravity", "class_name": "Zeros", "config": {}},
        {"class_name": "Zeros", "config": {}, "registered_name": "antigravity>x", "module": "x"},
    ],
)
def test_nothing_that_a_config_names_is_imported(config):
    with pytest.raises((TypeError, ValueError)):
        initializers.deserialize(config)
    assert "antigravity" not in sys.modules


def test_the_base_class():
    base = initializers.Initializer()
    assert base.get_config() == {}
    assert type(base.clone()) is initializers.Initializer
    with pytest.raises(NotImplementedError, match="Initializer does not say"):
        base((2, 2))
