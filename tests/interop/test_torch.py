"""torch: its dtypes are read by name, and its tensors cleared in place."""

import numpy as np
import pytest

import zerofill

torch = pytest.importorskip("torch", reason="torch is not installed")


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


def test_arrays_are_shared_without_a_copy():
    array = zerofill.zeros((3, 4), np.float32)
    tensor = torch.from_dlpack(array)
    tensor += 1
    assert (array == 1).all()
    assert tensor.data_ptr() == array.ctypes.data
