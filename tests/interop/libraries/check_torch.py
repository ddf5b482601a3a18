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


SAVED = {
    "itself": lambda saved: saved,
    "a view of it": lambda saved: saved[1:],
    "strided": lambda saved: saved[::2],
    "no element": lambda saved: saved[:0],
    "no dimension": lambda saved: saved[0],
}


@pytest.mark.parametrize("kind", SAVED)
@pytest.mark.parametrize("clear", [torch.zero_, zerofill.clear])
def test_gradients_are_not_computed_from_what_was_cleared(clear, kind):
    """torch's own zero_ has the same effect."""
    leaf = torch.ones(4, requires_grad=True)
    result = leaf.exp()  # saves its result
    clear(SAVED[kind](result.detach()))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()
    assert leaf.grad is None


def test_a_write_is_counted_once():
    tensor = torch.ones(3, 4)
    zerofill.clear(tensor)
    zerofill.clear(tensor.T[1:])
    assert tensor._version == 2


def bits(tensor):
    return tensor.numpy().view("u1").tolist()


VIEWS = {
    "conjugate": torch.conj,
    "negative": torch._neg_view,
    "conjugate's imaginary part": lambda base: torch.conj(base).imag,
    "negative conjugate": lambda base: torch._neg_view(torch.conj(base)),
    "part of a conjugate": lambda base: torch.conj(base)[1:],
}


@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_that_changes_signs_reads_as_positive_zeros(kind):
    """torch writes -0.0 to the memory, so that the view reads as 0.0."""
    ours, torchs = (torch.tensor([1 + 2j, 3 - 4j, -5 + 0j]) for _ in range(2))
    view = VIEWS[kind](ours)
    assert zerofill.clear(view) is view
    VIEWS[kind](torchs).zero_()
    assert bits(ours) == bits(torchs)
    read = torch.view_as_real(view.resolve_conj()) if view.is_complex() else view
    assert not torch.signbit(read).any()


def test_an_inference_tensor_changes_in_inference_mode_alone():
    with torch.inference_mode():
        tensor = torch.ones(3)
    with pytest.raises(RuntimeError, match="outside InferenceMode"):
        zerofill.clear(tensor)
    assert tensor.sum() == 3
    with torch.inference_mode():
        assert zerofill.clear(tensor).sum() == 0


@pytest.mark.parametrize("view", [torch.conj, lambda tensor: tensor[1:]])
def test_a_view_of_what_needs_its_gradient_is_refused(view):
    tensor = torch.ones(3, dtype=torch.complex64, requires_grad=True)
    with pytest.raises(BufferError, match="gradient"):
        zerofill.clear(view(tensor))
    assert (tensor == 1).all()


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


def test_a_sparse_tensor_is_refused():
    tensor = torch.eye(3).to_sparse()
    with pytest.raises(BufferError, match="layout"):
        zerofill.clear(tensor)
    assert tensor.to_dense().sum() == 3


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
