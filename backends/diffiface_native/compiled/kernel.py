"""The loop nest of one kernel as LLVM IR: vector lanes along the innermost axis, sums in registers.

The function is a Python function object's: `ptr kernel(ptr self, ptr arguments, i64 count)`. Its arguments are the
arrays (and floats) the kernel reads, then the arrays it writes; shapes and strides are those it was written for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface_native.compiled import vector_math
from diffiface_native.compiled.fusion import Kernel
from diffiface_native.compiled.lowering import Lanes, double, lower
from diffiface_native.recorded.graph import Value

WIDTH = 8
"""Lanes per step: two AVX2 registers, so that latencies overlap."""

_HEADER = object.__basicsize__
"""Where an array's data pointer, and a float's value, stand in the object."""


@dataclass
class Access:
    """How one array is walked along the axes of the domain, in elements."""

    argument: int
    """Its place among the function's arguments."""
    strides: list[int]
    element: str
    """"double", or "i8" for booleans."""


@dataclass
class Nest:
    """A kernel's loops after axes that all arrays walk as one have been joined."""

    shape: list[int]
    accesses: dict[int, Access] = field(default_factory=dict)
    """By the number of the value that is loaded or stored (constants have negative numbers)."""
    scalars: dict[int, int] = field(default_factory=dict)
    """Value number → argument, for Python floats."""


