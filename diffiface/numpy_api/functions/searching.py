"""Searching in sorted values, interpolating between them, counting."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.raw import cast, flat, inexact
from diffiface.numpy_api.functions.reductions import any_
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.searchsorted, arrays=2, kind="zero derivative")
def searchsorted(p: Primitives, a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    if sorter is not None:
        a = p.getitem(a, index=array_in(sorter, p))
    return p.searchsorted(a, v, side=side)


@numpy_function(np.digitize, arrays=2, kind="zero derivative")
def digitize(p: Primitives, x: Any, bins: Any, right: bool = False) -> Any:
    edges = known(p, bins, "numpy.digitize")
    if len(edges) > 1 and edges[0] > edges[-1]:
        reverse = p.searchsorted(edges[::-1], x, side="right" if right else "left")
        return p.subtract(len(edges), reverse)
    return p.searchsorted(edges, x, side="left" if right else "right")


@numpy_function(np.isin, arrays=2, kind="zero derivative")
def isin(
    p: Primitives,
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Any:
    tested = flat(p, array_in(test_elements, p))
    place = p.reshape(element, shape=(*p.shape(element), 1))
    found = any_(p, p.equal(place, tested), -1)
    return p.logical_not(found) if invert else found


@numpy_function(np.interp, arrays=3)
def interp(p: Primitives, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp, fp = inexact(p, x), inexact(p, xp), inexact(p, fp)
    if period is not None:
        x, xp, fp = _unrolled(p, x, xp, fp, period)
        left = right = None
    n = p.shape(xp)[0]
    if n == 0:
        raise ValueError("array of sample points is empty")
    if p.shape(fp) != p.shape(xp):
        raise ValueError("fp and xp are not of the same length.")
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
    result = p.where(p.less(x, first), low, p.where(p.greater(x, last), high, inside))
    return p.where(p.isnan(x), x, result)


def _unrolled(p: Primitives, x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """Return the points of a periodic function in one period, in order, with one more at each end."""
    if period == 0:
        raise ValueError("period must be a non-zero value")
    period = p.absolute(period)
    x, xp = p.remainder(x, period), p.remainder(xp, period)
    order = p.argsort(xp, axis=0)
    xp, fp = p.getitem(xp, index=order), p.getitem(fp, index=order)
    ends = [p.getitem(w, index=part) for w in (xp, fp) for part in (slice(-1, None), slice(0, 1))]
    xp = p.concatenate([p.subtract(ends[0], period), xp, p.add(ends[1], period)], axis=0)
    return x, xp, p.concatenate([ends[2], fp, ends[3]], axis=0)


@numpy_function(np.bincount, note="Differentiable in weights=; x holds counts.")
def bincount(p: Primitives, x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = known(p, x, "numpy.bincount")
    if weights is None:
        return np.bincount(places, minlength=minlength)
    length = max(minlength, int(places.max()) + 1 if places.size else 0)
    weights = cast(p, array_in(weights, p), np.float64)
    if tuple(p.shape(weights)) != places.shape:
        raise ValueError("The weights and list don't have the same length.")
    return p.add_at(np.zeros(length), weights, index=places)
