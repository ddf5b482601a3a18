"""Dask: chunks are allocated on the workers, and share no memory."""

import os

import numpy as np
import pytest
from unedited import output_of

import zerofill
from zerofill.interop import dask as zerofill_dask

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "dtype", [None, "f4", "bfloat16", "U3", [("a", "i2"), ("b", "f4")], object]
)
def test_it_equals_dasks(dtype):
    ours = zerofill_dask.zeros((5, 7), chunks=(2, 3), dtype=dtype)
    theirs = da.zeros((5, 7), chunks=(2, 3), dtype=zerofill.zeros((), dtype).dtype)
    assert (ours.shape, ours.chunks, ours.dtype) == (theirs.shape, theirs.chunks, theirs.dtype)
    assert type(ours._meta) is np.ndarray
    assert (ours._meta.dtype, ours._meta.shape) == (ours.dtype, (0, 0))
    computed = ours.compute(scheduler="sync")
    assert computed.dtype == ours.dtype
    assert (computed == theirs.compute(scheduler="sync")).all()


@pytest.mark.parametrize("shape", [(), 5, np.int64(5), (0, 3), [4], (3, 4, 5)])
def test_shapes(shape):
    expected = np.zeros(shape)
    array = zerofill_dask.zeros(shape)
    assert array.shape == expected.shape
    assert (array.compute(scheduler="sync") == expected).all()


def test_sizes_include_the_memory():
    array = zerofill.zeros(10_000_000, "u1")
    assert dask.sizeof.sizeof(array) == 10_000_000
    assert 10_000_000 <= dask.sizeof.sizeof(array.base) < 10_001_000
    assert dask.sizeof.sizeof(np.frombuffer(array.base, "u1")) == 10_000_000


def chunks_of(array):
    """Return the chunks themselves, which compute() would copy."""
    delayed = array.to_delayed().reshape(-1).tolist()
    return dask.compute(*delayed, scheduler="sync")


def test_chunks_are_writable_aligned_and_their_own():
    array = zerofill_dask.zeros((4, 1000), chunks=(1, 1000), alignment=4096)
    chunks = chunks_of(array)
    assert all(chunk.flags.writeable for chunk in chunks)
    assert all(chunk.ctypes.data % 4096 == 0 for chunk in chunks)
    assert len({chunk.ctypes.data for chunk in chunks}) == 4


def test_two_arrays_share_no_chunk():
    one, other = zerofill_dask.zeros(10), zerofill_dask.zeros(10)
    assert one.name != other.name
    (one,), (other,) = chunks_of(one), chunks_of(other)
    one[:] = 1
    assert other.sum() == 0


def test_fortran_order():
    array = zerofill_dask.zeros((4, 6), chunks=3, order="F")
    assert all(chunk.flags.f_contiguous for chunk in chunks_of(array))


def test_an_array_larger_than_any_machine_can_be_described():
    array = zerofill_dask.zeros((1 << 20, 1 << 30), chunks=(1 << 19, 1 << 29), dtype="f4")
    assert array.nbytes == 1 << 52
    assert array[:2, :3].shape == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error"),
    [
        ((-1,), {}, ValueError),
        (("x",), {}, TypeError),
        ((3,), {"dtype": "nope"}, TypeError),
        ((3,), {"dtype": "float8_e8m0fnu"}, TypeError),
        ((3,), {"alignment": 3}, ValueError),
        ((3,), {"commit": "x"}, ValueError),
        ((3,), {"chunks": (2, 2)}, ValueError),
    ],
)
def test_bad_input_is_refused_before_anything_is_computed(arguments, keywords, error):
    with pytest.raises(error):
        zerofill_dask.zeros(*arguments, **keywords)


def address_and_process(chunk):
    return np.array([[chunk.ctypes.data % 4096, chunk.flags.writeable, os.getpid(), chunk.sum()]])


def test_workers_make_the_chunks(client):
    array = zerofill_dask.zeros((8, 1_000_000), chunks=(1, 1_000_000), dtype="f4", alignment=4096)
    array = client.persist(array)
    seen = array.map_blocks(address_and_process, chunks=(1, 4), dtype=float).compute()
    assert (seen[:, 0] == 0).all()
    assert seen[:, 1].all()
    assert len(set(seen[:, 2])) == 2
    assert os.getpid() not in seen[:, 2]
    assert not seen[:, 3].any()
    assert float((array + 1).sum().compute()) == 8_000_000


def test_the_initializer_and_its_config_travel(client):
    initializer = zerofill.Zeros("bfloat16", alignment=4096)
    made = client.submit(initializer, (1000,), pure=False).result()
    assert made.dtype == initializer((1,)).dtype
    config = client.submit(lambda z: z.get_config(), initializer, pure=False).result()
    assert zerofill.Zeros.from_config(config) == initializer
    assert client.submit(lambda z: z, initializer, pure=False).result() == initializer


LOCAL_CLUSTER = """
    from counting import handlers
    from dask.distributed import Client, LocalCluster

    if __name__ == "__main__":
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                found = client.gather(client.map(handlers, range(8)))
        print(len(found), set().union(*found))
"""


def test_the_processes_of_a_cluster_use_zerofill(tmp_path):
    assert output_of(tmp_path, LOCAL_CLUSTER) == "8 {'zerofill'}\n"


def fill(array, value):
    array[...] = value
    return array.base.shared if isinstance(array.base, zerofill.Buffer) else False


def make(nbytes):
    return zerofill.zeros(nbytes, "u1", shared=True)


@pytest.mark.parametrize("direct", [True, False])
def test_workers_of_this_machine_get_a_handle(client, direct):
    array = zerofill.zeros(1 << 20, "u1", shared=True)
    [future] = client.scatter([array], direct=direct, hash=False)
    assert client.submit(fill, future, 7, pure=False).result()
    assert (array == 7).all()


def test_results_and_other_workers_get_a_handle(client):
    made = client.submit(make, 1 << 20, pure=False)
    array = made.result()
    workers = set(client.scheduler_info()["workers"])
    elsewhere = list(workers - set(client.who_has(made)[made.key]))
    assert client.submit(fill, made, 3, workers=elsewhere, pure=False).result()
    assert (array == 3).all()


def test_an_argument_of_the_task_is_a_copy(client):
    array = zerofill.zeros(1000, "u1", shared=True)
    assert not client.submit(fill, array, 7, pure=False).result()
    assert not array.any()


def test_where_others_can_be_the_bytes_are_sent():
    from distributed.protocol import deserialize, serialize

    array = zerofill.zeros(1000, "u1", shared=True)
    array[...] = 5

    def sent(sender, recipient):
        context = {"sender": {"address": sender}, "recipient": {"address": recipient}}
        header, frames = serialize(array, context=context)
        received = deserialize(header, frames)
        assert (received == 5).all()
        return "pickle" in header["sub-header"]

    assert sent("tcp://127.0.0.1:1", "tcp://127.0.0.1:2")
    assert not sent("tcp://10.0.0.1:1", "tcp://10.0.0.2:2")
    assert not sent("tcp://127.0.0.1:1", "tcp://10.0.0.2:2")
    assert sent("tcp://10.0.0.1:1", "tcp://10.0.0.1:2")  # no scheduler of ours is there
    header, _ = serialize(array)
    assert "pickle" not in header["sub-header"]
