"""Values of special functions as formulas in primitives, for engines whose arrays SciPy cannot compute on.

Without one, and without a function of the engine's own, such an engine has to call SciPy on the host, which leaves the
accelerator and splits a compiled program. A formula gives SciPy's values to 12 digits everywhere, its infinities and
NaNs included (`tests/backends/test_own_special.py`). It need not have right derivatives: those are the table's.
"""

from __future__ import annotations

import math
from typing import Any

from diffiface.primitives.formula import (
    Function,
    Term,
    cos,
    exp,
    expm1,
    floor,
    formula,
    gammaln,
    isnan,
    log,
    log1p,
    near_zero,
    sin,
    where,
    xlogy,
)

SPECIAL_FORMULAS: dict[str, Function] = {}
"""By name in the table of special functions: `(p, *arguments)`, for real arguments."""

_LARGEST_EXPONENT = math.log(1.7976931348623157e308)


def _formula(function: Function) -> Function:
    SPECIAL_FORMULAS[function.__name__] = formula(function)
    return function


# ---- sigmoids, exponentials, logarithms


@_formula
def logit(x: Term) -> Term:
    middle = abs(x - 0.5) < 0.2  # where log(x / (1 - x)) is small and would lose its digits
    twice = where(middle, 2 * (x - 0.5), 0.0)
    return where(middle, log1p(twice) - log1p(-twice), log(x / (1 - x)))


@_formula
def exp10(x: Term) -> Any:
    return 10.0**x


@_formula
def cosm1(x: Term) -> Term:
    half = sin(x / 2)
    return where(abs(x) < 1.0, -2 * half * half, cos(x) - 1)


@_formula
def exprel(x: Term) -> Term:
    ratio = near_zero(x, 1e-5, [1.0, 0.5, 1 / 6], lambda x: expm1(x) / x)
    return where(x > _LARGEST_EXPONENT, math.inf, ratio)


@_formula
def xlog1py(x: Term, y: Term) -> Term:
    zero = (x == 0) & ~isnan(y)
    return where(zero, 0.0, x * log1p(where(zero, 0.0, y)))


# ---- entropies and losses


@_formula
def entr(x: Term) -> Term:
    return where(x < 0, -math.inf, -xlogy(x, x))


def _x_log_ratio(x: Term, y: Term) -> Term:
    """x log(x / y) of positive numbers, also where the quotient is near 1, or not a number that can be held."""
    ratio = x / y
    close = (ratio > 0.5) & (ratio < 2)
    held = (ratio > 2.3e-308) & (ratio < math.inf)
    apart = where(held, log(where(held, ratio, 1.0)), log(x) - log(y))
    return x * where(close, log1p(where(close, (x - y) / y, 0.0)), apart)


@_formula
def rel_entr(x: Term, y: Term) -> Term:
    both = (x > 0) & (y > 0)
    value = _x_log_ratio(where(both, x, 1.0), where(both, y, 1.0))
    edge = where((y >= 0) & (x == 0), 0.0, math.inf)
    return where(isnan(x) | isnan(y), math.nan, where(both, value, edge))


@_formula
def kl_div(x: Term, y: Term) -> Term:
    both = (x > 0) & (y > 0)
    first, second = where(both, x, 1.0), where(both, y, 1.0)
    value = first * log(first / second) - first + second
    edge = where((y >= 0) & (x == 0), y, math.inf)
    return where(isnan(x) | isnan(y), math.nan, where(both, value, edge))


@_formula
def huber(delta: Term, r: Term) -> Term:
    size = abs(r)
    loss = where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
    return where(delta < 0, math.inf, loss)


@_formula
def pseudo_huber(delta: Term, r: Term) -> Term:
    zero = (delta == 0) | (r == 0)
    ratio = where(zero, 0.0, r) / where(zero, 1.0, delta)
    loss = delta * delta * expm1(0.5 * log1p(ratio * ratio))
    return where(delta < 0, math.inf, where(zero, 0.0, loss))


# ---- power transformations


def _power_transformation(logarithm: Term, power: Term) -> Term:
    """(exp(power logarithm) - 1) / power."""
    small = abs(power) < 1e-19
    divisor = where(small, 1.0, power)
    return where(small, logarithm, expm1(power * logarithm) / divisor)


@_formula
def boxcox(x: Term, power: Term) -> Term:
    return _power_transformation(log(x), power)


@_formula
def boxcox1p(x: Term, power: Term) -> Term:
    return _power_transformation(log1p(x), power)


def _logarithm_of_inverse(y: Term, power: Term) -> Term:
    """log(1 + power y) / power."""
    zero = power == 0
    return where(zero, y, log1p(where(zero, 0.0, power * y)) / where(zero, 1.0, power))


@_formula
def inv_boxcox(y: Term, power: Term) -> Term:
    return exp(_logarithm_of_inverse(y, power))


@_formula
def inv_boxcox1p(y: Term, power: Term) -> Term:
    return expm1(_logarithm_of_inverse(y, power))


# ---- gamma


@_formula
def gamma(x: Term) -> Term:
    whole = floor(x)
    odd = (whole - 2 * floor(whole / 2)) == 1
    pole = (x < 0) & (x == whole)
    value = where((x < 0) & odd, -1.0, 1.0) * exp(gammaln(where(pole, 1.0, x)))
    zero = x == 0
    return where(pole, math.nan, where(zero, 1 / where(zero, x, 1.0), value))
