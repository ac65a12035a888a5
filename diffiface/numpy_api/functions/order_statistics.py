"""Medians and quantiles, with all of NumPy's methods, weights, and NaN kept or left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.moments import mean
from diffiface.numpy_api.functions.raw import axes_of, cast, flat, inexact, ndim, result_type, size, take
from diffiface.numpy_api.functions.sorting import index_of_order, sort
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives

# ---- where in the sorted values a quantile lies: `n` is a count or, where NaN is left out, an array of counts

_INTERPOLATED = {
    # The plotting positions (alpha, beta) of Hyndman and Fan.
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3.0, 1 / 3.0),
    "normal_unbiased": (3 / 8.0, 3 / 8.0),
}


def _steps(p: Primitives, n: Any, q: Any) -> Any:
    return p.multiply(p.subtract(n, 1.0), q)


def _midpoint(p: Primitives, n: Any, q: Any) -> Any:
    steps = _steps(p, n, q)
    return p.multiply(0.5, p.add(p.floor(steps), p.ceil(steps)))


def _next_unless(even: bool) -> Callable[[Primitives, Any, Any], Any]:
    """Return the position after the one of the empirical distribution, but for the quantiles that hit one exactly."""

    def position(p: Primitives, n: Any, q: Any) -> Any:
        exact = p.subtract(p.multiply(n, q), 1.5 if even else 1.0)
        below = p.floor(exact)
        hit = p.equal(exact, below)
        if even:  # ... and then the nearest even order statistic, which counted from 0 is an odd one
            hit = p.logical_and(hit, p.equal(p.remainder(below, 2.0), 1.0))
        return p.where(hit, below, p.add(below, 1.0))

    return position


_POSITIONS: dict[str, Callable[[Primitives, Any, Any], Any]] = {
    "linear": _steps,
    "lower": lambda p, n, q: p.floor(_steps(p, n, q)),
    "higher": lambda p, n, q: p.ceil(_steps(p, n, q)),
    "nearest": lambda p, n, q: p.rint(_steps(p, n, q)),
    "midpoint": _midpoint,
    "inverted_cdf": _next_unless(even=False),
    "closest_observation": _next_unless(even=True),
    "averaged_inverted_cdf": lambda p, n, q: p.subtract(p.multiply(n, q), 1.0),
}


def _position(p: Primitives, n: Any, q: Any, method: str) -> Any:
    if method in _POSITIONS:
        return _POSITIONS[method](p, n, q)
    if method not in _INTERPOLATED:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {sorted(_POSITIONS | _INTERPOLATED)}")
    alpha, beta = _INTERPOLATED[method]
    return p.subtract(p.add(p.multiply(n, q), p.add(alpha, p.multiply(q, 1 - alpha - beta))), 1.0)


def _integer(p: Primitives, position: Any) -> Any:
    return p.astype(position, dtype=np.dtype(np.intp))


# ---- the sorted values


def _last_axis(p: Primitives, a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """Return a value with some axes merged into one, the last, and its shape with those axes of length 1."""
    axes = axes_of(p, a, axis)
    shape = tuple(p.shape(a))
    kept = tuple(i for i in range(len(shape)) if i not in axes)
    if kept + axes != tuple(range(len(shape))):
        a = p.transpose(a, axes=kept + axes)
    merged = p.reshape(a, shape=(*(shape[i] for i in kept), size(p, a, tuple(range(len(kept), len(shape))))))
    return merged, tuple(1 if i in axes else n for i, n in enumerate(shape))


def _elements(p: Primitives, ordered: Any, position: Any) -> Any:
    """Return the elements at some positions of the last axis. The shape of `position` ends in the other axes'."""
    kept = tuple(p.shape(ordered))[:-1]
    if not kept:
        return p.getitem(ordered, index=position)
    if isinstance(position, np.ndarray):
        position = np.broadcast_to(position, (*position.shape[: position.ndim - len(kept)], *kept))
    return p.getitem(ordered, index=(*np.ogrid[tuple(slice(n) for n in kept)], position))


def _quantile(p: Primitives, ordered: Any, n: Any, q: Any, method: str, weights: Any, keep_nan: bool) -> Any:
    """Return quantiles of sorted values. Shape `(*q.shape, *ordered.shape[:-1])`."""
    rank = ndim(p, ordered) - 1
    dtype = result_type(p, ordered, q)
    q = p.reshape(array_in(q, p), shape=(*p.shape(q), *(1,) * rank)) if p.shape(q) else q
    last = p.subtract(n, 1)
    if weights is not None:
        position = _integer(p, _weighted_position(p, weights, q, rank))
    else:
        position = _position(p, n, q, method)
    below = p.maximum(p.minimum(_integer(p, p.floor(position)), last), 0)
    result = _elements(p, ordered, below)
    if weights is None and (method in _INTERPOLATED or method in ("linear", "midpoint", "averaged_inverted_cdf")):
        above = p.maximum(p.minimum(_integer(p, p.add(p.floor(position), 1.0)), last), 0)
        share = p.subtract(position, p.floor(position))
        if method == "averaged_inverted_cdf":
            share = p.where(p.equal(share, 0), 0.5, 1.0)
        result = p.add(result, p.multiply(p.subtract(_elements(p, ordered, above), result), cast(p, share, dtype)))
    if keep_nan:
        result = p.where(p.isnan(take(p, ordered, rank, -1)), np.nan, result)
    return result


