"""The initializer: value semantics, subclasses, signatures, and the arguments of its call."""

import abc
import copy
import inspect
import pickle
import weakref

import numpy as np
import pytest

import zerofill
from zerofill import Zeros


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
    assert list(parameters) == ["dtype", "order", "alignment", "commit", "shared"]
    defaults = [parameter.default for parameter in parameters.values()]
    assert defaults == ["float32", "C", 64, "eager", False]
    spec = inspect.getfullargspec(Zeros())
    assert spec.args == ["self", "shape", "dtype", "partition_info"]
    assert spec.defaults == (None, None)
    assert spec.kwonlyargs == ["partition_shape", "partition_offset"]
    assert str(inspect.signature(Counting())) == "(shape, dtype=None, **kwargs)"
    for function, names in (
        (
            zerofill.zeros,
            [
                "shape",
                "dtype",
                "order",
                "device",
                "like",
                "alignment",
                "commit",
                "shared",
                "placement",
            ],
        ),
        (zerofill.clear, ["array"]),
        (zerofill.Buffer, ["nbytes", "alignment", "commit", "shared", "placement"]),
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
