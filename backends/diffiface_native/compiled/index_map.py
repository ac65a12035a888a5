"""Where the elements of a value come from, as maps from the counters of a loop nest to the axes of an array.

An element of `x[1:]`, of `x.T`, of what `np.roll` puts together, or of an array after a write to a slice of it, is an
element of another array at a place that is affine in the loops' counters. So none of them need be computed: whoever
reads them reads there. What is put together of parts (concatenate, stack, writes) comes from one part or another; the
nest is split where that changes, so that in each piece it is settled before anything runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Any

import numpy as np

from diffiface_native.recorded.graph import Value, index_is_basic

Place = tuple[int, int, int]
"""An index along one axis: (loop, step, offset) stands for offset + step * counter; loop is FIXED where none counts."""
Map = tuple[Place, ...]
"""One place for each axis of the array."""
Part = tuple[Any, Map]
"""An operand of a value (a Value or a constant), and where in it."""

FIXED = -1
START: Place = (FIXED, 0, 0)


class Split(Exception):
    """A nest must be split in one of its loops: at a position, or into every n-th position from each of the first n on."""

    def __init__(self, loop: int, position: int, *, every: int = 0):
        super().__init__(loop, position, every)
        self.loop, self.position, self.every = loop, position, every

    def of(self, side: range) -> list[range]:
        """Return the parts of what the loop walks through."""
        if self.every:
            return [side[first :: self.every] for first in range(min(self.every, len(side)))]
        return [side[: self.position], side[self.position :]]


def identity(shape: Sequence[int]) -> Map:
    """Return the map of an array that is walked by a nest of its own shape."""
    return tuple(START if n == 1 else (axis, 1, 0) for axis, n in enumerate(shape))


def moves(value: Value) -> bool:
    """Say whether the elements of a value are elements (or sums of two elements) of others, at affine places."""
    kinds = {np.dtype(np.float64), np.dtype(np.bool_)}
    if value.place is not None or value.dtype not in kinds or 0 in value.shape:
        return False
    operation = value.operation
    if operation == "getitem":
        return index_is_basic(value.parameters["index"])
    if operation in ("transpose", "broadcast_to"):
        return True
    if operation == "reshape":
        return _same_but_ones(value.arguments[0].shape, value.shape)
    if operation in ("setitem", "add_at"):
        base, item = value.arguments
        near = index_is_basic(value.parameters["index"]) and all(
            axis is None or type(part) is int or len(part) == 1 or abs(part.step) <= _MOST_APART
            for axis, part in _index_parts(value.parameters["index"], value.shape)
        )
        if operation == "add_at" and value.dtype != np.float64:
            return False
        return near and _dtype(base) == value.dtype and _fits(item, value.dtype)
    if operation in ("concatenate", "stack"):
        return all(_dtype(a) == value.dtype for a in value.arguments)
    return False


def assembles(value: Value) -> bool:
    """Say whether a value is put together of many single numbers: each is an operation of its own, stored in its place."""
    if value.operation != "stack" or value.dtype != np.float64 or not _MOST_STACKED < len(value.arguments) <= 50_000:
        return False
    numbers = all(_dtype(a) == value.dtype and np.size(_sample(a)) == 1 for a in value.arguments)
    return numbers and value.place is None


_MOST_APART = 8
"""To every how many-th entry at most a write is followed by reading what it wrote: the nest falls into as many."""
_MOST_STACKED = 16
"""Up to how many numbers are read where they are, as the parts of anything put together of arrays."""


def _sample(argument: Any) -> Any:
    return argument.sample if type(argument) is Value else argument


def _dtype(argument: Any) -> np.dtype | None:
    return argument.dtype if isinstance(argument, (Value, np.ndarray, np.generic)) else None


def _fits(item: Any, dtype: np.dtype) -> bool:
    return _dtype(item) == dtype or (dtype == np.float64 and type(item) in (int, float))


def _same_but_ones(a: Sequence[int], b: Sequence[int]) -> bool:
    return [n for n in a if n != 1] == [n for n in b if n != 1]


# ---- the operands of one value


def broadcast(map_: Map, shape: Sequence[int]) -> Map:
    """Return where an operand of this shape is read by a value it is broadcast to."""
    if not shape:
        return ()
    aligned = map_[len(map_) - len(shape) :]
    return tuple(START if n == 1 else place for place, n in zip(aligned, shape, strict=True))


def parts(value: Value, map_: Map, extents: Sequence[int] | None) -> list[Part]:
    """Return what the elements of a moving value are: one part, or for `add_at` the two whose sum they are.

    Without `extents`, the lengths of the loops, it returns all parts the elements may come from. With them it raises
    `Split` where the parts are different ones from some position on.
    """
    operation, arguments = value.operation, value.arguments
    if operation == "getitem":
        return [(arguments[0], _of_getitem(value.parameters["index"], arguments[0].shape, map_))]
    if operation == "transpose":
        axes = value.parameters["axes"]
        places = [START] * len(axes)
        for place, axis in zip(map_, axes, strict=True):
            places[axis] = place
        return [(arguments[0], tuple(places))]
    if operation == "broadcast_to":
        return [(arguments[0], broadcast(map_, np.shape(arguments[0])))]
    if operation == "reshape":
        walked = iter([place for place, n in zip(map_, value.shape, strict=True) if n != 1])
        return [(arguments[0], tuple(START if n == 1 else next(walked) for n in arguments[0].shape))]
    if operation in ("setitem", "add_at"):
        return _of_write(value, map_, extents)
    return _of_joined(value, map_, extents)


def settled_loops(value: Value, map_: Map) -> list[set[int]]:
    """Return, for each of the `parts` a moving value has without extents, the loops that stand still while it is read.

    What is written to one entry, or stacked, is read where a loop has one value only.
    """
    operation = value.operation
    if operation in ("setitem", "add_at"):
        written = _index_parts(value.parameters["index"], value.shape)
        if any(type(part) is range and len(part) == 0 for _, part in written):
            return [set()]
        ones = [map_[axis][0] for axis, part in written if axis is not None and (type(part) is int or len(part) == 1)]
        return [set(), set(ones) - {FIXED}]
    if operation in ("concatenate", "stack"):
        axis = value.parameters["axis"]
        loop = {map_[axis][0]} - {FIXED}
        return [loop if operation == "stack" or a.shape[axis] == 1 else set() for a in value.arguments]
    return [set()]


def _index_parts(index: Any, shape: Sequence[int]) -> list[tuple[int | None, Any]]:
    """Pair every part of a basic index with the axis it stands for; a new axis has none. A slice is made explicit."""
    given = list(index) if type(index) is tuple else [index]
    missing = len(shape) - sum(part is not None and part is not Ellipsis for part in given)
    if not any(part is Ellipsis for part in given):
        given.append(Ellipsis)
    result: list[tuple[int | None, Any]] = []
    axis = 0
    for part in given:
        if part is None:
            result.append((None, None))
            continue
        for one in [slice(None)] * missing if part is Ellipsis else [part]:
            n = shape[axis]
            result.append((axis, range(n)[one] if type(one) is slice else int(one) % n))
            axis += 1
    return result


def _of_getitem(index: Any, shape: Sequence[int], map_: Map) -> Map:
    given, places = iter(map_), []
    for axis, part in _index_parts(index, shape):
        if type(part) is range:
            loop, step, offset = next(given)
            place = (loop, step * part.step, part.start + part.step * offset)
            places.append((FIXED, 0, place[2]) if loop == FIXED else place)
        elif axis is None:
            next(given)
        else:
            places.append((FIXED, 0, part))
    return tuple(places)


def _of_write(value: Value, map_: Map, extents: Sequence[int] | None) -> list[Part]:
    """Whether an element is the written item's or the old array's depends on where it is."""
    base, item = value.arguments
    inside, places = True, []
    for axis, part in _index_parts(value.parameters["index"], value.shape):
        if axis is None:
            places.append(START)
            continue
        written = range(part, part + 1) if type(part) is int else part
        if len(written) == 0:
            return [(base, map_)]
        if extents is not None:
            low, high = min(written[0], written[-1]), max(written[0], written[-1]) + 1
            inside = inside and _is_within(map_[axis], low, high, extents) and _is_among(map_[axis], written, extents)
        if type(part) is range:
            loop, s, offset = map_[axis]
            step = part.step if len(part) > 1 else 1
            places.append((loop, s // step, (offset - part.start) // step))
    from_item = (item, broadcast(tuple(places), np.shape(item)))
    if not inside:
        return [(base, map_)]
    return [(base, map_), from_item] if value.operation == "add_at" or extents is None else [from_item]


def _of_joined(value: Value, map_: Map, extents: Sequence[int] | None) -> list[Part]:
    axis = value.parameters["axis"]
    joined = value.operation == "concatenate"
    if not joined and extents is not None and map_[axis][0] == FIXED:
        return [(value.arguments[map_[axis][2]], (*map_[:axis], *map_[axis + 1 :]))]
    found, start = [], 0
    for argument in value.arguments:
        count = argument.shape[axis] if joined else 1
        if extents is None or _is_within(map_[axis], start, start + count, extents):
            loop, step, offset = map_[axis]
            own = ((loop, step, offset - start),) if joined else ()
            if joined and count == 1:
                own = (START,)
            part = (argument, (*map_[:axis], *own, *map_[axis + 1 :]))
            if extents is not None:
                return [part]
            found.append(part)
        start += count
    return found


def _is_within(place: Place, low: int, high: int, extents: Sequence[int]) -> bool:
    """Say whether an index is in [low, high) for all counters; raise `Split` where it is for some of them only."""
    loop, step, offset = place
    if loop == FIXED:
        return low <= offset < high
    indices = range(offset, offset + step * extents[loop], step)
    first = low <= indices[0] < high
    if first:
        change = _first_beyond(indices, high) if step > 0 else _first_below(indices, low)
    elif (indices[0] < low) == (step > 0):
        change = _first_beyond(indices, low) if step > 0 else _first_below(indices, high)
    else:
        return False
    if change < len(indices):
        raise Split(loop, change)
    return first


def _is_among(place: Place, written: range, extents: Sequence[int]) -> bool:
    """Say whether an index that is within a range's bounds is in it; raise `Split` where it is for some counters only."""
    loop, step, offset = place
    apart = abs(written.step)
    if len(written) == 1 or apart == 1:
        return True
    if loop != FIXED and step % apart and extents[loop] > 1:
        raise Split(loop, 0, every=apart // gcd(step, apart))
    return (offset - written.start) % apart == 0


def _first_beyond(indices: range, bound: int) -> int:
    """Return the first position of a rising range whose entry is `bound` or more."""
    return max(0, -((indices[0] - bound) // indices.step)) if indices[0] < bound else 0


def _first_below(indices: range, bound: int) -> int:
    """Return the first position of a falling range whose entry is less than `bound`."""
    return (indices[0] - bound) // -indices.step + 1 if indices[0] >= bound else 0
