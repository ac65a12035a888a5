"""Distributions on an interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.scipy_api.distributions.continuous import Continuous
from diffiface.scipy_api.distributions.numerics import (
    expm1_ratio,
    log1mexp,
    log1p_ratio,
    log_normal_mass,
    log_sub_exp,
    normal_logpdf,
)


class UnitInterval(Continuous):
    """A distribution on [0, 1]."""

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, 1.0


class Uniform(UnitInterval):
    def _pdf(self, z: Any) -> Any:
        return 1.0 + 0.0 * z

    def _logpdf(self, z: Any) -> Any:
        return 0.0 * z

    def _cdf(self, z: Any) -> Any:
        return z

    def _ppf(self, q: Any) -> Any:
        return q

    def _mean(self) -> Any:
        return 0.5

    def _var(self) -> Any:
        return 1 / 12

    def _entropy(self) -> Any:
        return 0.0


class Beta(UnitInterval):
    shapes = ("a", "b")

    def _logpdf(self, z: Any, a: Any, b: Any) -> Any:
        return special.xlog1py(b - 1.0, -z) + special.xlogy(a - 1.0, z) - special.betaln(a, b)

    def _cdf(self, z: Any, a: Any, b: Any) -> Any:
        return special.betainc(a, b, z)

    def _sf(self, z: Any, a: Any, b: Any) -> Any:
        return special.betaincc(a, b, z)

    def _ppf(self, q: Any, a: Any, b: Any) -> Any:
        return special.betaincinv(a, b, q)

    def _isf(self, q: Any, a: Any, b: Any) -> Any:
        return special.betainccinv(a, b, q)

    def _mean(self, a: Any, b: Any) -> Any:
        return a / (a + b)

    def _var(self, a: Any, b: Any) -> Any:
        total = a + b
        return a * b / (total**2 * (total + 1.0))

    def _entropy(self, a: Any, b: Any) -> Any:
        return (
            special.betaln(a, b)
            - (a - 1.0) * special.digamma(a)
            - (b - 1.0) * special.digamma(b)
            + (a + b - 2.0) * special.digamma(a + b)
        )


class PowerLaw(UnitInterval):
    shapes = ("a",)

    def _logpdf(self, z: Any, a: Any) -> Any:
        return np.log(a) + special.xlogy(a - 1.0, z)

    def _cdf(self, z: Any, a: Any) -> Any:
        return z**a

    def _logcdf(self, z: Any, a: Any) -> Any:
        return a * np.log(z)

    def _sf(self, z: Any, a: Any) -> Any:
        return -np.expm1(a * np.log(z))

    def _ppf(self, q: Any, a: Any) -> Any:
        return q ** (1.0 / a)

    def _isf(self, q: Any, a: Any) -> Any:
        return np.exp(np.log1p(-q) / a)

    def _mean(self, a: Any) -> Any:
        return a / (a + 1.0)

    def _var(self, a: Any) -> Any:
        return a / (a + 2.0) / (a + 1.0) ** 2

    def _entropy(self, a: Any) -> Any:
        return 1.0 - 1.0 / a - np.log(a)


class ShapedInterval(Continuous):
    """A distribution whose support runs from its first shape to its second."""

    shapes = ("a", "b")

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return shapes[0], shapes[1]

    def _interior(self, *shapes: Any) -> Any:
        lower, upper = shapes
        lower = np.where(np.isneginf(lower), np.where(np.isposinf(upper), -1.0, upper - 2.0), lower)
        upper = np.where(np.isposinf(upper), lower + 2.0, upper)
        return 0.5 * (lower + upper)


class TruncNorm(ShapedInterval):
    def _argcheck(self, a: Any, b: Any) -> Any:
        return a < b

    def _logpdf(self, z: Any, a: Any, b: Any) -> Any:
        return normal_logpdf(z) - log_normal_mass(a, b)

    def _logcdf(self, z: Any, a: Any, b: Any) -> Any:
        return self._log_share(self._below(z, a, b), self._above(z, a, b))

    def _logsf(self, z: Any, a: Any, b: Any) -> Any:
        return self._log_share(self._above(z, a, b), self._below(z, a, b))

    @staticmethod
    def _below(z: Any, a: Any, b: Any) -> Any:
        return log_normal_mass(a, z) - log_normal_mass(a, b)

    @staticmethod
    def _above(z: Any, a: Any, b: Any) -> Any:
        return log_normal_mass(z, b) - log_normal_mass(a, b)

    @staticmethod
    def _log_share(share: Any, rest: Any) -> Any:
        """Return the logarithm of a share; near 1 from the logarithm of the rest, whose digits have not cancelled."""
        large = share > -0.1
        return np.where(large, log1mexp(np.where(large, rest, -3.0)), share)

    def _cdf(self, z: Any, a: Any, b: Any) -> Any:
        return np.exp(self._logcdf(z, a, b))

    def _sf(self, z: Any, a: Any, b: Any) -> Any:
        return np.exp(self._logsf(z, a, b))

    def _ppf(self, q: Any, a: Any, b: Any) -> Any:
        mass = log_normal_mass(a, b)
        left = a < 0
        tail = np.where(left, a, -b)  # the end that lies below 0, or the upper end mirrored
        share = np.where(left, np.log(q), np.log1p(-q))
        quantile = special.ndtri_exp(_log_add(_log_ndtr(tail), share + mass))
        return np.where(left, quantile, -quantile)

    def _isf(self, q: Any, a: Any, b: Any) -> Any:
        mass = log_normal_mass(a, b)
        left = b < 0
        top = np.where(left, b, -a)
        share = np.where(left, np.log(q), np.log1p(-q))
        quantile = special.ndtri_exp(log_sub_exp(_log_ndtr(top), share + mass))
        return np.where(left, quantile, -quantile)

    def _mean(self, a: Any, b: Any) -> Any:
        mass = log_normal_mass(a, b)
        return np.exp(_log_density(a) - mass) - np.exp(_log_density(b) - mass)

    def _entropy(self, a: Any, b: Any) -> Any:
        mass = log_normal_mass(a, b)
        ends = _times_density(a, mass) - _times_density(b, mass)
        return 0.5 * np.log(2 * np.pi * np.e) + mass + 0.5 * ends


def _log_ndtr(z: Any) -> Any:
    """Return log_ndtr, with -inf for -inf and no derivative there."""
    infinite = np.isneginf(z)
    return np.where(infinite, -np.inf, special.log_ndtr(np.where(infinite, 0.0, z)))


def _log_add(x: Any, y: Any) -> Any:
    """Return logaddexp, where x may be -inf (without a derivative)."""
    gone = np.isneginf(x)
    return np.where(gone, y, np.logaddexp(np.where(gone, y, x), y))


def _log_density(z: Any) -> Any:
    infinite = np.isinf(z)
    return np.where(infinite, -np.inf, normal_logpdf(np.where(infinite, 0.0, z)))


def _times_density(z: Any, log_mass: Any) -> Any:
    """Return z times its density over the mass, 0 at an infinite end."""
    infinite = np.isinf(z)
    finite = np.where(infinite, 0.0, z)
    return np.where(infinite, 0.0, finite * np.exp(normal_logpdf(finite) - log_mass))


class LogUniform(ShapedInterval):
    def _argcheck(self, a: Any, b: Any) -> Any:
        return (a > 0) & (b > a)

    def _logpdf(self, z: Any, a: Any, b: Any) -> Any:
        return -np.log(z) - np.log(np.log(b) - np.log(a))

    def _cdf(self, z: Any, a: Any, b: Any) -> Any:
        return (np.log(z) - np.log(a)) / (np.log(b) - np.log(a))

    def _ppf(self, q: Any, a: Any, b: Any) -> Any:
        return np.exp(np.log(a) + q * (np.log(b) - np.log(a)))

    def _mean(self, a: Any, b: Any) -> Any:
        return (b - a) / (np.log(b) - np.log(a))

    def _entropy(self, a: Any, b: Any) -> Any:
        return 0.5 * (np.log(a) + np.log(b)) + np.log(np.log(b) - np.log(a))


class TruncExpon(Continuous):
    """An exponential variable cut off at b."""

    shapes = ("b",)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, shapes[0]

    def _interior(self, *shapes: Any) -> Any:
        return 0.5 * shapes[0]

    def _logpdf(self, z: Any, b: Any) -> Any:
        return -z - np.log(-np.expm1(-b))

    def _cdf(self, z: Any, b: Any) -> Any:
        return np.expm1(-z) / np.expm1(-b)

    def _ppf(self, q: Any, b: Any) -> Any:
        return -np.log1p(q * np.expm1(-b))

    def _sf(self, z: Any, b: Any) -> Any:
        return (np.exp(-b) - np.exp(-z)) / np.expm1(-b)


class Triang(UnitInterval):
    """Rises from 0 to its mode c and falls to 1."""

    shapes = ("c",)

    def _argcheck(self, c: Any) -> Any:
        return (c >= 0) & (c <= 1)

    def _pdf(self, z: Any, c: Any) -> Any:
        rising = z < c
        safe = np.where(rising, np.where(c == 0, 1.0, c), np.where(c == 1, 0.5, c))
        return np.where(rising, 2 * z / safe, np.where(c == 1, 2 * z, 2 * (1 - z) / (1 - np.where(rising, 0.0, safe))))

    def _logpdf(self, z: Any, c: Any) -> Any:
        return np.log(self._pdf(z, c))

    def _cdf(self, z: Any, c: Any) -> Any:
        rising = z < c
        up = np.where(rising, c, 1.0)
        down = np.where(rising | (c == 1), 0.0, c)
        falling = np.where(c == 1, z**2, 1.0 - (1.0 - z) ** 2 / (1.0 - down))
        return np.where(rising, z**2 / up, falling)

    def _ppf(self, q: Any, c: Any) -> Any:
        low = q < c
        return np.where(
            low,
            np.sqrt(np.where(low, c * q, 1.0)),
            1.0 - np.sqrt(np.where(low, 1.0, (1.0 - c) * (1.0 - q))),
        )

    def _mean(self, c: Any) -> Any:
        return (c + 1.0) / 3.0

    def _var(self, c: Any) -> Any:
        return (1.0 - c + c**2) / 18.0

    def _entropy(self, c: Any) -> Any:
        return 0.5 - np.log(2.0) + 0.0 * c


class GeneralizedExtreme(Continuous):
    """The three kinds of extreme-value distribution: bounded above for c > 0, below for c < 0, Gumbel's at 0."""

    shapes = ("c",)

    def _argcheck(self, c: Any) -> Any:
        return np.isfinite(c)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        (c,) = shapes
        bound = 1.0 / np.where(c == 0, 1.0, c)
        return np.where(c < 0, bound, -np.inf), np.where(c > 0, bound, np.inf)

    def _interior(self, *shapes: Any) -> Any:
        return np.zeros(np.shape(shapes[0]))[()]

    def _reduced(self, z: Any, c: Any) -> Any:
        """Return -log(1 - c z) / c: the Gumbel variable."""
        return z * log1p_ratio(-c * z)

    def _logpdf(self, z: Any, c: Any) -> Any:
        y = self._reduced(z, c)
        at_lower_end = np.isneginf(y)
        y = np.where(at_lower_end, 0.0, y)
        return np.where(at_lower_end, -np.inf, (c - 1.0) * y - np.exp(-y))

    def _cdf(self, z: Any, c: Any) -> Any:
        return np.exp(-np.exp(-self._reduced(z, c)))

    def _logcdf(self, z: Any, c: Any) -> Any:
        return -np.exp(-self._reduced(z, c))

    def _sf(self, z: Any, c: Any) -> Any:
        return -np.expm1(-np.exp(-self._reduced(z, c)))

    def _ppf(self, q: Any, c: Any) -> Any:
        return self._from_reduced(-np.log(-np.log(q)), c)

    def _isf(self, q: Any, c: Any) -> Any:
        return self._from_reduced(-np.log(-np.log1p(-q)), c)

    def _from_reduced(self, y: Any, c: Any) -> Any:
        return y * expm1_ratio(-c * y)


