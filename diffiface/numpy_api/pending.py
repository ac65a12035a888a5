"""Writes that wait: what a loop such as `y[i] = 0.9 * y[i - 1] + v[i]` has written so far, entry by entry.

A write on its own is a new array, and another one in the backward pass. So entries (elements, rows, columns) are kept
as they are and joined into the array when it is next needed as a whole. What is read in the meantime is the very value
that was written, and a recursion through its own elements never touches the array.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from diffiface.primitives import Primitives
from diffiface.tracing import innermost

ELEMENTS = -1
"""In the place of an axis: entries are single elements of an array of rank 2 or more, named by all their indices."""

_EVERYTHING = slice(None)


def _counted(index: int, length: int, axis: int) -> int:
    """Return an index counted from the front."""
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {length}")
    return index + length if index < 0 else index


def place_of(index: Any, shape: tuple[int, ...]) -> tuple[int, Any] | None:
    """Return the axis along which an index names one entry, and which one (None for an index of another kind)."""
    if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
        return 0, _counted(int(index), shape[0], 0)
    if type(index) is not tuple or len(index) > len(shape):
        return None
    numbers = [axis for axis, part in enumerate(index) if type(part) is int or isinstance(part, np.integer)]
    if len(numbers) == len(shape) > 1:
        return ELEMENTS, tuple(_counted(int(index[axis]), shape[axis], axis) for axis in numbers)
    if len(numbers) != 1:
        return None
    (axis,) = numbers
    if any(type(part) is not slice or part != _EVERYTHING for place, part in enumerate(index) if place != axis):
        return None
    return axis, _counted(int(index[axis]), shape[axis], axis)


@final
class PendingWrites:
    """Entries of one array, all along one axis (or all single elements), that are not yet in its raw value."""

    __slots__ = ("axis", "dtype", "entries", "entry_shape", "p", "shape")

    def __init__(self, axis: int, shape: tuple[int, ...], dtype: np.dtype, p: Primitives):
        self.axis = axis
        self.shape = shape
        self.dtype = dtype
        self.p = p
        """The trace that can hold all of them."""
        self.entry_shape = () if axis == ELEMENTS else shape[:axis] + shape[axis + 1 :]
        self.entries: dict[Any, Any] = {}
        """The raw value of each entry, by its position, counted from the front."""

    def position(self, index: Any) -> Any:
        """Return the position that an index names (None for an index that does not name one entry of this kind)."""
        if type(index) is int and self.axis == 0:  # the common case, in few steps
            length = self.shape[0]
            if 0 <= index < length:
                return index
            return _counted(index, length, 0)
        place = place_of(index, self.shape)
        return place[1] if place is not None and place[0] == self.axis else None

    def put(self, position: Any, raw: Any, p: Primitives) -> None:
        """Keep an entry, of the array's dtype and the shape of one entry."""
        if p is not self.p:
            self.p = innermost(p, self.p)
        self.entries[position] = raw

    def join(self, value: Any) -> Any:
        """Return the array's raw value with all entries in their places."""
        p, axis = self.p, self.axis
        if len(self.entries) == 1:
            ((position, raw),) = self.entries.items()
            return p.setitem(value, raw, index=position if axis <= 0 else (*(_EVERYTHING,) * axis, position))
        positions = sorted(self.entries)
        joined = p.stack([self.entries[position] for position in positions], axis=max(axis, 0))
        if axis == ELEMENTS:
            if len(positions) == np.prod(self.shape):
                return p.reshape(joined, shape=self.shape)
            return p.setitem(value, joined, index=tuple(np.array(positions, np.intp).T))
        if len(positions) == self.shape[axis]:
            return joined
        first, last = positions[0], positions[-1]
        index = slice(first, last + 1) if last - first + 1 == len(positions) else np.array(positions, np.intp)
        return p.setitem(value, joined, index=(*(_EVERYTHING,) * axis, index) if axis else index)
