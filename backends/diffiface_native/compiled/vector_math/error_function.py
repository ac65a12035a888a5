"""erf, erfc and the normal distribution function.

erf is an odd polynomial up to ERF_SPLIT and 1 - exp(-P(a)) above, where erfc(a) needs few of its bits. erfc itself is
exp(-a²)·g(a)/(1 + 2a), with g close to 1 and, in p = (a - 4)/(a + 4), a polynomial over the whole half line.
"""

from __future__ import annotations

import math

from . import coefficients
from .arithmetic import Pair, fast_two_sum, polynomial, quotient, two_product, two_sum
from .builder import Value, absolute, at_most, bits, copysign, fma, from_bits, select
from .exponential import exp_of_reduced, exp_pair, reduce

ERF_SPLIT = 0.84375
ERF_END = 6.0
"""erf is 1 from here on."""
ERF_MIDDLE = 2.0
ERFC_CENTER = 4.0
ERFC_END = 27.5
"""erfc is 0 from here on."""
TAIL_START = 0.5
"""Nearer to 0 erfc is 1 - erf(x): g has too many terms of about its own size there."""
SQRT_HALF = math.sqrt(0.5)


def erf(x: Value) -> Value:
    magnitude = at_most(absolute(x), ERF_END)
    z = magnitude * magnitude
    near = fma(magnitude, polynomial(z, coefficients.ERF), magnitude)
    n, r, _ = reduce(-polynomial(magnitude - ERF_MIDDLE, coefficients.ERF_FAR))
    far = 1.0 - exp_of_reduced(r) * from_bits((n << 52) + (1023 << 52))
    return copysign(select(magnitude < ERF_SPLIT, near, far), x)


def _upper_tail(a: Value, exponent: Pair) -> Value:
    """exp(exponent)·(exp(a²)·erfc(a)) for 0 ≤ a ≤ ERFC_END; the exponent is -a², as a pair."""
    center = a.builder.constant("f", ERFC_CENTER)
    p, p_low = quotient(two_sum(a, -center), two_sum(a, center))
    g = coefficients.ERFCX
    slope = polynomial(p, g[1:])
    high, low = fast_two_sum(g[0], fma(p, slope, p_low * g[1]))
    low = low + coefficients.ERFCX_LOW
    high, low = quotient((high, low), two_sum(a.builder.constant("f", 1.0), 2.0 * a))
    n, (e, e_low) = exp_pair(*exponent)
    tail = fma(e, high, fma(e, low, e_low * high))
    # n ≤ 0: twice a factor that is a double, so that the last one rounds to a subnormal once.
    return tail * from_bits((n << 52) + ((1023 + 1000) << 52)) * 2.0**-1000


def _one_minus_erf(x: Value) -> Value:
    """erfc(x) for |x| ≤ TAIL_START, 1 - x losing nothing."""
    high, low = two_sum(x.builder.constant("f", 1.0), -x)
    return high + fma(-x, polynomial(x * x, coefficients.ERF), low)


def erfc(x: Value) -> Value:
    magnitude = absolute(x)
    a = at_most(magnitude, ERFC_END)
    square, square_low = two_product(a, a)
    tail = _upper_tail(a, (-square, -square_low))
    result = select(bits(x) < 0, 2.0 - tail, tail)
    return select(magnitude < TAIL_START, _one_minus_erf(x), result)


def ndtr(x: Value) -> Value:
    """erfc(-x/√2)/2, with x²/2 taken from x itself: a rounded x/√2 would cost the tail x² units."""
    magnitude = absolute(x)
    bounded = at_most(magnitude, ERFC_END / SQRT_HALF)
    a = bounded * SQRT_HALF
    half, half_low = two_product(bounded, 0.5 * bounded)
    tail = 0.5 * _upper_tail(a, (-half, -half_low))
    result = select(bits(x) < 0, tail, 1.0 - tail)
    return select(a < TAIL_START, 0.5 * _one_minus_erf(x * -SQRT_HALF), result)


FUNCTIONS = {"erf": erf, "erfc": erfc, "ndtr": ndtr}
