"""Long nests in chunks, so that threads can share them (`sharing`).

A chunk is a stretch of one loop. How long it is depends on the work alone, never on how many threads there are; what
chunks add to the same number is kept apart and added up in their order. So a result is the same to the last bit in one
thread or many, whichever of them computed what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from diffiface_native.compiled.kernel import KernelText, Step
from diffiface_native.compiled.machine import ACQUIRE, RELEASE
from diffiface_native.compiled.nest_text import COMBINED, NestText, Part
from diffiface_native.compiled.objects import returned
from diffiface_native.compiled.rows import Item, RowGroup
from diffiface_native.compiled.rows_text import RowsText
from diffiface_native.compiled.walks import Argument
from diffiface_native.recorded.graph import Value

_WORTH_SPLITTING = 8_000_000
"""From how much work on (in additions of numbers: 0.2 ms or more) a nest is split."""
_CHUNK = 1_000_000
"""How much work a chunk is, about."""
_LEAST_CHUNKS, _MOST_CHUNKS = 4, 32
"""Into how many chunks it falls: fewer would leave some threads with nothing at the end."""
_LANES = 64
"""Of what length in passes chunks of the innermost loop are multiples."""
_MOST_PARTIAL = 1 << 16
"""How many numbers the partial results of all chunks may be together."""
_APART = 16
"""Partial results of different chunks are so many numbers apart, or a multiple, so that no two share a line of the cache."""


@dataclass(eq=False)
class Split:
    """How one nest, or one group of nests, is split."""

    item: Item
    loop: int
    """Which loop of those that its text has; of a group, that over the rows."""
    length: int
    """How many passes that loop makes."""
    step: int
    """How many of them are a chunk."""
    partial: list[Value]
    """The reductions to which several chunks contribute."""
    whole: list[Value]
    """Those of which each entry is computed by one chunk."""

    @property
    def chunks(self) -> int:
        return -(-self.length // self.step)

    @property
    def offsets(self) -> dict[int, int]:
        """Number of each partial value → where in a chunk's partial results it is."""
        found, offset = {}, 0
        for value in self.partial:
            found[value.number] = offset
            offset += prod(value.shape)
        return found

    @property
    def size(self) -> int:
        """How many numbers are kept for each chunk."""
        count = sum(prod(value.shape) for value in self.partial)
        return -(-count // _APART) * _APART


Piece = Split | list[Item | Step]


def in_pieces(items: Sequence[Item], arguments: dict[Any, Argument], local: Set[int] = frozenset()) -> list[Piece]:
    """Return what a kernel's functions do, one after the other: what is long by itself, the rest in between."""
    serial: list[Item | Step] = []
    pieces: list[Piece] = [serial]
    for item in items:
        kernel = KernelText("", [item], arguments, local)
        split = split_of(item, kernel.text_of_one(), kernel.work())
        if split is None:
            serial.append(item)
            continue
        serial.append(Fill(split.whole))
        serial = [Combine(split)] if split.partial else []
        pieces += [split, serial]
    return [piece for piece in pieces if not isinstance(piece, list) or any(not _is_idle(step) for step in piece)]


def split_of(item: Item, text: NestText | RowsText, work: float) -> Split | None:
    """Say how to split what does so much work; None if it is too short, or cannot be."""
    if work < _WORTH_SPLITTING or _last_one_stays(item):
        return None
    wanted = min(_MOST_CHUNKS, int(work) // _CHUNK)
    for split in _ways(item, text, wanted):
        if split.chunks >= _LEAST_CHUNKS and split.size * split.chunks <= _MOST_PARTIAL:
            return split
    return None


def _last_one_stays(item: Item) -> bool:
    """Say whether an item writes where indices say, so that the order of its passes matters."""
    nests = item.nests if isinstance(item, RowGroup) else [item]
    return any(target.value.operation == "setitem" for nest in nests for target in nest.folds)


def _ways(item: Item, text: NestText | RowsText, wanted: int) -> Iterator[Split]:
    if isinstance(item, RowGroup):
        assert isinstance(text, RowsText)
        added = {value.number: value for value in text.added_to()}
        partial = [value for value in added.values() if value.number not in item.axes]
        whole = [value for value in added.values() if value.number in item.axes]
        yield Split(item, 0, text.whole_blocks, _step(text.whole_blocks, wanted, text.block), partial, whole)
        return
    assert isinstance(text, NestText)
    times_folded = Counter(target.value.number for target in item.folds)
    for loop, length in enumerate(text.lengths):
        partial, whole = {}, {}
        for target, strides in zip(item.folds, text.fold_strides(), strict=True):
            apart = strides[loop] != 0 and times_folded[target.value.number] == 1
            (whole if apart else partial)[target.value.number] = target.value
        step = _step(length, wanted, _LANES if loop == len(text.lengths) - 1 else 1)
        yield Split(item, loop, length, step, list(partial.values()), list(whole.values()))


def _step(length: int, chunks: int, unit: int) -> int:
    """Return how long about so many chunks are, in whole units."""
    return -(-length // (chunks * unit)) * unit


def _is_idle(step: Item | Step) -> bool:
    return isinstance(step, Fill) and not step.values


class Fill:
    """Lets reductions be set to what changes nothing, before the chunks of a split nest are folded into them."""

    def __init__(self, values: Sequence[Value]):
        self.values = values

    def added_to(self) -> Sequence[Value]:
        return self.values

    def write(self, kernel: KernelText) -> None:
        pass


class Combine:
    """Adds up the partial results of all chunks, in their order."""

    def __init__(self, split: Split):
        self._split = split

    def added_to(self) -> Sequence[Value]:
        return self._split.partial

    def write(self, kernel: KernelText) -> None:
        split = self._split
        source = f"%data{kernel.argument(split).slot}"
        for value in split.partial:
            tag, offset = f"combine{value.number}", split.offsets[value.number]
            target = f"%data{kernel.argument(value).slot}"
            combined = COMBINED[value.operation]
            kind = "fadd double" if combined == "fadd" else f"call double @llvm.{combined}.f64(double"
            joined = f"{kind} %{tag}.before, " + ("%{0}.part" if combined == "fadd" else "double %{0}.part)").format(
                tag
            )
            kernel.allocations += [f"  %{tag}.chunk = alloca i64", f"  %{tag}.entry = alloca i64"]
            kernel.lines += [
                f"  store i64 0, ptr %{tag}.chunk",
                f"  br label %{tag}",
                f"{tag}:",
                f"  %{tag}.c = load i64, ptr %{tag}.chunk",
                f"  %{tag}.by = mul nuw nsw i64 %{tag}.c, {split.size}",
                f"  %{tag}.from = getelementptr double, ptr {source}, i64 %{tag}.by",
                f"  %{tag}.parts = getelementptr double, ptr %{tag}.from, i64 {offset}",
                f"  store i64 0, ptr %{tag}.entry",
                f"  br label %{tag}.each",
                f"{tag}.each:",
                f"  %{tag}.e = load i64, ptr %{tag}.entry",
                f"  %{tag}.part.at = getelementptr double, ptr %{tag}.parts, i64 %{tag}.e",
                f"  %{tag}.part = load double, ptr %{tag}.part.at",
                f"  %{tag}.at = getelementptr double, ptr {target}, i64 %{tag}.e",
                f"  %{tag}.before = load double, ptr %{tag}.at",
                f"  %{tag}.after = {joined}",
                f"  store double %{tag}.after, ptr %{tag}.at",
                f"  %{tag}.e.next = add nuw nsw i64 %{tag}.e, 1",
                f"  store i64 %{tag}.e.next, ptr %{tag}.entry",
                f"  %{tag}.e.more = icmp slt i64 %{tag}.e.next, {prod(value.shape)}",
                f"  br i1 %{tag}.e.more, label %{tag}.each, label %{tag}.summed",
                f"{tag}.summed:",
                f"  %{tag}.c.next = add nuw nsw i64 %{tag}.c, 1",
                f"  store i64 %{tag}.c.next, ptr %{tag}.chunk",
                f"  %{tag}.c.more = icmp slt i64 %{tag}.c.next, {split.chunks}",
                f"  br i1 %{tag}.c.more, label %{tag}, label %{tag}.done",
                f"{tag}.done:",
            ]


COUNTER = "counter"
"""The key of the argument that counts: the chunks that were taken, and the threads that came to take some."""
_OF_CHUNK = 1_000_000
"""Added to the slot of a reduction: where its partial results are found."""


class SplitText(KernelText):
    """Writes the function of what is split: it takes chunk after chunk until none is left."""

    def __init__(self, name: str, split: Split, arguments: dict[Any, Argument], local: Set[int] = frozenset()):
        self._split = split
        self._offsets = split.offsets
        super().__init__(name, [split.item], arguments, local)

    @property
    def is_long(self) -> bool:
        return True

    def argument(self, thing: Any) -> Argument:
        found = super().argument(thing)
        if type(thing) is Value and thing.number in self._offsets:
            return replace(found, slot=found.slot + _OF_CHUNK)
        return found

    def scratch(self, size: int) -> str:
        """Return the name of a pointer to so many numbers of the thread's own scratch memory."""
        everyones = super().scratch(size)
        self.lines.append(f"  {everyones}.mine = getelementptr double, ptr {everyones}, i64 %worker.by")
        return f"{everyones}.mine"

    def text(self) -> str:
        split, counter = self._split, f"%data{self.argument(COUNTER).slot}"
        self.lines += [
            f"  %workers = getelementptr i64, ptr {counter}, i64 1",
            "  %worker = atomicrmw add ptr %workers, i64 1 monotonic",
            f"  %worker.by = mul nuw nsw i64 %worker, {self.scratch_size}",
            "  br label %next.chunk",
            "next.chunk:",
            f"  %chunk = atomicrmw add ptr {counter}, i64 1 monotonic",
            f"  %some.left = icmp slt i64 %chunk, {split.chunks}",
            "  br i1 %some.left, label %one.chunk, label %no.chunk",
            "one.chunk:",
            f"  %part.start = mul nuw nsw i64 %chunk, {split.step}",
            f"  %part.end = add nuw nsw i64 %part.start, {split.step}",
            f"  %part.stop = call i64 @llvm.smin.i64(i64 %part.end, i64 {split.length})",
        ]
        if split.partial:
            self._write_partial()
        text = self.text_of_one()
        text.part = Part(split.loop, "%part.start", "%part.stop")
        text.write()
        return "\n".join([
            *self.parts(),
            f"define ptr @{self._name}(ptr %self, ptr %arguments, i64 %count) {{",
            "entry:",
            *self.allocations,
            *self._loaded_arguments(),
            *RELEASE,
            *self.lines,
            "  br label %next.chunk",
            "no.chunk:",
            *ACQUIRE,
            *returned("none"),
            "}",
        ])  # fmt: skip

    def _write_partial(self) -> None:
        """Point at the chunk's partial results, and set them to what changes nothing."""
        split = self._split
        self.lines += [
            f"  %partial.by = mul nuw nsw i64 %chunk, {split.size}",
            f"  %partial = getelementptr double, ptr %data{self.argument(split).slot}, i64 %partial.by",
        ]
        for value in split.partial:
            pointer, offset = f"%data{self.argument(value).slot}", self._offsets[value.number]
            self.lines.append(f"  {pointer} = getelementptr double, ptr %partial, i64 {offset}")
            self.fill(pointer, prod(value.shape), value.operation, f"fill{value.number}")
