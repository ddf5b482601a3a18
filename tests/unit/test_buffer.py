"""Buffer: raw zeroed memory, and the owner of the memory behind arrays."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

import zerofill

MIB = 1 << 20
KINDS = {
    "tiny": ((3, 3), {}),
    "small": (10_000, {}),
    "large": (MIB, {}),
    "large, lazy": (MIB, {"commit": "lazy"}),
    "aligned": (100, {"alignment": 4096}),
}


@pytest.mark.parametrize("nbytes", [0, 1, 100, 300_000, 5 * MIB])
@pytest.mark.parametrize("commit", ["eager", "lazy"])
def test_its_memory(nbytes, commit):
    buffer = zerofill.Buffer(nbytes, alignment=256, commit=commit)
    assert (buffer.nbytes, buffer.alignment) == (nbytes, 256)
    assert buffer.address % 256 == 0
    view = memoryview(buffer)
    assert (view.nbytes, view.format, view.readonly) == (nbytes, "B", False)
    assert bytes(view) == bytes(nbytes)
    assert repr(buffer) == f"<zerofill.Buffer of {nbytes} bytes at {hex(buffer.address)}>"


def test_views_of_it_share_its_memory_and_keep_it_alive():
    buffer = zerofill.Buffer(64)
    array = np.frombuffer(buffer, "i4")
    array[:] = 7
    assert memoryview(buffer).cast("i")[3] == 7
    address = buffer.address
    del buffer
    assert array.ctypes.data == address
    assert array.tolist() == [7] * 16


@pytest.mark.own_memory
def test_it_is_the_base_of_arrays():
    array = zerofill.zeros((3, 5), "i2", alignment=512)
    assert type(array.base) is zerofill.Buffer
    assert array.base.nbytes == 30
    assert array.base.address == array.ctypes.data
    assert array.base.alignment == 512
    assert array[1:].base is array.base or array[1:].base is array


def test_huge_pages_are_for_large_eager_blocks():
    assert zerofill.Buffer(1000).huge_pages is False
    assert zerofill.Buffer(64 * MIB, commit="lazy").huge_pages is False
    granted = zerofill._zerofill.system_info()["huge_page_bytes"] != 0
    assert zerofill.Buffer(64 * MIB).huge_pages is granted


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((), TypeError, "missing required argument 'nbytes'"),
        ((-1,), ValueError, "nbytes must not be negative, got -1"),
        ((2**70,), OverflowError, "int"),
        ((1.5,), TypeError, "integer"),
        (("3",), TypeError, "integer"),
        ((1, 64), TypeError, "takes from 1 to 1|takes 1 positional argument but 2"),
    ],
)
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        zerofill.Buffer(*arguments)


def test_too_much():
    with pytest.raises(MemoryError, match=r"Unable to allocate .* for a Buffer"):
        zerofill.Buffer(2**62)
    with pytest.raises(MemoryError, match=r"Unable to allocate .* for a Buffer"):
        zerofill.Buffer(2**63 - 1, alignment=2**30)


def test_it_is_final_and_cannot_be_changed():
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Derived", (zerofill.Buffer,), {})
    with pytest.raises(TypeError, match="immutable"):
        zerofill.Buffer.nbytes = 3
    with pytest.raises(AttributeError):
        zerofill.Buffer(1).nbytes = 3


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_pickle_and_copy_as_numpys(kind):
    shape, options = KINDS[kind]
    array = zerofill.zeros(shape, "i4", **options)
    array.reshape(-1)[5] = 7
    for restored in (pickle.loads(pickle.dumps(array)), copy.copy(array), copy.deepcopy(array)):
        assert (restored == array).all()
        restored.reshape(-1)[5] = 8
        assert array.reshape(-1)[5] == 7


@pytest.mark.thread_unsafe
@pytest.mark.own_memory
@pytest.mark.parametrize("kind", KINDS)
def test_tracemalloc_sees_the_bytes_once_in_numpys_domain(kind):
    shape, options = KINDS[kind]
    numpy_only = [tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)]

    def traced():
        statistics = tracemalloc.take_snapshot().filter_traces(numpy_only).statistics("filename")
        return sum(statistic.size for statistic in statistics)

    zerofill.zeros(shape, "i4", **options)
    tracemalloc.start()
    try:
        before = traced()
        array = zerofill.zeros(shape, "i4", **options)
        assert traced() - before == array.nbytes
        del array
        assert traced() == before
    finally:
        tracemalloc.stop()


def test_keywords_that_are_no_strings_are_refused():
    with pytest.raises(TypeError, match="keywords must be strings"):
        zerofill.Buffer(16, **{(): 2})
