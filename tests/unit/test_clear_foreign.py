"""clear() on other libraries' arrays, by __array_interface__ and by DLPack."""

import ctypes
import types

import numpy as np
import pytest
from dlpack_records import Managed, new_capsule

import zerofill


class Interface:
    """An object that gives NumPy its memory by __array_interface__."""

    def __init__(self, array, readonly=False):
        self.array = array
        self.__array_interface__ = {
            **array.__array_interface__,
            "data": (array.ctypes.data, readonly),
        }


def test_array_interface():
    array = np.full((4, 6), 7, "i4")
    thing = Interface(array[::2, 1::2])
    assert zerofill.clear(thing) is thing
    assert not array[::2, 1::2].any()
    assert (array[1::2] == 7).all()


def test_read_only_array_interface():
    array = np.full(4, 7, "i4")
    with pytest.raises(ValueError, match="read-only"):
        zerofill.clear(Interface(array, readonly=True))
    assert (array == 7).all()


class Broken:
    @property
    def __array_interface__(self):
        raise RuntimeError("broken")

    def __dlpack__(self, **options):
        raise AssertionError("the second protocol must not be tried")


def test_the_first_protocol_decides():
    with pytest.raises(RuntimeError, match="broken"):
        zerofill.clear(Broken())

    class Wrong(Broken):
        __array_interface__ = 5

    with pytest.raises((TypeError, ValueError)):
        zerofill.clear(Wrong())


class Exporter:
    """Another library's tensor that uses the memory of a NumPy array."""

    def __init__(self, array, name=b"dltensor_versioned", strided=True, **fields):
        self.array, self.name, self.calls = array, name, []
        n = array.ndim
        self.shape = (ctypes.c_int64 * max(n, 1))(*array.shape)
        steps = [stride // array.itemsize for stride in array.strides]
        self.strides = (ctypes.c_int64 * max(n, 1))(*steps)
        values = {
            "major": 1,
            "minor": 0,
            "data": array.ctypes.data,
            "device_type": 1,
            "ndim": n,
            "code": 2,
            "bits": array.itemsize * 8,
            "lanes": 1,
            "shape": self.shape,
            **({"strides": self.strides} if strided else {}),
            **fields,
        }
        self.managed = Managed(**values)

    def __dlpack__(self, **options):
        self.calls.append(options)
        return new_capsule(ctypes.addressof(self.managed), self.name, None)


def test_dlpack():
    array = np.full((4, 6), 7, "f4")
    tensor = Exporter(array[::2, 1::2])
    assert zerofill.clear(tensor) is tensor
    assert not array[::2, 1::2].any()
    assert (array[1::2] == 7).all()
    assert tensor.calls == [{"max_version": (1, 0), "copy": False}]


def test_dlpack_without_strides_is_in_c_order():
    array = np.full((3, 4), 7, "f4")
    zerofill.clear(Exporter(array, strided=False))
    assert not array.any()


def test_dlpack_of_no_dimensions_and_of_no_elements():
    scalar = np.full((), 7, "f4")
    zerofill.clear(Exporter(scalar))
    assert scalar == 0
    zerofill.clear(Exporter(np.empty((0, 3), "f4"), data=None))


def test_dlpack_with_an_offset_and_lanes():
    array = np.full(8, 7, "f4")
    zerofill.clear(Exporter(array[:2], byte_offset=16, lanes=2, strided=False))
    assert array.tolist() == [7, 7, 7, 7, 0, 0, 0, 0]


@pytest.mark.parametrize("device", [1, 3, 11, 13], ids=["CPU", "CUDA host", "ROCm host", "managed"])
def test_dlpack_of_memory_that_the_cpu_can_write(device):
    array = np.full(4, 7, "f4")
    zerofill.clear(Exporter(array, device_type=device))
    assert not array.any()


def test_dlpack_of_no_elements_may_have_any_strides():
    strides = (ctypes.c_int64 * 2)(-(2**63), 2**62)
    zerofill.clear(Exporter(np.empty((0, 3), "f4"), strides=strides, data=None))


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"name": b"dltensor"}, TypeError, "older than version 1"),
        ({"flags": 1}, ValueError, "read-only"),
        ({"flags": 2}, ValueError, "a copy"),
        ({"device_type": 2}, ValueError, "on another device"),
        ({"major": 2}, TypeError, "unknown DLPack version"),
        ({"code": 14}, TypeError, "has no zero"),
        ({"code": 3}, TypeError, "not a whole number of bytes"),
        ({"bits": 4}, TypeError, "not a whole number of bytes"),
        ({"bits": 0}, TypeError, "not a whole number of bytes"),
        ({"lanes": 0}, TypeError, "not a whole number of bytes"),
        ({"bits": 4, "lanes": 2, "flags": 4}, TypeError, "not a whole number of bytes"),
        ({"ndim": 65}, ValueError, "64 dimensions"),
        ({"ndim": -1}, ValueError, "64 dimensions"),
        ({"shape": None}, ValueError, "no shape"),
        ({"data": None}, ValueError, "outside of memory"),
        ({"byte_offset": 2**64 - 4}, ValueError, "outside of memory"),
        ({"shape": [-1]}, ValueError, "negative dimensions"),
        ({"shape": [2, -3]}, ValueError, "negative dimensions"),
        ({"shape": [0, -3]}, ValueError, "negative dimensions"),
        ({"shape": [-(2**63)]}, ValueError, "negative dimensions"),
        ({"shape": [2**33, 2**33], "strides": [0, 1]}, ValueError, "outside of memory"),
        ({"shape": [2**33, 2**33], "strides": None}, ValueError, "outside of memory"),
        ({"shape": [2**62], "strides": [1]}, ValueError, "outside of memory"),
        ({"shape": [2**62], "strides": [-1]}, ValueError, "outside of memory"),
        ({"shape": [2], "strides": [2**61]}, ValueError, "outside of memory"),
        ({"shape": [2], "strides": [-(2**63)]}, ValueError, "outside of memory"),
        ({"shape": [3, 3], "strides": [2**59, 2**60]}, ValueError, "outside of memory"),
    ],
    ids=str,
)
def test_dlpack_that_cannot_be_written_to(fields, error, words):
    array = np.full(4, 7, "f4")
    for name in ("shape", "strides"):
        if isinstance(fields.get(name), list):
            numbers = fields[name]
            fields = {**fields, name: (ctypes.c_int64 * len(numbers))(*numbers)}
            fields["ndim"] = len(numbers)
    with pytest.raises(error, match=f"this Exporter: .*{words}"):
        zerofill.clear(Exporter(array, **fields))
    assert (array == 7).all()


