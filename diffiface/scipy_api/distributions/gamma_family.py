"""The gamma distribution and its relations: chi, chi squared, F, inverse gamma, Maxwell."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.scipy_api.distributions.half_line import HalfLine

LOG_2 = np.log(2.0)


class Gamma(HalfLine):
    shapes = ("a",)

    def _logpdf(self, z: Any, a: Any) -> Any:
        return special.xlogy(a - 1.0, z) - z - special.gammaln(a)

    def _cdf(self, z: Any, a: Any) -> Any:
        return special.gammainc(a, z)

    def _sf(self, z: Any, a: Any) -> Any:
        return special.gammaincc(a, z)

    def _ppf(self, q: Any, a: Any) -> Any:
        return special.gammaincinv(a, q)

    def _isf(self, q: Any, a: Any) -> Any:
        return special.gammainccinv(a, q)

    def _mean(self, a: Any) -> Any:
        return a

    def _var(self, a: Any) -> Any:
        return a

    def _entropy(self, a: Any) -> Any:
        return special.digamma(a) * (1 - a) + a + special.gammaln(a)


class ChiSquared(HalfLine):
    shapes = ("df",)

    def _logpdf(self, z: Any, df: Any) -> Any:
        half = 0.5 * df
        return special.xlogy(half - 1.0, z) - 0.5 * z - special.gammaln(half) - LOG_2 * half

    def _cdf(self, z: Any, df: Any) -> Any:
        return special.gammainc(0.5 * df, 0.5 * z)

    def _sf(self, z: Any, df: Any) -> Any:
        return special.gammaincc(0.5 * df, 0.5 * z)

    def _ppf(self, q: Any, df: Any) -> Any:
        return 2.0 * special.gammaincinv(0.5 * df, q)

    def _isf(self, q: Any, df: Any) -> Any:
        return 2.0 * special.gammainccinv(0.5 * df, q)

    def _mean(self, df: Any) -> Any:
        return df

    def _var(self, df: Any) -> Any:
        return 2.0 * df

    def _entropy(self, df: Any) -> Any:
        half = 0.5 * df
        return half + LOG_2 + special.gammaln(half) + (1.0 - half) * special.digamma(half)


class Chi(HalfLine):
    shapes = ("df",)

    def _logpdf(self, z: Any, df: Any) -> Any:
        half = 0.5 * df
        return LOG_2 - LOG_2 * half - special.gammaln(half) + special.xlogy(df - 1.0, z) - 0.5 * z**2

    def _cdf(self, z: Any, df: Any) -> Any:
        return special.gammainc(0.5 * df, 0.5 * z**2)

    def _sf(self, z: Any, df: Any) -> Any:
        return special.gammaincc(0.5 * df, 0.5 * z**2)

    def _ppf(self, q: Any, df: Any) -> Any:
        return np.sqrt(2.0 * special.gammaincinv(0.5 * df, q))

    def _isf(self, q: Any, df: Any) -> Any:
        return np.sqrt(2.0 * special.gammainccinv(0.5 * df, q))


class F(HalfLine):
    shapes = ("dfn", "dfd")

    def _logpdf(self, z: Any, dfn: Any, dfd: Any) -> Any:
        n, m = 0.5 * dfn, 0.5 * dfd
        return (
            m * np.log(dfd)
            + n * np.log(dfn)
            + special.xlogy(n - 1.0, z)
            - (n + m) * np.log(dfd + dfn * z)
            - special.betaln(n, m)
        )

    def _cdf(self, z: Any, dfn: Any, dfd: Any) -> Any:
        return special.betainc(0.5 * dfn, 0.5 * dfd, dfn * z / (dfd + dfn * z))

    def _sf(self, z: Any, dfn: Any, dfd: Any) -> Any:
        return special.betainc(0.5 * dfd, 0.5 * dfn, dfd / (dfd + dfn * z))

    def _ppf(self, q: Any, dfn: Any, dfd: Any) -> Any:
        # w and 1 - w, each to all its digits.
        share = special.betaincinv(0.5 * dfn, 0.5 * dfd, q)
        rest = special.betainccinv(0.5 * dfd, 0.5 * dfn, q)
        return dfd * share / (dfn * rest)

    def _isf(self, q: Any, dfn: Any, dfd: Any) -> Any:
        share = special.betainccinv(0.5 * dfn, 0.5 * dfd, q)
        rest = special.betaincinv(0.5 * dfd, 0.5 * dfn, q)
        return dfd * share / (dfn * rest)

    def _mean(self, dfn: Any, dfd: Any) -> Any:
        some = np.where(dfd > 2, dfd, 3.0)
        return np.where(dfd > 2, some / (some - 2) + 0.0 * dfn, np.inf)

    def _var(self, dfn: Any, dfd: Any) -> Any:
        some = np.where(dfd > 4, dfd, 5.0)
        var = 2 * some**2 * (dfn + some - 2) / (dfn * (some - 2) ** 2 * (some - 4))
        return np.where(dfd > 4, var, np.inf)


class InvGamma(HalfLine):
    shapes = ("a",)
    open_support = True

    def _logpdf(self, z: Any, a: Any) -> Any:
        return -(a + 1.0) * np.log(z) - special.gammaln(a) - 1.0 / z

    def _cdf(self, z: Any, a: Any) -> Any:
        return special.gammaincc(a, 1.0 / z)

    def _sf(self, z: Any, a: Any) -> Any:
        return special.gammainc(a, 1.0 / z)

    def _ppf(self, q: Any, a: Any) -> Any:
        return 1.0 / special.gammainccinv(a, q)

    def _isf(self, q: Any, a: Any) -> Any:
        return 1.0 / special.gammaincinv(a, q)

    def _mean(self, a: Any) -> Any:
        some = np.where(a > 1, a, 2.0)
        return np.where(a > 1, 1.0 / (some - 1), np.inf)

    def _var(self, a: Any) -> Any:
        some = np.where(a > 2, a, 3.0)
        return np.where(a > 2, 1.0 / (some - 1) ** 2 / (some - 2), np.inf)

    def _entropy(self, a: Any) -> Any:
        return a - (a + 1.0) * special.digamma(a) + special.gammaln(a)


class Maxwell(HalfLine):
    def _logpdf(self, z: Any) -> Any:
        return 0.5 * np.log(2 / np.pi) + 2.0 * np.log(z) - 0.5 * z**2

    def _cdf(self, z: Any) -> Any:
        return special.gammainc(1.5, 0.5 * z**2)

    def _sf(self, z: Any) -> Any:
        return special.gammaincc(1.5, 0.5 * z**2)

    def _ppf(self, q: Any) -> Any:
        return np.sqrt(2 * special.gammaincinv(1.5, q))

    def _isf(self, q: Any) -> Any:
        return np.sqrt(2 * special.gammainccinv(1.5, q))

    def _mean(self) -> Any:
        return 2 * np.sqrt(2 / np.pi)

    def _var(self) -> Any:
        return 3 - 8 / np.pi

    def _entropy(self) -> Any:
        return np.euler_gamma + 0.5 * np.log(2 * np.pi) - 0.5
