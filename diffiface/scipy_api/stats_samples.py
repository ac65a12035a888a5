"""scipy.stats' summaries of samples: means, moments, scores, correlation, entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special
from scipy import stats

from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.numpy_api.table import dressed_function, public_name
from diffiface.rebinding.substitutes import find_dressed
from diffiface.scipy_api.distributions import REPLACEMENTS


def _refuse(function: Any, arguments: Any, problem: str, fix: str) -> Any:
    from diffiface.numpy_api.dispatch import unsupported

    dressed = find_dressed(arguments)
    assert dressed is not None
    unsupported(dressed._p, f"{public_name(function)} with {problem} is not translated", fix)


def _sample(a: Any, axis: Any) -> tuple[Any, Any]:
    """Return the sample and its axis: with axis=None, all of it in one row."""
    a = as_dressed(a)
    return (np.ravel(a), 0) if axis is None else (a, axis)


# ---- means


def _weighted_mean(values: Any, axis: Any, weights: Any, keepdims: bool) -> Any:
    if weights is None:
        return np.mean(values, axis=axis, keepdims=keepdims)
    weights = np.broadcast_to(np.asarray(weights, float) if find_dressed(weights) is None else weights, values.shape)
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    return np.sum(values * weights, axis=axis, keepdims=keepdims) / total


@dressed_function(stats.gmean)
def gmean(a: Any, axis: Any = 0, dtype: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    a = as_dressed(a)
    return np.exp(_weighted_mean(np.log(a if dtype is None else a.astype(dtype)), axis, weights, keepdims))


@dressed_function(stats.hmean)
def hmean(a: Any, axis: Any = 0, dtype: Any = None, *, weights: Any = None, keepdims: bool = False) -> Any:
    a = as_dressed(a)
    a = a if dtype is None else a.astype(dtype)
    mean = 1.0 / _weighted_mean(1.0 / np.where(a == 0, 1.0, a), axis, weights, keepdims)
    negative = np.any(a < 0, axis=axis, keepdims=keepdims)
    zero = np.any(a == 0, axis=axis, keepdims=keepdims)
    return np.where(negative, np.nan, np.where(zero, 0.0, mean))


@dressed_function(stats.pmean)
def pmean(a: Any, p: Any, *, axis: Any = 0, dtype: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    if find_dressed(p) is None and p == 0:
        return gmean(a, axis, dtype, weights, keepdims=keepdims)
    a = as_dressed(a)
    return _weighted_mean((a if dtype is None else a.astype(dtype)) ** p, axis, weights, keepdims) ** (1.0 / p)


# ---- moments


def _central(a: Any, order: int, axis: Any) -> Any:
    return np.mean((a - np.mean(a, axis=axis, keepdims=True)) ** order, axis=axis, keepdims=True)


def _finished(value: Any, axis: int, keepdims: bool) -> Any:
    return value if keepdims else np.squeeze(value, axis)


@dressed_function(stats.moment)
def moment(a: Any, order: Any = 1, axis: Any = 0, *, center: Any = None, keepdims: bool = False) -> Any:
    if np.ndim(order):
        _refuse(stats.moment, a, "several orders at once", "call it once per order")
    a, axis = _sample(a, axis)
    center = np.mean(a, axis=axis, keepdims=True) if center is None else center
    return np.mean((a - center) ** int(order), axis=axis, keepdims=keepdims)


@dressed_function(stats.skew)
def skew(a: Any, axis: Any = 0, bias: bool = True, *, keepdims: bool = False) -> Any:
    a, axis = _sample(a, axis)
    n = a.shape[axis]
    value = _central(a, 3, axis) / _central(a, 2, axis) ** 1.5
    if not bias and n > 2:
        value = value * (np.sqrt((n - 1.0) * n) / (n - 2.0))
    return _finished(value, axis, keepdims)


@dressed_function(stats.kurtosis)
def kurtosis(a: Any, axis: Any = 0, fisher: bool = True, bias: bool = True, *, keepdims: bool = False) -> Any:
    a, axis = _sample(a, axis)
    n = a.shape[axis]
    value = _central(a, 4, axis) / _central(a, 2, axis) ** 2
    if not bias and n > 3:
        value = ((n**2 - 1.0) * value - 3 * (n - 1) ** 2.0) / ((n - 2) * (n - 3)) + 3.0
    return _finished(value - 3.0 if fisher else value, axis, keepdims)


@dressed_function(stats.sem)
def sem(a: Any, axis: Any = 0, ddof: int = 1, *, keepdims: bool = False) -> Any:
    a, axis = _sample(a, axis)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / np.sqrt(a.shape[axis])


@dressed_function(stats.variation)
def variation(a: Any, axis: Any = 0, nan_policy: str = "propagate", ddof: int = 0, *, keepdims: bool = False) -> Any:
    if nan_policy != "propagate":
        _refuse(stats.variation, a, f"nan_policy={nan_policy!r}", "drop the NaN yourself")
    a, axis = _sample(a, axis)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / np.mean(a, axis=axis, keepdims=keepdims)


# ---- scores


@dressed_function(stats.zmap)
def zmap(scores: Any, compare: Any, axis: Any = 0, ddof: int = 0) -> Any:
    compare = as_dressed(compare)
    deviation = np.std(compare, axis=axis, ddof=ddof, keepdims=True)
    return (as_dressed(scores) - np.mean(compare, axis=axis, keepdims=True)) / deviation


@dressed_function(stats.zscore)
def zscore(a: Any, axis: Any = 0, ddof: int = 0) -> Any:
    return zmap(a, a, axis, ddof)


@dressed_function(stats.gzscore)
def gzscore(a: Any, *, axis: Any = 0, ddof: int = 0) -> Any:
    return zscore(np.log(as_dressed(a)), axis, ddof)


# ---- spread, correlation, information


@dressed_function(stats.iqr)
def iqr(
    x: Any,
    axis: Any = None,
    rng: tuple[float, float] = (25, 75),
    scale: Any = 1.0,
    nan_policy: str = "propagate",
    interpolation: Any = "linear",
    keepdims: bool = False,
) -> Any:
    if nan_policy != "propagate":
        _refuse(stats.iqr, x, f"nan_policy={nan_policy!r}", "drop the NaN yourself")
    if isinstance(scale, str):
        if scale != "normal":
            raise ValueError(f"{scale} not a valid scale for `iqr`")
        scale = 2 * np.sqrt(2) * special.erfinv(0.5)
    x = as_dressed(x)
    low, high = sorted(rng)
    ends = [np.percentile(x, q, axis=axis, method=interpolation, keepdims=keepdims) for q in (low, high)]
    return (ends[1] - ends[0]) / scale


class PearsonResult(tuple):
    """The correlation and its two-sided p-value, by name and by position, as SciPy's result has them."""

    __slots__ = ()
    statistic = property(lambda self: self[0])
    correlation = property(lambda self: self[0])
    pvalue = property(lambda self: self[1])


