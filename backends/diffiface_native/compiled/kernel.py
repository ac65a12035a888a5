"""Kernels as LLVM IR: one function for consecutive waves of loop nests.

The function is a Python function object's: `ptr kernel(ptr self, ptr arguments, i64 count)`. Its arguments are the
arrays (and floats) the kernel reads and writes, scratch memory if it needs some, and None, which it returns; shapes and
strides are those it was written for.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import prod
from typing import Any, Protocol

import numpy as np

from diffiface_native.compiled import vector_math
from diffiface_native.compiled.bounds import BoundsText
from diffiface_native.compiled.index_map import Map
from diffiface_native.compiled.lowering import cost_of_operation, double
from diffiface_native.compiled.machine import ACQUIRE, RELEASE
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.nest_text import COMBINED, IDENTITY, NestText
from diffiface_native.compiled.objects import HEADER, FitText, argument, returned
from diffiface_native.compiled.product_text import ProductText, lanes_of_product
from diffiface_native.compiled.rows import Item, RowGroup
from diffiface_native.compiled.rows_text import RowsText
from diffiface_native.compiled.straight import Cell, Rolled
from diffiface_native.compiled.subroutine import Subroutine
from diffiface_native.compiled.walks import Argument, access
from diffiface_native.recorded.graph import Value

_MOST_INLINED = 24
"""How often a vector function is written out where it is called."""
_LONG = 1_000_000
"""From how much work on (about a tenth of a millisecond) Python's lock is released."""


class Step(Protocol):
    """What a function does besides running nests."""

    def added_to(self) -> Sequence[Value]:
        """Return the values that must hold what changes nothing before."""
        ...

    def write(self, kernel: KernelText) -> None: ...


