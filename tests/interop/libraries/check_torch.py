"""torch: its dtypes are read by name, its tensors cleared in place, zerofill's arrays shared."""

import numpy as np
import pytest

import zerofill

torch = pytest.importorskip("torch")


def test_dtypes():
    assert zerofill.Zeros(torch.float16)(2).dtype == np.float16
    assert zerofill.zeros(2, torch.bfloat16).dtype == zerofill.Zeros("bfloat16").dtype
    with pytest.raises(TypeError, match=r"torch\.bits8"):
        zerofill.Zeros(torch.bits8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.complex64])
def test_clear(dtype):
    tensor = torch.ones(6, 8).to(dtype)
    assert zerofill.clear(tensor) is tensor
    assert not tensor.any()


def test_clear_of_a_view_leaves_the_rest_alone():
    tensor = torch.ones(6, 8)
    zerofill.clear(tensor[::2, 1::3].T)
    assert tensor[::2, 1::3].sum() == 0
    assert tensor.sum() == 48 - 9


def test_a_tensor_that_needs_its_gradient_is_refused_in_torchs_words():
    tensor = torch.ones(3, requires_grad=True)
    with pytest.raises(BufferError, match="gradient"):
        zerofill.clear(tensor)
    assert tensor.sum() == 3


@pytest.mark.parametrize("share", [torch.from_numpy, torch.from_dlpack, torch.as_tensor])
@pytest.mark.parametrize("length", [1, 1000, 3_000_000])
def test_arrays_are_shared_without_a_copy(share, length):
    array = zerofill.zeros(length, np.float32)
    tensor = share(array)
    tensor += 1
    assert (array == 1).all()
    assert tensor.data_ptr() == array.ctypes.data
    assert zerofill.clear(tensor) is tensor
    assert not array.any()


def test_a_tensor_without_memory_is_refused():
    tensor = torch.ones(3, device="meta")
    with pytest.raises((BufferError, TypeError, ValueError), match=r"meta|device"):
        zerofill.clear(tensor)


def test_a_tensor_outlives_the_array():
    tensor = torch.from_numpy(zerofill.zeros(3_000_000, np.float32))
    assert tensor.sum() == 0
    tensor.fill_(2)
    assert tensor.sum() == 6_000_000


def test_numpys_arrays_on_zerofill_are_shared_too():
    with zerofill.numpy_allocator():
        array = np.ones(3_000_000, np.float32)
        tensor = torch.from_numpy(array)
        assert tensor.data_ptr() == array.ctypes.data
        assert tensor.numpy().sum() == 3_000_000
