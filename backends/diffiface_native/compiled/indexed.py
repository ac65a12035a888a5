"""Where the entries are that arrays of indices name: reading them (gather) and adding to them (scatter).

Along some axes of the array the place is affine in the loops' counters, as it is for slices (`index_map`); along the
others it is *looked up*: an entry of an array of indices, which is itself at an affine place. Indices that are known, and
go up or down in equal steps, are not looked up.

Machine code never reads or writes outside the array: an index that is looked up is brought within its bounds before it is
used (`NestText`). That none of them had to be is checked before the kernel runs (`bounds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface_native.compiled.index_map import FIXED, START, Map, Place
from diffiface_native.recorded.graph import Value, index_is_basic, is_zero

_FLOAT, _BOOL = np.dtype(np.float64), np.dtype(np.bool_)
INDEX_KINDS = (np.dtype(np.int64), np.dtype(np.int32))
"""The dtypes of arrays of indices that machine code reads."""


@dataclass(frozen=True)
class Lookup:
    """An index along one axis that is an entry of an array of indices."""

    axis: int
    indices: Any
    """A Value, or a constant array of indices from 0 on."""
    map: Map
    """Where in that array."""
    length: int
    """How many entries there are along the axis."""


@dataclass(frozen=True)
class _Along:
    """The index along one axis: a range walked by an axis of what is indexed, or what an array says."""

    axis: int | None = None
    """Of what is indexed: the one that walks the range; None for a single index."""
    range: range = range(1)
    indices: Any = None
    """An array of indices in the place of the range."""
    axes: tuple[int, ...] = ()
    """Of what is indexed: the axes that walk the array of indices."""


class Indexed:
    """What an index with arrays chooses of an array."""

    def __init__(self, along: Sequence[_Along], lengths: Sequence[int], shape: tuple[int, ...]):
        self._along = along
        self._lengths = lengths
        self.shape = shape
        """That of what is chosen."""

    def places(self, map_: Map) -> tuple[Map, tuple[Lookup, ...]]:
        """Return where in the array an entry of what is chosen is: its affine places, and what is looked up.

        `map_` says where among the chosen entries. Along an axis that is looked up the affine place is the first one.
        """
        places: list[Place] = []
        lookups: list[Lookup] = []
        for axis, (own, length) in enumerate(zip(self._along, self._lengths, strict=True)):
            if own.indices is None:
                places.append(_walked(own.range, START if own.axis is None else map_[own.axis]))
                continue
            inner = tuple(
                START if n == 1 else map_[i] for i, n in zip(own.axes, np.shape(_sample(own.indices)), strict=True)
            )
            known = _known(own.indices, inner)
            places.append(START if known is None else known)
            if known is None:
                lookups.append(Lookup(axis, own.indices, inner, length))
        return tuple(places), tuple(lookups)

    @property
    def indices(self) -> list[Value]:
        """The arrays of indices that are not known before."""
        return [own.indices for own in self._along if type(own.indices) is Value]


def _walked(indices: range, place: Place) -> Place:
    loop, step, offset = place
    start = indices.start + indices.step * offset
    return (FIXED, 0, start) if loop == FIXED else (loop, step * indices.step, start)


def _known(indices: Any, map_: Map) -> Place | None:
    """Return the affine place that known indices are, if they are one."""
    if type(indices) is Value:
        return None
    walked = [axis for axis, place in enumerate(map_) if place[0] != FIXED]
    line = indices[tuple(slice(None) if axis in walked else place[2] for axis, place in enumerate(map_))]
    if line.ndim > 1:
        return None
    if line.ndim == 0:
        return (FIXED, 0, int(line))
    step = int(line[1] - line[0]) if len(line) > 1 else 0
    if not np.array_equal(line, line[0] + step * np.arange(len(line))):
        return None
    loop, s, offset = map_[walked[0]]
    first = int(line[0]) + step * offset
    return (loop, s * step, first) if step else (FIXED, 0, first)


def gathered(value: Value) -> Indexed | None:
    """Return what a value reads at indices that arrays name; None for other values."""
    if value.operation != "getitem" or value.dtype not in (_FLOAT, _BOOL) or 0 in value.shape:
        return None
    (source,) = value.arguments
    if type(source) is not Value or source.shape == () or source.dtype != value.dtype:
        return None
    return _indexed(value.parameters["index"], source.shape, value.shape)


def scattered(value: Value) -> Indexed | None:
    """Return where the entries of an item are added to (or written into) zeros; None for other values."""
    if value.operation not in ("add_at", "setitem") or value.dtype != _FLOAT or 0 in value.shape:
        return None
    base, item = value.arguments
    index = value.parameters["index"]
    if index_is_basic(index) or not isinstance(base, np.ndarray) or base.dtype != _FLOAT or not is_zero(base):
        return None
    if np.signbit(base).any():
        return None
    if type(item) not in (int, float) and getattr(item, "dtype", None) != _FLOAT:
        return None
    found = _indexed(index, value.shape, None)
    return found if found is not None and np.ndim(_sample(item)) <= len(found.shape) else None


def _indexed(index: Any, shape: tuple[int, ...], chosen: tuple[int, ...] | None) -> Indexed | None:
    """Read an index; None for what is not read here. `chosen` is the shape of what it chooses, if that is known."""
    parts: list[Any] = []
    for part in index if type(index) is tuple else (index,):
        if isinstance(part, (Value, np.ndarray, list)):
            arrays = _arrays_of(part)
            if arrays is None:
                return None
            parts += arrays
        elif part is None or part is Ellipsis or type(part) is slice:
            parts.append(part)
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            parts.append(int(part))
        else:
            return None
    chooses = [isinstance(part, (Value, np.ndarray)) for part in parts]
    if not any(chooses):
        return None
    arrays = [part for part, is_array in zip(parts, chooses, strict=True) if is_array]
    return _laid_out(parts, arrays, shape, chosen)


def _arrays_of(part: Any) -> list[Any] | None:
    """Return the arrays of integers that one part of an index is: a mask is one for each of its axes."""
    if type(part) is Value:
        fits = part.dtype in INDEX_KINDS and part.shape != () and part.sample.size > 0
        return [part] if fits else None
    array = np.asarray(part)
    if array.ndim == 0 or array.size == 0 or array.dtype.kind not in "biu":
        return None
    arrays = array.nonzero() if array.dtype == _BOOL else [array]
    return [np.array(one, np.int64, order="C") for one in arrays] if all(a.size for a in arrays) else None


def _laid_out(
    parts: list[Any], arrays: list[Any], shape: tuple[int, ...], chosen: tuple[int, ...] | None
) -> Indexed | None:
    """Find out which axes of what is chosen walk through what (NumPy's rules of advanced indexing)."""
    missing = len(shape) - sum(part is not None and part is not Ellipsis for part in parts)
    if Ellipsis not in [part for part in parts if type(part) not in (Value, np.ndarray)]:
        parts = [*parts, Ellipsis]
    block = np.broadcast_shapes(*(np.shape(_sample(a)) for a in arrays))
    # Single indices count as arrays here. If they all stand side by side, their axes come in their place, else first.
    advanced = [i for i, part in enumerate(parts) if type(part) in (int, Value, np.ndarray)]
    together = advanced[-1] - advanced[0] + 1 == len(advanced)
    result: list[int] = [] if together else [*block]
    start = 0
    laid: list[tuple[Any, int]] = []
    for i, part in enumerate(parts):
        if together and i == advanced[0]:
            start = len(result)
            result += block
        if part is None:
            result.append(1)
        elif part is Ellipsis:
            for _ in range(missing):
                laid.append((range(shape[len(laid)]), len(result)))
                result.append(shape[len(laid) - 1])
        elif type(part) is slice:
            laid.append((range(shape[len(laid)])[part], len(result)))
            result.append(len(laid[-1][0]))
        else:
            laid.append((part, -1))
    if 0 in result or (chosen is not None and tuple(result) != chosen):
        return None
    along = [_along(part, axis, n, start + len(block)) for (part, axis), n in zip(laid, shape, strict=True)]
    return Indexed(along, shape, tuple(result))


def _along(part: Any, axis: int, length: int, end: int) -> _Along:
    """Describe the index along one axis; the axes of the arrays of indices end before `end` in what is chosen."""
    if type(part) is range:
        return _Along(axis, part)
    if type(part) is int:
        return _Along(None, range(part % length, part % length + 1))
    rank = np.ndim(_sample(part))
    indices = part if type(part) is Value else part % length  # (recording has checked what is known)
    return _Along(indices=indices, axes=tuple(range(end - rank, end)))


def _sample(argument: Any) -> Any:
    return argument.sample if type(argument) is Value else argument
