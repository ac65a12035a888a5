"""Memory order: which reshapes of an array NumPy gives as views, and which as copies.

NumPy decides it by the layout of the array in memory, and gives some results, such as `np.exp(m.T)`, in Fortran order.
Engines that compute in NumPy have the layout; of the results of others it is not known, nor of what comes in.
An ordinary array of the same layout then answers for each view, since NumPy itself takes the steps on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from diffiface.primitives import Primitives

Layout = np.ndarray | None
"""An array laid out in memory as the one in question (its numbers do not matter), or None: not known."""

_FEW_AXES = 4
"""Of an array with more axes, not all orders are tried."""


def layout_of(p: Primitives, raw: Any) -> Layout:
    """Return the layout of a new array with this raw value."""
    shape = tuple(p.shape(raw))
    if sum(n > 1 for n in shape) < 2 or not all(shape):
        return np.empty(shape, p.dtype(raw))  # one order only
    values = p.laid_out(raw)
    if values is None:
        return None
    if 0 in values.strides:  # what was broadcast here is a full array in NumPy: np.full, np.tile
        return np.empty(shape, values.dtype)
    new = np.empty_like(values)
    # Any other raw value with gaps is a view where NumPy may have an array of its own, or came in so.
    same = all(own == found for n, own, found in zip(shape, new.strides, values.strides, strict=True) if n > 1)
    return new if same else None


def possible_layouts(layout: Layout, shape: tuple[int, ...], dtype: np.dtype) -> Iterator[np.ndarray]:
    """Yield the layout that is known, or each that a new array can have."""
    if layout is not None:
        yield layout
        return
    if len(shape) > _FEW_AXES:
        return
    for order in itertools.permutations(range(len(shape))):
        lengths = [shape[axis] for axis in order]
        yield np.empty(lengths, dtype).transpose(np.argsort(order))


def shares(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Say whether NumPy's `array.reshape(shape)` is a view."""
    return not array.size or np.may_share_memory(array, array.reshape(shape))


@cache
def new_array_shares(shape: tuple[int, ...], new: tuple[int, ...]) -> bool | None:
    """Say whether reshaping a new array of unknown layout gives a view (None: that depends)."""
    return agreed(shares(array, new) for array in possible_layouts(None, shape, np.dtype(bool)))


def agreed(answers: Iterator[bool]) -> bool | None:
    """Return what all answers say (None where they differ, or where there are none)."""
    found = set(answers)
    return found.pop() if len(found) == 1 else None
