"""What type checkers infer for zerofill's arrays: what they infer for NumPy's. Nobody runs this.

`nox -s types` checks it with mypy and with pyright.
"""

from typing import Any, TypeAlias, assert_type

import numpy as np
from numpy.typing import NDArray

import zerofill

Vector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]
Matrix: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Bytes: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int8]]

# A shape of literals is one of ints, so that another array can take an array's place.
by_name = {"a": zerofill.zeros((2, 3))}
by_name["a"] = zerofill.zeros((4, 5))
made = [zerofill.Zeros()((2, 3))]
made.append(zerofill.Zeros()((4, 5)))


def shapes(count: int, sizes: list[int]) -> None:
    assert_type(zerofill.zeros(3), Vector)
    assert_type(zerofill.zeros((2, 3)), Matrix)
    assert_type(np.zeros((2, 3)), Matrix)
    assert_type(zerofill.zeros((count, count)), Matrix)
    assert_type(zerofill.zeros(()), np.ndarray[tuple[()], np.dtype[np.float64]])
    assert_type(zerofill.zeros(sizes), NDArray[np.float64])
    assert_type(np.zeros(sizes), NDArray[np.float64])


def dtypes() -> None:
    assert_type(zerofill.zeros((2, 3), np.int8), Bytes)
    assert_type(zerofill.zeros((2, 3), np.dtype("int8")), Bytes)
    assert_type(np.zeros((2, 3), np.dtype("int8")), Bytes)
    assert_type(zerofill.zeros((2, 3), "int8"), np.ndarray[tuple[int, int], np.dtype[Any]])
    assert_type(zerofill.zeros([2, 3], "int8"), NDArray[Any])


def the_initializer() -> None:
    assert_type(zerofill.Zeros("int8")((2, 3)), np.ndarray[tuple[int, int], np.dtype[Any]])
    assert_type(zerofill.Zeros()((2, 3), np.int8), Bytes)
    assert_type(zerofill.Zeros().get_config(), dict[str, Any])


def arrays_like_others(matrix: Bytes, numbers: list[int]) -> None:
    assert_type(zerofill.zeros_like(matrix), Bytes)
    assert_type(zerofill.zeros_like(matrix, shape=(2,)), NDArray[np.int8])
    assert_type(zerofill.zeros_like(matrix, dtype=np.float64), NDArray[np.float64])
    assert_type(np.zeros_like(matrix, dtype=np.float64), NDArray[np.float64])
    assert_type(zerofill.zeros_like(numbers), NDArray[Any])
    assert_type(zerofill.clear(matrix), Bytes)


def running() -> None:
    with zerofill.numpy_allocator(alignment=4096):
        before = zerofill.stats()
    assert_type(zerofill.stats().since(before), zerofill.Stats)
    assert_type(zerofill.is_installed(), bool)
    with zerofill.configure(pool_limit="2GiB") as options:
        assert_type(options, zerofill.Options)


@zerofill.numpy_allocator()
def decorated(count: int) -> Vector:
    return np.ones(count)


assert_type(decorated(3), Vector)