def _weighted_position(p: Primitives, weights: Any, q: Any, rank: int) -> Any:
    """Return how many values lie below each quantile of the distribution that the weights give the sorted values."""
    total = p.cumsum(cast(p, weights, np.float64), axis=rank)
    share = p.divide(total, take(p, total, rank, slice(-1, None)))
    share = p.where(p.equal(share, 0), -1.0, share)  # so that a value without weight is no quantile of 0
    q = p.reshape(array_in(q, p), shape=(*p.shape(q), 1))
    return p.sum(p.less(share, q), axis=(max(ndim(p, q), rank + 1) - 1,), keepdims=False)


def _check(p: Primitives, q: Any, method: str, weights: Any) -> None:
    q = p.primal(q) if not isinstance(q, (int, float)) else q
    if q is not None and not np.all((np.asarray(q) >= 0) & (np.asarray(q) <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")


def _weights_like(p: Primitives, weights: Any, a: Any, axis: Any) -> Any:
    weights = array_in(weights, p)
    shape = tuple(p.shape(a))
    if tuple(p.shape(weights)) == shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(axes_of(p, a, i)[0] for i in given)
    if tuple(p.shape(weights)) != tuple(shape[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = p.transpose(weights, axes=tuple(int(i) for i in np.argsort(axes)))
    weights = p.reshape(weights, shape=tuple(n if i in axes else 1 for i, n in enumerate(shape)))
    return p.broadcast_to(weights, shape=shape)


def _quantiles(without_nan: bool, percent: bool) -> Callable[..., Any]:
    def quantiles(
        p: Primitives,
        a: Any,
        q: Any,
        axis: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        *,
        weights: Any = None,
    ) -> Any:
        a = inexact(p, a)
        q = array_in(q, p)
        if percent:
            q = q / 100 if isinstance(q, (int, float)) else p.divide(q, 100)
        _check(p, q, method, weights)
        merged, ones = _last_axis(p, a, axis)
        last = ndim(p, merged) - 1
        order = index_of_order(p, p.argsort(merged, axis=last), last)
        ordered = p.getitem(merged, index=order)
        present = p.logical_not(p.isnan(merged))
        if weights is not None:
            weights, _ = _last_axis(p, _weights_like(p, weights, a, axis), axis)
            _check_weights(p, weights)
            weights = p.where(present, weights, 0) if without_nan else weights
            weights = p.getitem(weights, index=order)
        n = p.sum(present, axis=(last,), keepdims=False) if without_nan else p.shape(ordered)[-1]
        result = _quantile(p, ordered, n, q, method, weights, keep_nan=not without_nan)
        return p.reshape(result, shape=tuple(p.shape(q)) + ones) if keepdims else result

    return quantiles


def _check_weights(p: Primitives, weights: Any) -> None:
    if np.any(known(p, weights, "the weights of a quantile") < 0):
        raise ValueError("Weights must be non-negative.")


quantile = numpy_function(np.quantile)(_quantiles(without_nan=False, percent=False))
percentile = numpy_function(np.percentile)(_quantiles(without_nan=False, percent=True))
nanquantile = numpy_function(np.nanquantile)(_quantiles(without_nan=True, percent=False))
nanpercentile = numpy_function(np.nanpercentile)(_quantiles(without_nan=True, percent=True))


# ---- medians


@numpy_function(np.median)
def median(p: Primitives, a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    merged, ones = _last_axis(p, inexact(p, a), axis)
    last = ndim(p, merged) - 1
    ordered = sort(p, merged)
    n = p.shape(ordered)[-1]
    result = mean(p, take(p, ordered, last, slice((n - 1) // 2 if n else 0, n // 2 + 1)), -1)
    if n:
        result = p.where(p.isnan(take(p, ordered, last, -1)), np.nan, result)
    return p.reshape(result, shape=ones) if keepdims else result


@numpy_function(np.nanmedian)
def nanmedian(p: Primitives, a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    if size(p, a) == 0:
        return median(p, a, axis, keepdims=keepdims)
    return nanquantile(p, a if ndim(p, a) else flat(p, a), 0.5, axis, keepdims=keepdims)