class GeneralizedPareto(Continuous):
    """Excesses over a threshold: bounded above for c < 0, exponential at 0."""

    shapes = ("c",)

    def _argcheck(self, c: Any) -> Any:
        return np.isfinite(c)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        (c,) = shapes
        return np.zeros(np.shape(c))[()], np.where(c < 0, -1.0 / np.where(c < 0, c, -1.0), np.inf)

    def _interior(self, *shapes: Any) -> Any:
        return 0.5 / (1.0 + np.abs(shapes[0]))

    def _logsf(self, z: Any, c: Any) -> Any:
        return -z * log1p_ratio(c * z)

    def _logpdf(self, z: Any, c: Any) -> Any:
        return (c + 1.0) * self._logsf(z, c)

    def _cdf(self, z: Any, c: Any) -> Any:
        return -np.expm1(self._logsf(z, c))

    def _sf(self, z: Any, c: Any) -> Any:
        return np.exp(self._logsf(z, c))

    def _ppf(self, q: Any, c: Any) -> Any:
        return self._at_log(-np.log1p(-q), c)

    def _isf(self, q: Any, c: Any) -> Any:
        return self._at_log(-np.log(q), c)

    def _at_log(self, y: Any, c: Any) -> Any:
        return y * expm1_ratio(c * y)
