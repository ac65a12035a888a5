"""gammaln and digamma.

Between CORE_LOW and CORE_HIGH one polynomial, with the roots taken out as factors. Below, one step of the recurrence leads
there; from CORE_HIGH to ASYMPTOTIC up to five steps down do; beyond, Stirling's series. Negative arguments are reflected.

Where the function crosses zero at a negative x, the error is some units of the terms that cancel there, not of the result.
"""

from __future__ import annotations

import math

from . import coefficients
from .arithmetic import Pair, fast_two_sum, polynomial, two_product, two_sum
from .builder import Value, absolute, at_most, bits, fma, rarely, select
from .logarithm import log, log_pair_any
from .trigonometric import sin, tan

CORE_LOW, CORE_HIGH = 0.8, 2.6
CORE_MIDDLE = 1.7
STEPS = 5
ASYMPTOTIC = CORE_HIGH + STEPS

HALF_LOG_2PI_LESS_HALF = 0.41893853320467274
DIGAMMA_ROOT = float.fromhex("0x1.762d86356be3fp+0"), float.fromhex("0x1.b86a722197829p-54")


def _core_ratio(from_middle: Value, table: tuple[float, ...], low: float) -> Pair:
    """The polynomial of the core as a pair: its constant dwarfs the rest, whose rounding then hardly counts."""
    u = at_most(from_middle, 1.0)  # where the core is not used, still no overflow
    high, lost = fast_two_sum(table[0], u * polynomial(u, table[1:]))
    return high, lost + low


def _gammaln_of_positive(a: Value) -> Value:
    builder = a.builder
    one = builder.constant("f", 1.0)
    below, stirling = a < CORE_LOW, a.not_less(ASYMPTOTIC)

    # (a-1)(a-2)…: as many factors as lead into the core
    product, argument = one, a
    for step in range(1, STEPS + 1):
        wanted = a.not_less(CORE_HIGH + (step - 1))
        product = select(wanted, product * (a - float(step)), product)
        argument = select(wanted, a - float(step), argument)
    log_high, log_low = log_pair_any(select(below | stirling, a, product))

    # t = argument, or a + 1 below; its differences from 1, 2 and the middle are taken without rounding a + 1.
    from_one = select(below, a, argument - 1.0)
    from_two = select(below, a - 1.0, argument - 2.0)
    from_middle = select(below, a - (CORE_MIDDLE - 1.0), argument - CORE_MIDDLE)
    roots, roots_low = two_product(from_one, from_two)
    ratio, ratio_low = _core_ratio(from_middle, coefficients.GAMMALN, coefficients.GAMMALN_LOW)
    core, core_low = two_product(roots, ratio)
    core_low = core_low + fma(roots, ratio_low, roots_low * ratio)
    signed_log = select(below, -log_high, log_high)
    total, lost = two_sum(signed_log, core)
    stepped = total + (lost + (core_low + select(below, -log_low, log_low)))

    # (a - ½)(log a - 1) + ½ log 2π - ½ + P(1/a²)/a
    inverse = 1.0 / a
    series = inverse * polynomial(inverse * inverse, coefficients.GAMMALN_SERIES)
    factor, factor_low = two_sum(a, builder.constant("f", -0.5))
    log_less_one, lost = two_sum(log_high, builder.constant("f", -1.0))
    main, main_low = two_product(factor, log_less_one)
    main_low = fma(factor, lost + log_low, fma(factor_low, log_less_one, main_low))
    total, rest = two_sum(main, series + HALF_LOG_2PI_LESS_HALF)
    far = select(main < math.inf, total + (rest + main_low), main)
    result = select(stirling, far, stepped)
    return select(a.equals(0.0), math.inf, select(a < math.inf, result, a))


def _to_nearest_whole(a: Value) -> Value:
    return a - a.builder.intrinsic("rint", a)


def gammaln(x: Value) -> Value:
    """log|Γ(x)|: inf at the poles, and at -inf the -inf that SciPy has there (C's lgamma has inf)."""
    magnitude = absolute(x)
    positive = _gammaln_of_positive(magnitude)

    def reflected() -> tuple[Value]:
        # |Γ(-a)| = π/(a·|sin πa|·Γ(a)); a·sin πa may underflow, so the logarithms are taken apart
        fraction = absolute(_to_nearest_whole(magnitude))
        sine = absolute(sin(fraction * math.pi))
        value = (math.log(math.pi) - log(sine)) - (log(magnitude) + positive)
        value = select(fraction.equals(0.0), math.inf, value)
        value = select(magnitude < math.inf, value, x)
        # Γ(x) is 1/x near 0, with either sign
        value = select(magnitude < 2.0**-60, positive, value)
        return (select(x < 0.0, value, positive),)

    return rarely(x < 0.0, (positive,), reflected)[0]


def _digamma_of_positive(a: Value) -> Value:
    builder = a.builder
    one, zero = builder.constant("f", 1.0), builder.constant("f", 0.0)
    below, stirling = a < CORE_LOW, a.not_less(ASYMPTOTIC)

    # 1/(a-1) + 1/(a-2) + … as one fraction
    numerator, denominator, argument = zero, one, a
    for step in range(1, STEPS + 1):
        wanted = a.not_less(CORE_HIGH + (step - 1)) & (a < ASYMPTOTIC)
        factor = a - float(step)
        numerator = select(wanted, fma(numerator, factor, denominator), numerator)
        denominator = select(wanted, denominator * factor, denominator)
        argument = select(wanted, factor, argument)
    # below: -1/a; in Stirling's: 1/a
    numerator = select(below, builder.constant("f", -1.0), select(stirling, one, numerator))
    denominator = select(below | stirling, a, denominator)
    steps = numerator / denominator

    from_root = select(below, (a - (DIGAMMA_ROOT[0] - 1.0)), argument - DIGAMMA_ROOT[0]) - DIGAMMA_ROOT[1]
    from_middle = select(below, a - (CORE_MIDDLE - 1.0), argument - CORE_MIDDLE)
    ratio, ratio_low = _core_ratio(from_middle, coefficients.DIGAMMA, coefficients.DIGAMMA_LOW)
    core, core_low = two_product(from_root, ratio)
    core_low = fma(from_root, ratio_low, core_low)

    # log a - 1/(2a) - P(1/a²)/a²
    square = steps * steps
    far = log(a) - fma(square, polynomial(square, coefficients.DIGAMMA_SERIES), 0.5 * steps)
    total, lost = two_sum(core, steps)
    # Near 0 the sum is infinite, and its rounding error NaN.
    stepped = select(absolute(total) < math.inf, total + (lost + core_low), total)
    return select(stirling, far, stepped)


def digamma(x: Value) -> Value:
    """The derivative of log Γ. At 0 -inf, at -0 inf, at the other poles and at -inf NaN."""
    magnitude = absolute(x)
    positive = _digamma_of_positive(magnitude)

    def reflected() -> tuple[Value]:
        # ψ(-a) = ψ(a) + 1/a + π·cot πa
        fraction = _to_nearest_whole(magnitude)
        value = positive + (1.0 / magnitude + math.pi / tan(fraction * math.pi))
        value = select(fraction.equals(0.0) | magnitude.equals(math.inf), math.nan, value)
        # ψ(x) is -1/x near 0; the three terms would be inf - inf
        value = select(magnitude < 2.0**-60, -positive, value)
        return (select(bits(x) < 0, value, positive),)

    return rarely(bits(x) < 0, (positive,), reflected)[0]


FUNCTIONS = {"gammaln": gammaln, "digamma": digamma}
