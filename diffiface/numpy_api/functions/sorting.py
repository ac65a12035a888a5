"""Sorting and what rests on it: order statistics, searching, interpolation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.indexing import index_along
from diffiface.numpy_api.functions.raw import (
    axes_of,
    axis_of,
    cast,
    flat,
    inexact,
    ndim,
    refuse,
    result_type,
    size,
    take,
)
from diffiface.numpy_api.functions.reductions import any_, mean
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives

_KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")


def _positions(p: Primitives, a: Any, axis: int, kind: str | None, function: str) -> Any:
    if kind not in _KINDS:
        refuse(p, function, "kind", kind)
    return p.argsort(a, axis=axis)


@numpy_function(np.sort)
def sort(p: Primitives, a: Any, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None) -> Any:
    if axis is None:
        a, axis = flat(p, a), 0
    axis = axis_of(p, a, axis)
    order = _positions(p, a, axis, kind, "sort")
    return p.getitem(a, index=order if ndim(p, a) == 1 else index_along(p, order, axis))


@numpy_function(np.argsort)
def argsort(
    p: Primitives, a: Any, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None
) -> Any:
    if axis is None:
        a, axis = flat(p, a), 0
    return _positions(p, a, axis_of(p, a, axis), kind, "argsort")


def _extreme_position(primitive: str) -> Callable[..., Any]:
    def extreme_position(p: Primitives, a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
        shape = list(p.shape(a))
        if axis is None:
            a, place, shape = flat(p, a), 0, [1] * len(shape)
        else:
            place = axis_of(p, a, axis)
            shape[place] = 1
        positions = getattr(p, primitive)(a, axis=place)
        return p.reshape(positions, shape=tuple(shape)) if keepdims else positions

    return extreme_position


argmax = numpy_function(np.argmax)(_extreme_position("argmax"))
argmin = numpy_function(np.argmin)(_extreme_position("argmin"))


@numpy_function(np.nanargmax)
def nanargmax(p: Primitives, a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return argmax(p, p.where(p.isnan(a), -np.inf, a), axis, keepdims=keepdims)


@numpy_function(np.nanargmin)
def nanargmin(p: Primitives, a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return argmin(p, p.where(p.isnan(a), np.inf, a), axis, keepdims=keepdims)


# ---- order statistics


def _last_axis(p: Primitives, a: Any, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """Return a value with some axes merged into one, the last, and its shape with those axes of length 1."""
    axes = axes_of(p, a, axis)
    shape = tuple(p.shape(a))
    kept = tuple(i for i in range(len(shape)) if i not in axes)
    if kept + axes != tuple(range(len(shape))):
        a = p.transpose(a, axes=kept + axes)
    merged = p.reshape(a, shape=(*(shape[i] for i in kept), size(p, a, tuple(range(len(kept), len(shape))))))
    return merged, tuple(1 if i in axes else n for i, n in enumerate(shape))


def _with_nan(p: Primitives, ordered: Any, result: Any) -> Any:
    """Return NaN wherever the sorted values (NaN last) hold one."""
    return p.where(p.isnan(take(p, ordered, ndim(p, ordered) - 1, -1)), np.nan, result)


@numpy_function(np.median)
def median(p: Primitives, a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    ordered, ones = _last_axis(p, inexact(p, a), axis)
    rank = ndim(p, ordered)
    ordered = sort(p, ordered)
    n = p.shape(ordered)[-1]
    middle = take(p, ordered, rank - 1, slice((n - 1) // 2, n // 2 + 1))
    result = _with_nan(p, ordered, mean(p, middle, -1))
    return p.reshape(result, shape=ones) if keepdims else result


@numpy_function(np.quantile)
def quantile(
    p: Primitives,
    a: Any,
    q: Any,
    axis: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
) -> Any:
    if method != "linear":
        refuse(p, "quantile", "method", method)
    ordered, ones = _last_axis(p, inexact(p, a), axis)
    ordered = sort(p, ordered)
    last = ndim(p, ordered) - 1
    n = p.shape(ordered)[-1]
    q = array_in(q, p)
    place = p.multiply(q, n - 1.0)
    below = p.minimum(p.maximum(p.astype(p.floor(place), dtype=np.dtype(np.intp)), 0), max(n - 2, 0))
    weight = cast(p, p.subtract(place, below), result_type(p, ordered, q))
    q_shape = tuple(p.shape(q))
    # The quantiles come first in NumPy's result, so the axis of values is brought there.
    ordered = p.transpose(ordered, axes=(last, *range(last)))
    low, high = p.getitem(ordered, index=below), p.getitem(ordered, index=p.minimum(p.add(below, 1), n - 1))
    weight = p.reshape(weight, shape=q_shape + (1,) * last)
    result = p.add(low, p.multiply(p.subtract(high, low), weight))
    result = p.where(p.isnan(p.getitem(ordered, index=-1)), np.nan, result)
    return p.reshape(result, shape=q_shape + ones) if keepdims else result


@numpy_function(np.percentile)
def percentile(
    p: Primitives,
    a: Any,
    q: Any,
    axis: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
) -> Any:
    q = q / 100 if isinstance(q, (int, float)) else p.divide(array_in(q, p), 100)
    return quantile(p, a, q, axis, overwrite_input, method, keepdims)


@numpy_function(np.unique)
def unique(
    p: Primitives,
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    *,
    sorted: bool = True,
) -> Any:
    values = known(p, ar, "numpy.unique")
    _, first, *more = np.unique(values, True, return_inverse, return_counts)
    result = p.getitem(flat(p, ar), index=first)
    more = [first, *more] if return_index else more
    return (result, *more) if more else result


# ---- searching


@numpy_function(np.searchsorted, arrays=2)
def searchsorted(p: Primitives, a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    if sorter is not None:
        a = p.getitem(a, index=array_in(sorter, p))
    return p.searchsorted(a, v, side=side)


@numpy_function(np.digitize, arrays=2)
def digitize(p: Primitives, x: Any, bins: Any, right: bool = False) -> Any:
    edges = known(p, bins, "numpy.digitize")
    if len(edges) > 1 and edges[0] > edges[-1]:
        reverse = p.searchsorted(edges[::-1], x, side="right" if right else "left")
        return p.subtract(len(edges), reverse)
    return p.searchsorted(edges, x, side="left" if right else "right")


@numpy_function(np.interp, arrays=3)
def interp(p: Primitives, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if period is not None:
        refuse(p, "interp", "period", period)
    x, xp, fp = inexact(p, x), inexact(p, xp), inexact(p, fp)
    n = p.shape(xp)[0]
    if n == 1:
        xp, fp, n = p.concatenate([xp, p.add(xp, 1.0)], axis=0), p.concatenate([fp, fp], axis=0), 2
    interval = p.minimum(p.maximum(p.subtract(p.searchsorted(xp, x, side="right"), 1), 0), n - 2)
    above = p.add(interval, 1)
    x0, y0 = p.getitem(xp, index=interval), p.getitem(fp, index=interval)
    x1, y1 = p.getitem(xp, index=above), p.getitem(fp, index=above)
    inside = p.add(y0, p.multiply(p.divide(p.subtract(y1, y0), p.subtract(x1, x0)), p.subtract(x, x0)))
    first, last = p.getitem(xp, index=0), p.getitem(xp, index=-1)
    low = p.getitem(fp, index=0) if left is None else left
    high = p.getitem(fp, index=-1) if right is None else right
    return p.where(p.less(x, first), low, p.where(p.greater(x, last), high, inside))


@numpy_function(np.bincount, arrays=1)
def bincount(p: Primitives, x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = known(p, x, "numpy.bincount")
    length = max(minlength, int(places.max()) + 1 if places.size else 0)
    if weights is None:
        return np.bincount(places, minlength=minlength)
    weights = array_in(weights, p)
    return p.add_at(np.zeros(length, result_type(p, weights, np.float64(0))), weights, index=places)


@numpy_function(np.isin, arrays=2)
def isin(p: Primitives, element: Any, test_elements: Any) -> Any:
    tested = flat(p, test_elements)
    place = p.reshape(element, shape=(*p.shape(element), 1))
    return any_(p, p.equal(place, tested), -1)
