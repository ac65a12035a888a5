"""Distributions on the whole real line."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.scipy_api.distributions.continuous import Continuous
from diffiface.scipy_api.distributions.numerics import (
    LOG_SQRT_2PI,
    log1mexp,
    log_gamma_ratio,
    normal_logpdf,
    normal_pdf,
)
from diffiface.scipy_api.distributions.values import piecewise

LOG_2 = np.log(2.0)
LOG_PI = np.log(np.pi)


class Norm(Continuous):
    def _pdf(self, z: Any) -> Any:
        return normal_pdf(z)

    def _logpdf(self, z: Any) -> Any:
        return normal_logpdf(z)

    def _cdf(self, z: Any) -> Any:
        return special.ndtr(z)

    def _logcdf(self, z: Any) -> Any:
        return special.log_ndtr(z)

    def _sf(self, z: Any) -> Any:
        return special.ndtr(-z)

    def _logsf(self, z: Any) -> Any:
        return special.log_ndtr(-z)

    def _ppf(self, q: Any) -> Any:
        return special.ndtri(q)

    def _isf(self, q: Any) -> Any:
        return -special.ndtri(q)

    def _mean(self) -> Any:
        return 0.0

    def _var(self) -> Any:
        return 1.0

    def _entropy(self) -> Any:
        return LOG_SQRT_2PI + 0.5


class Logistic(Continuous):
    def _logpdf(self, z: Any) -> Any:
        # Symmetric without |z|, whose second derivative at 0 is no use.
        return special.log_expit(z) + special.log_expit(-z)

    def _cdf(self, z: Any) -> Any:
        return special.expit(z)

    def _logcdf(self, z: Any) -> Any:
        return special.log_expit(z)

    def _sf(self, z: Any) -> Any:
        return special.expit(-z)

    def _logsf(self, z: Any) -> Any:
        return special.log_expit(-z)

    def _ppf(self, q: Any) -> Any:
        return special.logit(q)

    def _isf(self, q: Any) -> Any:
        return -special.logit(q)

    def _mean(self) -> Any:
        return 0.0

    def _var(self) -> Any:
        return np.pi**2 / 3

    def _entropy(self) -> Any:
        return 2.0


class StudentT(Continuous):
    shapes = ("df",)

    def _logpdf(self, z: Any, df: Any) -> Any:
        normal = np.isinf(df)
        finite = np.where(normal, 1.0, df)
        logpdf = (
            log_gamma_ratio(0.5 * finite)
            - 0.5 * (np.log(finite) + LOG_PI)
            - 0.5 * (finite + 1) * np.log1p(z**2 / finite)
        )
        return np.where(normal, normal_logpdf(z), logpdf)

    def _cdf(self, z: Any, df: Any) -> Any:
        return special.stdtr(df, z)

    def _sf(self, z: Any, df: Any) -> Any:
        return special.stdtr(df, -z)

    def _ppf(self, q: Any, df: Any) -> Any:
        return special.stdtrit(df, q)

    def _isf(self, q: Any, df: Any) -> Any:
        return -special.stdtrit(df, q)

    def _mean(self, df: Any) -> Any:
        return np.where(df > 1, 0.0 * np.where(np.isinf(df), 0.0, df), np.inf)

    def _var(self, df: Any) -> Any:
        ordinary = (df > 2) & np.isfinite(df)
        some = np.where(ordinary, df, 3.0)
        return np.where(ordinary, some / (some - 2), np.where(df > 2, 1.0, np.where(df > 1, np.inf, np.nan)))


class Cauchy(Continuous):
    def _pdf(self, z: Any) -> Any:
        return 1.0 / (np.pi * (1.0 + z**2))

    def _logpdf(self, z: Any) -> Any:
        # z**2 overflows before its logarithm is large.
        return -LOG_PI - 2 * piecewise(
            np.abs(z) < 1e100, z, lambda z: 0.5 * np.log1p(z**2), lambda z: np.log(np.abs(z)), 0.0, 1e100
        )

    def _cdf(self, z: Any) -> Any:
        return np.arctan2(1.0, -z) / np.pi

    def _sf(self, z: Any) -> Any:
        return np.arctan2(1.0, z) / np.pi

    def _ppf(self, q: Any) -> Any:
        # Each tail from its own end, where tan() of the distance to the pole keeps all digits.
        low, high = q < 0.25, q > 0.75
        left = -1.0 / np.tan(np.pi * np.where(low, q, 0.25))
        right = 1.0 / np.tan(np.pi * (1.0 - np.where(high, q, 0.75)))
        return np.where(low, left, np.where(high, right, np.tan(np.pi * (np.where(low | high, 0.5, q) - 0.5))))

    def _isf(self, q: Any) -> Any:
        return -self._ppf(q)

    def _entropy(self) -> Any:
        return np.log(4 * np.pi)


class Laplace(Continuous):
    def _pdf(self, z: Any) -> Any:
        return 0.5 * np.exp(-np.abs(z))

    def _logpdf(self, z: Any) -> Any:
        return -LOG_2 - np.abs(z)

    def _cdf(self, z: Any) -> Any:
        # Not by |z|, whose derivative at 0 is 0: the slope there is 1/2 from both sides.
        return piecewise(z > 0, z, lambda z: 1.0 - 0.5 * np.exp(-z), lambda z: 0.5 * np.exp(z), 1.0, -1.0)

    def _sf(self, z: Any) -> Any:
        return self._cdf(-z)

    def _logcdf(self, z: Any) -> Any:
        return piecewise(z > 0, z, lambda z: np.log1p(-0.5 * np.exp(-z)), lambda z: z - LOG_2, 1.0, -1.0)

    def _logsf(self, z: Any) -> Any:
        return self._logcdf(-z)

    def _ppf(self, q: Any) -> Any:
        return piecewise(q > 0.5, q, lambda q: -np.log(2 * (1 - q)), lambda q: np.log(2 * q), 0.75, 0.25)

    def _isf(self, q: Any) -> Any:
        return -self._ppf(q)

    def _mean(self) -> Any:
        return 0.0

    def _var(self) -> Any:
        return 2.0

    def _entropy(self) -> Any:
        return LOG_2 + 1.0


class GumbelRight(Continuous):
    def _logpdf(self, z: Any) -> Any:
        return -z - np.exp(-z)

    def _cdf(self, z: Any) -> Any:
        return np.exp(-np.exp(-z))

    def _logcdf(self, z: Any) -> Any:
        return -np.exp(-z)

    def _sf(self, z: Any) -> Any:
        return -np.expm1(-np.exp(-z))

    def _logsf(self, z: Any) -> Any:
        return log1mexp(-np.exp(-z))

    def _ppf(self, q: Any) -> Any:
        return -np.log(-np.log(q))

    def _isf(self, q: Any) -> Any:
        return -np.log(-np.log1p(-q))

    def _mean(self) -> Any:
        return np.euler_gamma

    def _var(self) -> Any:
        return np.pi**2 / 6

    def _entropy(self) -> Any:
        return np.euler_gamma + 1.0


class GumbelLeft(Continuous):
    def _logpdf(self, z: Any) -> Any:
        return z - np.exp(z)

    def _cdf(self, z: Any) -> Any:
        return -np.expm1(-np.exp(z))

    def _logcdf(self, z: Any) -> Any:
        return log1mexp(-np.exp(z))

    def _sf(self, z: Any) -> Any:
        return np.exp(-np.exp(z))

    def _logsf(self, z: Any) -> Any:
        return -np.exp(z)

    def _ppf(self, q: Any) -> Any:
        return np.log(-np.log1p(-q))

    def _isf(self, q: Any) -> Any:
        return np.log(-np.log(q))

    def _mean(self) -> Any:
        return -np.euler_gamma

    def _var(self) -> Any:
        return np.pi**2 / 6

    def _entropy(self) -> Any:
        return np.euler_gamma + 1.0


class HyperbolicSecant(Continuous):
    def _logpdf(self, z: Any) -> Any:
        return -LOG_PI - np.logaddexp(z, -z) + LOG_2

    def _cdf(self, z: Any) -> Any:
        return 2.0 / np.pi * np.arctan(np.exp(z))

    def _sf(self, z: Any) -> Any:
        return 2.0 / np.pi * np.arctan(np.exp(-z))

    def _ppf(self, q: Any) -> Any:
        return np.log(np.tan(np.pi * q / 2.0))

    def _isf(self, q: Any) -> Any:
        return -self._ppf(q)

    def _mean(self) -> Any:
        return 0.0

    def _var(self) -> Any:
        return np.pi**2 / 4


class SkewNorm(Continuous):
    shapes = ("a",)

    def _argcheck(self, a: Any) -> Any:
        return np.isfinite(a)

    def _logpdf(self, z: Any, a: Any) -> Any:
        return LOG_2 + normal_logpdf(z) + special.log_ndtr(a * z)

    def _pdf(self, z: Any, a: Any) -> Any:
        return 2.0 * normal_pdf(z) * special.ndtr(a * z)

    def _cdf(self, z: Any, a: Any) -> Any:
        return special.ndtr(z) - 2.0 * special.owens_t(z, a)

    def _sf(self, z: Any, a: Any) -> Any:
        return special.ndtr(-z) + 2.0 * special.owens_t(z, a)

    def _mean(self, a: Any) -> Any:
        return np.sqrt(2 / np.pi) * a / np.sqrt(1 + a**2)

    def _var(self, a: Any) -> Any:
        return 1.0 - self._mean(a) ** 2


class GeneralizedNormal(Continuous):
    shapes = ("beta",)

    def _logpdf(self, z: Any, beta: Any) -> Any:
        return np.log(0.5 * beta) - special.gammaln(1.0 / beta) - np.abs(z) ** beta

    def _mean(self, beta: Any) -> Any:
        return 0.0 * beta

    def _var(self, beta: Any) -> Any:
        return np.exp(special.gammaln(3.0 / beta) - special.gammaln(1.0 / beta))

    def _entropy(self, beta: Any) -> Any:
        return 1.0 / beta - np.log(0.5 * beta) + special.gammaln(1.0 / beta)


class LogGamma(Continuous):
    shapes = ("c",)

    def _logpdf(self, z: Any, c: Any) -> Any:
        return c * z - np.exp(z) - special.gammaln(c)

    def _cdf(self, z: Any, c: Any) -> Any:
        return special.gammainc(c, np.exp(z))

    def _sf(self, z: Any, c: Any) -> Any:
        return special.gammaincc(c, np.exp(z))

    def _mean(self, c: Any) -> Any:
        return special.digamma(c)


class ExponNorm(Continuous):
    """A normal variable plus an exponential one of mean K."""

    shapes = ("K",)

    def _logpdf(self, z: Any, K: Any) -> Any:
        rate = 1.0 / K
        return np.log(rate) + rate * (0.5 * rate - z) + special.log_ndtr(z - rate)

    def _cdf(self, z: Any, K: Any) -> Any:
        rate = 1.0 / K
        return special.ndtr(z) - np.exp(rate * (0.5 * rate - z) + special.log_ndtr(z - rate))

    def _sf(self, z: Any, K: Any) -> Any:
        rate = 1.0 / K
        return special.ndtr(-z) + np.exp(rate * (0.5 * rate - z) + special.log_ndtr(z - rate))

    def _mean(self, K: Any) -> Any:
        return K

    def _var(self, K: Any) -> Any:
        return 1.0 + K**2


class VonMises(Continuous):
    """On the circle: the density repeats every 2 pi."""

    shapes = ("kappa",)

    def _argcheck(self, kappa: Any) -> Any:
        return kappa >= 0

    def _logpdf(self, z: Any, kappa: Any) -> Any:
        return kappa * special.cosm1(z) - np.log(2 * np.pi) - np.log(special.i0e(kappa))
