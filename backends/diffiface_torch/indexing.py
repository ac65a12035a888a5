"""Reading and writing by index in PyTorch, with NumPy's meaning of every index."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from diffiface.adapter import Primitives
from diffiface_torch.arrays import NUMPY_DTYPE, array_of, tensor_of


def _is_basic(parts: tuple[Any, ...]) -> bool:
    """Whether an index is made of integers and forward slices only, which PyTorch reads as NumPy does."""
    return all(
        part is None
        or part is Ellipsis
        or type(part) is int
        or isinstance(part, np.integer)
        or (isinstance(part, slice) and (part.step is None or part.step > 0))
        for part in parts
    )


def _is_array_only(parts: tuple[Any, ...]) -> bool:
    """Whether an index is made of arrays (with axes) only: beside integers PyTorch orders the axes otherwise."""
    return all(isinstance(part, np.ndarray) and part.ndim > 0 for part in parts)


def _positions(shape: tuple[int, ...], index: Any) -> np.ndarray:
    """Return the places in the flattened array that an index names, as NumPy understands it."""
    return np.arange(math.prod(shape)).reshape(shape)[index]


class Indexing(Primitives):
    """The primitives of indexing."""

    _tensor: Callable[[Any], torch.Tensor]

    def _parts(self, index: Any) -> tuple[Any, ...]:
        parts = index if isinstance(index, tuple) else (index,)
        return tuple(
            array_of(p) if isinstance(p, torch.Tensor) else np.asarray(p) if isinstance(p, list) else p for p in parts
        )

    def getitem(self, x: Any, *, index: Any) -> Any:
        x = self._tensor(x)
        if type(index) is int:
            return x[index]
        parts = self._parts(index)
        if _is_basic(parts):
            return x[parts]
        if _is_array_only(parts):
            return x[tuple(tensor_of(part, x.device) for part in parts)]
        positions = _positions(tuple(x.shape), parts)
        return x.reshape(-1)[tensor_of(np.asarray(positions), x.device)]

    def setitem(self, x: Any, value: Any, *, index: Any) -> Any:
        x = self._tensor(x)
        positions = np.asarray(_positions(tuple(x.shape), self._parts(index)))
        values = self._written(x, value, positions.shape)
        # Of several writes to one place the last one counts, and only it has a derivative.
        flat = positions.reshape(-1)
        last = flat.size - 1 - np.unique(flat[::-1], return_index=True)[1]
        if last.size < flat.size:
            flat, values = flat[last], values[tensor_of(last, x.device)]
        return x.reshape(-1).index_put((tensor_of(flat, x.device),), values).reshape(x.shape)

    def add_at(self, x: Any, value: Any, *, index: Any) -> Any:
        x = self._tensor(x)
        positions = np.asarray(_positions(tuple(x.shape), self._parts(index)))
        values = self._written(x, value, positions.shape)
        flat = tensor_of(positions.reshape(-1), x.device)
        return x.reshape(-1).index_put((flat,), values, accumulate=True).reshape(x.shape)

    def _written(self, x: torch.Tensor, value: Any, shape: tuple[int, ...]) -> torch.Tensor:
        """Return the values written to places of this shape, one after another."""
        value = self.astype(value, dtype=NUMPY_DTYPE[x.dtype])
        while value.ndim > len(shape) and value.shape[0] == 1:
            value = value[0]
        return torch.broadcast_to(value, shape).reshape(-1)
