"""exp, exp2, expm1, and the logistic function.

x = n·ln 2 + r with an integer n and |r| ≤ ½ ln 2; e^x = 2ⁿ·e^r, and e^r is a polynomial.
"""

from __future__ import annotations

import math

from . import coefficients
from .arithmetic import Pair, fast_two_sum, polynomial
from .builder import MAGIC, Value, absolute, at_least, at_most, bits, fma, from_bits, select

LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
"""ln 2 to 42 bits: n·LN2_HIGH is exact, and so is x - n·LN2_HIGH."""
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
LN2 = math.log(2)
LN2_REST = float.fromhex("0x1.abc9e3b39803fp-56")
"""ln 2 - LN2"""

EXP_OVERFLOW = 709.79
"""A little above log of the largest double: all beyond are as good as this, it gives inf by overflowing."""
EXP_UNDERFLOW = -746.0
"""Below log(2⁻¹⁰⁷⁵): gives 0 by underflowing."""

ONE_BITS = 1023 << 52


def reduce(x: Value) -> tuple[Value, Value, Value]:
    """(n in the low bits of an integer, r, what r lacks): x = n·ln 2 + r + rest."""
    shifted = fma(x, 1 / LN2, MAGIC)
    n = shifted - MAGIC
    exact = fma(n, -LN2_HIGH, x)
    r = fma(n, -LN2_LOW, exact)
    return bits(shifted), r, fma(n, -LN2_LOW, exact - r)


def scale(y: Value, n: Value, negative: Value) -> Value:
    """y·2ⁿ for y near 1 and -1076 ≤ n ≤ 1024, rounded once, overflowing and underflowing as it should.

    2ⁿ need not be a double, so it is applied as two factors that are. `negative` tells which lanes have n ≤ 0.
    """
    first = from_bits((n << 52) + select(negative, y.builder.constant("i", (1023 + 1000) << 52), (1023 - 1) << 52))
    second = select(negative, y.builder.constant("f", 2.0**-1000), 2.0)
    return y * first * second


def is_negative(x: Value) -> Value:
    """By the sign bit, which costs x86 no comparison."""
    return bits(x) < 0


def exp(x: Value) -> Value:
    bounded = at_least(at_most(x, EXP_OVERFLOW), EXP_UNDERFLOW)
    shifted = fma(bounded, 1 / LN2, MAGIC)
    n = shifted - MAGIC
    r = fma(n, -LN2_LOW, fma(n, -LN2_HIGH, bounded))
    return scale(exp_of_reduced(r), bits(shifted), is_negative(x))


def exp_of_reduced(r: Value) -> Value:
    square = r * r
    return 1.0 + fma(polynomial(r, coefficients.EXP, square), square, r)


def exp_pair(high: Value, low: Value | float) -> tuple[Value, Pair]:
    """(n, (a, b)): exp(high + low) = 2ⁿ·(a + b), good to about 2⁻⁵⁹, for -746 ≤ high ≤ 710.

    `low` may be half a unit of a `high` in the hundreds: large enough for all of exp(r) to matter beside it.
    """
    n, r, rest = reduce(high)
    rest = rest + low
    square = r * r
    near_one, lost = fast_two_sum(1.0, r)
    a, b = fast_two_sum(near_one, square * polynomial(r, coefficients.EXPM1, square))
    return n, (a, fma(rest, a, b + lost))


def exp2(x: Value) -> Value:
    bounded = at_least(at_most(x, 1024.5), -1076.0)
    shifted = bounded + MAGIC
    fraction = bounded - (shifted - MAGIC)
    r = fraction * LN2
    rest = fma(fraction, LN2_REST, fma(fraction, LN2, -r))
    square = r * r
    y = 1.0 + (fma(polynomial(r, coefficients.EXP, square), square, rest) + r)
    return scale(y, bits(shifted), is_negative(x))


def expm1_parts(x: Value, exponent_of_one: int) -> tuple[Value, Value]:
    """(a, b) with a + b = s·expm1(x) for s = 2**(exponent_of_one - 1023); |a| ≥ |b|, and the sum good to about 2⁻⁵⁷.

    2ⁿ·s is built as an exponent, so |x| must be less than 709 + ln 2 (for s = ½) and more than -700.
    """
    n, r, rest = reduce(x)
    power = from_bits((n << 52) + (exponent_of_one << 52))
    base = power - 2.0 ** (exponent_of_one - 1023)
    square = r * r
    small = fma(polynomial(r, coefficients.EXPM1, square), square, fma(rest, r, rest))
    high = fma(power, r, base)
    low = fma(power, r, base - high)
    return high, fma(power, small, low)


def expm1(x: Value) -> Value:
    bounded = at_least(at_most(x, EXP_OVERFLOW), -60.0)
    # Computed halved, since 2¹⁰²⁴ is not a double; that could cost a subnormal a bit, so tiny x is its own answer.
    high, low = expm1_parts(bounded, 1022)
    result = 2.0 * (high + low)
    return select(absolute(x) < 2.0**-60, x, result)


def expit(x: Value) -> Value:
    """1/(1 + e^-x) = e^min(x, 0) / (1 + e^-|x|)."""
    falling = -at_most(absolute(x), -EXP_UNDERFLOW)
    n, r, _ = reduce(falling)
    decay = exp_of_reduced(r) * from_bits((n << 52) + ((1023 + 1000) << 52)) * 2.0**-1000
    total, lost = fast_two_sum(1.0, decay)
    numerator = select(is_negative(x), decay, 1.0)
    reciprocal = 1.0 / total
    result = numerator * reciprocal
    # what the two roundings missed, 1 + decay not being `total` exactly
    remainder = fma(-result, lost, fma(-result, total, numerator))
    return fma(remainder, reciprocal, result)


FUNCTIONS = {"exp": exp, "exp2": exp2, "expm1": expm1, "expit": expit}