def strides_over(domain: Sequence[int], array: np.ndarray) -> list[int]:
    """Return the strides, in elements, of an array broadcast to a domain."""
    missing = len(domain) - array.ndim
    own = [0 if n == 1 else s // array.itemsize for n, s in zip(array.shape, array.strides, strict=True)]
    return [0] * missing + own


def join_axes(nest: Nest) -> None:
    """Drop axes of length one and merge neighbours that every array walks with one stride."""
    keep = [i for i, n in enumerate(nest.shape) if n != 1] or [len(nest.shape) - 1]
    nest.shape = [nest.shape[i] for i in keep]
    for access in nest.accesses.values():
        access.strides = [access.strides[i] for i in keep]
    axis = len(nest.shape) - 2
    while axis >= 0:
        inner = nest.shape[axis + 1]
        if all(a.strides[axis] == a.strides[axis + 1] * inner for a in nest.accesses.values()):
            nest.shape[axis : axis + 2] = [nest.shape[axis] * inner]
            for a in nest.accesses.values():
                del a.strides[axis]
        axis -= 1


class KernelText:
    """Writes one kernel."""

    def __init__(self, name: str, kernel: Kernel, nest: Nest, constants: dict[int, int], none: int, incref: int):
        self._name = name
        self._kernel = kernel
        self._nest = nest
        self._constants = constants
        """id of a constant array → its number among the accesses."""
        self._none, self._incref = none, incref
        self._lines: list[str] = []
        self.functions: dict[int, set[str]] = {1: set(), WIDTH: set()}
        self._sums = [v for v in kernel.members if v.operation == "sum"]
        inner = [a.strides[-1] for a in nest.accesses.values()]
        self._width = WIDTH if nest.shape[-1] >= WIDTH and all(s in (0, 1) for s in inner) else 1

    def text(self) -> str:
        nest, lines = self._nest, self._lines
        lines.append(f"define ptr @{self._name}(ptr %self, ptr %arguments, i64 %count) {{")
        lines.append("entry:")
        self._load_arguments()
        for value in self._sums:
            self._clear(value)
        self._open_loops(len(nest.shape) - 1)
        self._inner_loop()
        self._close_loops(len(nest.shape) - 1)
        lines.append(f"  %none = inttoptr i64 {self._none} to ptr")
        lines.append(f"  %incref = inttoptr i64 {self._incref} to ptr")
        lines.append("  call void %incref(ptr %none)")
        lines.append("  ret ptr %none")
        lines.append("}")
        return "\n".join(lines)

    # ---- arguments

    def _load_arguments(self) -> None:
        used = {a.argument for a in self._nest.accesses.values()}
        for argument in sorted(used | set(self._nest.scalars.values())):
            self._lines += [
                f"  %slot{argument} = getelementptr ptr, ptr %arguments, i64 {argument}",
                f"  %object{argument} = load ptr, ptr %slot{argument}",
                f"  %field{argument} = getelementptr i8, ptr %object{argument}, i64 {_HEADER}",
            ]
            kind = "ptr" if argument in used else "double"
            prefix = "data" if argument in used else "number"
            self._lines.append(f"  %{prefix}{argument} = load {kind}, ptr %field{argument}")

    # ---- sums

    def _inner_is_summed(self, value: Value) -> bool:
        return self._nest.accesses[value.number].strides[-1] == 0

    def _clear(self, value: Value) -> None:
        """Set a sum to zero, and make room for its partial sums."""
        bytes_ = int(np.prod(value.shape, dtype=np.int64)) * 8
        data = f"%data{self._nest.accesses[value.number].argument}"
        self._lines.append(f"  call void @llvm.memset.p0.i64(ptr {data}, i8 0, i64 {bytes_}, i1 false)")
        if self._inner_is_summed(value):
            for width in {1, self._width}:
                kind = "double" if width == 1 else f"<{width} x double>"
                self._lines.append(f"  %sum{value.number}w{width} = alloca {kind}")

    # ---- loops

    def _open_loops(self, count: int) -> None:
        for axis in range(count):
            self._lines += [
                f"  %counter{axis} = alloca i64",
                f"  store i64 0, ptr %counter{axis}",
                f"  br label %loop{axis}",
                f"loop{axis}:",
                f"  %i{axis} = load i64, ptr %counter{axis}",
            ]

    def _close_loops(self, count: int) -> None:
        for axis in reversed(range(count)):
            self._lines += [
                f"  %next{axis} = add i64 %i{axis}, 1",
                f"  store i64 %next{axis}, ptr %counter{axis}",
                f"  %more{axis} = icmp slt i64 %next{axis}, {self._nest.shape[axis]}",
                f"  br i1 %more{axis}, label %loop{axis}, label %done{axis}",
                f"done{axis}:",
            ]

    def _inner_loop(self) -> None:
        length = self._nest.shape[-1]
        self._row_pointers()
        summed = [v for v in self._sums if self._inner_is_summed(v)]
        for value in summed:
            for width in {1, self._width}:
                kind = "double" if width == 1 else f"<{width} x double>"
                zero = "0.0" if width == 1 else "zeroinitializer"
                self._lines.append(f"  store {kind} {zero}, ptr %sum{value.number}w{width}")
        main = length - length % self._width
        self._one_loop("main", self._width, 0, main)
        if main < length:
            self._one_loop("rest", 1, main, length)
        for value in summed:
            self._add_up(value, main < length)

    def _row_pointers(self) -> None:
        """Point at the start of the innermost axis in every array."""
        for number, access in self._nest.accesses.items():
            terms = [(axis, s) for axis, s in enumerate(access.strides[:-1]) if s]
            pointer = f"%data{access.argument}"
            for axis, stride in terms:
                tag = f"{self._tag(number)}a{axis}"
                self._lines += [
                    f"  %step{tag} = mul nsw i64 %i{axis}, {stride}",
                    f"  %row{tag} = getelementptr {access.element}, ptr {pointer}, i64 %step{tag}",
                ]
                pointer = f"%row{tag}"
            self._lines.append(f"  %row{self._tag(number)} = getelementptr i8, ptr {pointer}, i64 0")

    @staticmethod
    def _tag(number: int) -> str:
        return f"c{-number}" if number < 0 else str(number)

    def _one_loop(self, label: str, width: int, start: int, stop: int) -> None:
        lanes = Lanes(width, f"{label}.")
        self._lines += [
            f"  %{label}.counter = alloca i64",
            f"  store i64 {start}, ptr %{label}.counter",
            f"  br label %{label}",
            f"{label}:",
            f"  %{label}.j = load i64, ptr %{label}.counter",
        ]
        self._body(lanes, label)
        self._lines += lanes.lines
        self._lines += [
            f"  %{label}.next = add i64 %{label}.j, {width}",
            f"  store i64 %{label}.next, ptr %{label}.counter",
            f"  %{label}.more = icmp slt i64 %{label}.next, {stop}",
            f"  br i1 %{label}.more, label %{label}, label %{label}.done",
            f"{label}.done:",
        ]
        self.functions.setdefault(width, set()).update(lanes.functions)

    # ---- one step of the innermost loop

    def _body(self, lanes: Lanes, label: str) -> None:
        results: dict[int, str] = {}
        loaded: dict[int, str] = {}

        def argument(a: Any) -> str:
            if type(a) is Value:
                if a.number in results:
                    return results[a.number]
                if a.number in self._nest.scalars:
                    number = self._splat(lanes, f"%number{self._nest.scalars[a.number]}")
                    if a.dtype == bool:
                        number = lanes.emit(f"fcmp une {lanes.type('double')} {number}, {lanes.constant(0.0)}")
                    return number
                number = a.number
            elif isinstance(a, np.ndarray) and a.ndim:
                number = self._constants[id(a)]
            elif isinstance(a, (np.bool_, bool)) or (isinstance(a, np.ndarray) and a.dtype == bool):
                return self._boolean(lanes, bool(a))
            else:
                return lanes.constant(float(a))
            if number not in loaded:
                loaded[number] = self._load(lanes, label, number)
            return loaded[number]

        for member in self._kernel.members:
            if member.operation == "sum":
                self._accumulate(lanes, label, member, argument(member.arguments[0]))
            else:
                results[member.number] = lower(lanes, member, [argument(a) for a in member.arguments])
        for value in self._kernel.stored:
            if value.operation != "sum":
                self._store(lanes, label, value, results[value.number])

    @staticmethod
    def _boolean(lanes: Lanes, value: bool) -> str:
        text = "true" if value else "false"
        return text if lanes.width == 1 else f"<{', '.join([f'i1 {text}'] * lanes.width)}>"

    @staticmethod
    def _splat(lanes: Lanes, scalar: str, element: str = "double") -> str:
        if lanes.width == 1:
            return scalar
        kind = lanes.type(element)
        one = lanes.emit(f"insertelement {kind} poison, {element} {scalar}, i64 0")
        return lanes.emit(f"shufflevector {kind} {one}, {kind} poison, <{lanes.width} x i32> zeroinitializer")

    def _pointer(self, lanes: Lanes, label: str, number: int) -> tuple[Access, str]:
        access = self._nest.accesses[number]
        stride, row = access.strides[-1], f"%row{self._tag(number)}"
        if stride == 0:
            return access, row
        offset = f"%{label}.j"
        if stride != 1:
            offset = lanes.emit(f"mul nsw i64 {offset}, {stride}")
        return access, lanes.emit(f"getelementptr {access.element}, ptr {row}, i64 {offset}")

    def _load(self, lanes: Lanes, label: str, number: int) -> str:
        access, pointer = self._pointer(lanes, label, number)
        if access.strides[-1] == 0:
            scalar = lanes.emit(f"load {access.element}, ptr {pointer}, align 1")
            loaded = self._splat(lanes, scalar, access.element)
        else:
            loaded = lanes.emit(f"load {lanes.type(access.element)}, ptr {pointer}, align 1")
        if access.element == "i8":
            return lanes.emit(f"trunc {lanes.type('i8')} {loaded} to {lanes.type('i1')}")
        return loaded

    def _store(self, lanes: Lanes, label: str, value: Value, result: str) -> None:
        access, pointer = self._pointer(lanes, label, value.number)
        if access.element == "i8":
            result = lanes.emit(f"zext {lanes.type('i1')} {result} to {lanes.type('i8')}")
        lanes.lines.append(f"  store {lanes.type(access.element)} {result}, ptr {pointer}, align 1")

    def _accumulate(self, lanes: Lanes, label: str, value: Value, term: str) -> None:
        kind = lanes.type("double")
        if self._inner_is_summed(value):
            pointer = f"%sum{value.number}w{lanes.width}"
        else:
            _, pointer = self._pointer(lanes, label, value.number)
        held = lanes.emit(f"load {kind}, ptr {pointer}, align 1")
        total = lanes.emit(f"fadd {kind} {held}, {term}")
        lanes.lines.append(f"  store {kind} {total}, ptr {pointer}, align 1")

    def _add_up(self, value: Value, has_rest: bool) -> None:
        """Add the partial sums of one pass along the innermost axis to the result."""
        number, width = value.number, self._width
        row, tag = f"%row{number}", f"total{number}"
        kind = "double" if width == 1 else f"<{width} x double>"
        self._lines.append(f"  %{tag}.main = load {kind}, ptr %sum{number}w{width}")
        total = f"%{tag}.main"
        if width > 1:
            self._lines.append(
                f"  %{tag}.all = call reassoc double @llvm.vector.reduce.fadd.v{width}f64"
                f"(double {double(-0.0)}, {kind} {total})"
            )
            total = f"%{tag}.all"
            if has_rest:
                self._lines.append(f"  %{tag}.tail = load double, ptr %sum{number}w1")
                self._lines.append(f"  %{tag}.both = fadd double {total}, %{tag}.tail")
                total = f"%{tag}.both"
        self._lines += [
            f"  %{tag}.held = load double, ptr {row}",
            f"  %{tag}.new = fadd double %{tag}.held, {total}",
            f"  store double %{tag}.new, ptr {row}",
        ]


def module_text(kernels: Sequence[KernelText]) -> str:
    """Return the IR of several kernels with the functions they call."""
    bodies = [kernel.text() for kernel in kernels]
    functions = {
        (name, width, "double") for kernel in kernels for width, names in kernel.functions.items() for name in names
    }
    return "\n".join([vector_math.mixed_module(sorted(functions)), *bodies])
