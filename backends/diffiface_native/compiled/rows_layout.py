"""Where the arrays of a group of rows are while it runs: what is kept for one block of rows, and how many rows that is.

What only the group reads is kept for one block, with the rows as the last axis: so the lanes are rows, and every load and
store of them is of neighbours. Arrays whose rows lie apart are *packed* first, that is copied in this layout, where their
entries are read more than once. Results that the group reads again are kept so too, and *unpacked* when a block is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set
from math import prod
from typing import Any

import numpy as np

from diffiface_native.compiled.fold_text import only_folds
from diffiface_native.compiled.index_map import Map
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.nest_text import Access, Argument, access
from diffiface_native.compiled.rows import RowGroup, row_axis
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
        """By key, the arrays that are packed."""
        self.block = self._choose_block()
        """How many rows are in a block."""
        self.pitch = self.block + -self.block % ALIGNED
        """How far apart two columns are in what is kept for a block."""

    def columns(self, value: Value) -> int:
        return prod(value.shape) // self._group.rows

    @property
    def size(self) -> int:
        """How many numbers are kept for a block."""
        packed = (argument.strides[0] for argument in self.packed.values() if argument.strides)
        return (sum(map(self.columns, self.kept.values())) + sum(packed)) * self.pitch

    # ---- how nests walk the arrays

    def is_kept(self, thing: Any) -> bool:
        return type(thing) is Value and thing.number in self.kept

    def is_packed(self, thing: Any, map_: Map, nest: int) -> bool:
        """Say whether a nest reads the packed copy of an array."""
        follows = row_axis(map_, self._group.loops[nest]) == 0
        return key_of(thing) in self.packed and self.vectors[nest] is None and follows

    def walk_kept(self, thing: Any, map_: Map, loops: int, axis: int) -> Access:
        """Return how a map walks what is kept for a block of an array whose rows are this axis."""
        return access(_kept_argument(thing, axis, self.pitch), map_, loops)

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
            return _kept_argument(thing, self._group.axes[thing.number], 2)
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

    def _find_packed(self) -> dict[int, Argument]:
        packed: dict[int, Argument] = {}
        for nest, loop, vector in zip(self._group.nests, self._group.loops, self.vectors, strict=True):
            if vector is not None:
                continue
            for expression in nest.expressions:
                if expression.operation != "load" or row_axis(expression.map, loop) != 0:
                    continue
                thing = expression.value
                if type(thing) is Value and thing.number in self._group.axes:
                    continue  # it is computed here
                argument = self._argument_of(thing)
                entries = prod(thing.shape[1:])
                wanted = len({place[0] for place in expression.map if place[0] >= 0}) > 1 or entries > _DEALT
                fits = argument.element == "double" and _in_c_order(argument.strides or (), thing.shape)
                if wanted and fits and 1 < entries <= _MOST_PACKED:
                    packed[key_of(thing)] = argument
        return packed

    def _choose_block(self) -> int:
        """Choose how many rows are in a block: so that they stay in the nearest cache, without a rest if possible."""
        sizes: dict[int, int] = {}
        for nest, loop in zip(self._group.nests, self._group.loops, strict=True):
            for thing, map_ in _things_at(nest):
                if any(place[0] == loop for place in map_):
                    sizes[key_of(thing)] = prod(thing.shape) // self._group.rows * 8
        wanted = max(_LEAST_BLOCK, min(_MOST_BLOCK, _CACHE // max(1, sum(sizes.values()))))
        rows = self._group.rows
        if rows <= wanted * 5 // 4:
            return rows
        near = [n for n in range(ALIGNED, 2 * wanted, ALIGNED) if wanted <= 2 * n <= 3 * wanted and rows % n == 0]
        return max(near) if near else wanted - wanted % ALIGNED


def key_of(thing: Any) -> int:
    """Return what tells an array that is read or written from others."""
    return thing.number if type(thing) is Value else -id(thing)


def _kept_argument(thing: Any, axis: int, pitch: int) -> Argument:
    """Return how an array's block is laid out whose rows are this axis: its columns are `pitch` apart."""
    strides, step = [0] * len(thing.shape), pitch
    for i in reversed(range(len(strides))):
        if i == axis:
            strides[i] = 1
        else:
            strides[i] = step
            step *= thing.shape[i]
    return Argument(-1, tuple(strides), "i8" if thing.dtype == bool else "double")


def _things_at(nest: Nest) -> list[tuple[Any, Map]]:
    """Return all that a nest reads, stores and folds into, and where."""
    loads = [(e.value, e.map) for e in nest.expressions if e.operation == "load"]
    return [*loads, *((t.value, t.map) for t in (*nest.stores, *nest.folds))]


def _in_c_order(strides: Sequence[int], shape: Sequence[int]) -> bool:
    steps = [prod(shape[i + 1 :]) for i in range(len(shape))]
    return len(strides) == len(shape) and all(
        n == 1 or stride == step for stride, step, n in zip(strides, steps, shape, strict=True)
    )
