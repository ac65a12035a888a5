"""log, log2, log10, log1p and the sums of exponentials under a logarithm.

x = 2ᵏ·m with √½ ≤ m < √2; with f = m - 1 and s = f/(2 + f), log m = log((1+s)/(1-s)) is odd in s.
"""

from __future__ import annotations

import math

from . import coefficients
from .arithmetic import Pair, fast_two_sum, polynomial, quotient, two_product, two_sum
from .builder import MAGIC, Value, absolute, at_most, bits, copysign, fma, from_bits, select
from .exponential import EXP_UNDERFLOW, LN2_HIGH, LN2_LOW, exp_pair

SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
MANTISSA = (1 << 52) - 1
SMALLEST_NORMAL = 2.0**-1022

INV_LN2 = float.fromhex("0x1.71547652b82fep+0"), float.fromhex("0x1.777d0ffda0d24p-56")
INV_LN10 = float.fromhex("0x1.bcb7b1526e50ep-2"), float.fromhex("0x1.95355baaafad3p-57")
LOG10_2 = float.fromhex("0x1.34413509f7800p-2"), float.fromhex("0x1.fef311f12b358p-46")
"""log10(2); the first part has few enough bits for k times it to be exact."""


def split(x: Value) -> tuple[Value, Value]:
    """(k, m): x = 2ᵏ·m, √½ ≤ m < √2, for normal positive x."""
    # The exponent of x/√½, biased by another 1024 to keep it positive: so many bits below the point of 2⁵².
    offset = bits(x) + ((1024 << 52) - SQRT_HALF_BITS)
    k = from_bits((offset >> 52) | (0x433 << 52)) - (2.0**52 + 1024)
    return k, from_bits((offset & MANTISSA) + SQRT_HALF_BITS)


def split_any(x: Value) -> tuple[Value, Value]:
    """`split`, subnormal x too."""
    subnormal = x < SMALLEST_NORMAL
    k, m = split(select(subnormal, x * 2.0**54, x))
    return k - select(subnormal, x.builder.constant("f", 54.0), 0.0), m


def log_of_reduced(k: Value, f: Value, rest: Value | None = None) -> Value:
    """k·ln 2 + log(1 + f + rest), in an order that loses nothing: f - (f²/2 - s·(f²/2 + R))."""
    s = f / (2.0 + f)
    z = s * s
    half_square = (0.5 * f) * f
    tail = fma(s, fma(z, polynomial(z, coefficients.LOG), half_square), k * LN2_LOW)
    if rest is not None:
        tail = tail + fma(-rest, f, rest)  # rest/(1 + f), nearly
    return fma(k, LN2_HIGH, f - (half_square - tail))


def log_special(x: Value, result: Value) -> Value:
    """`result` where x is positive and finite; the values of a logarithm at its other arguments elsewhere."""
    result = select(x < math.inf, result, x)
    result = select(x < 0.0, math.nan, result)
    return select(x.equals(0.0), -math.inf, result)


def log(x: Value) -> Value:
    k, m = split_any(x)
    return log_special(x, log_of_reduced(k, m - 1.0))


def log_pair(m: Value) -> Pair:
    """log m as a pair, good to about 2⁻⁶⁸ of itself, for √½ ≤ m < √2."""
    f = m - 1.0
    s, s_low = quotient((f, m.builder.constant("f", 0.0)), fast_two_sum(2.0, f))
    z, z_low = two_product(s, s)
    z_low = fma(2.0 * s, s_low, z_low)
    # atanh(s)/s - 1 = z/3 + z²·P(z): the first term is large enough to need its lower half.
    third, third_low = two_product(z, 1 / 3)
    third_low = fma(z, 1 / 3 / 2**54, fma(z_low, 1 / 3, third_low))
    small = fma(z * z, polynomial(z, coefficients.LOG_LONG), third_low)
    ratio, ratio_low = fast_two_sum(third, small)
    product, product_low = two_product(s, ratio)
    product_low = fma(s, ratio_low, fma(s_low, ratio, product_low)) + s_low
    high, low = fast_two_sum(s, product)
    return 2.0 * high, 2.0 * (low + product_low)


def log_pair_any(x: Value) -> Pair:
    """log x as a pair for 0 < x < inf; the low part is up to 2⁻⁴⁴ of the high one."""
    k, m = split_any(x)
    log_high, log_low = log_pair(m)
    high, lost = fast_two_sum(k * LN2_HIGH, log_high)
    return high, lost + fma(k, LN2_LOW, log_low)


def _log_base(x: Value, per_e: tuple[float, float], per_2: tuple[float, float]) -> Value:
    k, m = split_any(x)
    high, low = log_pair(m)
    part, part_low = two_product(high, per_e[0])
    part_low = fma(low, per_e[0], fma(high, per_e[1], part_low))
    total, lost = two_sum(k * per_2[0], part)
    return log_special(x, total + (lost + fma(k, per_2[1], part_low)))


def log2(x: Value) -> Value:
    return _log_base(x, INV_LN2, (1.0, 0.0))


def log10(x: Value) -> Value:
    return _log_base(x, INV_LN10, LOG10_2)


def log1p_of_pair(high: Value, low: Value | None = None, doublings: Value | float = 0.0) -> Value:
    """log((1 + high + low)·2**doublings) for high > -1; `low` is at most half an ulp of `high` or so."""
    u, lost = two_sum(high.builder.constant("f", 1.0), high)
    if low is not None:
        lost = lost + low
    k, m = split(u)
    # What 1 + x lost to rounding, brought to the scale of m: times 2⁻ᵏ (2⁻¹⁰²⁴ has no exponent field of its own).
    scale = from_bits((1023 << 52) - (bits(at_most(k, 1022.0) + MAGIC) << 52))
    lost = lost * scale
    f, rest = fast_two_sum(m - 1.0, lost)
    return log_of_reduced(k + doublings, f, rest)


def log1p(x: Value) -> Value:
    result = log1p_of_pair(x)
    result = select(x < math.inf, result, x)
    result = select(x < -1.0, math.nan, result)
    result = select(x.equals(-1.0), -math.inf, result)
    return copysign(result, x)


def _log1p_of_decay(magnitude: Value, low: Value | float) -> Value:
    """log(1 + exp(-(magnitude + low))) for magnitude ≥ 0."""
    n, (a, b) = exp_pair(-at_most(magnitude, -EXP_UNDERFLOW), low)
    first = from_bits((n << 52) + ((1023 + 1000) << 52))
    return log1p_of_pair(a * first * 2.0**-1000, b * first * 2.0**-1000)


def log_expit(x: Value) -> Value:
    """log(1/(1 + e^-x)) = min(x, 0) - log1p(e^-|x|)."""
    return select(x < 0.0, x, -0.0) - _log1p_of_decay(absolute(x), 0.0)


def logaddexp(x: Value, y: Value) -> Value:
    """max + log1p(e^(min - max)).

    Where the two terms cancel (max negative, the result near 0) the error is 2 units of max, not of the result, as with
    any way that does not carry twice the precision throughout.
    """
    larger, smaller = select(x > y, x, y), select(x > y, y, x)
    same = x.equals(y)  # inf - inf would be NaN
    gap, gap_low = two_sum(larger, -smaller)
    zero = x.builder.constant("f", 0.0)
    finite = gap < math.inf
    gap = select(same, zero, gap)
    correction = _log1p_of_decay(gap, select(finite & ~same, -gap_low, zero))
    return larger + correction


FUNCTIONS = {
    "log": log,
    "log2": log2,
    "log10": log10,
    "log1p": log1p,
    "log_expit": log_expit,
    "logaddexp": logaddexp,
}
