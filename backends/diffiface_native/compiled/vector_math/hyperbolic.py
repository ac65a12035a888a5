"""sinh, cosh, tanh from expm1 kept as a pair, and their inverses through log1p of a pair."""

from __future__ import annotations

import math

from .arithmetic import fast_two_sum, quotient, rounded_quotient, two_product, two_sum
from .builder import Value, absolute, at_most, copysign, fma, from_bits, select, square_root
from .exponential import exp_pair, expm1_parts
from .logarithm import log1p_of_pair

HYPERBOLIC_OVERFLOW = 711.0
"""A little above arcsinh of the largest double."""

FAR = 2.0**300
"""Beyond it arcsinh x = arccosh x = log 2x; x² cannot overflow below it."""


def sinh(x: Value) -> Value:
    """(E + E/(E + 1))/2 with E = expm1(|x|), carried as an eighth since E overflows before sinh does."""
    magnitude = absolute(x)
    high, low = expm1_parts(at_most(magnitude, HYPERBOLIC_OVERFLOW), 1023 - 3)
    high, low = fast_two_sum(high, low)
    # In the quotient E may as well stop at 2¹⁰⁰: it is 1 long before.
    bounded, bounded_low = at_most(high, 2.0**97), select(high < 2.0**97, low, 0.0)
    total, lost = two_sum(x.builder.constant("f", 1.0), 8.0 * bounded)
    second, second_low = quotient((bounded, bounded_low), (total, fma(8.0, bounded_low, lost)))
    total, lost = fast_two_sum(high, second)
    result = 4.0 * (total + (lost + (low + second_low)))
    # A subnormal has no eighth.
    return copysign(select(magnitude < 2.0**-30, magnitude, result), x)


def cosh(x: Value) -> Value:
    """(e^|x| + e^-|x|)/2; with an eighth of e^|x|, which overflows before cosh does."""
    n, (a, b) = exp_pair(at_most(absolute(x), HYPERBOLIC_OVERFLOW), 0.0)
    power = from_bits((n << 52) + ((1023 - 3) << 52))
    rising, rising_low = a * power, b * power
    falling = (1 / 64) / rising
    total, lost = fast_two_sum(rising, falling)
    return 4.0 * (total + (lost + rising_low))


def tanh(x: Value) -> Value:
    """E/(E + 2) with E = expm1(2|x|)."""
    magnitude = at_most(absolute(x), 20.0)
    high, low = fast_two_sum(*expm1_parts(2.0 * magnitude, 1023))
    total, lost = two_sum(x.builder.constant("f", 2.0), high)
    return copysign(rounded_quotient((high, low), (total, lost + low)), x)


def arcsinh(x: Value) -> Value:
    """log1p(a + (√(1 + a²) - 1)) with a = |x|, the difference as a²/(1 + √(1 + a²))."""
    magnitude = absolute(x)
    near = magnitude < FAR
    a = at_most(magnitude, FAR)
    square = a * a
    difference = square / (1.0 + square_root(1.0 + square))
    high, low = fast_two_sum(a, difference)
    return copysign(_log1p_or_log_of_double(magnitude, near, high, low), x)


def arccosh(x: Value) -> Value:
    """log1p(t + √(t² + 2t)) with t = x - 1."""
    near = x < FAR
    bounded = at_most(x, FAR)
    t = bounded - 1.0
    t_low = (bounded - t) - 1.0  # 0 up to x = 2
    square, square_low = two_product(t, t)
    total, lost = two_sum(square, 2.0 * t)
    low = lost + fma(2.0 * (t + 1.0), t_low, square_low)
    root = square_root(total)
    # √(total + low) = root + (total + low - root²)/(2·root); nothing is lost at 0
    root_low = select(root > 0.0, (fma(-root, root, total) + low) * (0.5 / root), 0.0)
    high, rest = two_sum(t, root)
    result = _log1p_or_log_of_double(x, near, high, rest + (root_low + t_low))
    return select(x < 1.0, math.nan, result)


def _log1p_or_log_of_double(x: Value, near: Value, high: Value, low: Value) -> Value:
    """log1p(high + low), or log(2x) where not `near`."""
    doublings = select(near, x.builder.constant("f", 0.0), 1.0)
    result = log1p_of_pair(select(near, high, x), select(near, low, 0.0), doublings)
    return select(x < math.inf, result, x)


def arctanh(x: Value) -> Value:
    """log1p(2a/(1 - a))/2 with a = |x|."""
    a = absolute(x)
    within = a < 1.0
    bounded = at_most(a, 0.9999999999999999)
    high, low = quotient((2.0 * bounded, x.builder.constant("f", 0.0)), fast_two_sum(1.0, -bounded))
    high, low = fast_two_sum(high, low)
    result = 0.5 * log1p_of_pair(high, low)
    outside = select(a.equals(1.0), x.builder.constant("f", math.inf), math.nan)
    return copysign(select(within, result, outside), x)


FUNCTIONS = {
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "arcsinh": arcsinh,
    "arccosh": arccosh,
    "arctanh": arctanh,
}
