"""From primitives to LLVM instructions, lane by lane: the table of what a kernel can compute."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface_native.compiled import vector_math
from diffiface_native.recorded.graph import Value

_FLOAT, _SINGLE, _BOOL, _LONG, _INT = (np.dtype(kind) for kind in ("f8", "f4", "?", "i8", "i4"))

ELEMENTS = {_FLOAT: "double", _SINGLE: "float", _BOOL: "i8", _LONG: "i64", _INT: "i32"}
"""The dtypes of the arrays that kernels read and write, and what their elements are in memory.

In the lanes booleans are single bits, and all numbers are doubles (`single` explains those of float32). Integers are only
read as indices.
"""


class Lanes:
    """Writes the instructions of one loop body over `width` lanes."""

    def __init__(self, width: int, prefix: str):
        self.width = width
        self.lines: list[str] = []
        self.functions: set[str] = set()
        self._prefix = prefix
        self._count = 0

    def type(self, element: str) -> str:
        return element if self.width == 1 else f"<{self.width} x {element}>"

    @property
    def suffix(self) -> str:
        """How an intrinsic's name ends for doubles."""
        return "f64" if self.width == 1 else f"v{self.width}f64"

    def emit(self, instruction: str) -> str:
        """Write one instruction and return the name of its result."""
        name = f"%{self._prefix}{self._count}"
        self._count += 1
        self.lines.append(f"  {name} = {instruction}")
        return name

    def constant(self, number: float) -> str:
        """Return a double in every lane."""
        text = double(number)
        if self.width == 1:
            return text
        return f"<{', '.join([f'double {text}'] * self.width)}>"

    def truth(self, value: bool) -> str:
        """Return a boolean in every lane."""
        text = "true" if value else "false"
        return text if self.width == 1 else f"<{', '.join([f'i1 {text}'] * self.width)}>"

    def splat(self, scalar: str, element: str) -> str:
        """Return one number in every lane."""
        if self.width == 1:
            return scalar
        kind = self.type(element)
        one = self.emit(f"insertelement {kind} poison, {element} {scalar}, i64 0")
        return self.emit(f"shufflevector {kind} {one}, {kind} poison, <{self.width} x i32> zeroinitializer")

    def from_memory(self, loaded: str, element: str) -> str:
        """Return what was loaded as the lanes have it."""
        if element == "i8":
            return self.emit(f"trunc {self.type('i8')} {loaded} to {self.type('i1')}")
        if element == "float":
            return self.emit(f"fpext {self.type('float')} {loaded} to {self.type('double')}")
        if element == "i32":
            return self.emit(f"sext {self.type('i32')} {loaded} to {self.type('i64')}")
        return loaded

    def to_memory(self, result: str, element: str) -> str:
        """Return a result of the lanes as it is stored."""
        if element == "i8":
            return self.emit(f"zext {self.type('i1')} {result} to {self.type('i8')}")
        if element == "float":
            return self.emit(f"fptrunc {self.type('double')} {result} to {self.type('float')}")
        return result

    def integer(self, number: int) -> str:
        """Return an integer in every lane."""
        return str(number) if self.width == 1 else f"<{', '.join([f'i64 {number}'] * self.width)}>"

    def within(self, index: str, length: int) -> str:
        """Return an index from 0 to length - 1: counted from the end where it is negative, and never beyond the ends."""
        kind = self.type("i64")
        from_end = self.emit(f"add {kind} {index}, {self.integer(length)}")
        negative = self.emit(f"icmp slt {kind} {index}, {self.integer(0)}")
        counted = self.emit(f"select {self.type('i1')} {negative}, {kind} {from_end}, {kind} {index}")
        beyond = self.emit(f"icmp uge {kind} {counted}, {self.integer(length)}")
        return self.emit(f"select {self.type('i1')} {beyond}, {kind} {self.integer(0)}, {kind} {counted}")

    def binary(self, instruction: str, a: str, b: str) -> str:
        return self.emit(f"{instruction} {self.type('double')} {a}, {b}")

    def call(self, function: str, *arguments: str) -> str:
        kind = self.type("double")
        return self.emit(f"call {kind} @{function}({', '.join(f'{kind} {a}' for a in arguments)})")

    def multiply_add(self, a: str, b: str, c: str) -> str:
        """Write a * b + c, in one instruction where the processor has one."""
        return self.intrinsic("fmuladd", a, b, c)

    def vector_math(self, name: str, *arguments: str) -> str:
        self.functions.add(name)
        return self.call(vector_math.symbol(name, self.width), *arguments)

    def intrinsic(self, name: str, *arguments: str) -> str:
        return self.call(f"llvm.{name}.{self.suffix}", *arguments)


