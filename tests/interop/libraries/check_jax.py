"""JAX: its arrays share memory with zerofill's; the initializer works under transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zerofill
from zerofill.interop.jax import zeros, zeros_init

SHARED = ["float16", "float32", "int8", "int16", "int32", "uint8", "uint16", "uint32", "bool"]
SHARED += ["complex64"]
WIDE = ["float64", "int64", "uint64", "complex128"]
ONLY_PUT = ["bfloat16", "float8_e5m2", "float8_e4m3fn"]
LENGTHS = [1, 9, 1000, 300_000, 3_000_000]


@pytest.fixture
def x64():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def put(array):
    return jax.device_put(array, may_alias=True)


def check(share, dtype, length):
    array = zerofill.zeros(length, dtype)
    shared = share(array)
    assert shared.unsafe_buffer_pointer() == array.ctypes.data
    assert (shared.dtype, shared.shape) == (array.dtype, (length,))
    assert not np.asarray(
        shared
    ).any()  # by NumPy, because JAX would compile a function for each shape


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("share", [put, jnp.from_dlpack])
@pytest.mark.parametrize("dtype", SHARED)
def test_memory_is_shared(share, dtype, length):
    check(share, dtype, length)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("share", [put, jnp.from_dlpack])
@pytest.mark.parametrize("dtype", WIDE)
def test_wide_ones_are_shared_where_jax_has_them(share, dtype, length, x64):
    check(share, dtype, length)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", ONLY_PUT)
def test_what_dlpack_cannot_say_is_shared_by_device_put(dtype, length):
    check(put, dtype, length)


def test_numpys_arrays_on_zerofill_are_shared_too():
    with zerofill.numpy_allocator():
        array = np.ones((1000, 300), np.float32) + 1
    assert put(array).unsafe_buffer_pointer() == array.ctypes.data


@pytest.mark.parametrize("view", [lambda array: array, np.asarray, memoryview, np.from_dlpack])
def test_an_immutable_array_is_not_cleared(view):
    array = jnp.ones(3)
    with pytest.raises((ValueError, TypeError, BufferError), match=r"read-only|writ"):
        zerofill.clear(view(array))
    assert array.sum() == 3


@pytest.mark.parametrize("dtype", [None, float, "bfloat16", jnp.int8, np.float64, "complex64"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4), (512, 1024)])
def test_zeros_init_is_jaxs(shape, dtype):
    key = jax.random.key(0)
    ours = zeros_init(key, shape, dtype)
    theirs = jax.nn.initializers.zeros(key, shape, jnp.float32 if dtype is None else dtype)
    assert isinstance(ours, jax.Array)
    assert (ours.shape, ours.dtype, ours.weak_type) == (theirs.shape, theirs.dtype, False)
    assert (ours == theirs).all()
    assert shape in ((), (0, 4)) or ours.unsafe_buffer_pointer() % 64 == 0


def test_zeros_init_takes_memory_of_ours():
    array = zeros_init(None, (10_000, 10_000))
    assert zerofill.stats().live_bytes >= array.nbytes


def test_zeros_init_under_transformations():
    key = jax.random.key(0)
    init = lambda key: zeros_init(key, (2, 3), "bfloat16")  # noqa: E731
    assert jax.jit(init)(key).dtype == jnp.bfloat16
    assert jax.eval_shape(init, key).shape == (2, 3)
    assert jax.vmap(init)(jax.random.split(key, 5)).shape == (5, 2, 3)
    live = zerofill.stats().live_blocks
    assert jax.make_jaxpr(init)(key).consts == []
    assert jax.make_jaxpr(lambda: zeros_init(None, (2, 3)))().consts == []  # without a traced key
    assert zerofill.stats().live_blocks == live


def test_zeros_init_with_a_sharding():
    mesh = jax.make_mesh((1,), ("x",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
    assert zeros_init(None, (4,), out_sharding=sharding).sharding == sharding


def test_zeros_init_with_a_partition_as_jaxs():
    mesh = jax.make_mesh((1,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))
    with jax.set_mesh(mesh):
        partition = jax.sharding.PartitionSpec("x")
        ours = zeros_init(None, (4,), out_sharding=partition)
        theirs = jax.nn.initializers.zeros(None, (4,), out_sharding=partition)
        assert ours.sharding == theirs.sharding


@pytest.mark.parametrize(("shape", "dtype"), [((-1,), None), (("x",), None), ((2,), "nope")])
def test_bad_input_is_an_error_of_jaxs_types(shape, dtype):
    with pytest.raises((TypeError, ValueError)):
        zeros_init(None, shape, dtype)


@pytest.mark.parametrize("init", [zeros, zeros_init, zeros_init()])
def test_flax_takes_it(init):
    nnx = pytest.importorskip("flax.nnx", reason="flax is not installed")
    layer = nnx.Linear(3, 4, kernel_init=init, bias_init=init, rngs=nnx.Rngs(0))
    assert not layer.kernel.get_value().any()
    assert layer(jnp.ones((2, 3))).shape == (2, 4)


def test_zeros_init_is_flaxs():
    initializers = pytest.importorskip("flax.linen.initializers", reason="flax is not installed")
    linen = pytest.importorskip("flax.linen")
    key = jax.random.key(0)
    assert (zeros_init()(key, (3,)) == initializers.zeros_init()(key, (3,))).all()
    layer = linen.Dense(4, kernel_init=zeros_init(), bias_init=zeros_init())
    parameters = layer.init(key, jnp.ones((2, 3)))
    assert not any(leaf.any() for leaf in jax.tree.leaves(parameters))
