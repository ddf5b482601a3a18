"""Types of the native module."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import (
    Any,
    Literal,
    Self,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    final,
    overload,
    type_check_only,
)

import numpy as np
from numpy.typing import DTypeLike, NDArray
from typing_extensions import Buffer as SupportsBuffer
from typing_extensions import Protocol, disjoint_base

_ClassT = TypeVar("_ClassT", bound=type)
_ClearedT = TypeVar("_ClearedT", bound=SupportsBuffer | _SupportsArrayInterface | _SupportsDLPack)
_DTypeT = TypeVar("_DTypeT", bound=np.dtype[Any])
_DTypeT_co = TypeVar("_DTypeT_co", bound=np.dtype[Any], covariant=True)
_ScalarT = TypeVar("_ScalarT", bound=np.generic)
# With these constraints, as NumPy has them, (2, 3) is a tuple[int, int] and not of two literals. To
# mypy the overload with such a shape and a dtype overlaps with the one for any other dtype.
_ShapeT = TypeVar(
    "_ShapeT",
    tuple[()],
    tuple[int],
    tuple[int, int],
    tuple[int, int, int],
    tuple[int, int, int, int],
    tuple[int, ...],
)

@type_check_only
class _SupportsDType(Protocol[_DTypeT_co]):
    @property
    def dtype(self) -> _DTypeT_co: ...

@type_check_only
class _SupportsArrayInterface(Protocol):
    @property
    def __array_interface__(self) -> dict[str, Any]: ...

@type_check_only
class _SupportsDLPack(Protocol):
    def __dlpack__(self, /, *, max_version: Any = ..., copy: Any = ...) -> Any: ...

@type_check_only
class _SupportsAsList(Protocol):
    def as_list(self) -> list[int]: ...

_Commit: TypeAlias = Literal["eager", "lazy", "background"]
_Placement: TypeAlias = Literal["caller", "interleave"] | SupportsIndex
_Device: TypeAlias = Literal["cpu"]
_Order: TypeAlias = Literal["C", "F"]
_Shape: TypeAlias = SupportsIndex | Sequence[SupportsIndex]

@final
class Buffer:
    def __new__(
        cls,
        nbytes: SupportsIndex,
        *,
        alignment: int = 64,
        commit: _Commit = "eager",
        shared: bool = False,
        placement: _Placement | None = None,
    ) -> Self: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def address(self) -> int: ...
    @property
    def alignment(self) -> int: ...
    @property
    def huge_pages(self) -> bool: ...
    @property
    def shared(self) -> bool: ...
    @property
    def path(self) -> str | None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __len__(self) -> int: ...
    def __copy__(self) -> Buffer: ...
    def __deepcopy__(self, memo: object, /) -> Buffer: ...
    def __setstate__(self, state: SupportsBuffer, /) -> None: ...

@disjoint_base
class NativeZeros:
    def __new__(
        cls,
        dtype: np.dtype[Any],
        fill: object,
        name: str | None,
        order: _Order,
        alignment: int,
        commit: _Commit,
        shared: bool,
    ) -> Self: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def order(self) -> _Order: ...
    @property
    def alignment(self) -> int: ...
    @property
    def commit(self) -> _Commit: ...
    @property
    def shared(self) -> bool: ...
    @property
    def _name(self) -> str | None: ...
    @overload
    def __call__(
        self,
        shape: SupportsIndex,
        dtype: _DTypeT | _SupportsDType[_DTypeT],
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> np.ndarray[tuple[int], _DTypeT]: ...
    @overload
    def __call__(
        self,
        shape: SupportsIndex,
        dtype: type[_ScalarT],
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> np.ndarray[tuple[int], np.dtype[_ScalarT]]: ...
    @overload
    def __call__(
        self,
        shape: SupportsIndex,
        dtype: DTypeLike | None = None,
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> np.ndarray[tuple[int], np.dtype[Any]]: ...
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self,
        shape: _ShapeT,
        dtype: _DTypeT | _SupportsDType[_DTypeT],
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> np.ndarray[_ShapeT, _DTypeT]: ...
    @overload
    def __call__(
        self,
        shape: _ShapeT,
        dtype: type[_ScalarT],
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> np.ndarray[_ShapeT, np.dtype[_ScalarT]]: ...
    @overload
    def __call__(
        self,
        shape: _ShapeT,
        dtype: DTypeLike | None = None,
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> np.ndarray[_ShapeT, np.dtype[Any]]: ...
    @overload
    def __call__(
        self,
        shape: _Shape | _SupportsAsList,
        dtype: _DTypeT | _SupportsDType[_DTypeT],
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> np.ndarray[tuple[Any, ...], _DTypeT]: ...
    @overload
    def __call__(
        self,
        shape: _Shape | _SupportsAsList,
        dtype: type[_ScalarT],
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> NDArray[_ScalarT]: ...
    @overload
    def __call__(
        self,
        shape: _Shape | _SupportsAsList,
        dtype: DTypeLike | None = None,
        partition_info: object = None,
        *,
        partition_shape: None = None,
        partition_offset: object = None,
    ) -> NDArray[Any]: ...
    @overload
    def __call__(
        self,
        shape: object,
        dtype: DTypeLike | None = None,
        partition_info: object = None,
        *,
        partition_shape: object = None,
        partition_offset: object = None,
    ) -> NDArray[Any]: ...

def call_natively(cls: _ClassT, /) -> _ClassT: ...
@overload
def zeros(
    shape: SupportsIndex,
    dtype: None = None,
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]: ...
@overload
def zeros(
    shape: SupportsIndex,
    dtype: _DTypeT | _SupportsDType[_DTypeT],
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[tuple[int], _DTypeT]: ...
@overload
def zeros(
    shape: SupportsIndex,
    dtype: type[_ScalarT],
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[tuple[int], np.dtype[_ScalarT]]: ...
@overload
def zeros(
    shape: SupportsIndex,
    dtype: DTypeLike | None = None,
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[tuple[int], np.dtype[Any]]: ...
@overload
def zeros(
    shape: _ShapeT,
    dtype: None = None,
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[_ShapeT, np.dtype[np.float64]]: ...
@overload
def zeros(  # type: ignore[overload-overlap]
    shape: _ShapeT,
    dtype: _DTypeT | _SupportsDType[_DTypeT],
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[_ShapeT, _DTypeT]: ...
@overload
def zeros(
    shape: _ShapeT,
    dtype: type[_ScalarT],
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[_ShapeT, np.dtype[_ScalarT]]: ...
@overload
def zeros(
    shape: _ShapeT,
    dtype: DTypeLike | None = None,
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[_ShapeT, np.dtype[Any]]: ...
@overload
def zeros(
    shape: _Shape,
    dtype: None = None,
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> NDArray[np.float64]: ...
@overload
def zeros(
    shape: _Shape,
    dtype: _DTypeT | _SupportsDType[_DTypeT],
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> np.ndarray[tuple[Any, ...], _DTypeT]: ...
@overload
def zeros(
    shape: _Shape,
    dtype: type[_ScalarT],
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> NDArray[_ScalarT]: ...
@overload
def zeros(
    shape: _Shape,
    dtype: DTypeLike | None = None,
    order: _Order | None = "C",
    *,
    device: _Device | None = None,
    like: Any = None,
    alignment: int = 64,
    commit: _Commit = "eager",
    shared: bool = False,
    placement: _Placement | None = None,
) -> NDArray[Any]: ...
def zeros_like(
    a: object,
    dtype: object,
    order: object,
    subok: object,
    shape: object,
    device: object,
    alignment: int,
    commit: str,
    shared: bool,
    placement: object,
    /,
) -> NDArray[Any]: ...
def clear(array: _ClearedT, /) -> _ClearedT: ...
def stats() -> dict[str, int]: ...
def trim() -> int: ...
def prepare_fork() -> None: ...
def end_fork() -> None: ...

most_threads: int

def get_options() -> dict[str, Any]: ...

class Reserve:
    @property
    def nbytes(self) -> int: ...
    @property
    def resident_bytes(self) -> int: ...
    @property
    def cancelled(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def cancel(self) -> None: ...

def reserve(nbytes: int) -> Reserve: ...
def set_options(**options: Any) -> None: ...
def check_placement(value: object, /) -> None: ...
def system_info() -> dict[str, Any]: ...
def disable_own_memory() -> None: ...
def is_own_memory_disabled() -> bool: ...

numpy_handler_variable: ContextVar[object]

def numpy_handler(alignment: int) -> object: ...
def numpy_handler_alignment(handler: object) -> int: ...
def set_default_numpy_handler(handler: object) -> None: ...
def start_recording_call_sites(least_bytes: int, skipped_files: list[str]) -> None: ...
def stop_recording_call_sites() -> None: ...
def forget_call_sites_in_child() -> None: ...
def call_sites() -> dict[str, Any]: ...
def identity_of_shared(buffer: Buffer) -> int: ...
def send_shared(
    buffer: Buffer, parent: int, creator: int, starter: int, tracker: int
) -> tuple[int, int, int, int]: ...
def has_shared_arrived(buffer: Buffer) -> bool: ...
def receive_shared(
    sent: int | str,
    nbytes: int,
    alignment: int,
    writable: bool,
    identity: int,
    number: int,
    slot: int,
) -> Buffer | None: ...
def receive_shared_again(buffer: Buffer, identity: int, number: int, slot: int) -> bool: ...
def get_numpy_handler() -> object: ...
def set_numpy_handler(handler: object) -> object: ...