class KernelText:
    """Writes one function: the waves of its nests, one after the other."""

    def __init__(
        self,
        name: str,
        items: Sequence[Item | Step],
        arguments: dict[Any, Argument],
        local: Set[int] = frozenset(),
        filled: set[int] | None = None,
    ):
        """Prepare to write nests, groups of them and other steps, in order.

        `local` are the numbers of the values that only a group reads; what is `filled` another function has filled before.
        """
        self._name = name
        self._nests = [nest for item in items for nest in _nests_of(item)]
        self._filled = set() if filled is None else filled
        self._arguments = arguments
        """By the number of the Value, or the id of a constant array, negated, or what else `argument` is asked for."""
        self.functions: set[tuple[str, int]] = set()
        """The vector functions that are called, by name and number of lanes."""
        self.allocations: list[str] = []
        self.lines: list[str] = []
        self._subroutines: dict[str, str] = {}
        """The parts that are functions of their own: text → name."""
        self._tables: list[str] = []
        self.rolled = {id(nest): Rolled(nest, self._cell) for nest in self._nests if not nest.extents}
        self._items = [
            RowsText(self, item, local, f"g{i}.") if isinstance(item, RowGroup) else item
            for i, item in enumerate(items)
        ]
        self.code = self._count_code(items)
        """How many operations are written (those of a loop twice: what is left over at its end is written again)."""
        self.scratch_size = sum(rolled.scratch for rolled in self.rolled.values())
        self.scratch_size += sum(item.scratch for item in self._items if isinstance(item, RowsText))
        """How many numbers of scratch memory the function needs, in an array that is its last argument but None."""
        self._scratch_used = 0

    def _count_code(self, items: Sequence[Item | Step]) -> int:
        shared: set[Any] = set()
        code = 0
        for item in items:
            for nest in _nests_of(item):
                if id(nest) in self.rolled:
                    code += self.rolled[id(nest)].code
                    continue
                if isinstance(item, RowGroup) or lanes_of_product(self, nest) is not None:
                    if (kind := nest.pattern()) in shared:
                        code += 1  # a call
                        continue
                    shared.add(kind)
                code += 2 * len(nest.expressions)
        return code

    def scratch(self, size: int) -> str:
        """Return the name of a pointer to so many numbers of scratch memory."""
        start, self._scratch_used = self._scratch_used, self._scratch_used + size
        slot = len(self._arguments)
        self.lines.append(f"  %scratch{start} = getelementptr double, ptr %data{slot}, i64 {start}")
        return f"%scratch{start}"

    def text_of_one(self) -> NestText | RowsText:
        """Return what writes the only item, a nest or a group."""
        (item,) = self._items
        if isinstance(item, RowsText):
            return item
        assert isinstance(item, Nest)
        return NestText(self, item, "n.")

    def _text_of(self, nest: Nest, prefix: str) -> NestText | ProductText:
        """Return what writes a nest that is in no group."""
        along = lanes_of_product(self, nest)
        return NestText(self, nest, prefix) if along is None else ProductText(self, nest, prefix, along)

    def table(self, numbers: Sequence[float]) -> str:
        """Return the name of a constant array of these numbers."""
        name = f"@{self._name}.table{len(self._tables)}"
        entries = ", ".join(f"double {double(float(number))}" for number in numbers)
        self._tables.append(f"{name} = private unnamed_addr constant [{len(numbers)} x double] [{entries}]")
        return name

    def _cell(self, thing: Any, map_: Map) -> Cell | None:
        """Return which entry of an array a place without loops is."""
        own = self.argument(thing)
        return None if own.strides is None else Cell(own.slot, own.element, access(own, map_, 0).offset)

    def text(self) -> str:
        for i, item in enumerate(self._items):
            text = self._text_of(item, f"n{i}.") if isinstance(item, Nest) else item
            for value in text.added_to():
                if value.number not in self._filled:
                    self._filled.add(value.number)
                    data = f"%data{self.argument(value).slot}"
                    self.fill(data, prod(value.shape), value.operation, f"fill{value.number}")
            if isinstance(text, (NestText, ProductText, RowsText)):
                text.write()
            else:
                text.write(self)
        without_the_lock, with_it_again = (RELEASE, ACQUIRE) if self.is_long else ([], [])
        return "\n".join([
            *self.parts(),
            *self._tables,
            f"define ptr @{self._name}(ptr %self, ptr %arguments, i64 %count) {{",
            "entry:",
            *self.allocations,
            *self._loaded_arguments(),
            *without_the_lock,
            *self.lines,
            *with_it_again,
            *returned("none"),
            "}",
        ])  # fmt: skip

    def argument(self, thing: Any) -> Argument:
        return self._arguments[_key(thing)]

    def _loaded_arguments(self) -> list[str]:
        arguments = [*self._arguments.values()]
        if self.scratch_size:
            arguments.append(Argument(len(arguments), ()))
        lines = argument("none", len(arguments))
        for one in arguments:
            slot = one.slot
            kind, name = ("double", "number") if one.strides is None else ("ptr", "data")
            lines += [
                *argument(f"object{slot}", slot),
                f"  %field{slot} = getelementptr i8, ptr %object{slot}, i64 {HEADER}",
                f"  %{name}{slot} = load {kind}, ptr %field{slot}",
            ]
        return lines

    @property
    def is_long(self) -> bool:
        """Whether it releases Python's lock."""
        return self.work() >= _LONG

    def work(self) -> float:
        """Return about how many additions of numbers the function does."""
        return sum(
            prod(nest.extents) * sum(cost_of_operation(e.operation) for e in nest.expressions) for nest in self._nests
        )

    def parts(self) -> list[str]:
        """Return the functions that are called by this one only."""
        return [f"define internal void @{name}{text}" for text, name in self._subroutines.items()]

    def call(self, subroutine: Subroutine) -> None:
        """Write the call of a part of this kernel; parts with the same text are one function."""
        name = self._subroutines.setdefault(subroutine.text(), f"{self._name}.part{len(self._subroutines)}")
        self.functions |= subroutine.functions
        self.lines.append(subroutine.call(name))

    def fill(self, data: str, count: int, operation: str, tag: str) -> None:
        """Set so many numbers to what changes nothing in a reduction of this kind."""
        if COMBINED[operation] == "fadd":
            self.lines.append(f"  call void @llvm.memset.p0.i64(ptr {data}, i8 0, i64 {8 * count}, i1 false)")
            return
        self.allocations.append(f"  %{tag}.counter = alloca i64")
        self.lines += [
            f"  store i64 0, ptr %{tag}.counter",
            f"  br label %{tag}",
            f"{tag}:",
            f"  %{tag}.i = load i64, ptr %{tag}.counter",
            f"  %{tag}.at = getelementptr double, ptr {data}, i64 %{tag}.i",
            f"  store double {double(IDENTITY[operation])}, ptr %{tag}.at",
            f"  %{tag}.next = add i64 %{tag}.i, 1",
            f"  store i64 %{tag}.next, ptr %{tag}.counter",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {count}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        ]


def _nests_of(item: Item | Step) -> list[Nest]:
    if isinstance(item, RowGroup):
        return item.nests
    return [item] if isinstance(item, Nest) else []


def _key(thing: Any) -> Any:
    if type(thing) is Value:
        return thing.number
    return -id(thing) if isinstance(thing, np.ndarray) else thing


def module_text(kernels: Sequence[KernelText | BoundsText | FitText]) -> str:
    """Return the IR of several kernels with the functions they call."""
    bodies = "\n".join(kernel.text() for kernel in kernels)
    functions = sorted({(name, width, "double") for kernel in kernels for name, width in kernel.functions})
    text = vector_math.mixed_module(functions)
    for name, width, element in functions:
        called = f"@{vector_math.symbol(name, width, element)}("
        if bodies.count(called) > _MOST_INLINED:
            text = _not_inlined(text, called)
    return f"{text}\n{bodies}"


def _not_inlined(text: str, called: str) -> str:
    """Make calls of a function calls: dozens of copies would take long to compile."""
    return "\n".join(
        line.replace("alwaysinline", "noinline") if line.startswith("define") and called in line else line
        for line in text.split("\n")
    )
