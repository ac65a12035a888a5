"""Where the arrays of a group of rows are while it runs: what is kept for one block of rows, and how many rows that is.

What only the group reads is kept for one block, with the rows as the last axis: so the lanes are rows, and every load and
store of them is of neighbours. Arrays whose rows lie apart are *packed* first, that is copied in this layout, where their
entries are read more than once. Results that the group reads again are kept so too, and *unpacked* when a block is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from diffiface_native.compiled.fold_text import only_folds
from diffiface_native.compiled.index_map import FIXED, Map
from diffiface_native.compiled.lifetimes import Lifetime, arrange
from diffiface_native.compiled.lowering import ELEMENTS
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.rows import RowGroup, row_axis
from diffiface_native.compiled.walks import Access, Argument, access
from diffiface_native.recorded.graph import Value

_CACHE = 24 * 1024
"""How many bytes the rows of one block may take together: most of the nearest cache."""
_LEAST_BLOCK, _MOST_BLOCK = 32, 256
"""How many rows are in a block."""
_MOST_PACKED = 512
"""How many entries a row may have to be packed."""
_DEALT = 8
"""How far apart rows may be whose single columns are read where they are."""
_LEAST_COLUMNS = 8
"""How many columns there must be for the lanes to be along them."""
ALIGNED = 8
"""Blocks, and what is kept for them, begin at multiples of so many numbers: a line of the cache."""


@dataclass(frozen=True)
class Packed:
    """A part of an array that is copied, block by block, with its rows as the last axis."""

    number: int
    argument: Argument
    start: int
    """Where the first row is, in elements."""
    columns: int


class RowsLayout:
    """The places of a group's arrays."""

    def __init__(self, group: RowGroup, argument_of: Callable[[Any], Argument], only_here: Set[int]):
        """Choose them; `only_here` are the numbers of the values that nothing outside the group reads."""
        self._group = group
        self._argument_of = argument_of
        targets = [t.value for nest in group.nests for t in (*nest.stores, *nest.folds)]
        read = {value.number for nest in group.nests for value in nest.loaded_values()}
        self._contributions = Counter(value.number for value in targets)
        self.kept: dict[int, Value] = {}
        """By number, the values that are kept for one block."""
        self.unpacked: list[Value] = []
        """Those of them that are copied to their arrays then."""
        for value in {value.number: value for value in targets if value.number in group.axes}.values():
            if value.number in only_here:
                self.kept[value.number] = value
            elif value.number in read and self._can_be_unpacked(value):
                self.kept[value.number] = value
                self.unpacked.append(value)
        self.vectors = [self._columns_in_lanes(nest, loop) for nest, loop in zip(group.nests, group.loops, strict=True)]
        """For each nest the loop along which it has its lanes; None if that is the loop over the rows."""
        self.packed = self._find_packed()
        """What is packed, by array and place in it."""
        self.places, self._columns_kept = arrange(self._lifetimes())
        """For each number of a value that is kept, and each part that is packed, which column it begins at."""
        self.block = self._choose_block()
        """How many rows are in a block."""
        self.pitch = self.block + -self.block % ALIGNED
        """How far apart two columns are in what is kept for a block."""

    def columns(self, value: Value) -> int:
        return prod(value.shape) // self._group.rows

    @property
    def size(self) -> int:
        """How many numbers are kept for a block."""
        return self._columns_kept * self.pitch

    def _lifetimes(self) -> list[Lifetime[int | Packed]]:
        """Return from which nest to which each thing is kept."""
        first: dict[Any, int] = {}
        last: dict[Any, int] = {}
        for i, nest in enumerate(self._group.nests):
            for thing, map_ in _things_at(nest):
                key = thing.number if self.is_kept(thing) else self.packed_at(thing, map_, i)
                first.setdefault(key, i)
                last[key] = i
        end = len(self._group.nests)
        last.update({value.number: end for value in self.unpacked})
        return [
            *(
                Lifetime(number, self.columns(value), first[number], last[number])
                for number, value in self.kept.items()
            ),
            *(Lifetime(packed, packed.columns, -1, last[packed]) for packed in self.packed.values()),
        ]

    # ---- how nests walk the arrays

    def is_kept(self, thing: Any) -> bool:
        return type(thing) is Value and thing.number in self.kept

    def packed_at(self, thing: Any, map_: Map, nest: int) -> Packed | None:
        """Return the packed copy that a nest reads instead of an array, if it does."""
        if self.vectors[nest] is not None:
            return None
        return self.packed.get((key_of(thing), leading(map_, self._group.loops[nest])))

    def walk_kept(self, thing: Any, map_: Map, loops: int, axis: int) -> Access:
        """Return how a map walks what is kept for a block of an array whose rows are this axis."""
        return access(_kept_argument(thing.shape, thing.dtype, axis, self.pitch), map_, loops)

    def walk_packed(self, thing: Any, map_: Map, loops: int) -> Access:
        """Return how a map walks the packed copy of an array's part: the rows come first in it."""
        first = next(axis for axis, place in enumerate(map_) if place[0] != FIXED)
        return access(_kept_argument(thing.shape[first:], thing.dtype, 0, self.pitch), map_[first:], loops)

    def only_folds(self, nest: Nest) -> bool:
        """Say whether a nest folds only, over the same loops into all its results."""
        return only_folds(nest, [access(self._argument(t.value), t.map, len(nest.extents)) for t in nest.folds])

    def is_stored(self, nest: Nest) -> bool:
        """Say whether a nest computes each of its results as a whole, within one block: then it stores them."""
        if not self.only_folds(nest):
            return False
        numbers = {target.value.number for target in nest.folds}
        once = all(self._contributions[number] == 1 for number in numbers)
        return once and numbers <= self._group.whole and numbers <= self._group.axes.keys()

    def _argument(self, thing: Any) -> Argument:
        """Return an array's strides, as far as it matters whether they are 0, 1, or more."""
        if self.is_kept(thing):
            return _kept_argument(thing.shape, thing.dtype, self._group.axes[thing.number], 2)
        return self._argument_of(thing)

    # ---- choices

    def _can_be_unpacked(self, value: Value) -> bool:
        whole = value.number in self._group.whole and self._group.axes[value.number] == 0
        return whole and value.dtype == np.float64 and 1 < self.columns(value) <= _MOST_PACKED

    def _columns_in_lanes(self, nest: Nest, loop: int) -> int | None:
        """Return the loop along which a nest had better have its lanes, if not over the rows.

        What only multiplies the columns of an array by numbers, or adds them up, reads each entry once, as it lies there.
        """
        walks = [access(self._argument(thing), map_, len(nest.extents)) for thing, map_ in _things_at(nest)]
        apart = [walk for walk in walks if walk.strides[loop] not in (0, 1)]
        if not apart or not self.only_folds(nest) or not all(all(walk.strides) for walk in apart):
            return None
        for columns in range(len(nest.extents)):
            if columns != loop and nest.extents[columns] >= _LEAST_COLUMNS:
                if all(walk.strides[columns] in (0, 1) for walk in walks):
                    return columns
        return None

    def _find_packed(self) -> dict[tuple[int, tuple[int, ...] | None], Packed]:
        packed: dict[tuple[int, tuple[int, ...] | None], Packed] = {}
        for nest, loop, vector in zip(self._group.nests, self._group.loops, self.vectors, strict=True):
            for expression in nest.expressions if vector is None else ():
                thing, map_ = expression.value, expression.map
                first = leading(map_, loop) if expression.operation == "load" else None
                if first is None or (type(thing) is Value and thing.number in self._group.axes):  # it is computed here
                    continue
                argument = self._argument_of(thing)
                columns = prod(thing.shape[len(first) + 1 :])
                wanted = len({place[0] for place in map_ if place[0] != FIXED}) > 1 or columns > _DEALT
                fits = argument.element == "double" and _in_c_order(argument.strides or (), thing.shape)
                if wanted and fits and 1 < columns <= _MOST_PACKED:
                    start = sum(i * stride for i, stride in zip(first, argument.strides or (), strict=False))
                    packed.setdefault((key_of(thing), first), Packed(len(packed), argument, start, columns))
        return packed

    def _choose_block(self) -> int:
        """Choose how many rows are in a block: so that they stay in the nearest cache, without a rest if possible."""
        sizes: dict[int, int] = {}
        for nest, loop in zip(self._group.nests, self._group.loops, strict=True):
            for thing, map_ in _things_at(nest):
                if not self.is_kept(thing) and any(place[0] == loop for place in map_):
                    sizes[key_of(thing)] = 8 * prod(thing.shape) // self._group.rows
        taken = 8 * self._columns_kept + sum(sizes.values())
        wanted = max(_LEAST_BLOCK, min(_MOST_BLOCK, _CACHE // max(1, taken)))
        rows = self._group.rows
        if rows <= wanted * 5 // 4:
            return rows
        near = [n for n in range(ALIGNED, 2 * wanted, ALIGNED) if wanted <= 2 * n <= 3 * wanted and rows % n == 0]
        return max(near) if near else wanted - wanted % ALIGNED


def key_of(thing: Any) -> int:
    """Return what tells an array that is read or written from others."""
    return thing.number if type(thing) is Value else -id(thing)


def leading(map_: Map, loop: int) -> tuple[int, ...] | None:
    """Return the fixed indices before the axis of the rows, if all before it are fixed; None if not."""
    axis = row_axis(map_, loop)
    if axis is None or any(place[0] != FIXED for place in map_[:axis]):
        return None
    return tuple(start for _, _, start in map_[:axis])


def _kept_argument(shape: Sequence[int], dtype: Any, axis: int, pitch: int) -> Argument:
    """Return how an array's block is laid out whose rows are this axis: its columns are `pitch` apart."""
    strides, step = [0] * len(shape), pitch
    for i in reversed(range(len(strides))):
        if i == axis:
            strides[i] = 1
        else:
            strides[i] = step
            step *= shape[i]
    return Argument(-1, tuple(strides), ELEMENTS[np.dtype(dtype)])


def _things_at(nest: Nest) -> list[tuple[Any, Map]]:
    """Return all that a nest reads, stores and folds into, and where."""
    loads = [(e.value, e.map) for e in nest.expressions if e.operation == "load"]
    return [*loads, *((t.value, t.map) for t in (*nest.stores, *nest.folds))]


def _in_c_order(strides: Sequence[int], shape: Sequence[int]) -> bool:
    steps = [prod(shape[i + 1 :]) for i in range(len(shape))]
    return len(strides) == len(shape) and all(
        n == 1 or stride == step for stride, step, n in zip(strides, steps, shape, strict=True)
    )
