"""A group of nests as LLVM IR: a loop over blocks of rows, in which all of them run for the rows of the block."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from diffiface_native.compiled.fold_text import FoldText
from diffiface_native.compiled.index_map import Map
from diffiface_native.compiled.nest_text import Function, NestText, Part
from diffiface_native.compiled.packing import turn
from diffiface_native.compiled.rows import RowGroup
from diffiface_native.compiled.rows_layout import ALIGNED, Packed, RowsLayout
from diffiface_native.compiled.subroutine import Caller, Subroutine
from diffiface_native.compiled.walks import Access, Argument, access
from diffiface_native.recorded.graph import Value


class RowsText:
    """Writes one group."""

    def __init__(self, kernel: Caller, group: RowGroup, only_here: Set[int], prefix: str):
        self._kernel = kernel
        self._group = group
        self._prefix = prefix
        self._layout = RowsLayout(group, kernel.argument, only_here)
        self.scratch = self._layout.size + ALIGNED
        """How many numbers of scratch memory the group needs."""
        self.part: Part | None = None
        """The rows to be written, if not all."""

    @property
    def block(self) -> int:
        """How many rows are in a block."""
        return self._layout.block

    @property
    def whole_blocks(self) -> int:
        """How many rows are in blocks of full size."""
        return self._group.rows - self._group.rows % self.block

    def added_to(self) -> list[Value]:
        """Return the values that must hold what changes nothing before the first block."""
        targets = [(nest, target.value) for nest in self._group.nests for target in nest.folds]
        kept, is_stored = self._layout.kept, self._layout.is_stored
        return [value for nest, value in targets if value.number not in kept and not is_stored(nest)]

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

    def _kept(self, number: int) -> str:
        return f"%{self._prefix}kept{number}"

    def _packed(self, packed: Packed) -> str:
        return f"%{self._prefix}packed{packed.number}"

    def _write_scratch(self) -> None:
        """Point into the scratch memory: at a line of the cache, so that no load is of two."""
        lines, prefix, layout = self._kernel.lines, self._prefix, self._layout
        start = self._kernel.scratch(self.scratch)
        lines += [
            f"  %{prefix}near = getelementptr i8, ptr {start}, i64 {8 * ALIGNED - 1}",
            f"  %{prefix}scratch = call ptr @llvm.ptrmask.p0.i64(ptr %{prefix}near, i64 {-8 * ALIGNED})",
        ]
        for thing, column in layout.places.items():
            name = self._packed(thing) if isinstance(thing, Packed) else self._kept(thing)
            lines.append(f"  {name} = getelementptr double, ptr %{prefix}scratch, i64 {column * layout.pitch}")

    def _write_blocks(self, tag: str, start: str, stop: str, rows: int) -> None:
        """Write the loop over blocks of so many rows."""
        kernel, layout = self._kernel, self._layout
        kernel.allocations.append(f"  %{tag}.counter = alloca i64")
        kernel.lines += [
            f"  store i64 {start}, ptr %{tag}.counter",
            f"  br label %{tag}",
            f"{tag}:",
            f"  %{tag}.row = load i64, ptr %{tag}.counter",
        ]
        block = _Block(kernel, tag)
        for packed in layout.packed.values():
            source = (block.base(packed.argument, packed.columns, packed.start), packed.columns)
            self._turn(source, (self._packed(packed), layout.pitch), (rows, packed.columns))
        filled: set[int] = set()
        for i, nest in enumerate(self._group.nests):
            for target in nest.folds:
                number = target.value.number
                if number in layout.kept and number not in filled and not layout.is_stored(nest):
                    filled.add(number)
                    count = layout.columns(target.value) * layout.pitch
                    kernel.fill(self._kept(number), count, target.value.operation, f"{tag}fill{number}")
            self._write_nest(i, rows, block)
        for value in layout.unpacked:
            columns = layout.columns(value)
            target = (block.base(kernel.argument(value), columns, 0), columns)
            self._turn((self._kept(value.number), layout.pitch), target, (columns, rows))
        kernel.lines += [
            f"  %{tag}.next = add nuw nsw i64 %{tag}.row, {rows}",
            f"  store i64 %{tag}.next, ptr %{tag}.counter",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {stop}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        ]

    def _turn(self, source: tuple[str, int], target: tuple[str, int], shape: tuple[int, int]) -> None:
        own = Subroutine()
        places = (own.pointer(source[0]), source[1]), (own.pointer(target[0]), target[1])
        turn(own, *places, shape, "t")
        self._kernel.call(own)

    def _write_nest(self, i: int, rows: int, block: _Block) -> None:
        """Write what one nest does for a block, as a function of its own, and the call."""
        nest, loop, own, layout = self._group.nests[i], self._group.loops[i], Subroutine(), self._layout
        extents = [rows if n == loop else length for n, length in enumerate(nest.extents)]

        def walk(thing: Any, map_: Map) -> Access:
            return self._walk(thing, map_, i, own, block)

        def rows_last(thing: Any, map_: Map) -> Access:
            found = walk(thing, map_)
            found.strides.append(found.strides.pop(loop))
            return found

        if layout.only_folds(nest):
            along = layout.vectors[i]
            FoldText(own, nest, "n", extents, walk, loop if along is None else along, layout.is_stored(nest)).write()
        else:
            NestText(own, nest, "n", [*extents[:loop], *extents[loop + 1 :], rows], rows_last).write()
        self._kernel.call(own)

    def _walk(self, thing: Any, map_: Map, i: int, own: Subroutine, block: _Block) -> Access:
        """Return how a nest walks an array within a block."""
        loop, loops, layout = self._group.loops[i], len(self._group.nests[i].extents), self._layout
        if layout.is_kept(thing):
            found = layout.walk_kept(thing, map_, loops, self._group.axes[thing.number])
            found.base = own.pointer(self._kept(thing.number))
        elif (packed := layout.packed_at(thing, map_, i)) is not None:
            found = layout.walk_packed(thing, map_, loops)
            found.base = own.pointer(self._packed(packed))
        else:
            argument = self._kernel.argument(thing)
            if argument.strides is None:
                return access(own.number(argument), map_, loops)
            found = access(argument, map_, loops)
            # Columns of one row stay apart by their offsets; what else is fixed is in the pointer, so that nests that
            # differ in it are one function.
            start = found.offset - found.offset % max(1, abs(found.strides[loop]))
            found.offset -= start
            found.base = own.pointer(block.base(argument, found.strides[loop], start))
        return found


class _Block:
    """Where the arrays' first elements in a block of rows are."""

    def __init__(self, kernel: Function, tag: str):
        self._kernel = kernel
        self._tag = tag
        self._known: dict[tuple[int, int, int], str] = {}

    def base(self, argument: Argument, stride: int, start: int) -> str:
        """Return a pointer into an array whose rows are so far apart, and of which the first is there."""
        data, element = f"%data{argument.slot}", argument.element
        if not stride and not start:
            return data
        key = argument.slot, stride, start
        if key not in self._known:
            name = self._known[key] = f"%{self._tag}{len(self._known)}"
            self._kernel.lines += [
                f"  {name}.by = mul nsw i64 %{self._tag}.row, {stride}",
                f"  {name}.first = getelementptr {element}, ptr {data}, i64 {start}",
                f"  {name} = getelementptr {element}, ptr {name}.first, i64 {name}.by",
            ]
        return self._known[key]
