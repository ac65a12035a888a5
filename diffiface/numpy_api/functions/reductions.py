"""Reductions and running reductions: sums, products, extremes, moments, and the `reduce` of ufuncs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.functions.arithmetic import isclose
from diffiface.numpy_api.functions.raw import along, axes_of, axis_of, cast, flat, inexact, ndim, size
from diffiface.numpy_api.table import available, numpy_function, ufunc_method
from diffiface.primitives import Primitives

# ---- sums, products, extremes


@ufunc_method(np.add, "reduce")
@numpy_function(np.sum)
def sum_(
    p: Primitives,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    a = cast(p, a, dtype)
    if where is not True:
        a = p.where(where, a, 0)
    total = p.sum(a, axis=axes_of(p, a, axis), keepdims=keepdims)
    return total if initial is None else p.add(total, initial)


@ufunc_method(np.multiply, "reduce")
@numpy_function(np.prod)
def prod(
    p: Primitives,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    a = cast(p, a, dtype)
    if where is not True:
        a = p.where(where, a, 1)
    axes = axes_of(p, a, axis)
    shape = tuple(1 if i in axes else n for i, n in enumerate(p.shape(a)))
    if len(axes) == ndim(p, a):
        a = p.prod(flat(p, a), axis=0, keepdims=False)
    else:
        for i in axes:
            a = p.prod(a, axis=i, keepdims=True)
    shape = shape if keepdims else tuple(n for i, n in enumerate(shape) if i not in axes)
    a = a if tuple(p.shape(a)) == shape else p.reshape(a, shape=shape)
    return a if initial is None else p.multiply(a, initial)


def _extreme(reduction: str, pair: str) -> Callable[..., Any]:
    def extreme(
        p: Primitives,
        a: Any,
        axis: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        if where is not True:
            if initial is None:
                raise ValueError(
                    f"reduction operation '{pair}' does not have an identity, so to use a where mask one has to "
                    "specify 'initial'"
                )
            a = p.where(where, a, initial)
        result = getattr(p, reduction)(a, axis=axes_of(p, a, axis), keepdims=keepdims)
        return result if initial is None else getattr(p, pair)(result, initial)

    return extreme


max_ = numpy_function(np.max, np.amax)(ufunc_method(np.maximum, "reduce")(_extreme("max", "maximum")))
min_ = numpy_function(np.min, np.amin)(ufunc_method(np.minimum, "reduce")(_extreme("min", "minimum")))


@numpy_function(np.ptp)
def ptp(p: Primitives, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return p.subtract(max_(p, a, axis, keepdims), min_(p, a, axis, keepdims))


# ---- truth and counting


@ufunc_method(np.logical_and, "reduce")
@numpy_function(np.all)
def all_(p: Primitives, a: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    if where is not True:
        a = p.logical_or(a, p.logical_not(where))
    return p.all(a, axis=axes_of(p, a, axis), keepdims=keepdims)


@ufunc_method(np.logical_or, "reduce")
@numpy_function(np.any)
def any_(p: Primitives, a: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    if where is not True:
        a = p.logical_and(a, where)
    return p.any(a, axis=axes_of(p, a, axis), keepdims=keepdims)


@numpy_function(np.count_nonzero)
def count_nonzero(p: Primitives, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return p.sum(p.not_equal(a, 0), axis=axes_of(p, a, axis), keepdims=keepdims)


@numpy_function(np.allclose, arrays=2)
def allclose(p: Primitives, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return all_(p, isclose(p, a, b, rtol, atol, equal_nan))


@numpy_function(np.array_equal, arrays=2)
def array_equal(p: Primitives, a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    if tuple(p.shape(a1)) != tuple(p.shape(a2)):
        return False
    same = p.equal(a1, a2)
    if equal_nan:
        same = p.logical_or(same, p.logical_and(p.isnan(a1), p.isnan(a2)))
    return all_(p, same)


# ---- moments


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
    a = inexact(p, cast(p, a, dtype))
    axes = axes_of(p, a, axis)
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
    numbers = isinstance(count, int) and isinstance(ddof, (int, float))
    return p.divide(total, max(count - ddof, 0) if numbers else p.subtract(count, ddof))


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
    return p.sqrt(var(p, a, axis, dtype, ddof, keepdims, where=where, mean=mean, correction=correction))


# ---- the same without NaN


@numpy_function(np.nansum)
def nansum(
    p: Primitives, a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None
) -> Any:
    return sum_(p, p.where(p.isnan(a), 0, a), axis, dtype, keepdims, initial)


@numpy_function(np.nanprod)
def nanprod(
    p: Primitives, a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None
) -> Any:
    return prod(p, p.where(p.isnan(a), 1, a), axis, dtype, keepdims, initial)


def _without_nan(p: Primitives, a: Any) -> tuple[Any, Any]:
    """Return the values with zeros for NaN, and where they are not NaN."""
    missing = p.isnan(a)
    return p.where(missing, 0, a), p.logical_not(missing)


@numpy_function(np.nanmean)
def nanmean(p: Primitives, a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    values, present = _without_nan(p, inexact(p, a))
    return mean(p, values, axis, dtype, keepdims, where=present)


@numpy_function(np.nanvar)
def nanvar(p: Primitives, a: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False) -> Any:
    values, present = _without_nan(p, inexact(p, a))
    return var(p, values, axis, dtype, ddof, keepdims, where=present)


@numpy_function(np.nanstd)
def nanstd(p: Primitives, a: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: bool = False) -> Any:
    return p.sqrt(nanvar(p, a, axis, dtype, ddof, keepdims))


def _nan_extreme(extreme: Callable[..., Any], worst: float) -> Callable[..., Any]:
    def nan_extreme(p: Primitives, a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        missing = p.isnan(a)
        best = extreme(p, p.where(missing, worst, a), axis, keepdims)
        return p.where(all_(p, missing, axis, keepdims), np.nan, best)

    return nan_extreme


numpy_function(np.nanmax)(_nan_extreme(max_, -np.inf))
numpy_function(np.nanmin)(_nan_extreme(min_, np.inf))


# ---- running reductions


@numpy_function(np.cumsum)
def cumsum(p: Primitives, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    a = cast(p, flat(p, a) if axis is None else a, dtype)
    return p.cumsum(a, axis=axis_of(p, a, 0 if axis is None else axis))


@numpy_function(np.cumprod)
def cumprod(p: Primitives, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    a = cast(p, flat(p, a) if axis is None else a, dtype)
    return p.cumprod(a, axis=axis_of(p, a, 0 if axis is None else axis))


def _cumulative(running: Callable[..., Any], identity: int) -> Callable[..., Any]:
    def cumulative(
        p: Primitives, x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
    ) -> Any:
        if axis is None and ndim(p, x) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = axis_of(p, x, 0 if axis is None else axis)
        result = running(p, x, axis, dtype)
        if not include_initial:
            return result
        shape = list(p.shape(result))
        shape[axis] = 1
        return p.concatenate([np.full(shape, identity, p.dtype(result)), result], axis=axis)

    return cumulative


for _functions, _running, _identity in (
    (available(np, "cumulative_sum"), cumsum, 0),
    (available(np, "cumulative_prod"), cumprod, 1),
):
    numpy_function(*_functions)(_cumulative(_running, _identity))


@numpy_function(np.nancumsum)
def nancumsum(p: Primitives, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    return cumsum(p, p.where(p.isnan(a), 0, a), axis, dtype)


@ufunc_method(np.add, "accumulate")
def add_accumulate(p: Primitives, a: Any, *, axis: int, dtype: Any = None) -> Any:
    return cumsum(p, a, axis, dtype)


@ufunc_method(np.multiply, "accumulate")
def multiply_accumulate(p: Primitives, a: Any, *, axis: int, dtype: Any = None) -> Any:
    return cumprod(p, a, axis, dtype)


def _accumulate(primitive: str) -> Callable[..., Any]:
    def accumulate(p: Primitives, a: Any, *, axis: int, dtype: Any = None) -> Any:
        # The operation is associative, so doubling the distance needs only log2(n) steps.
        a = cast(p, a, dtype)
        axis = axis_of(p, a, axis)
        length, distance = p.shape(a)[axis], 1
        while distance < length:
            head = p.getitem(a, index=along(axis, slice(None, distance)))
            later = p.getitem(a, index=along(axis, slice(distance, None)))
            earlier = p.getitem(a, index=along(axis, slice(None, -distance)))
            a = p.concatenate([head, getattr(p, primitive)(earlier, later)], axis=axis)
            distance *= 2
        return a

    return accumulate


for _ufunc in (np.maximum, np.minimum, np.logaddexp):
    ufunc_method(_ufunc, "accumulate")(_accumulate(_ufunc.__name__))


@ufunc_method(np.logaddexp, "reduce")
def logaddexp_reduce(p: Primitives, a: Any, *, axis: Any, keepdims: bool = False) -> Any:
    axes = axes_of(p, a, axis)
    largest = p.max(a, axis=axes, keepdims=True)
    largest = p.where(p.isfinite(largest), largest, 0.0)
    total = p.log(p.sum(p.exp(p.subtract(a, largest)), axis=axes, keepdims=True))
    result = p.add(total, largest)
    if keepdims:
        return result
    return p.reshape(result, shape=tuple(n for i, n in enumerate(p.shape(a)) if i not in axes))
