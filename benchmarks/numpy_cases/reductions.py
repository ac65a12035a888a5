"""Sums, means, extrema, quantiles, running sums."""

from __future__ import annotations

from .inputs import each, expressions

NAMES = """
    np.sum np.mean np.prod np.max np.min np.amax np.amin np.std np.var np.median np.ptp np.nansum np.nanmean
    np.cumsum np.cumprod
"""

CASES = (
    each("f(v)", NAMES)
    | each("f(M(v)**2, axis=1)", NAMES)
    | expressions("""
    np.cumulative_sum(v)
    M(v) / np.sum(M(v), axis=0, keepdims=True)
    np.var(v, ddof=1) + np.std(M(v), axis=0, ddof=1).sum()
    np.sum(v.reshape(1, 2, 3)**2, axis=(0, 2))
    np.sum(v, dtype=np.float64)
    np.sum(v**2, where=MASK)
    np.max(v, initial=0.1)
    np.sum([v[0]**2, v[1]])
    np.mean([v[0]**2, v[1], v[2]])
    np.max([v[0]**2, v[1], v[2]])
    np.quantile(v, .3)
    np.percentile(v, [20, 70])
    np.average(v, weights=v[::-1])
    np.where(np.all(v > 0) & np.any(v > .5), v, 0.)
    v[np.argmax(v)]**2 + v[np.argmin(v)]
    v * np.count_nonzero(v > .5)
    np.nanmax(v) + np.nanvar(v)
    np.trapezoid(v, dx=.1) + np.trapezoid(v, np.arange(6.)**2)
""")
)
