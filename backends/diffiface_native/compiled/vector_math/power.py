"""pow, cbrt and hypot."""

from __future__ import annotations

import math

from . import coefficients
from .arithmetic import polynomial, two_product
from .builder import (
    MAGIC,
    SIGN_BIT,
    Value,
    absolute,
    at_least,
    at_most,
    bits,
    copysign,
    flip_sign,
    fma,
    from_bits,
    rarely,
    select,
    square_root,
)
from .exponential import EXP_OVERFLOW, EXP_UNDERFLOW, exp_pair, is_negative, scale
from .logarithm import log_pair_any, split_any

CUBE_ROOT_2 = 2.0 ** (1 / 3)


def pow(x: Value, y: Value) -> Value:
    """exp(y·log x), log x and the product being carried as pairs. Special values as in C's `pow` (and NumPy's)."""
    magnitude = absolute(x)
    high, low = log_pair_any(magnitude)
    product, product_low = two_product(y, high)
    product_low = fma(y, low, product_low)
    # Beyond the range of exp the low part may be NaN (inf - inf), and does not matter.
    inside = absolute(product) < -EXP_UNDERFLOW
    bounded = at_least(at_most(product, EXP_OVERFLOW), EXP_UNDERFLOW)
    n, (a, b) = exp_pair(bounded, select(inside, product_low, 0.0))
    result = scale(a + b, n, is_negative(bounded))
    ordinary = (x > 0.0) & (x < math.inf) & (absolute(y) < math.inf)
    (result,) = rarely(~ordinary, (result,), lambda: (_special_power(x, y, magnitude, result),))
    return result


def _special_power(x: Value, y: Value, magnitude: Value, result: Value) -> Value:
    """`result` is |x|**y where both are finite and x is not 0."""
    builder = x.builder
    one, zero, infinity = (builder.constant("f", c) for c in (1.0, 0.0, math.inf))
    endless = absolute(y).equals(math.inf)
    # 0, inf and any power of ±inf: up to inf or down to 0 (|x| = 1 stays there)
    limit = select((magnitude > 1.0) ^ (y < 0.0), infinity, zero)
    at_limit = magnitude.equals(0.0) | magnitude.equals(math.inf) | endless
    result = select(at_limit, select(magnitude.equals(1.0), one, limit), result)

    negative = bits(x) < 0
    # Doubles from 2⁵³ on are even, and truncation leaves them as they are.
    whole = y.builder.intrinsic("trunc", y).equals(y)
    half = y * 0.5
    odd = whole & ~half.builder.intrinsic("trunc", half).equals(half)
    result = flip_sign(result, select(negative & odd, builder.constant("i", SIGN_BIT), 0))
    result = select((x < 0.0) & (x > -math.inf) & ~whole, builder.constant("f", math.nan), result)
    result = select(x.is_nan() | y.is_nan(), x + y, result)
    return select(x.equals(1.0) | y.equals(0.0), one, result)


def cbrt(x: Value) -> Value:
    """2ⁿ·∛z with z = x/8ⁿ: first r near z^(-1/3), then z·r² corrected by what its cube misses."""
    builder = x.builder
    k, m = split_any(absolute(x))
    shifted = fma(k, 1 / 3, MAGIC)
    n = shifted - MAGIC
    j = fma(n, -3.0, k)  # -1, 0 or 1
    z = m * from_bits((bits(j + MAGIC) << 52) + (1023 << 52))
    factor = select(j < 0.0, builder.constant("f", CUBE_ROOT_2), 1.0)
    factor = select(j > 0.0, builder.constant("f", 1 / CUBE_ROOT_2), factor)
    r = polynomial(m, coefficients.INVERSE_CBRT) * factor
    e = fma(-(z * r), r * r, 1.0)
    r = fma(r, e * fma(e, 2 / 9, 1 / 3), r)
    inverse_square = r * r
    y = z * inverse_square
    square, square_low = two_product(y, y)
    missed = fma(square, y, -z) + square_low * y
    y = fma(-missed, inverse_square * (1 / 3), y)
    result = copysign(y * from_bits((bits(shifted) << 52) + (1023 << 52)), x)
    return select((absolute(x) < math.inf) & x.differs(0.0), result, x)


def hypot(x: Value, y: Value) -> Value:
    """√(x² + y²); inf beside NaN is inf."""
    builder = x.builder
    a, b = absolute(x), absolute(y)
    large, small = select(a > b, a, b), select(a > b, b, a)
    huge, tiny = large > 2.0**500, large < 2.0**-450
    one = builder.constant("f", 1.0)
    down = select(huge, builder.constant("f", 2.0**-600), select(tiny, builder.constant("f", 2.0**600), one))
    back = select(huge, builder.constant("f", 2.0**600), select(tiny, builder.constant("f", 2.0**-600), one))
    large, small = large * down, small * down
    result = square_root(fma(large, large, small * small)) * back
    infinite = a.equals(math.inf) | b.equals(math.inf)
    return select(infinite, builder.constant("f", math.inf), result)


FUNCTIONS = {"pow": pow, "cbrt": cbrt, "hypot": hypot}
