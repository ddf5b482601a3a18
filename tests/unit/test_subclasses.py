"""zeros_like of subclasses of ndarray follows NumPy's protocol: one __array_finalize__."""

import ctypes
from typing import ClassVar

import numpy as np
import pytest
from numpy.ma import mrecords

import zerofill
from zerofill.runtime import is_disabled


def describe(array):
    """Return what decides how an array looks, its subclass aside."""
    flags = [array.flags[name] for name in ("C", "F", "A", "W")]
    return type(array), array.shape, array.strides, array.dtype, flags


class Observer(np.ndarray):
    """A subclass that notes each __array_finalize__, and is made by its __new__ in another way."""

    seen: ClassVar[list] = []

    def __new__(cls, tag, *, length):
        made = np.ones(length, "f4").view(cls)
        made.tag = tag
        return made

    def __array_finalize__(self, source):
        self.dtype_of_source = source.dtype
        self.tag = getattr(source, "tag", None)
        Observer.seen.append((id(source), describe(self)))


@pytest.fixture
def prototype():
    made = Observer("t", length=24).reshape(2, 3, 4)[:, ::2].T
    Observer.seen.clear()
    yield made
    Observer.seen.clear()


@pytest.mark.thread_unsafe
@pytest.mark.parametrize("shape", [None, 5, (2, 2), (2, 0, 3), (4, 2, 2)])
@pytest.mark.parametrize("order", "KCFA")
@pytest.mark.parametrize(
    "dtype", [None, "i2", ">f8", "U0", [("a", "i1"), ("b", "f4")], "(2,)f4", "O"]
)
def test_a_class_is_told_what_numpy_tells_it(prototype, dtype, order, shape):
    numpys = np.zeros_like(prototype, dtype, order, shape=shape)
    told_by_numpy = Observer.seen[:]
    Observer.seen.clear()
    ours = zerofill.zeros_like(prototype, dtype, order, shape=shape)
    assert Observer.seen == told_by_numpy
    assert len(told_by_numpy) == 1
    assert told_by_numpy[0][0] == id(prototype)
    assert describe(ours) == describe(numpys)
    assert ours.tag == "t"
    assert np.asarray(ours).tolist() == np.asarray(numpys).tolist()


@pytest.mark.thread_unsafe
def test_without_subok_no_class_is_told(prototype):
    ours = zerofill.zeros_like(prototype, subok=False)
    assert Observer.seen == []
    assert describe(ours) == describe(np.zeros_like(prototype, subok=False))


def make_memmap(tmp_path):
    return np.memmap(tmp_path / "map", "i4", "w+", shape=(3, 4))


PROTOTYPES = {
    "matrix": lambda _: np.asmatrix(np.ones((2, 3))),
    "memmap": make_memmap,
    "masked": lambda _: np.ma.masked_array([[1, 2], [3, 4]], mask=[[0, 1], [1, 0]], fill_value=7),
    "record": lambda _: np.rec.array([(1, 2.0), (3, 4.0)], names="a, b"),
    "masked record": lambda _: mrecords.fromarrays([[1, 2], [3.0, 4.0]], names="a, b"),
    "characters": lambda _: np.char.array(["ab", "c"]),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("kind", PROTOTYPES)
def test_numpys_own_subclasses(kind, tmp_path):
    prototype = PROTOTYPES[kind](tmp_path)
    ours, numpys = zerofill.zeros_like(prototype), np.zeros_like(prototype)
    assert describe(ours) == describe(numpys)
    assert np.asarray(ours).tolist() == np.asarray(numpys).tolist()
    assert ours.__dict__.keys() == numpys.__dict__.keys()
    assert is_disabled() or isinstance(ours.base, zerofill.Buffer)


def test_a_masked_array_keeps_its_mask():
    masked = np.ma.masked_array([1, 2, 3], mask=[0, 1, 0])
    ours = zerofill.zeros_like(masked)
    assert type(ours) is np.ma.MaskedArray
    assert ours.mask.tolist() == [False, True, False]


@pytest.mark.filterwarnings("ignore:Setting __array_finalize__ = None:DeprecationWarning")
def test_a_class_without_finalize():
    class Silent(np.ndarray):
        __array_finalize__ = None

    try:
        prototype = np.ones((2, 3)).view(Silent)
    except TypeError:
        pytest.skip("this version of NumPy calls None")
    ours = zerofill.zeros_like(prototype)
    assert type(ours) is Silent
    assert ours.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_class_that_is_finalised_by_a_c_function():
    """NumPy finds it in a capsule."""
    sources = []

    @ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.py_object)
    def finalize(array, source):
        sources.append(source)
        return 0

    new_capsule = ctypes.pythonapi.PyCapsule_New
    new_capsule.restype = ctypes.py_object
    new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]

    class InC(np.ndarray):
        __array_finalize__ = new_capsule(ctypes.cast(finalize, ctypes.c_void_p), None, None)

    prototype = np.ones(3).view(InC)
    sources.clear()
    assert zerofill.zeros_like(prototype).tolist() == [0, 0, 0]
    assert len(sources) == 1
    assert sources[0] is prototype


class KeepsItself(np.ndarray):
    """A subclass that holds a reference to every instance, and can fail in __array_finalize__."""

    instances: ClassVar[list] = []
    fails = False

    def __array_finalize__(self, source):
        KeepsItself.instances.append(self)
        if KeepsItself.fails:
            raise RuntimeError("no")


@pytest.mark.thread_unsafe
def test_an_instance_that_survives_a_failing_finalize_has_its_memory():
    prototype = np.ones(1 << 20, "u1").view(KeepsItself)
    KeepsItself.instances.clear()
    KeepsItself.fails = True
    try:
        for _ in range(3):
            with pytest.raises(RuntimeError, match="no"):
                zerofill.zeros_like(prototype)
    finally:
        KeepsItself.fails = False
    survivors = [np.asarray(instance) for instance in KeepsItself.instances]
    assert len(survivors) == 3
    for survivor in survivors:
        survivor[:] = 7
        assert (survivor == 7).all()
    del survivor, survivors
    KeepsItself.instances.clear()


def test_a_subclass_is_finalised_from_the_prototype():
    class Named(np.ndarray):
        def __array_finalize__(self, source):
            self.name = getattr(source, "name", None)

    prototype = np.ones((2, 3), "i2").view(Named)
    prototype.name = "n"
    for order in "KCFA":
        like = zerofill.zeros_like(prototype, order=order, alignment=4096)
        assert (type(like), like.name) == (Named, "n")
        assert like.ctypes.data % 4096 == 0
        assert like.strides == np.zeros_like(np.asarray(prototype), order=order).strides
        assert not np.asarray(like).any()
    assert zerofill.zeros_like(prototype[:0]).shape == (0, 3)
