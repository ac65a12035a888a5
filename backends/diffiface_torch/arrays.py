"""PyTorch tensors as a family, and how arrays and dtypes pass between NumPy and PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch._C._functorch import is_functorch_wrapped_tensor as is_wrapped

from diffiface.adapter import NUMPY, Primitives, UnsupportedOperationError

_DTYPES = {
    name: getattr(torch, name)
    for name in (
        "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
    )
}
TORCH_DTYPE = {np.dtype(name): dtype for name, dtype in _DTYPES.items()}
NUMPY_DTYPE = {dtype: np.dtype(name) for name, dtype in _DTYPES.items()}


def torch_dtype(dtype: np.dtype) -> torch.dtype:
    """Return PyTorch's counterpart of a NumPy dtype."""
    try:
        return TORCH_DTYPE[dtype]
    except KeyError:
        raise UnsupportedOperationError(
            f"PyTorch has no counterpart of dtype {dtype}", engine="torch", fix="use float64 or float32"
        ) from None


def tensor_of(array: np.ndarray, device: torch.device | None = None) -> torch.Tensor:
    """Copy a NumPy array into a tensor."""
    if array.dtype in TORCH_DTYPE:  # (which are in native byte order)
        tensor = torch.from_numpy(np.array(array, order="C"))
    else:
        native = array.dtype.newbyteorder("=")
        torch_dtype(native)
        tensor = torch.from_numpy(np.array(array, dtype=native, order="C"))
    return tensor if device is None or device.type == "cpu" else tensor.to(device)


def shared_tensor_of(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """Return a tensor on the memory of a NumPy array where PyTorch can read it, else a copy."""
    if not _is_shareable(array):
        return tensor_of(array, device)
    tensor = torch.from_numpy(array)
    return tensor if device.type == "cpu" else tensor.to(device)


def _is_shareable(array: np.ndarray) -> bool:
    if array.dtype not in TORCH_DTYPE:
        return False
    flags, size = array.flags, array.itemsize
    # (`carray`: writeable, aligned and in C order, in one question.)
    return flags.carray or (flags.writeable and all(s >= 0 and s % size == 0 for s in array.strides))


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """Copy a tensor into a NumPy array in C order, without its graph."""
    return np.array(tensor.numpy(force=True), order="C")


class Family:
    """The array family of `torch.Tensor`."""

    name = "torch"
    mutable = True

    def owns(self, value: Any) -> bool:
        """Say whether a value is a tensor."""
        return isinstance(value, torch.Tensor)

    def is_traced(self, value: Any) -> bool:
        """Say whether a tensor is part of a graph or being transformed by torch.func."""
        return value.requires_grad or is_wrapped(value)

    def dtype(self, value: Any) -> np.dtype:
        """Return the NumPy dtype of a tensor."""
        return NUMPY_DTYPE[value.dtype]

    def shape(self, value: Any) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return tuple(value.shape)

    def to_numpy(self, value: Any) -> np.ndarray:
        """Copy a tensor to NumPy, without its graph."""
        return array_of(value)

    def from_numpy(self, array: np.ndarray, like: Any = None) -> torch.Tensor:
        """Copy a NumPy array to a tensor, on the device of `like`."""
        return tensor_of(np.asarray(array), like.device if isinstance(like, torch.Tensor) else None)

    def stack(self, arrays: Sequence[Any]) -> torch.Tensor:
        """Stack tensors of one shape along a new leading axis."""
        return torch.stack(tuple(arrays))

    def converted(self, array: np.ndarray) -> torch.Tensor:
        """Copy a NumPy array to a tensor as a program for PyTorch would."""
        return tensor_of(array)

    def primitives(self, values: Sequence[Any]) -> Primitives:
        """Return what runs a NumPy function in a program written for this library."""
        from diffiface_torch.primitives import TorchPrimitives  # which imports this module

        device = next((v.device for v in values if isinstance(v, torch.Tensor)), torch.device("cpu"))
        return TorchPrimitives(NUMPY, device, in_graph=True)

    def computing(self) -> AbstractContextManager[None]:
        """Change nothing: tensors keep the precision they have."""
        return nullcontext()


FAMILY = Family()
