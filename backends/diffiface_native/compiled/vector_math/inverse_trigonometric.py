"""arcsin, arccos, arctan and arctan2."""

from __future__ import annotations

import math

from . import coefficients
from .arithmetic import Pair, fast_two_sum, polynomial, quotient, two_sum
from .builder import SIGN_BIT, Value, absolute, at_least, at_most, bits, copysign, fma, from_bits, select, square_root

# Multiples of π/4 and what their doubles lack.
QUARTER_PI = math.pi / 4, float.fromhex("0x1.1a62633145c07p-55")
HALF_PI = math.pi / 2, float.fromhex("0x1.1a62633145c07p-54")
PI = math.pi, float.fromhex("0x1.1a62633145c07p-53")

TAN_EIGHTH = math.sqrt(2) - 1
EXPONENT = 0x7FF << 52


def arctan_of_ratio(small: Value, large: Value) -> Pair:
    """arctan(small/large) for 0 ≤ small ≤ large, 2⁻⁹⁰⁰ < large < 2⁹⁰⁰.

    Above tan(π/8) it is π/4 + arctan((small - large)/(small + large)), so that one division serves both.
    """
    builder = small.builder
    steep = small > TAN_EIGHTH * large
    difference, difference_low = fast_two_sum(-large, small)
    total, total_low = fast_two_sum(large, small)
    zero = builder.constant("f", 0.0)
    t, t_low = quotient(
        (select(steep, difference, small), select(steep, difference_low, zero)),
        (select(steep, total, large), select(steep, total_low, zero)),
    )
    z = t * t
    correction = fma(t * z, polynomial(z, coefficients.ARCTAN), t_low)
    high, low = fast_two_sum(select(steep, builder.constant("f", QUARTER_PI[0]), 0.0), t)
    return high, low + (correction + select(steep, builder.constant("f", QUARTER_PI[1]), 0.0))


def _taken_from(whole: tuple[float, float], where: Value, angle: Pair) -> Pair:
    """whole - angle in some lanes, the angle itself in the others."""
    builder = where.builder
    zero = builder.constant("f", 0.0)
    sign = select(where, builder.constant("f", -1.0), 1.0)
    high, low = fast_two_sum(select(where, builder.constant("f", whole[0]), zero), sign * angle[0])
    return high, low + fma(sign, angle[1], select(where, builder.constant("f", whole[1]), zero))


def arctan(x: Value) -> Value:
    one = x.builder.constant("f", 1.0)
    magnitude = at_most(absolute(x), 2.0**500)
    beyond = magnitude > 1.0
    angle = arctan_of_ratio(select(beyond, one, magnitude), at_least(magnitude, 1.0))
    high, low = _taken_from(HALF_PI, beyond, angle)
    return copysign(high + low, x)


def arctan2(y: Value, x: Value) -> Value:
    """The angle of (x, y), by C's rules for zeros and infinities: signed zeros tell the sides of the axes apart."""
    builder = x.builder
    one, zero = builder.constant("f", 1.0), builder.constant("f", 0.0)
    along, across = absolute(x), absolute(y)
    swapped = across > along
    large, small = select(swapped, across, along), select(swapped, along, across)
    # inf counts as 1 beside 0 for all that is finite; (0, 0) as (0, 1).
    infinite = large.equals(math.inf)
    small = select(infinite, select(small.equals(math.inf), one, zero), small)
    large = select(infinite | large.equals(0.0), one, large)
    # By a power of two `large` comes to [1, 2) and `small` to the size of their ratio: nothing over- or underflows early.
    scale = at_least(from_bits((2046 << 52) - (bits(large) & EXPONENT)), 2.0**-1023)
    angle = arctan_of_ratio(small * scale, large * scale)
    angle = _taken_from(HALF_PI, swapped, angle)
    high, low = _taken_from(PI, bits(x) < 0, angle)
    result = copysign(high + low, y)
    return select((x + y).is_nan() & (x.is_nan() | y.is_nan()), x + y, result)


def _arcsin_parts(x: Value) -> tuple[Value, Value, Value]:
    """(outer, t, c): arcsin|x| = t + c where |x| < ½ (not `outer`), π/2 - 2·(t + c) elsewhere."""
    magnitude = absolute(x)
    outer = magnitude.not_less(0.5)
    z = select(outer, fma(-0.5, magnitude, 0.5), magnitude * magnitude)
    t = select(outer, square_root(z), magnitude)
    return outer, t, (t * z) * polynomial(z, coefficients.ARCSIN)


def arcsin(x: Value) -> Value:
    outer, t, c = _arcsin_parts(x)
    high, low = two_sum(x.builder.constant("f", HALF_PI[0]), -2.0 * t)
    return copysign(select(outer, high + (low + fma(-2.0, c, HALF_PI[1])), t + c), x)


def arccos(x: Value) -> Value:
    """2·(t + c) for x ≥ ½, π - 2·(t + c) for x ≤ -½, π/2 ∓ (t + c) between."""
    builder = x.builder
    outer, t, c = _arcsin_parts(x)
    negative = bits(x) < 0
    zero = builder.constant("f", 0.0)
    factor = select(outer, builder.constant("f", 2.0), 1.0)
    signed = from_bits(bits(factor) ^ ((bits(x) & SIGN_BIT) ^ select(outer, builder.constant("i", 0), SIGN_BIT)))
    whole = select(outer, select(negative, builder.constant("f", PI[0]), zero), HALF_PI[0])
    whole_low = select(outer, select(negative, builder.constant("f", PI[1]), zero), HALF_PI[1])
    high, low = fast_two_sum(whole, signed * t)
    return high + (low + fma(signed, c, whole_low))


FUNCTIONS = {"arcsin": arcsin, "arccos": arccos, "arctan": arctan, "arctan2": arctan2}
