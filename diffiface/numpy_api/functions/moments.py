"""Means, variances and standard deviations."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.functions.raw import axes_of, cast, inexact, size
from diffiface.numpy_api.functions.reductions import sum_
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


def _count(p: Primitives, a: Any, axes: tuple[int, ...], where: Any, keepdims: bool) -> Any:
    if where is True:
        return size(p, a, axes)  # a Python number, which leaves float32 what it is
    mask = p.broadcast_to(where, shape=tuple(p.shape(a)))
    count = p.sum(mask, axis=axes, keepdims=keepdims)
    return p.astype(count, dtype=p.dtype(p.real(a)))


@numpy_function(np.mean)
def mean(
    p: Primitives, a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, *, where: Any = True
) -> Any:
    a = inexact(p, a if dtype is None else cast(p, a, dtype))
    axes = axes_of(p, a, axis)
    if where is True:
        return p.divide(p.sum(a, axis=axes, keepdims=keepdims), size(p, a, axes))
    total = sum_(p, a, axes, keepdims=keepdims, where=where)
    return p.divide(total, _count(p, a, axes, where, keepdims))


_mean = mean  # `mean` is also the name of an argument of np.var


@numpy_function(np.var)
def var(
    p: Primitives,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    a = inexact(p, cast(p, a, dtype))
    axes = axes_of(p, a, axis)
    ddof = ddof if correction is None else correction
    center = _mean(p, a, axes, keepdims=True, where=where) if mean is None else mean
    deviation = p.subtract(a, center)
    if p.dtype(deviation).kind == "c":
        squares = p.add(p.square(p.real(deviation)), p.square(p.imag(deviation)))
    else:
        squares = p.square(deviation)
    total = sum_(p, squares, axes, keepdims=keepdims, where=where)
    count = _count(p, a, axes, where, keepdims)
    if isinstance(count, int) and isinstance(ddof, (int, float)):
        return p.divide(total, max(count - ddof, 0))
    return p.divide(total, p.maximum(p.subtract(count, ddof), 0))


@numpy_function(np.std)
def std(
    p: Primitives,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    ddof: Any = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    variance = var(p, a, axis, dtype, ddof, keepdims, where=where, mean=mean, correction=correction)
    if where is True and mean is None and size(p, a, axes_of(p, a, axis)) == 1:
        return variance  # one number does not vary: 0 (or NaN), which has a derivative where the root has none
    return p.sqrt(variance)
