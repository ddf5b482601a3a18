"""Buffer: raw zeroed memory, and the owner of the memory behind arrays."""

import copy
import pickle
import sys
import time
import tracemalloc
import weakref

import numpy as np
import pytest

import zerofill
from zerofill.runtime import is_disabled

MIB = 1 << 20
KINDS = {
    "tiny": ((3, 3), {}),
    "small": (10_000, {}),
    "large": (MIB, {}),
    "large, lazy": (MIB, {"commit": "lazy"}),
    "aligned": (100, {"alignment": 4096}),
}


@pytest.mark.parametrize("nbytes", [0, 1, 100, 300_000, 5 * MIB])
@pytest.mark.parametrize("commit", ["eager", "lazy", "background"])
def test_its_memory(nbytes, commit):
    buffer = zerofill.Buffer(nbytes, alignment=256, commit=commit)
    assert (buffer.nbytes, buffer.alignment) == (nbytes, 256)
    assert buffer.address % 256 == 0
    view = memoryview(buffer)
    assert (view.nbytes, view.format, view.readonly) == (nbytes, "B", False)
    assert bytes(view) == bytes(nbytes)
    words, address = repr(buffer).removesuffix(">").rsplit(" ", 1)
    assert (words, int(address, 16)) == (f"<zerofill.Buffer of {nbytes} bytes at", buffer.address)


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
    if zerofill._zerofill.system_info()["huge_page_bytes"] == 0:
        assert zerofill.Buffer(64 * MIB).huge_pages is False
        return
    for _ in range(60):  # the system may refuse them for a while, as when its memory is full
        zerofill.trim()
        if zerofill.Buffer(64 * MIB).huge_pages:
            return
        time.sleep(1)
    raise AssertionError("no huge pages in a minute")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((), TypeError, "missing required argument 'nbytes'"),
        ((-1,), ValueError, r"nbytes must be from 0 to 2\*\*63 - 1, got -1"),
        ((2**70,), OverflowError, r"nbytes must be from 0 to 2\*\*63 - 1, got 11805916207174"),
        ((-(2**70),), OverflowError, r"nbytes must be from 0 to 2\*\*63 - 1, got -1180591620717"),
        ((1.5,), TypeError, "nbytes must be an integer, got 1.5"),
        (("3",), TypeError, "nbytes must be an integer, got '3'"),
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


# Used as a bytearray ---------------------------------------------------------------------------

# Sizes below and above the limit for small memory, and one that is empty.
SIZES = [0, 1000, 300_000, 5 * MIB]


def filled(nbytes, **options):
    """Return a Buffer that holds the bytes 1, 2, 3, ..., and these bytes."""
    buffer = zerofill.Buffer(nbytes, **options)
    content = bytes(np.arange(1, nbytes + 1, dtype="u8").astype("u1"))
    memoryview(buffer)[:] = content
    return buffer, content


def assert_is_a_copy(copied, buffer, content):
    assert type(copied) is zerofill.Buffer
    assert (copied.nbytes, copied.alignment) == (buffer.nbytes, buffer.alignment)
    assert copied.address % copied.alignment == 0
    assert copied.address != buffer.address
    assert bytes(copied) == content


def test_its_length_is_its_size():
    assert len(zerofill.Buffer(1000)) == 1000
    assert not zerofill.Buffer(0)


@pytest.mark.parametrize("alignment", [1, 64, 4096])
@pytest.mark.parametrize("nbytes", SIZES)
def test_its_size_includes_its_memory(nbytes, alignment):
    size = sys.getsizeof(zerofill.Buffer(nbytes, alignment=alignment))
    assert nbytes + 48 <= size <= nbytes + alignment + 256


def test_an_array_and_its_base_count_the_memory_once():
    array = zerofill.zeros(10_000, "u1")
    counted = sys.getsizeof(array) + sys.getsizeof(array.base)
    assert counted < 10_000 + 1000
    if not is_disabled():
        assert sys.getsizeof(array.base) > 10_000


@pytest.mark.parametrize("alignment", [16, 4096])
@pytest.mark.parametrize("nbytes", SIZES)
@pytest.mark.parametrize("copy_of", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_has_its_bytes_and_its_alignment(copy_of, nbytes, alignment):
    buffer, content = filled(nbytes, alignment=alignment)
    copied = copy_of(buffer)
    assert_is_a_copy(copied, buffer, content)
    memoryview(copied)[:] = bytes(nbytes)
    assert bytes(buffer) == content


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("nbytes", SIZES)
@pytest.mark.parametrize("dumps", [pickle.dumps, pickle._dumps], ids=["C", "Python"])
def test_a_pickle_has_its_bytes_and_its_alignment(dumps, nbytes, protocol):
    buffer, content = filled(nbytes, alignment=4096, commit="lazy")
    restored = pickle.loads(dumps(buffer, protocol))
    assert_is_a_copy(restored, buffer, content)


def test_a_pickle_leaves_its_bytes_out_of_band():
    buffer, content = filled(5 * MIB, alignment=4096)
    out_of_band = []
    stored = pickle.dumps(buffer, 5, buffer_callback=out_of_band.append)
    assert len(stored) < 200
    assert [view.raw().obj for view in out_of_band] == [buffer]  # it was not copied
    restored = pickle.loads(stored, buffers=[bytes(content)])
    assert_is_a_copy(restored, buffer, content)


def test_a_pickle_names_only_what_is_public():
    stored = pickle.dumps(zerofill.Buffer(10), 4)
    assert b"zerofill" in stored
    assert b"_zerofill" not in stored


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        (bytes(9), ValueError, "a Buffer of 10 bytes cannot be filled with 9 bytes"),
        (bytes(11), ValueError, "a Buffer of 10 bytes cannot be filled with 11 bytes"),
        (10, TypeError, "bytes-like"),
    ],
)
def test_a_wrong_state_is_refused(state, error, words):
    buffer = zerofill.Buffer(10)
    with pytest.raises(error, match=words):
        buffer.__setstate__(state)
    assert bytes(buffer) == bytes(10)


@pytest.mark.parametrize("nbytes", SIZES)
def test_weak_references_end_with_it(nbytes):
    buffer, seen = zerofill.Buffer(nbytes), []
    reference = weakref.ref(buffer)
    weakref.finalize(buffer, seen.append, "freed")
    view = memoryview(buffer)
    assert reference() is buffer
    del buffer
    assert reference() is not None
    view.release()
    assert reference() is None
    assert seen == ["freed"]


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
