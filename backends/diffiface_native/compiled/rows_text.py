"""A group of nests as LLVM IR: a loop over blocks of rows, in which all of them run for the rows of the block.

What only the group reads is kept for one block, with the rows as the last axis: so the lanes are rows, and every load and
store of them is of neighbours. Arrays whose rows lie apart are *packed* first, that is copied in this layout, where their
entries are read more than once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from math import prod
from typing import Any

import numpy as np

from diffiface_native.compiled.fold_text import FoldText, only_folds
from diffiface_native.compiled.index_map import Map
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.nest_text import Access, Argument, Function, NestText, Part, access
from diffiface_native.compiled.packing import turn
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
_ALIGNED = 8
"""Blocks, and what is kept for them, begin at multiples of so many numbers: a line of the cache."""


def things_at(nest: Nest) -> list[tuple[Any, Map]]:
    """Return all that a nest reads, stores and folds into, and where."""
    loads = [(e.value, e.map) for e in nest.expressions if e.operation == "load"]
    return [*loads, *((t.value, t.map) for t in (*nest.stores, *nest.folds))]


class RowsText:
    """Writes one group."""

    def __init__(self, kernel: Function, group: RowGroup, local: Set[int], prefix: str):
        self._kernel = kernel
        self._group = group
        self._prefix = prefix
        self._local: dict[int, tuple[Value, int]] = {}
        """Number of each value that is kept for one block only → the value, and which of its axes the rows are."""
        targets = [t.value for nest in group.nests for t in (*nest.stores, *nest.folds)]
        read = {value.number for nest in group.nests for value in nest.loaded_values()}
        self._unpacked: list[Value] = []
        """The values that are kept for one block, where they are read, and then copied to their arrays."""
        for value in {value.number: value for value in targets if value.number in group.axes}.values():
            if value.number in local:
                self._local[value.number] = (value, group.axes[value.number])
            elif value.number in read and self._can_be_unpacked(value):
                self._local[value.number] = (value, 0)
                self._unpacked.append(value)
        self._contributions = Counter(value.number for value in targets)
        self._vectors = [
            self._columns_in_lanes(nest, loop) for nest, loop in zip(group.nests, group.loops, strict=True)
        ]
        self._packed = self._find_packed()
        self._elements: dict[int, str] = {}
        """By slot, what an array is of."""
        self.part: Part | None = None
        """The rows to be written, if not all."""
        self.block = self._choose_block()
        self.scratch = self._scratch_size()
        """How many numbers of scratch memory the group needs."""

    # ---- what is kept for a block

    def _columns_in_lanes(self, nest: Nest, loop: int) -> int | None:
        """Return the loop along which a nest had better have its lanes, if not over the rows.

        What only multiplies the columns of an array by numbers, or adds them up, reads each entry once, as it lies there.
        """
        walks = [access(self._argument(thing, 1), map_, len(nest.extents)) for thing, map_ in things_at(nest)]
        folds = walks[len(walks) - len(nest.folds) :]
        apart = [walk for walk in walks if walk.strides[loop] not in (0, 1)]
        if not apart or not only_folds(nest, folds) or not all(all(walk.strides) for walk in apart):
            return None
        for columns in range(len(nest.extents)):
            if columns != loop and nest.extents[columns] >= _LEAST_COLUMNS:
                if all(walk.strides[columns] in (0, 1) for walk in walks):
                    return columns
        return None

    def _can_be_unpacked(self, value: Value) -> bool:
        whole = value.number in self._group.whole and self._group.axes[value.number] == 0
        return whole and value.dtype == np.float64 and 1 < self._columns(value) <= _MOST_PACKED

    def _find_packed(self) -> dict[int, Argument]:
        """Return which arrays are packed: their keys and what is known of them."""
        packed: dict[int, Argument] = {}
        for nest, loop, vector in zip(self._group.nests, self._group.loops, self._vectors, strict=True):
            if vector is not None:
                continue
            for expression in nest.expressions:
                if expression.operation != "load" or self._is_computed_here(expression.value):
                    continue
                argument = self._kernel.argument(expression.value)
                if argument.strides is None or row_axis(expression.map, loop) != 0:
                    continue
                shape = np.shape(expression.value) if type(expression.value) is not Value else expression.value.shape
                entries = prod(shape[1:])
                in_order = _in_c_order(argument.strides, shape)
                wanted = len({place[0] for place in expression.map if place[0] >= 0}) > 1 or entries > _DEALT
                if argument.element == "double" and in_order and wanted and 1 < entries <= _MOST_PACKED:
                    packed[_key(expression.value)] = argument
        return packed

    def _choose_block(self) -> int:
        """Choose how many rows are in a block: so that they stay in the nearest cache, without a rest if possible."""
        sizes: dict[int, int] = {}
        for nest, loop in zip(self._group.nests, self._group.loops, strict=True):
            for thing, map_ in things_at(nest):
                if any(place[0] == loop for place in map_):
                    shape = thing.shape
                    sizes[_key(thing)] = prod(shape) // self._group.rows * 8
        wanted = max(_LEAST_BLOCK, min(_MOST_BLOCK, _CACHE // max(1, sum(sizes.values()))))
        rows = self._group.rows
        if rows <= wanted * 5 // 4:
            return rows
        near = [n for n in range(_ALIGNED, 2 * wanted, _ALIGNED) if wanted <= 2 * n <= 3 * wanted and rows % n == 0]
        return max(near) if near else wanted - wanted % _ALIGNED

    @property
    def _pitch(self) -> int:
        """How far apart two columns are in what is kept for a block."""
        return self.block + -self.block % _ALIGNED

    def _columns(self, value: Value) -> int:
        return prod(value.shape) // self._group.rows

    def _scratch_size(self) -> int:
        kept = sum(self._columns(value) for value, _ in self._local.values())
        packed = sum(argument.strides[0] for argument in self._packed.values() if argument.strides)
        return (kept + packed) * self._pitch + _ALIGNED

    # ---- where things are

    def _is_local(self, thing: Any) -> bool:
        return type(thing) is Value and thing.number in self._local

    def _is_computed_here(self, thing: Any) -> bool:
        return type(thing) is Value and thing.number in self._group.axes

    def _argument(self, thing: Any, pitch: int) -> Argument:
        """Return how a value is laid out; if it is kept for a block, with columns so far apart."""
        if not self._is_local(thing):
            return self._kernel.argument(thing)
        value, axis = self._local[thing.number]
        strides, step = [0] * len(value.shape), pitch
        for i in reversed(range(len(strides))):
            if i == axis:
                strides[i] = 1
            else:
                strides[i] = step
                step *= value.shape[i]
        return Argument(-1, tuple(strides), "i8" if value.dtype == bool else "double")

    def _walk(self, thing: Any, map_: Map, nest: int, bases: dict[tuple[int, int], str], tag: str) -> Access:
        """Return how a nest walks an array within a block."""
        loop, loops = self._group.loops[nest], len(self._group.nests[nest].extents)
        if self._is_local(thing):
            found = access(self._argument(thing, self._pitch), map_, loops)
            found.base = f"%{self._prefix}local{thing.number}"
            return found
        key = _key(thing)
        if key in self._packed and self._vectors[nest] is None and row_axis(map_, loop) == 0:
            shape = thing.shape
            strides = [self._pitch * prod(shape[i + 1 :]) for i in range(len(shape))]
            found = access(Argument(-1, (1, *strides[1:])), map_, loops)
            found.base = f"%{self._prefix}packed{self._packed[key].slot}"
            return found
        found = access(self._kernel.argument(thing), map_, loops)
        stride = found.strides[loop] if found.strides else 0
        if stride:
            slot = found.argument.slot
            found.base = bases.setdefault((slot, stride), f"%{tag}at{slot}by{stride}".replace("-", "m"))
            self._elements[slot] = found.argument.element
        return found

    # ---- the loop over blocks

    def added_to(self) -> list[Value]:
        """Return the values that must hold what changes nothing before the first block."""
        targets = [(nest, target) for nest in self._group.nests for target in nest.folds]
        kept = self._local.keys()
        return [t.value for nest, t in targets if t.value.number not in kept and not self._is_stored(nest)]

    def write(self) -> None:
        self._write_scratch()
        whole, left = self.whole_blocks, self._group.rows - self.whole_blocks
        start, stop = (self.part.start, self.part.stop) if self.part else ("0", str(whole))
        self._write_blocks(f"{self._prefix}t", start, stop, self.block)
        if left:  # the last rows, which go with the last part
            tag = f"{self._prefix}rest"
            self._kernel.lines += [
                f"  %{tag}.here = icmp eq i64 {stop}, {whole}",
                f"  br i1 %{tag}.here, label %{tag}, label %{tag}.done",
                f"{tag}:",
            ]
            self._write_blocks(f"{self._prefix}r", str(whole), str(self._group.rows), left)
            self._kernel.lines += [f"  br label %{tag}.done", f"{tag}.done:"]

    @property
    def whole_blocks(self) -> int:
        """How many rows are in blocks of full size."""
        return self._group.rows - self._group.rows % self.block

    def _write_scratch(self) -> None:
        """Point into the scratch memory: at a line of the cache, so that no load is of two."""
        lines, prefix = self._kernel.lines, self._prefix
        start = self._kernel.scratch(self.scratch)
        lines += [
            f"  %{prefix}near = getelementptr i8, ptr {start}, i64 {8 * _ALIGNED - 1}",
            f"  %{prefix}scratch = call ptr @llvm.ptrmask.p0.i64(ptr %{prefix}near, i64 {-8 * _ALIGNED})",
        ]
        used = 0
        for number, (value, _) in self._local.items():
            lines.append(f"  %{prefix}local{number} = getelementptr double, ptr %{prefix}scratch, i64 {used}")
            used += self._columns(value) * self._pitch
        for argument in self._packed.values():
            lines.append(f"  %{prefix}packed{argument.slot} = getelementptr double, ptr %{prefix}scratch, i64 {used}")
            used += (argument.strides or (0,))[0] * self._pitch

    def _write_blocks(self, tag: str, start: str, stop: str, rows: int) -> None:
        kernel, bases = self._kernel, {}
        texts = [self._text(i, rows, bases, f"{tag}{i}.") for i in range(len(self._group.nests))]
        for argument in self._packed.values():
            stride = (argument.strides or (0,))[0]
            bases.setdefault((argument.slot, stride), f"%{tag}at{argument.slot}by{stride}")
            self._elements[argument.slot] = "double"
        for value in self._unpacked:
            slot = kernel.argument(value).slot
            bases.setdefault((slot, self._columns(value)), f"%{tag}at{slot}by{self._columns(value)}")
            self._elements[slot] = "double"
        kernel.allocations.append(f"  %{tag}.counter = alloca i64")
        kernel.lines += [
            f"  store i64 {start}, ptr %{tag}.counter",
            f"  br label %{tag}",
            f"{tag}:",
            f"  %{tag}.row = load i64, ptr %{tag}.counter",
        ]
        for (slot, stride), name in bases.items():
            kernel.lines += [
                f"  {name}.by = mul nsw i64 %{tag}.row, {stride}",
                f"  {name} = getelementptr {self._elements[slot]}, ptr %data{slot}, i64 {name}.by",
            ]
        for argument in self._packed.values():
            stride = (argument.strides or (0,))[0]
            source = bases[argument.slot, stride]
            packed = f"%{self._prefix}packed{argument.slot}"
            turn(kernel, (source, stride), (packed, self._pitch), (rows, stride), f"{tag}p{argument.slot}")
        filled: set[int] = set()
        for nest, text in zip(self._group.nests, texts, strict=True):
            for target in nest.folds:
                number = target.value.number
                if number in self._local and number not in filled and not self._is_stored(nest):
                    filled.add(number)
                    count = self._columns(target.value) * self._pitch
                    kernel.fill(f"%{self._prefix}local{number}", count, target.value.operation, f"{tag}fill{number}")
            text.write()
        for value in self._unpacked:
            columns, slot = self._columns(value), kernel.argument(value).slot
            source, target = f"%{self._prefix}local{value.number}", bases[slot, columns]
            turn(kernel, (source, self._pitch), (target, columns), (columns, rows), f"{tag}u{slot}")
        kernel.lines += [
            f"  %{tag}.next = add nuw nsw i64 %{tag}.row, {rows}",
            f"  store i64 %{tag}.next, ptr %{tag}.counter",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {stop}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        ]

    def _text(self, i: int, rows: int, bases: dict[tuple[int, int], str], tag: str) -> NestText | FoldText:
        nest, loop = self._group.nests[i], self._group.loops[i]
        extents = [rows if n == loop else length for n, length in enumerate(nest.extents)]

        def walk(thing: Any, map_: Map) -> Access:
            return self._walk(thing, map_, i, bases, tag[:-1].rstrip("0123456789"))

        def rows_last(thing: Any, map_: Map) -> Access:
            found = walk(thing, map_)
            found.strides.append(found.strides.pop(loop))
            return found

        if self._only_folds(nest):
            vector = loop if self._vectors[i] is None else self._vectors[i]
            assert vector is not None
            return FoldText(self._kernel, nest, tag, extents, walk, vector, self._is_stored(nest))
        return NestText(self._kernel, nest, tag, [*extents[:loop], *extents[loop + 1 :], rows], rows_last)

    def _is_stored(self, nest: Nest) -> bool:
        """Say whether a nest computes each of its results as a whole, within one block: then it stores them."""
        if not self._only_folds(nest):
            return False
        numbers = {target.value.number for target in nest.folds}
        once = all(self._contributions[number] == 1 for number in numbers)
        return once and numbers <= self._group.whole and numbers <= self._group.axes.keys()

    def _only_folds(self, nest: Nest) -> bool:
        walks = [access(self._argument(t.value, 1), t.map, len(nest.extents)) for t in nest.folds]
        return only_folds(nest, walks)


def _key(thing: Any) -> int:
    return thing.number if type(thing) is Value else -id(thing)


def _in_c_order(strides: Sequence[int], shape: Sequence[int]) -> bool:
    steps = [prod(shape[i + 1 :]) for i in range(len(shape))]
    return all(n == 1 or stride == step for stride, step, n in zip(strides, steps, shape, strict=True))
