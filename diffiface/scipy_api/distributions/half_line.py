"""Distributions on a half line."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.scipy_api.distributions.continuous import Continuous
from diffiface.scipy_api.distributions.numerics import LOG_SQRT_2PI, log1mexp, normal_logpdf

LOG_2 = np.log(2.0)


class HalfLine(Continuous):
    """A distribution on [0, inf)."""

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, np.inf


class Expon(HalfLine):
    def _logpdf(self, z: Any) -> Any:
        return -z

    def _cdf(self, z: Any) -> Any:
        return -np.expm1(-z)

    def _logcdf(self, z: Any) -> Any:
        return log1mexp(-z)

    def _sf(self, z: Any) -> Any:
        return np.exp(-z)

    def _logsf(self, z: Any) -> Any:
        return -z

    def _ppf(self, q: Any) -> Any:
        return -np.log1p(-q)

    def _isf(self, q: Any) -> Any:
        return -np.log(q)

    def _mean(self) -> Any:
        return 1.0

    def _var(self) -> Any:
        return 1.0

    def _entropy(self) -> Any:
        return 1.0


class LogNorm(HalfLine):
    shapes = ("s",)
    open_support = True

    def _logpdf(self, z: Any, s: Any) -> Any:
        logarithm = np.log(z)
        return normal_logpdf(logarithm / s) - np.log(s) - logarithm

    def _cdf(self, z: Any, s: Any) -> Any:
        return special.ndtr(np.log(z) / s)

    def _logcdf(self, z: Any, s: Any) -> Any:
        return special.log_ndtr(np.log(z) / s)

    def _sf(self, z: Any, s: Any) -> Any:
        return special.ndtr(-np.log(z) / s)

    def _logsf(self, z: Any, s: Any) -> Any:
        return special.log_ndtr(-np.log(z) / s)

    def _ppf(self, q: Any, s: Any) -> Any:
        return np.exp(s * special.ndtri(q))

    def _isf(self, q: Any, s: Any) -> Any:
        return np.exp(-s * special.ndtri(q))

    def _mean(self, s: Any) -> Any:
        return np.exp(0.5 * s**2)

    def _var(self, s: Any) -> Any:
        return np.expm1(s**2) * np.exp(s**2)

    def _entropy(self, s: Any) -> Any:
        return 0.5 + LOG_SQRT_2PI + np.log(s)


class WeibullMin(HalfLine):
    shapes = ("c",)

    def _logpdf(self, z: Any, c: Any) -> Any:
        return np.log(c) + special.xlogy(c - 1.0, z) - z**c

    def _cdf(self, z: Any, c: Any) -> Any:
        return -np.expm1(-(z**c))

    def _logcdf(self, z: Any, c: Any) -> Any:
        return log1mexp(-(z**c))

    def _sf(self, z: Any, c: Any) -> Any:
        return np.exp(-(z**c))

    def _logsf(self, z: Any, c: Any) -> Any:
        return -(z**c)

    def _ppf(self, q: Any, c: Any) -> Any:
        return (-np.log1p(-q)) ** (1.0 / c)

    def _isf(self, q: Any, c: Any) -> Any:
        return (-np.log(q)) ** (1.0 / c)

    def _mean(self, c: Any) -> Any:
        return special.gamma(1.0 + 1.0 / c)

    def _var(self, c: Any) -> Any:
        return special.gamma(1.0 + 2.0 / c) - self._mean(c) ** 2

    def _entropy(self, c: Any) -> Any:
        return -np.euler_gamma / c - np.log(c) + np.euler_gamma + 1


class WeibullMax(Continuous):
    """A Weibull variable mirrored: on (-inf, 0]."""

    shapes = ("c",)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return -np.inf, 0.0

    def _logpdf(self, z: Any, c: Any) -> Any:
        return np.log(c) + special.xlogy(c - 1.0, -z) - (-z) ** c

    def _cdf(self, z: Any, c: Any) -> Any:
        return np.exp(-((-z) ** c))

    def _logcdf(self, z: Any, c: Any) -> Any:
        return -((-z) ** c)

    def _sf(self, z: Any, c: Any) -> Any:
        return -np.expm1(-((-z) ** c))

    def _logsf(self, z: Any, c: Any) -> Any:
        return log1mexp(-((-z) ** c))

    def _ppf(self, q: Any, c: Any) -> Any:
        return -((-np.log(q)) ** (1.0 / c))

    def _isf(self, q: Any, c: Any) -> Any:
        return -((-np.log1p(-q)) ** (1.0 / c))

    def _mean(self, c: Any) -> Any:
        return -special.gamma(1.0 + 1.0 / c)

    def _var(self, c: Any) -> Any:
        return special.gamma(1.0 + 2.0 / c) - self._mean(c) ** 2

    def _entropy(self, c: Any) -> Any:
        return -np.euler_gamma / c - np.log(c) + np.euler_gamma + 1


class Pareto(Continuous):
    shapes = ("b",)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 1.0, np.inf

    def _logpdf(self, z: Any, b: Any) -> Any:
        return np.log(b) - (b + 1.0) * np.log(z)

    def _cdf(self, z: Any, b: Any) -> Any:
        return -np.expm1(-b * np.log(z))

    def _logcdf(self, z: Any, b: Any) -> Any:
        return log1mexp(-b * np.log(z))

    def _sf(self, z: Any, b: Any) -> Any:
        return z ** (-b)

    def _logsf(self, z: Any, b: Any) -> Any:
        return -b * np.log(z)

    def _ppf(self, q: Any, b: Any) -> Any:
        return np.exp(-np.log1p(-q) / b)

    def _isf(self, q: Any, b: Any) -> Any:
        return q ** (-1.0 / b)

    def _mean(self, b: Any) -> Any:
        some = np.where(b > 1, b, 2.0)
        return np.where(b > 1, some / (some - 1), np.inf)

    def _var(self, b: Any) -> Any:
        some = np.where(b > 2, b, 3.0)
        return np.where(b > 2, some / (some - 2) / (some - 1) ** 2, np.inf)

    def _entropy(self, b: Any) -> Any:
        return 1.0 + 1.0 / b - np.log(b)


class Lomax(HalfLine):
    """A Pareto variable moved to start at 0."""

    shapes = ("c",)

    def _logpdf(self, z: Any, c: Any) -> Any:
        return np.log(c) - (c + 1.0) * np.log1p(z)

    def _cdf(self, z: Any, c: Any) -> Any:
        return -np.expm1(-c * np.log1p(z))

    def _logcdf(self, z: Any, c: Any) -> Any:
        return log1mexp(-c * np.log1p(z))

    def _sf(self, z: Any, c: Any) -> Any:
        return np.exp(-c * np.log1p(z))

    def _logsf(self, z: Any, c: Any) -> Any:
        return -c * np.log1p(z)

    def _ppf(self, q: Any, c: Any) -> Any:
        return np.expm1(-np.log1p(-q) / c)

    def _isf(self, q: Any, c: Any) -> Any:
        return np.expm1(-np.log(q) / c)


class HalfNorm(HalfLine):
    def _logpdf(self, z: Any) -> Any:
        return LOG_2 + normal_logpdf(z)

    def _cdf(self, z: Any) -> Any:
        return special.erf(z / np.sqrt(2))

    def _sf(self, z: Any) -> Any:
        return 2.0 * special.ndtr(-z)

    def _logsf(self, z: Any) -> Any:
        return LOG_2 + special.log_ndtr(-z)

    def _ppf(self, q: Any) -> Any:
        return special.ndtri(0.5 * (1.0 + q))

    def _isf(self, q: Any) -> Any:
        return -special.ndtri(0.5 * q)

    def _mean(self) -> Any:
        return np.sqrt(2 / np.pi)

    def _var(self) -> Any:
        return 1.0 - 2 / np.pi

    def _entropy(self) -> Any:
        return 0.5 * np.log(np.pi / 2) + 0.5


class HalfCauchy(HalfLine):
    def _logpdf(self, z: Any) -> Any:
        return np.log(2 / np.pi) - np.log1p(z**2)

    def _cdf(self, z: Any) -> Any:
        return 2 / np.pi * np.arctan(z)

    def _sf(self, z: Any) -> Any:
        return 2 / np.pi * np.arctan2(1.0, z)

    def _ppf(self, q: Any) -> Any:
        return np.tan(np.pi / 2 * q)

    def _isf(self, q: Any) -> Any:
        return 1.0 / np.tan(np.pi / 2 * q)

    def _entropy(self) -> Any:
        return np.log(2 * np.pi)


class Rayleigh(HalfLine):
    open_support = True

    def _logpdf(self, z: Any) -> Any:
        return np.log(z) - 0.5 * z**2

    def _cdf(self, z: Any) -> Any:
        return -np.expm1(-0.5 * z**2)

    def _sf(self, z: Any) -> Any:
        return np.exp(-0.5 * z**2)

    def _logsf(self, z: Any) -> Any:
        return -0.5 * z**2

    def _ppf(self, q: Any) -> Any:
        return np.sqrt(-2 * np.log1p(-q))

    def _isf(self, q: Any) -> Any:
        return np.sqrt(-2 * np.log(q))

    def _mean(self) -> Any:
        return np.sqrt(np.pi / 2)

    def _var(self) -> Any:
        return 2 - np.pi / 2

    def _entropy(self) -> Any:
        return np.euler_gamma / 2.0 + 1 - 0.5 * LOG_2


class InvGauss(HalfLine):
    shapes = ("mu",)
    open_support = True

    def _logpdf(self, z: Any, mu: Any) -> Any:
        return -LOG_SQRT_2PI - 1.5 * np.log(z) - ((z - mu) / mu) ** 2 / (2 * z)

    def _logcdf(self, z: Any, mu: Any) -> Any:
        a, b = self._logs(z, mu, 1.0)
        return a + np.log1p(np.exp(b - a))

    def _logsf(self, z: Any, mu: Any) -> Any:
        a, b = self._logs(z, mu, -1.0)
        return a + np.log1p(-np.exp(b - a))

    def _logs(self, z: Any, mu: Any, sign: float) -> tuple[Any, Any]:
        root = 1.0 / np.sqrt(z)
        return special.log_ndtr(sign * root * (z / mu - 1)), 2 / mu + special.log_ndtr(-root * (z + mu) / mu)

    def _cdf(self, z: Any, mu: Any) -> Any:
        return np.exp(self._logcdf(z, mu))

    def _sf(self, z: Any, mu: Any) -> Any:
        return np.exp(self._logsf(z, mu))

    def _mean(self, mu: Any) -> Any:
        return mu

    def _var(self, mu: Any) -> Any:
        return mu**3


class LogLogistic(HalfLine):
    """Fisk's distribution: exp of a logistic variable."""

    shapes = ("c",)

    def _logpdf(self, z: Any, c: Any) -> Any:
        return np.log(c) + special.xlogy(c - 1.0, z) + 2 * special.log_expit(-c * np.log(z))

    def _cdf(self, z: Any, c: Any) -> Any:
        return special.expit(c * np.log(z))

    def _logcdf(self, z: Any, c: Any) -> Any:
        return special.log_expit(c * np.log(z))

    def _sf(self, z: Any, c: Any) -> Any:
        return special.expit(-c * np.log(z))

    def _logsf(self, z: Any, c: Any) -> Any:
        return special.log_expit(-c * np.log(z))

    def _ppf(self, q: Any, c: Any) -> Any:
        return np.exp(special.logit(q) / c)

    def _isf(self, q: Any, c: Any) -> Any:
        return np.exp(-special.logit(q) / c)


class Gompertz(HalfLine):
    shapes = ("c",)

    def _logpdf(self, z: Any, c: Any) -> Any:
        return np.log(c) + z - c * np.expm1(z)

    def _cdf(self, z: Any, c: Any) -> Any:
        return -np.expm1(-c * np.expm1(z))

    def _sf(self, z: Any, c: Any) -> Any:
        return np.exp(-c * np.expm1(z))

    def _logsf(self, z: Any, c: Any) -> Any:
        return -c * np.expm1(z)

    def _ppf(self, q: Any, c: Any) -> Any:
        return np.log1p(-np.log1p(-q) / c)

    def _isf(self, q: Any, c: Any) -> Any:
        return np.log1p(-np.log(q) / c)
