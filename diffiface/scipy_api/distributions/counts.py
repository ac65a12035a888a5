"""Discrete distributions.

They live on whole numbers, so they have derivatives in their shape parameters only: in k and loc every one of their
functions is piecewise constant, and the derivative is zero, as that of np.floor is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as special

from diffiface.numpy_api.array import dress
from diffiface.numpy_api.conversion import array_in, trace_of
from diffiface.numpy_api.dressed import known
from diffiface.scipy_api.distributions.base import NotWritten, Univariate, public
from diffiface.scipy_api.distributions.continuous import log_of
from diffiface.scipy_api.distributions.values import always, choose, never, to_float


class Discrete(Univariate):
    """A distribution of whole numbers, moved by loc.

    A subclass gives `_logpmf`, `_cdf` and `_sf` (functions of whole numbers k inside the support, and the shapes).
    """

    moved_by = ("loc",)
    methods = frozenset("pmf logpmf cdf logcdf sf logsf ppf isf mean var std entropy".split())

    # ---- formulas

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, np.inf

    def _pmf(self, k: Any, *shapes: Any) -> Any:
        return np.exp(self._logpmf(k, *shapes))

    def _logpmf(self, k: Any, *shapes: Any) -> Any:
        raise NotWritten

    def _cdf(self, k: Any, *shapes: Any) -> Any:
        raise NotWritten

    def _sf(self, k: Any, *shapes: Any) -> Any:
        return 1.0 - self._cdf(k, *shapes)

    def _logcdf(self, k: Any, *shapes: Any) -> Any:
        return log_of(self._cdf(k, *shapes), self._sf(k, *shapes))

    def _logsf(self, k: Any, *shapes: Any) -> Any:
        return log_of(self._sf(k, *shapes), self._cdf(k, *shapes))

    def _mean(self, *shapes: Any) -> Any:
        raise NotWritten

    def _var(self, *shapes: Any) -> Any:
        raise NotWritten

    def _entropy(self, *shapes: Any) -> Any:
        raise NotWritten

    # ---- SciPy's public methods

    def _arguments(self, k: Any, args: Any, keywords: Any) -> tuple[Any, Any, tuple[Any, ...], Any]:
        """Return k - loc, the same as a whole number (without a derivative), the shapes, and where they are valid."""
        shapes, loc, _ = self._parameters(args, keywords)
        k = to_float(k) - loc
        return k, np.floor(k), shapes, self._argcheck(*shapes)

    @staticmethod
    def _finish(inside: Any, value: Any, outside: Any, undefined: Any) -> Any:
        if always(inside):
            return value
        if not never(undefined):
            outside = np.where(undefined, np.nan, outside)
        return np.where(inside, value, outside)

    def _mass(self, k: Any, args: Any, keywords: Any, formula: Callable[..., Any], outside: float) -> Any:
        k, whole, shapes, valid = self._arguments(k, args, keywords)
        lower, upper = self._support(*shapes)
        inside = (k >= lower) & (k <= upper) & (k == whole) & np.isfinite(k) & valid
        value = formula(whole if always(inside) else np.where(inside, whole, lower), *shapes)
        return self._finish(inside, value, outside, ~valid | np.isnan(k))

    def _distribution(
        self, k: Any, args: Any, keywords: Any, formula: Callable[..., Any], below: float, above: float
    ) -> Any:
        k, whole, shapes, valid = self._arguments(k, args, keywords)
        lower, upper = self._support(*shapes)
        inside = (k >= lower) & (k < upper) & valid & np.isfinite(k)
        value = formula(whole if always(inside) else np.where(inside, whole, lower), *shapes)
        return self._finish(inside, value, np.where(k >= upper, above, below), ~valid | np.isnan(k))

    @public
    def pmf(self, k: Any, *args: Any, **keywords: Any) -> Any:
        """Return the probability of k."""
        return self._mass(k, args, keywords, self._pmf, 0.0)

    @public
    def logpmf(self, k: Any, *args: Any, **keywords: Any) -> Any:
        """Return the logarithm of the probability of k."""
        return self._mass(k, args, keywords, self._logpmf, -np.inf)

    @public
    def cdf(self, k: Any, *args: Any, **keywords: Any) -> Any:
        """Return the probability of at most k."""
        return self._distribution(k, args, keywords, self._cdf, 0.0, 1.0)

    @public
    def logcdf(self, k: Any, *args: Any, **keywords: Any) -> Any:
        """Return the logarithm of the probability of at most k."""
        return self._distribution(k, args, keywords, self._logcdf, -np.inf, 0.0)

    @public
    def sf(self, k: Any, *args: Any, **keywords: Any) -> Any:
        """Return the probability of more than k."""
        return self._distribution(k, args, keywords, self._sf, 1.0, 0.0)

    @public
    def logsf(self, k: Any, *args: Any, **keywords: Any) -> Any:
        """Return the logarithm of the probability of more than k."""
        return self._distribution(k, args, keywords, self._logsf, 0.0, -np.inf)

    @public
    def ppf(self, q: Any, *args: Any, **keywords: Any) -> Any:
        """Return the smallest k whose cdf is at least q: SciPy's own numbers, piecewise constant in everything."""
        return self._known("ppf", q, args, keywords)

    @public
    def isf(self, q: Any, *args: Any, **keywords: Any) -> Any:
        """Return the smallest k whose sf is at most q: SciPy's own numbers, piecewise constant in everything."""
        return self._known("isf", q, args, keywords)

    def _known(self, method: str, q: Any, args: Any, keywords: Any) -> Any:
        def plain(value: Any) -> Any:
            p = trace_of(value)
            return value if p is None else known(p, array_in(value, p), f"scipy.stats.{self._name}.{method}")

        numbers = getattr(self._original, method)(
            plain(q), *(plain(a) for a in args), **{name: plain(a) for name, a in keywords.items()}
        )
        p = trace_of((q, args, keywords))
        assert p is not None
        return dress(numbers, p)

    def _moment(self, formula: Callable[..., Any], args: Any, keywords: Any, moved: bool) -> Any:
        shapes, loc, _ = self._parameters(args, keywords)
        value = formula(*shapes)
        return choose(self._argcheck(*shapes), value + loc if moved else value + 0.0 * loc, np.nan)

    @public
    def mean(self, *args: Any, **keywords: Any) -> Any:
        """Return the mean."""
        return self._moment(self._mean, args, keywords, True)

    @public
    def var(self, *args: Any, **keywords: Any) -> Any:
        """Return the variance."""
        return self._moment(self._var, args, keywords, False)

    @public
    def std(self, *args: Any, **keywords: Any) -> Any:
        """Return the standard deviation."""
        return np.sqrt(self.var(*args, **keywords))

    @public
    def entropy(self, *args: Any, **keywords: Any) -> Any:
        """Return the entropy."""
        return self._moment(self._entropy, args, keywords, False)