def test_an_exporter_that_fails_or_gives_something_else():
    class Failing(Exporter):
        def __dlpack__(self, **options):
            raise BufferError("requires grad")

    class Lying(Exporter):
        def __dlpack__(self, **options):
            return 5

    class Broken(Exporter):
        def __dlpack__(self, **options):
            raise TypeError("not today")

    array = np.full(4, 7, "f4")
    with pytest.raises(BufferError, match="requires grad"):
        zerofill.clear(Failing(array))
    with pytest.raises(TypeError, match="older than version 1"):
        zerofill.clear(Lying(array))
    with pytest.raises(TypeError, match="not today"):
        zerofill.clear(Broken(array))


def test_an_exporter_from_before_version_1_is_told_what_to_do():
    class Old(Exporter):
        def __dlpack__(self, stream=None):
            return np.ones(4).__dlpack__()

    array = np.full(4, 7, "f4")
    words = r"this Old: .*older than version 1.*upgrade its library.*tensor\.numpy\(\)"
    with pytest.raises(TypeError, match=words):
        zerofill.clear(Old(array))
    assert (array == 7).all()


@pytest.mark.parametrize("thing", [np.float32, np.ndarray])
def test_a_class_with_the_property_is_no_array(thing):
    with pytest.raises(TypeError, match="needs an array, not the class"):
        zerofill.clear(thing)


def test_objects_behind_an_interface_are_refused():
    """The memory may hold anything, so releasing it as references to objects could crash."""
    memory = np.ones(64, "u1")
    interface = {**memory.__array_interface__, "typestr": "|O", "shape": (8,)}
    with pytest.raises(TypeError, match="cannot zero Python objects behind"):
        zerofill.clear(types.SimpleNamespace(__array_interface__=interface))
    assert (memory == 1).all()
