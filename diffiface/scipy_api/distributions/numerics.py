"""Formulas that several distributions need: the normal distribution, and differences that would cancel."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.scipy_api.distributions.values import piecewise

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
SQRT_2PI = np.sqrt(2 * np.pi)


def normal_logpdf(z: Any) -> Any:
    """Return the logarithm of the standard normal density."""
    return -0.5 * z**2 - LOG_SQRT_2PI


def normal_pdf(z: Any) -> Any:
    """Return the standard normal density."""
    return np.exp(-0.5 * z**2) / SQRT_2PI


def log_gamma_ratio(a: Any) -> Any:
    """Return log(gamma(a + 1/2) / gamma(a)).

    The difference of two gammaln loses digits as a grows; from 20 on its asymptotic series does not.
    """
    return piecewise(a < 20, a, lambda a: special.gammaln(a + 0.5) - special.gammaln(a), _log_gamma_ratio_series, 1, 20)


def _log_gamma_ratio_series(a: Any) -> Any:
    u = 1.0 / a
    v = u * u
    tail = -1 / 8 + v * (1 / 192 + v * (-1 / 640 + v * (17 / 14336 + v * (-31 / 18432 + v * (691 / 180224)))))
    return 0.5 * np.log(a) + u * tail


def log1mexp(x: Any) -> Any:
    """Return log(1 - exp(x)) for x < 0."""
    return piecewise(
        x > -0.6931471805599453,
        x,
        lambda x: np.log(-np.expm1(x)),
        lambda x: np.log1p(-np.exp(x)),
        -0.1,
        -1.0,
    )


def log_sub_exp(x: Any, y: Any) -> Any:
    """Return log(exp(x) - exp(y)) for x > y."""
    return x + log1mexp(y - x)


def log_normal_mass(a: Any, b: Any) -> Any:
    """Return the logarithm of the standard normal probability between a < b.

    On the right of 0 the interval is mirrored, so that both ends are far tails of log_ndtr, known to all digits;
    around 0 the mass is what the two tails leave.
    """
    mirrored = a > 0
    low, high = np.where(mirrored, -b, a), np.where(mirrored, -a, b)
    one_side = high <= 0
    # Points that are harmless in the formula of the other case.
    low_tail, high_tail = np.where(one_side, low, -2.0), np.where(one_side, high, -1.0)
    low_centre, high_centre = np.where(one_side, -1.0, low), np.where(one_side, 1.0, high)
    lower_log = special.log_ndtr(np.where(np.isneginf(low_tail), -2.0, low_tail))
    upper_log = special.log_ndtr(high_tail)
    tail = np.where(np.isneginf(low_tail), upper_log, log_sub_exp(upper_log, _below(lower_log, upper_log)))
    centre = np.log1p(-special.ndtr(low_centre) - special.ndtr(-high_centre))
    return np.where(one_side, tail, centre)


def _below(lower: Any, upper: Any) -> Any:
    """Keep a placeholder of the lower end (where that is infinite) below the upper end's logarithm."""
    return np.where(lower < upper, lower, upper - 1.0)


def log1p_ratio(u: Any) -> Any:
    """Return log(1 + u) / u, smooth through u = 0."""
    return piecewise(np.abs(u) < 0.05, u, _log1p_ratio_series, lambda u: np.log1p(u) / u, 0.0, 1.0)


def _log1p_ratio_series(u: Any) -> Any:
    total: Any = 1 / 14
    for n in range(13, 0, -1):
        total = 1 / n - u * total
    return total


def expm1_ratio(u: Any) -> Any:
    """Return (exp(u) - 1) / u, smooth through u = 0."""
    return piecewise(np.abs(u) < 0.05, u, _expm1_ratio_series, lambda u: np.expm1(u) / u, 0.0, 1.0)


def _expm1_ratio_series(u: Any) -> Any:
    total: Any = 1.0
    for n in range(11, 1, -1):
        total = 1.0 + u / n * total
    return total