class Scalars(Lanes):
    """Writes instructions on single numbers among those of some lanes."""

    def __init__(self, among: Lanes):
        super().__init__(1, "")
        self.lines, self.functions, self._among = among.lines, among.functions, among

    def emit(self, instruction: str) -> str:
        return self._among.emit(instruction)


def double(number: float) -> str:
    """Write a double as LLVM reads it without rounding."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


Lowering = Callable[..., str]


def _fast(instruction: str) -> Lowering:
    return lambda lanes, a, b: lanes.binary(instruction, a, b)


def _compare(condition: str) -> Lowering:
    return lambda lanes, a, b: lanes.emit(f"fcmp {condition} {lanes.type('double')} {a}, {b}")


def _logical(instruction: str) -> Lowering:
    return lambda lanes, a, b: lanes.emit(f"{instruction} {lanes.type('i1')} {a}, {b}")


def _not(lanes: Lanes, a: str) -> str:
    ones = "true" if lanes.width == 1 else f"<{', '.join(['i1 true'] * lanes.width)}>"
    return lanes.emit(f"xor {lanes.type('i1')} {a}, {ones}")


def _where(lanes: Lanes, condition: str, a: str, b: str) -> str:
    kind = lanes.type("double")
    return lanes.emit(f"select {lanes.type('i1')} {condition}, {kind} {a}, {kind} {b}")


def _negative(lanes: Lanes, a: str) -> str:
    return lanes.emit(f"fneg {lanes.type('double')} {a}")


def _from_truth(lanes: Lanes, a: str) -> str:
    return lanes.emit(f"uitofp {lanes.type('i1')} {a} to {lanes.type('double')}")


CONVERSIONS: dict[str, Lowering] = {
    "from_truth": _from_truth,
    "from_single": lambda lanes, a: a,
    "to_single": lambda lanes, a: lanes.from_memory(lanes.to_memory(a, "float"), "float"),
}
"""What `astype` is."""


OF_FLOATS: dict[str, Lowering] = {
    "add": _fast("fadd"),
    "subtract": _fast("fsub"),
    "multiply": _fast("fmul"),
    "divide": _fast("fdiv"),
    "negative": _negative,
    "square": lambda lanes, a: lanes.binary("fmul", a, a),
    "reciprocal": lambda lanes, a: lanes.binary("fdiv", lanes.constant(1.0), a),
    "maximum": lambda lanes, a, b: lanes.intrinsic("maximum", a, b),
    "minimum": lambda lanes, a, b: lanes.intrinsic("minimum", a, b),
    "sqrt": lambda lanes, a: lanes.intrinsic("sqrt", a),
    "absolute": lambda lanes, a: lanes.intrinsic("fabs", a),
    "floor": lambda lanes, a: lanes.intrinsic("floor", a),
    "ceil": lambda lanes, a: lanes.intrinsic("ceil", a),
    "trunc": lambda lanes, a: lanes.intrinsic("trunc", a),
    "rint": lambda lanes, a: lanes.intrinsic("rint", a),
    "equal": _compare("oeq"),
    "not_equal": _compare("une"),
    "less": _compare("olt"),
    "less_equal": _compare("ole"),
    "greater": _compare("ogt"),
    "greater_equal": _compare("oge"),
    "isnan": lambda lanes, a: lanes.emit(f"fcmp uno {lanes.type('double')} {a}, {a}"),
}
"""Of float64 lanes."""

OF_BOOLEANS: dict[str, Lowering] = {
    "logical_and": _logical("and"),
    "logical_or": _logical("or"),
    "logical_xor": _logical("xor"),
    "bitwise_and": _logical("and"),
    "bitwise_or": _logical("or"),
    "bitwise_xor": _logical("xor"),
    "logical_not": _not,
    "invert": _not,
}
"""Of boolean lanes."""

_NAMES_THERE = {"power": "pow"}
"""Primitives that vector_math knows by another name."""


def lowers(value: Value, *, exact: bool = False) -> bool:
    """Say whether a kernel can compute this value: an elementwise primitive of float64 (or boolean) arguments.

    With `exact`, whether it computes it as NumPy does to the last bit.
    """
    name = value.operation
    kinds = [_kind(argument) for argument in value.arguments]
    if name == "where":
        return kinds == [_BOOL, _FLOAT, _FLOAT] and value.dtype == _FLOAT
    if name == "astype":
        return _conversion(kinds[0], value.dtype) is not None
    if name in OF_BOOLEANS:
        return all(kind == _BOOL for kind in kinds)
    known = name in OF_FLOATS or (not exact and _NAMES_THERE.get(name, name) in vector_math.NAMES)
    return known and all(kind == _FLOAT for kind in kinds) and value.dtype in (_FLOAT, _BOOL) and not value.parameters


def _conversion(given: np.dtype | None, wanted: np.dtype) -> str | None:
    """Return the name of a conversion between dtypes (None: there is none)."""
    if wanted == _SINGLE:
        return "to_single" if given == _FLOAT else None
    if wanted != _FLOAT or given is None:
        return None
    return {_BOOL: "from_truth", _SINGLE: "from_single"}.get(given)


def operation_of(value: Value) -> str:
    """Return what a lowered value's operation is called here: the primitive's name, but for conversions."""
    if value.operation != "astype":
        return value.operation
    found = _conversion(_kind(value.arguments[0]), value.dtype)
    assert found is not None
    return found


def _kind(argument: Any) -> np.dtype | None:
    if type(argument) is Value or isinstance(argument, (np.ndarray, np.generic)):
        return argument.dtype
    return _FLOAT if type(argument) in (int, float) else None


def lower(lanes: Lanes, name: str, arguments: list[str]) -> str:
    """Write the instructions of one primitive and return the name of the result."""
    if name == "where":
        return _where(lanes, *arguments)
    lowering = OF_FLOATS.get(name) or OF_BOOLEANS.get(name) or CONVERSIONS.get(name)
    if lowering is not None:
        return lowering(lanes, *arguments)
    return lanes.vector_math(_NAMES_THERE.get(name, name), *arguments)


_COSTS = {"divide": 4.0, "reciprocal": 4.0, "sqrt": 4.0, "gather": 3.0}
_COST_OF_MATHS = 20.0


def cost_of(value: Value) -> float:
    """Return about how long one entry of a value takes, in additions."""
    if value.operation == "matmul":
        return 2.0 * value.arguments[0].shape[-1]
    if value.operation == "getitem":
        return _COSTS["gather"]
    return cost_of_operation(value.operation)


def cost_of_operation(name: str) -> float:
    """Return about how long one operation on numbers takes, in additions."""
    if name == "number":
        return 0.0
    if (
        name in ("load", "index", "gather")
        or name in OF_FLOATS
        or name in OF_BOOLEANS
        or name in ("where", "astype", *CONVERSIONS)
    ):
        return _COSTS.get(name, 1.0)
    return _COST_OF_MATHS