@dressed_function(stats.pearsonr)
def pearsonr(x: Any, y: Any, *, alternative: str = "two-sided", axis: Any = 0) -> Any:
    (x, axis), (y, _) = _sample(x, axis), _sample(y, axis)
    x, y = (v - np.mean(v, axis=axis, keepdims=True) for v in (x, y))
    lengths = np.sqrt(np.sum(x**2, axis=axis)) * np.sqrt(np.sum(y**2, axis=axis))
    correlation = np.sum(x * y, axis=axis) / lengths
    half = x.shape[axis] / 2 - 1
    beta = REPLACEMENTS["beta"](stats.beta, "beta")
    # Under independence, the correlation is Beta distributed on [-1, 1].
    tails = {
        "two-sided": lambda: 2 * beta.sf(np.abs(correlation), half, half, loc=-1, scale=2),
        "less": lambda: beta.cdf(correlation, half, half, loc=-1, scale=2),
        "greater": lambda: beta.sf(correlation, half, half, loc=-1, scale=2),
    }
    if alternative not in tails:
        raise ValueError("alternative must be 'less', 'greater' or 'two-sided'")
    return PearsonResult((correlation, tails[alternative]()))


@dressed_function(stats.entropy)
def entropy(pk: Any, qk: Any = None, base: Any = None, axis: Any = 0, *, keepdims: bool = False) -> Any:
    pk = as_dressed(pk)
    pk = pk / np.sum(pk, axis=axis, keepdims=True)
    if qk is None:
        parts = special.entr(pk)
    else:
        qk = as_dressed(qk)
        parts = special.rel_entr(pk, qk / np.sum(qk, axis=axis, keepdims=True))
    total = np.sum(parts, axis=axis, keepdims=keepdims)
    return total if base is None else total / np.log(base)


# ---- likelihoods of transformations


@dressed_function(stats.boxcox)
def boxcox(x: Any, lmbda: Any = None, alpha: Any = None) -> Any:
    if lmbda is None or alpha is not None:
        _refuse(stats.boxcox, (x, alpha), "lmbda to be estimated", "give lmbda; maximise scipy.stats.boxcox_llf for it")
    return special.boxcox(as_dressed(x), lmbda)


@dressed_function(stats.boxcox_llf)
def boxcox_llf(lmb: Any, data: Any, *, axis: Any = 0, keepdims: bool = False) -> Any:
    data, axis = _sample(data, axis)
    n = data.shape[axis]
    logs = np.sum(np.log(data), axis=axis, keepdims=keepdims)
    spread = np.var(special.boxcox(data, lmb), axis=axis, keepdims=keepdims)
    return (lmb - 1) * logs - n / 2 * np.log(spread)
