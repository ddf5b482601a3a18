"""The reference page's examples, and TensorFlow's own tests of Zeros, on NumPy results.

The page is that of ``tf.compat.v1.keras.initializers.Zeros``. The tests follow TensorFlow's
``init_ops_test.py``, ``init_ops_v2_test.py`` and Keras's ``constant_initializers_test.py``.
"""

import numpy as np
import pytest

import zerofill
from zerofill import initializers


class Dtypes:
    """The names that the page's examples use."""

    class _Float32:
        __module__ = "tensorflow.python.framework.dtypes"
        name = "float32"
        as_numpy_dtype = np.float32

    float32 = _Float32()


tf = Dtypes()

VECTOR = "array([0., 0., 0.], dtype=float32)"
MATRIX = """\
array([[0., 0., 0.],
       [0., 0., 0.],
       [0., 0., 0.]], dtype=float32)"""


def test_page_structural_mapping_before():
    initializer = zerofill.zeros_initializer(dtype=tf.float32)
    assert repr(initializer(shape=[3, 3])) == MATRIX


def test_page_structural_mapping_after():
    initializer = zerofill.zeros_initializer()
    assert repr(initializer(shape=[3, 3], dtype=tf.float32)) == MATRIX


def test_page_usage_before():
    initializer = zerofill.zeros_initializer(dtype=tf.float32)
    assert repr(initializer(shape=[3])) == VECTOR
    assert repr(initializer(shape=[3, 3])) == MATRIX
    initializer = zerofill.zeros_initializer()
    assert repr(initializer(shape=[3], dtype=tf.float32)) == VECTOR
    assert repr(initializer(shape=[3, 3], dtype=tf.float32)) == MATRIX


def test_page_usage_after():
    initializer = initializers.zeros_initializer()
    assert repr(initializer(shape=[3], dtype=tf.float32)) == VECTOR
    assert repr(initializer(shape=[3, 3], dtype=tf.float32)) == MATRIX


def test_page_from_config():
    initializer = initializers.Zeros()
    config = initializer.get_config()
    assert initializers.Zeros.from_config(config) == initializer
    assert config == {"dtype": "float32"}


def test_page_call_arguments():
    assert zerofill.Zeros()([2, 2], None, None).shape == (2, 2)
    assert zerofill.Zeros()(shape=[2, 2], dtype=None, partition_info=None).dtype == np.float32


def assert_is_zeros(output):
    assert output.shape == (4, 5)
    assert abs(output.mean() - 0.0) < 0.03
    assert abs(output.max() - 0.0) < 0.03


class TensorShape:
    def __init__(self, dimensions):
        self.dimensions = dimensions

    def as_list(self):
        return list(self.dimensions)


@pytest.mark.parametrize("shape", [(4, 5), TensorShape((4, 5))])
def test_init_ops_zeros(shape):
    assert_is_zeros(zerofill.Zeros()(shape))


def test_init_ops_zeros_initializer_in_a_variable():
    np.testing.assert_array_equal(zerofill.zeros_initializer()([2, 3]), np.zeros([2, 3]))


def test_init_ops_v2_zeros():
    assert_is_zeros(zerofill.Zeros()((4, 5)))


def test_init_ops_v2_zeros_partition():
    initializer = zerofill.Zeros()
    full = initializer((4, 2), dtype=tf.float32)
    got = initializer((4, 2), dtype=tf.float32, partition_shape=(2, 2), partition_offset=(0, 0))
    assert got.shape == (2, 2)
    np.testing.assert_allclose(got, full[0:2, 0:2])


def test_legacy_keras_partition_by_keyword():
    got = zerofill.Zeros()(shape=(4, 2), partition_shape=(2, 2), partition_offset=(0, 0))
    assert got.shape == (2, 2)


def test_init_ops_v2_zeros_invalid_kwargs():
    with pytest.raises(TypeError, match="dtpye"):
        zerofill.Zeros()((2, 2), dtpye=tf.float32)


def test_keras_zeros_initializer():
    initializer = zerofill.Zeros()
    values = initializer(shape=(3, 3))
    assert values.shape == (3, 3)
    np.testing.assert_allclose(values, np.zeros((3, 3)))
    restored = zerofill.Zeros.from_config(initializer.get_config())
    assert restored.get_config() == initializer.get_config()
    revived = initializers.deserialize(initializers.serialize(initializer))
    assert set(dir(revived)) == set(dir(initializer))


def test_keras_get():
    assert initializers.get(None) is None
    with pytest.raises(ValueError, match="typo"):
        initializers.get("typo")


# As tests/unit/test_initializers.py says: Python 3.11 parses signatures on one thread at a time.
@pytest.mark.thread_unsafe
def test_variable_scope_sees_partition_info_and_passes_it_by_keyword():
    import inspect

    assert "partition_info" in inspect.getfullargspec(zerofill.Zeros()).args
    part = zerofill.Zeros()([3, 3], dtype=tf.float32, partition_info=object())
    assert part.shape == (3, 3)
