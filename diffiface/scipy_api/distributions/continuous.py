"""Continuous distributions of one variable: from formulas in the standard form to SciPy's public methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from diffiface.scipy_api.distributions.base import NotWritten, Univariate, public
from diffiface.scipy_api.distributions.values import always, choose, never, to_float


class Continuous(Univariate):
    """A distribution that is moved and stretched: x = loc + scale * z, with z in the standard form.

    A subclass gives `_logpdf`, `_cdf`, `_ppf` (functions of z or of a probability, and the shapes), and `_pdf`, `_sf`,
    `_logcdf`, `_logsf`, `_isf` where the generic ones below would lose digits.
    """

    methods = frozenset(
        "pdf logpdf cdf logcdf sf logsf ppf isf mean var std median entropy interval support stats".split()
    )
    open_support: ClassVar[bool] = False
    """Whether the density is zero at the ends of the support themselves (SciPy's choice for each)."""

    # ---- formulas in the standard form

    def _interior(self, *shapes: Any) -> Any:
        """Return a harmless point inside the support: formulas are computed there where z is outside it."""
        lower, upper = self._support(*shapes)
        if np.ndim(lower) == 0 and np.ndim(upper) == 0 and isinstance(lower, float) and isinstance(upper, float):
            if np.isfinite(lower) and np.isfinite(upper):
                return (lower + upper) / 2
            return lower + 1.0 if np.isfinite(lower) else upper - 1.0 if np.isfinite(upper) else 0.5
        raise NotImplementedError(f"{type(self).__name__} has a support that depends on its shapes")

    def _pdf(self, z: Any, *shapes: Any) -> Any:
        return np.exp(self._logpdf(z, *shapes))

    def _logpdf(self, z: Any, *shapes: Any) -> Any:
        raise NotWritten

    def _cdf(self, z: Any, *shapes: Any) -> Any:
        raise NotWritten

    def _ppf(self, q: Any, *shapes: Any) -> Any:
        raise NotWritten

    def _sf(self, z: Any, *shapes: Any) -> Any:
        return 1.0 - self._cdf(z, *shapes)

    def _isf(self, q: Any, *shapes: Any) -> Any:
        return self._ppf(1.0 - q, *shapes)

    def _logcdf(self, z: Any, *shapes: Any) -> Any:
        return log_of(self._cdf(z, *shapes), self._sf(z, *shapes))

    def _logsf(self, z: Any, *shapes: Any) -> Any:
        return log_of(self._sf(z, *shapes), self._cdf(z, *shapes))

    def _mean(self, *shapes: Any) -> Any:
        raise NotWritten

    def _var(self, *shapes: Any) -> Any:
        raise NotWritten

    def _entropy(self, *shapes: Any) -> Any:
        raise NotWritten

    # ---- values with SciPy's conventions outside the support

    def _at(
        self,
        x: Any,
        parameters: tuple[tuple[Any, ...], Any, Any],
        formula: Callable[..., Any],
        below: float,
        above: float,
        *,
        closed: bool,
    ) -> Any:
        """Return a formula inside the support, a constant on either side of it, and NaN where nothing is defined."""
        shapes, loc, scale = parameters
        z = (to_float(x) - loc) / scale
        lower, upper = self._support(*shapes)
        valid = self._argcheck(*shapes) & (scale > 0)
        # Every density vanishes at infinity, where formulas would subtract infinities.
        within = (lower <= z) & (z <= upper) & np.isfinite(z) if closed else (lower < z) & (z < upper)
        inside = within & valid
        value = formula(z if always(inside) else np.where(inside, z, self._interior(*shapes)), *shapes)
        if always(inside):
            return value
        outside = below if below == above else np.where(z >= upper, above, below)
        undefined = ~valid | np.isnan(z)
        if not never(undefined):
            outside = np.where(undefined, np.nan, outside)
        return np.where(inside, value, outside)

    @public
    def pdf(self, x: Any, *args: Any, **keywords: Any) -> Any:
        """Return the density at x."""
        parameters = self._parameters(args, keywords)
        scale = parameters[2]

        def formula(z: Any, *shapes: Any) -> Any:
            return self._pdf(z, *shapes) / scale

        return self._at(x, parameters, formula, 0.0, 0.0, closed=not self.open_support)

    @public
    def logpdf(self, x: Any, *args: Any, **keywords: Any) -> Any:
        """Return the logarithm of the density at x."""
        parameters = self._parameters(args, keywords)
        scale = parameters[2]

        def formula(z: Any, *shapes: Any) -> Any:
            return self._logpdf(z, *shapes) - np.log(scale)

        return self._at(x, parameters, formula, -np.inf, -np.inf, closed=not self.open_support)

    @public
    def cdf(self, x: Any, *args: Any, **keywords: Any) -> Any:
        """Return the probability of at most x."""
        return self._at(x, self._parameters(args, keywords), self._cdf, 0.0, 1.0, closed=False)

    @public
    def logcdf(self, x: Any, *args: Any, **keywords: Any) -> Any:
        """Return the logarithm of the probability of at most x."""
        return self._at(x, self._parameters(args, keywords), self._logcdf, -np.inf, 0.0, closed=False)

    @public
    def sf(self, x: Any, *args: Any, **keywords: Any) -> Any:
        """Return the probability of more than x."""
        return self._at(x, self._parameters(args, keywords), self._sf, 1.0, 0.0, closed=False)

    @public
    def logsf(self, x: Any, *args: Any, **keywords: Any) -> Any:
        """Return the logarithm of the probability of more than x."""
        return self._at(x, self._parameters(args, keywords), self._logsf, 0.0, -np.inf, closed=False)

    # ---- quantiles

    def _quantile(self, q: Any, args: Any, keywords: Any, formula: Callable[..., Any], upwards: bool) -> Any:
        shapes, loc, scale = self._parameters(args, keywords)
        q = to_float(q)
        valid = self._argcheck(*shapes) & (scale > 0) & ~np.isnan(loc)
        inside = (q > 0) & (q < 1) & valid
        value = formula(q if always(inside) else np.where(inside, q, 0.5), *shapes) * scale + loc
        if always(inside):
            return value
        at_zero, at_one = self._support(*shapes) if upwards else self._support(*shapes)[::-1]
        for mask, end in (((q == 0) & valid, at_zero), ((q == 1) & valid, at_one)):
            if not never(mask):
                value = np.where(mask, _moved(end, loc, scale), value)
                inside = inside | mask
        return choose(inside, value, np.nan)

    @public
    def ppf(self, q: Any, *args: Any, **keywords: Any) -> Any:
        """Return the quantile: the x whose cdf is q."""
        return self._quantile(q, args, keywords, self._ppf, True)

    @public
    def isf(self, q: Any, *args: Any, **keywords: Any) -> Any:
        """Return the x whose sf is q."""
        return self._quantile(q, args, keywords, self._isf, False)

    @public
    def median(self, *args: Any, **keywords: Any) -> Any:
        """Return the quantile of 1/2."""
        return self.ppf(0.5, *args, **keywords)

    @public
    def interval(self, confidence: Any, *args: Any, **keywords: Any) -> Any:
        """Return the quantiles between which the middle `confidence` of the probability lies."""
        tail = (1.0 - to_float(confidence)) / 2
        return self.ppf(tail, *args, **keywords), self.ppf(1.0 - tail, *args, **keywords)

    @public
    def support(self, *args: Any, **keywords: Any) -> Any:
        """Return the ends of the support."""
        shapes, loc, scale = self._parameters(args, keywords)
        valid = self._argcheck(*shapes) & (scale > 0)
        lower, upper = self._support(*shapes)
        return tuple(choose(valid, _moved(end, loc, scale), np.nan) for end in (lower, upper))

    # ---- moments

    def _moment(
        self, formula: Callable[..., Any], args: Any, keywords: Any, finish: Callable[[Any, Any, Any], Any]
    ) -> Any:
        shapes, loc, scale = self._parameters(args, keywords)
        valid = self._argcheck(*shapes) & (scale > 0)
        return choose(valid, finish(formula(*shapes), loc, scale), np.nan)

    @public
    def mean(self, *args: Any, **keywords: Any) -> Any:
        """Return the mean."""
        return self._moment(self._mean, args, keywords, lambda mean, loc, scale: mean * scale + loc)

    @public
    def var(self, *args: Any, **keywords: Any) -> Any:
        """Return the variance."""
        return self._moment(self._var, args, keywords, lambda var, loc, scale: var * scale**2 + 0.0 * loc)

    @public
    def std(self, *args: Any, **keywords: Any) -> Any:
        """Return the standard deviation."""
        return np.sqrt(self.var(*args, **keywords))

    @public
    def entropy(self, *args: Any, **keywords: Any) -> Any:
        """Return the differential entropy."""
        return self._moment(
            self._entropy, args, keywords, lambda entropy, loc, scale: entropy + np.log(scale) + 0.0 * loc
        )

    @public
    def stats(self, *args: Any, moments: str = "mv", **keywords: Any) -> Any:
        """Return the mean ("m") and the variance ("v")."""
        parts = {"m": self.mean, "v": self.var}
        if set(moments) - set(parts):
            raise NotWritten
        results: Any = tuple(parts[moment](*args, **keywords) for moment in moments)
        return results if len(results) > 1 else results[0]


def _moved(end: Any, loc: Any, scale: Any) -> Any:
    """Return an end of the support in x. An infinite one stays as it is: its product with scale has no derivative."""
    infinite = np.isinf(end)
    return np.where(infinite, end, np.where(infinite, 0.0, end) * scale + loc)


def log_of(part: Any, rest: Any) -> Any:
    """Return log(part) of a probability, from it or from the rest, 1 - part, whichever is known to more digits."""
    small = part < 0.5
    return np.where(small, np.log(np.where(small, part, 0.5)), np.log1p(-np.where(small, 0.5, rest)))