def _is_whole(n: Any) -> Any:
    return np.floor(n) == n


def _log_binomial(n: Any, k: Any) -> Any:
    """Return the logarithm of the binomial coefficient."""
    return special.gammaln(n + 1.0) - (special.gammaln(k + 1.0) + special.gammaln(n - k + 1.0))


class Bernoulli(Discrete):
    shapes = ("p",)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, 1.0

    def _argcheck(self, p: Any) -> Any:
        return (p >= 0) & (p <= 1)

    def _pmf(self, k: Any, p: Any) -> Any:
        return np.where(k == 1, p, 1.0 - p)

    def _logpmf(self, k: Any, p: Any) -> Any:
        return special.xlogy(k, p) + special.xlog1py(1.0 - k, -p)

    def _cdf(self, k: Any, p: Any) -> Any:
        return 1.0 - p + 0.0 * k

    def _sf(self, k: Any, p: Any) -> Any:
        return p + 0.0 * k

    def _mean(self, p: Any) -> Any:
        return p

    def _var(self, p: Any) -> Any:
        return p * (1.0 - p)

    def _entropy(self, p: Any) -> Any:
        return special.entr(p) + special.entr(1.0 - p)


class Binom(Discrete):
    shapes = ("n", "p")

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, shapes[0]

    def _argcheck(self, n: Any, p: Any) -> Any:
        return (n >= 0) & _is_whole(n) & (p >= 0) & (p <= 1)

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        return _log_binomial(n, k) + special.xlogy(k, p) + special.xlog1py(n - k, -p)

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betaincc(k + 1.0, n - k, p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betainc(k + 1.0, n - k, p)

    def _mean(self, n: Any, p: Any) -> Any:
        return n * p

    def _var(self, n: Any, p: Any) -> Any:
        return n * p * (1.0 - p)


class Poisson(Discrete):
    shapes = ("mu",)

    def _argcheck(self, mu: Any) -> Any:
        return mu >= 0

    def _logpmf(self, k: Any, mu: Any) -> Any:
        return special.xlogy(k, mu) - special.gammaln(k + 1.0) - mu

    def _cdf(self, k: Any, mu: Any) -> Any:
        return special.gammaincc(k + 1.0, mu)

    def _sf(self, k: Any, mu: Any) -> Any:
        return special.gammainc(k + 1.0, mu)

    def _mean(self, mu: Any) -> Any:
        return mu

    def _var(self, mu: Any) -> Any:
        return mu


class NegativeBinomial(Discrete):
    shapes = ("n", "p")

    def _argcheck(self, n: Any, p: Any) -> Any:
        return (n > 0) & (p > 0) & (p <= 1)

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        coefficient = special.gammaln(n + k) - special.gammaln(k + 1.0) - special.gammaln(n)
        return coefficient + n * np.log(p) + special.xlog1py(k, -p)

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betainc(n, k + 1.0, p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betaincc(n, k + 1.0, p)

    def _mean(self, n: Any, p: Any) -> Any:
        return n * (1.0 - p) / p

    def _var(self, n: Any, p: Any) -> Any:
        return n * (1.0 - p) / p**2


class Geometric(Discrete):
    shapes = ("p",)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 1.0, np.inf

    def _argcheck(self, p: Any) -> Any:
        return (p > 0) & (p <= 1)

    def _logpmf(self, k: Any, p: Any) -> Any:
        return special.xlog1py(k - 1.0, -p) + np.log(p)

    def _cdf(self, k: Any, p: Any) -> Any:
        return -np.expm1(k * np.log1p(-p))

    def _sf(self, k: Any, p: Any) -> Any:
        return np.exp(k * np.log1p(-p))

    def _logsf(self, k: Any, p: Any) -> Any:
        return k * np.log1p(-p)

    def _mean(self, p: Any) -> Any:
        return 1.0 / p

    def _var(self, p: Any) -> Any:
        return (1.0 - p) / p**2

    def _entropy(self, p: Any) -> Any:
        return -np.log(p) - np.log1p(-p) * (1.0 - p) / p


class BetaBinomial(Discrete):
    shapes = ("n", "a", "b")

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 0.0, shapes[0]

    def _argcheck(self, n: Any, a: Any, b: Any) -> Any:
        return (n >= 0) & _is_whole(n) & (a > 0) & (b > 0)

    def _logpmf(self, k: Any, n: Any, a: Any, b: Any) -> Any:
        choices = -np.log(n + 1.0) - special.betaln(n - k + 1.0, k + 1.0)
        return choices + special.betaln(k + a, n - k + b) - special.betaln(a, b)

    def _mean(self, n: Any, a: Any, b: Any) -> Any:
        return n * a / (a + b)

    def _var(self, n: Any, a: Any, b: Any) -> Any:
        total = a + b
        return n * (total + n) * a * b / total**2 / (total + 1.0)


class LogSeries(Discrete):
    shapes = ("p",)

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        return 1.0, np.inf

    def _argcheck(self, p: Any) -> Any:
        return (p > 0) & (p < 1)

    def _logpmf(self, k: Any, p: Any) -> Any:
        return k * np.log(p) - np.log(k) - np.log(-np.log1p(-p))

    def _mean(self, p: Any) -> Any:
        return p / (p - 1.0) / np.log1p(-p)
