"""TensorFlow: Zeros as an initializer of variables, configs in both directions, shared memory."""

import functools
import socket

import numpy as np
import pytest

import zerofill

tf = pytest.importorskip("tensorflow")
v1 = tf.compat.v1

DTYPES = ["float16", "float32", "float64", "int8", "int32", "int64", "uint16", "bool", "complex64"]


def initialized(variables):
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        return session.run(variables)


@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16", "string"])
def test_get_variable(dtype):
    with tf.Graph().as_default():
        variable = v1.get_variable("x", [2, 3], dtype, initializer=zerofill.Zeros(dtype))
        (value,) = initialized([variable])
    expected = np.zeros((2, 3), value.dtype) if dtype != "string" else np.full((2, 3), b"", object)
    assert variable.dtype.base_dtype == dtype
    assert (value == expected).all()


def test_get_variable_in_parts():
    with tf.Graph().as_default():
        variable = v1.get_variable(
            "x",
            [9, 3],
            initializer=zerofill.Zeros(),
            partitioner=v1.fixed_size_partitioner(2),
        )
        parts = initialized(list(variable))
    assert [part.shape for part in parts] == [(5, 3), (4, 3)]
    assert not any(part.any() for part in parts)


def free_port():
    with socket.socket() as server:
        server.bind(("localhost", 0))
        return server.getsockname()[1]


def test_variables_in_parts_on_parameter_servers():
    addresses = {"worker": 1, "ps": 2}
    cluster = tf.train.ClusterSpec(
        {job: [f"localhost:{free_port()}" for _ in range(n)] for job, n in addresses.items()}
    )
    servers = [
        tf.distribute.Server(cluster, job_name=job, task_index=index)
        for job, count in addresses.items()
        for index in range(count)
    ]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    strategy = tf.distribute.ParameterServerStrategy(
        resolver, tf.distribute.experimental.partitioners.FixedShardsPartitioner(2)
    )
    with strategy.scope():
        initial = functools.partial(zerofill.Zeros(), (9, 3), "float32")
        variable = tf.Variable(initial, shape=(9, 3), dtype=tf.float32)
    parts = [part.numpy() for part in variable.variables]
    assert [part.shape for part in parts] == [(5, 3), (4, 3)]
    assert not any(part.any() for part in parts)
    assert len(servers) == 3


@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16"])
def test_variable(dtype):
    variable = tf.Variable(zerofill.Zeros(dtype)((3, 3)))
    assert (variable.dtype, variable.shape) == (dtype, (3, 3))
    assert not tf.reduce_any(tf.cast(variable, tf.bool))


@pytest.mark.parametrize("dtype", [tf.float16, tf.int8, tf.bfloat16, tf.qint8, tf.string, tf.bool])
def test_configs_go_both_ways(dtype):
    theirs = v1.zeros_initializer(dtype=dtype)
    ours = zerofill.Zeros.from_config(theirs.get_config())
    assert ours == zerofill.Zeros(dtype)
    assert ours.get_config() == theirs.get_config()
    assert v1.zeros_initializer.from_config(ours.get_config()).dtype == dtype


def test_the_second_versions_config_is_taken():
    assert zerofill.Zeros.from_config(tf.zeros_initializer().get_config()) == zerofill.Zeros()


def test_shapes_of_tensorflow_are_taken():
    assert zerofill.Zeros()(tf.TensorShape([2, 3])).shape == (2, 3)
    with pytest.raises(ValueError, match="shape must be fully known"):
        zerofill.Zeros()(tf.TensorShape([None, 3]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [5, 5000, 3_000_000])
def test_from_dlpack_shares_and_can_be_indexed(dtype, length):
    array = zerofill.zeros((2, length), dtype)
    tensor = tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    assert tensor[1, 3].numpy() == 0
    array[1, 3] = 1
    assert tensor[1, 3].numpy() == 1
    assert tf.reduce_any(tf.cast(tensor, tf.bool)).numpy()


def test_numpys_arrays_on_zerofill_can_be_indexed_too():
    with zerofill.numpy_allocator():
        array = np.ones((512, 1024), np.float32)
    tensor = tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    assert tensor[3, 4].numpy() == 1
