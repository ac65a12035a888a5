"""Writing LLVM IR as arithmetic: `fma(n, -LN2_HIGH, x)` on `Value`s appends the instructions to a `Builder`.

A `Builder` holds the body of one function over `width` lanes of `double` (a plain `double` when the width is 1). Python
numbers that meet a `Value` become constants in every lane. There are three kinds of value: floating point (`"f"`,
double), integer (`"i"`, i64, the bit pattern side) and truth (`"b"`, i1).

Floating-point instructions carry no fast-math flags: the error-free transformations below depend on every rounding.
`fma` is the exact fused operation (on a target without FMA instructions LLVM calls libm's `fma`, right but slow);
`muladd` leaves the choice to LLVM and is for polynomials, where either rounding will do.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

MAGIC = 6755399441055744.0
"""1.5·2⁵²: adding it rounds to an integer, which then sits in the low bits of the sum in two's complement."""

SIGN_BIT = -(1 << 63)

_SELDOM = "!2000"
"""What says of a branch that it is seldom taken: so its registers are saved there, and nowhere else."""


class Builder:
    """The body of one IR function over `width` lanes, and what it needs outside itself."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.block = "entry"
        self.globals: dict[str, str] = {}
        self._lines: list[str] = []
        self._count = 0

    def type(self, kind: str) -> str:
        element = {"f": "double", "i": "i64", "b": "i1", "s": "float"}[kind]
        return element if self.width == 1 else f"<{self.width} x {element}>"

    def suffix(self, kind: str) -> str:
        """How an intrinsic's name ends for this kind of value."""
        element = {"f": "f64", "i": "i64", "b": "i1"}[kind]
        return element if self.width == 1 else f"v{self.width}{element}"

    def emit(self, kind: str, instruction: str) -> Value:
        name = f"%v{self._count}"
        self._count += 1
        self._lines.append(f"  {name} = {instruction}")
        return Value(self, kind, name)

    def constant(self, kind: str, number: float) -> Value:
        if kind == "f":
            text = "0x" + struct.pack(">d", number).hex().upper()
        elif kind == "b":
            text = "true" if number else "false"
        else:
            text = str(int(number))
        if self.width > 1:
            text = f"splat ({self.type(kind).split()[-1].rstrip('>')} {text})"
        return Value(self, kind, text)

    def lift(self, kind: str, operand: Value | float) -> Value:
        if isinstance(operand, Value):
            if operand.kind != kind:
                raise TypeError(f"a value of kind {operand.kind!r} where {kind!r} is needed")
            return operand
        return self.constant(kind, operand)

    def intrinsic(self, name: str, *operands: Value) -> Value:
        kind = operands[0].kind
        arguments = ", ".join(f"{self.type(v.kind)} {v.name}" for v in operands)
        return self.emit(kind, f"call {self.type(kind)} @llvm.{name}.{self.suffix(kind)}({arguments})")

    def raw(self, line: str) -> None:
        self._lines.append(line)

    def start_block(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self.block = label

    def new_label(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def body(self) -> str:
        return "\n".join(["entry:", *self._lines])


class Value:
    """One SSA value (all lanes of it). Comparisons are ordered: false where a lane is NaN."""

    __slots__ = ("builder", "kind", "name")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, builder: Builder, kind: str, name: str) -> None:
        self.builder = builder
        self.kind = kind
        self.name = name

    def _binary(self, operations: dict[str, str], other: Value | float, swap: bool = False) -> Value:
        a, b = self, self.builder.lift(self.kind, other)
        if swap:
            a, b = b, a
        return self.builder.emit(
            self.kind, f"{operations[self.kind]} {self.builder.type(self.kind)} {a.name}, {b.name}"
        )

    def _compare(self, ordered: str, integer: str, other: Value | float) -> Value:
        b = self.builder.lift(self.kind, other)
        operation = f"fcmp {ordered}" if self.kind == "f" else f"icmp {integer}"
        return self.builder.emit("b", f"{operation} {self.builder.type(self.kind)} {self.name}, {b.name}")

    def __add__(self, other: Value | float) -> Value:
        return self._binary({"f": "fadd", "i": "add"}, other)

    def __radd__(self, other: float) -> Value:
        return self._binary({"f": "fadd", "i": "add"}, other, swap=True)

    def __sub__(self, other: Value | float) -> Value:
        return self._binary({"f": "fsub", "i": "sub"}, other)

    def __rsub__(self, other: float) -> Value:
        return self._binary({"f": "fsub", "i": "sub"}, other, swap=True)

    def __mul__(self, other: Value | float) -> Value:
        return self._binary({"f": "fmul", "i": "mul"}, other)

    def __rmul__(self, other: float) -> Value:
        return self._binary({"f": "fmul", "i": "mul"}, other, swap=True)

    def __truediv__(self, other: Value | float) -> Value:
        return self._binary({"f": "fdiv"}, other)

    def __rtruediv__(self, other: float) -> Value:
        return self._binary({"f": "fdiv"}, other, swap=True)

    def __neg__(self) -> Value:
        return self.builder.emit("f", f"fneg {self.builder.type('f')} {self.name}")

    def __and__(self, other: Value | int) -> Value:
        return self._binary({"i": "and", "b": "and"}, other)

    def __or__(self, other: Value | int) -> Value:
        return self._binary({"i": "or", "b": "or"}, other)

    def __xor__(self, other: Value | int) -> Value:
        return self._binary({"i": "xor", "b": "xor"}, other)

    def __invert__(self) -> Value:
        return self._binary({"i": "xor", "b": "xor"}, -1 if self.kind == "i" else True)

    def __lshift__(self, count: int) -> Value:
        return self._binary({"i": "shl"}, count)

    def __rshift__(self, count: int) -> Value:
        """Logical: zeros come in from the left."""
        return self._binary({"i": "lshr"}, count)

    def __lt__(self, other: Value | float) -> Value:
        return self._compare("olt", "slt", other)

    def __le__(self, other: Value | float) -> Value:
        return self._compare("ole", "sle", other)

    def __gt__(self, other: Value | float) -> Value:
        return self._compare("ogt", "sgt", other)

    def __ge__(self, other: Value | float) -> Value:
        return self._compare("oge", "sge", other)

    def equals(self, other: Value | float) -> Value:
        return self._compare("oeq", "eq", other)

    def differs(self, other: Value | float) -> Value:
        """`!=` as NumPy has it: true where a lane is NaN."""
        return self._compare("une", "ne", other)

    def not_less(self, other: Value | float) -> Value:
        """`not (a < b)`: true where a lane is NaN."""
        return self._compare("uge", "sge", other)

    def is_nan(self) -> Value:
        return self._compare("uno", "ne", self)


def _lifted(*operands: Value | float, kind: str = "f") -> tuple[Builder, list[Value]]:
    builder = next(v.builder for v in operands if isinstance(v, Value))
    return builder, [builder.lift(kind, v) for v in operands]


def fma(a: Value | float, b: Value | float, c: Value | float) -> Value:
    """a·b + c with one rounding, guaranteed."""
    builder, operands = _lifted(a, b, c)
    return builder.intrinsic("fma", *operands)


def muladd(a: Value | float, b: Value | float, c: Value | float) -> Value:
    """a·b + c, fused where the target can: for sums whose rounding does not matter."""
    builder, operands = _lifted(a, b, c)
    return builder.intrinsic("fmuladd", *operands)


def select(condition: Value, yes: Value | float, no: Value | float) -> Value:
    builder = condition.builder
    kind = next((v.kind for v in (yes, no) if isinstance(v, Value)), "f")
    a, b = builder.lift(kind, yes), builder.lift(kind, no)
    t = builder.type(kind)
    return builder.emit(kind, f"select {builder.type('b')} {condition.name}, {t} {a.name}, {t} {b.name}")


def at_most(x: Value, bound: Value | float) -> Value:
    """The smaller of x and the bound; NaN stays NaN (as x86's `minpd` with x as its second operand: one instruction)."""
    b = x.builder.lift("f", bound)
    return select(b < x, b, x)


def at_least(x: Value, bound: Value | float) -> Value:
    """The larger of x and the bound; NaN stays NaN."""
    b = x.builder.lift("f", bound)
    return select(b > x, b, x)


def absolute(x: Value) -> Value:
    return x.builder.intrinsic("fabs", x)


def copysign(magnitude: Value | float, sign: Value | float) -> Value:
    builder, operands = _lifted(magnitude, sign)
    return builder.intrinsic("copysign", *operands)


def square_root(x: Value) -> Value:
    return x.builder.intrinsic("sqrt", x)


def bits(x: Value) -> Value:
    return x.builder.emit("i", f"bitcast {x.builder.type('f')} {x.name} to {x.builder.type('i')}")


def from_bits(i: Value) -> Value:
    return i.builder.emit("f", f"bitcast {i.builder.type('i')} {i.name} to {i.builder.type('f')}")


def flip_sign(x: Value, sign: Value) -> Value:
    """x, negated in the lanes where the integer `sign` has its top bit set (its other bits must be 0)."""
    return from_bits(bits(x) ^ sign)


def any_lane(condition: Value) -> Value:
    """A single i1, for `branch`: whether the condition holds in some lane."""
    builder = condition.builder
    if builder.width == 1:
        return condition
    return builder.emit("b", f"call i1 @llvm.vector.reduce.or.v{builder.width}i1({builder.type('b')} {condition.name})")


def rarely(condition: Value, usual: tuple[Value, ...], otherwise: Callable[[], tuple[Value, ...]]) -> tuple[Value, ...]:
    """`usual`, except that where any lane meets the condition `otherwise()` is run, in a block of its own, for all lanes.

    The block must give the right value for *every* lane: which lanes share a vector is not the function's business.
    """
    builder = condition.builder
    taken = any_lane(condition)
    builder.globals[_SELDOM] = f'{_SELDOM} = !{{!"branch_weights", i32 1, i32 2000}}'
    before, cold, after = builder.block, builder.new_label("cold"), builder.new_label("after")
    builder.raw(f"  br i1 {taken.name}, label %{cold}, label %{after}, !prof {_SELDOM}")
    builder.start_block(cold)
    replaced = otherwise()
    end_of_cold = builder.block
    builder.raw(f"  br label %{after}")
    builder.start_block(after)
    return tuple(
        builder.emit(a.kind, f"phi {builder.type(a.kind)} [ {a.name}, %{before} ], [ {b.name}, %{end_of_cold} ]")
        for a, b in zip(usual, replaced, strict=True)
    )
