"""sin, cos and tan: a whole number of quarter turns is taken off, and the quarter turn picks one of two polynomials."""

from __future__ import annotations

import struct
from collections.abc import Callable

from . import coefficients
from .arithmetic import Pair, fast_two_sum, polynomial, rounded_quotient
from .builder import MAGIC, SIGN_BIT, Builder, Value, absolute, bits, flip_sign, fma, rarely, select
from .quarter_turns import large_quarter_turns

# π/2 in three parts. n·HALF_PI needs no rounding when x is taken from it; n·HALF_PI_MIDDLE, 33 bits long, fits a double.
HALF_PI = float.fromhex("0x1.921fb54442d18p+0")
HALF_PI_MIDDLE = float.fromhex("0x1.1a62633100000p-54")
HALF_PI_LOW = float.fromhex("0x1.1701b839a2520p-88")
TWO_OVER_PI = float.fromhex("0x1.45f306dc9c883p-1")

LARGE = 1.0e6
"""Up to here the number of quarter turns has at most 20 bits, as the exactness of n·HALF_PI_MIDDLE asks."""


def quarter_turns(magnitude: Value) -> tuple[Value, Value, Value]:
    """(n in the low bits, r, rest): magnitude = n·π/2 + r + rest, |r| ≤ π/4 (a little more); NaN for inf."""
    shifted = fma(magnitude, TWO_OVER_PI, MAGIC)
    n = shifted - MAGIC
    exact = fma(n, -HALF_PI, magnitude)
    r = fma(n, -HALF_PI_MIDDLE, exact)
    rest = fma(n, -HALF_PI_LOW, fma(n, -HALF_PI_MIDDLE, exact - r))
    usual = bits(shifted), r, rest

    def large() -> tuple[Value, ...]:
        far = magnitude.not_less(LARGE)
        return tuple(
            select(far, there, here) for there, here in zip(large_quarter_turns(magnitude), usual, strict=True)
        )

    turns, r, rest = rarely(magnitude.not_less(LARGE), usual, large)
    return turns, r, rest


def sine_parts(r: Value, rest: Value, z: Value) -> Pair:
    """sin(r + rest) as a value and a small correction."""
    correction = fma(z * r, polynomial(z, coefficients.SIN), fma(-0.5 * z, rest, rest))
    return r, correction


def cosine_parts(r: Value, rest: Value, z: Value) -> Pair:
    half = 0.5 * z
    one = 1.0 - half
    lost = (1.0 - one) - half
    return one, lost + fma(z * z, polynomial(z, coefficients.COS), -(r * rest))


SMALL = 0.785
"""Up to here (a little less than π/4) no quarter turn is taken off."""
_BITS_OF_SMALL = struct.unpack("<q", struct.pack("<d", SMALL))[0]


def _or_small(x: Value, name: str, small: Value, anywhere: Callable[[Value], Value]) -> Value:
    """A number on its own takes the short way if it is small: in a recurrence each step waits for the one before.

    The numbers are the same on both ways. In several lanes one large x sends all of them the long way.
    """
    if x.builder.width > 1:
        return anywhere(x)
    builder, inside = x.builder, Builder(1)
    far = f"vm_far_{name}"
    result = anywhere(Value(inside, "f", "%x"))
    builder.globals.update(inside.globals)
    builder.globals[far] = (
        f"define private double @{far}(double %x) noinline cold nounwind willreturn {{\n"
        f"{inside.body()}\n  ret double {result.name}\n}}\n"
    )
    # One comparison of bits: those of |x| less one are the largest number for 0 (the short way would lose the sign of
    # -0.0), and more than SMALL's for NaN.
    less_one = bits(absolute(x)) + (-1)
    is_not_small = builder.emit("b", f"icmp uge i64 {less_one.name}, {_BITS_OF_SMALL}")
    return rarely(is_not_small, (small,), lambda: (builder.emit("f", f"call double @{far}(double {x.name})"),))[0]


def _circular(x: Value, shift: int) -> tuple[Value, Value]:
    """sin(|x| + shift·π/2), and the sign it takes (in the top bit)."""
    turns, r, rest = quarter_turns(absolute(x))
    if shift:
        turns = turns + shift
    z = r * r
    sine, cosine = sine_parts(r, rest, z), cosine_parts(r, rest, z)
    odd = (turns & 1).equals(0)
    result = select(odd, sine[0], cosine[0]) + select(odd, sine[1], cosine[1])
    return result, (turns << 62) & SIGN_BIT


def sin(x: Value) -> Value:
    def anywhere(x: Value) -> Value:
        result, sign = _circular(x, 0)
        return flip_sign(result, sign ^ (bits(x) & SIGN_BIT))

    z = x * x
    return _or_small(x, "sin", x + (z * x) * polynomial(z, coefficients.SIN), anywhere)


def cos(x: Value) -> Value:
    def anywhere(x: Value) -> Value:
        result, sign = _circular(x, 1)
        return flip_sign(result, sign)

    z = x * x
    half = 0.5 * z
    one = 1.0 - half
    return _or_small(x, "cos", one + (((1.0 - one) - half) + (z * z) * polynomial(z, coefficients.COS)), anywhere)


def tan(x: Value) -> Value:
    turns, r, rest = quarter_turns(absolute(x))
    z = r * r
    sine, cosine = fast_two_sum(*sine_parts(r, rest, z)), fast_two_sum(*cosine_parts(r, rest, z))
    even = (turns & 1).equals(0)
    numerator = select(even, sine[0], cosine[0]), select(even, sine[1], cosine[1])
    denominator = select(even, cosine[0], sine[0]), select(even, cosine[1], sine[1])
    sign = (turns << 63) ^ (bits(x) & SIGN_BIT)
    return flip_sign(rounded_quotient(numerator, denominator), sign)


FUNCTIONS = {"sin": sin, "cos": cos, "tan": tan}
