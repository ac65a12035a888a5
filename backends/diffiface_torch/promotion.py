"""NumPy's promotion of dtypes on tensors, and constants on their way into a graph."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from diffiface.adapter import Leaves, Primitives
from diffiface_torch.arrays import NUMPY_DTYPE, TORCH_DTYPE, shared_tensor_of, tensor_of, torch_dtype

_PYTHON_NUMBERS = (float, int, complex)
INEXACT = frozenset({torch.float32, torch.float64, torch.complex64, torch.complex128})
REAL = frozenset({torch.float32, torch.float64})
_FLOAT64 = np.dtype(np.float64)
_SMALL, _LARGE = 1024, 64 * 1024
"""Up to how many bytes a context is compared before its tensor is used again; from how many on it is never copied."""
_EXACT = 2**53  # integers up to here are numbers of float64 too


@functools.cache
def loop_dtypes(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    """Return the dtypes in which NumPy's ufunc would compute: of its operands, then of its results."""
    return ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))


def dtype_of(value: Any) -> np.dtype:
    """Return the NumPy dtype of a tensor, an array or a number."""
    if isinstance(value, torch.Tensor):
        return NUMPY_DTYPE[value.dtype]
    return value.dtype if isinstance(value, (np.ndarray, np.generic)) else np.asarray(value).dtype


def kind_of(value: Any) -> Any:
    """Return what NumPy's promotion looks at: a dtype, or the type of a Python number, which yields to any dtype."""
    return type(value) if type(value) in _PYTHON_NUMBERS else dtype_of(value)


def unary(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """Wrap a PyTorch function so that it computes in the dtypes the NumPy ufunc would use."""

    def primitive(self: Promotion, x: Any) -> Any:
        if type(x) is torch.Tensor and x.dtype in REAL:
            return function(x)
        dtype, output = loop_dtypes(ufunc, (kind_of(x),))
        return self._cast(function(self._cast(x, dtype)), output)

    return primitive


def binary(function: Callable[..., Any], ufunc: np.ufunc, takes_numbers: bool = False) -> Callable[..., Any]:
    """As `unary`, for two operands; `takes_numbers` says that Python floats need not become tensors."""

    def primitive(self: Promotion, x: Any, y: Any) -> Any:
        # First what is frequent and needs no promotion.
        if type(x) is torch.Tensor:
            dtype = x.dtype
            if dtype in INEXACT:
                kind = type(y)
                if kind is torch.Tensor:
                    if y.dtype is dtype:
                        return function(x, y)
                elif kind is np.ndarray:
                    if y.dtype is NUMPY_DTYPE[dtype]:
                        return function(x, self._constant(y))
                else:
                    other = self._beside(dtype, y, takes_numbers)
                    if other is not None:
                        return function(x, other)
        elif type(y) is torch.Tensor:
            dtype = y.dtype
            if dtype in INEXACT:
                if type(x) is np.ndarray and x.dtype is NUMPY_DTYPE[dtype]:
                    return function(self._constant(x), y)
                other = self._beside(dtype, x, takes_numbers)
                if other is not None:
                    return function(other, y)
        first, second, output = loop_dtypes(ufunc, (kind_of(x), kind_of(y)))
        return self._cast(function(self._cast(x, first), self._cast(y, second)), output)

    return primitive


def _owner(array: np.ndarray) -> Any:
    """Return the object whose memory an array views."""
    return array if array.base is None else array.base


class Promotion(Primitives):
    """Operands as tensors of the dtype that an operation takes."""

    def __init__(self, device: torch.device, contexts: Leaves):
        self.device = device
        self._on_cpu = device.type == "cpu"
        # (Asked for by `id`: the contexts outlive the run.)
        arrays = [c for c in contexts if type(c) is np.ndarray]
        self._unchanging = {id(_owner(c)) for c in arrays if c.nbytes > _LARGE}
        self._kept: dict[int, tuple[bytes, torch.Tensor] | None] = {id(c): None for c in arrays if c.nbytes <= _SMALL}
        """Small contexts that have met a tensor: what they held then, and that as a tensor."""

    def dtype(self, value: Any) -> np.dtype:
        return dtype_of(value)

    def _cast(self, value: Any, dtype: np.dtype) -> torch.Tensor:
        """Return a tensor of this dtype."""
        if isinstance(value, torch.Tensor):
            return value if NUMPY_DTYPE[value.dtype] == dtype else value.to(torch_dtype(dtype))
        array = np.asarray(value)
        return self._constant(array if array.dtype == dtype else array.astype(dtype))

    def _constant(self, array: np.ndarray) -> torch.Tensor:
        """Return a tensor of an array: a copy, since the graph reads it after f may have changed it.

        Of a large context the memory is shared: f must not write to it (docs/limitations.md).
        """
        if self._unchanging and id(_owner(array)) in self._unchanging:
            return shared_tensor_of(array, self.device)
        if self._kept and id(array) in self._kept:
            kept, content = self._kept[id(array)], array.tobytes()
            if kept is not None and kept[0] == content:
                return kept[1]
            tensor = tensor_of(array, self.device)
            self._kept[id(array)] = content, tensor
            return tensor
        if self._on_cpu and (array.dtype is _FLOAT64 or array.dtype in TORCH_DTYPE):
            return torch.from_numpy(array.copy())
        return tensor_of(array, self.device)

    def _beside(self, dtype: torch.dtype, value: Any, takes_numbers: bool) -> Any:
        """Return an operand that meets a tensor of floats of this dtype without promotion, else None."""
        kind = type(value)
        if kind is np.ndarray:
            return self._constant(value) if value.dtype == NUMPY_DTYPE[dtype] else None
        if takes_numbers and (kind is float or (kind is int and -_EXACT <= value <= _EXACT)):
            return value
        return None

    def _tensor(self, value: Any) -> torch.Tensor:
        return value if isinstance(value, torch.Tensor) else self._cast(value, dtype_of(value))

    def _promoted(self, values: Any) -> list[torch.Tensor]:
        dtype = np.result_type(*map(kind_of, values))
        return [self._cast(value, dtype) for value in values]
