"""Reductions: sums, products, extremes, truth and counting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.functions.arithmetic import isclose
from diffiface.numpy_api.functions.raw import axes_of, cast, flat, ndim
from diffiface.numpy_api.table import numpy_function, ufunc_method
from diffiface.primitives import Primitives

# ---- sums and products: an operation with an identity, which stands for what `where=` leaves out


def _total(p: Primitives, a: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return p.sum(a, axis=axes, keepdims=keepdims)


def _product(p: Primitives, a: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return products over several axes, of which the primitive takes one at a time."""
    shape = tuple(1 if i in axes else n for i, n in enumerate(p.shape(a)))
    if axes and len(axes) == ndim(p, a):
        a = p.prod(flat(p, a), axis=0, keepdims=False)
    else:
        for i in axes:
            a = p.prod(a, axis=i, keepdims=True)
    shape = shape if keepdims else tuple(n for i, n in enumerate(shape) if i not in axes)
    return a if tuple(p.shape(a)) == shape else p.reshape(a, shape=shape)


def _reduction(reduce: Callable[..., Any], combine: str, identity: int) -> Callable[..., Any]:
    def reduction(
        p: Primitives,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        if dtype is None and where is True and initial is None:  # the common case
            return reduce(p, a, axes_of(p, a, axis), keepdims)
        a = cast(p, a, dtype)
        if where is not True:
            a = p.where(where, a, identity)
        result = reduce(p, a, axes_of(p, a, axis), keepdims)
        return result if initial is None else getattr(p, combine)(result, initial)

    return reduction


sum_ = ufunc_method(np.add, "reduce")(numpy_function(np.sum)(_reduction(_total, "add", 0)))
prod = ufunc_method(np.multiply, "reduce")(numpy_function(np.prod)(_reduction(_product, "multiply", 1)))


# ---- extremes


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
@numpy_function(np.all, kind="zero derivative")
def all_(p: Primitives, a: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    if where is not True:
        a = p.logical_or(a, p.logical_not(where))
    return p.all(a, axis=axes_of(p, a, axis), keepdims=keepdims)


@ufunc_method(np.logical_or, "reduce")
@numpy_function(np.any, kind="zero derivative")
def any_(p: Primitives, a: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    if where is not True:
        a = p.logical_and(a, where)
    return p.any(a, axis=axes_of(p, a, axis), keepdims=keepdims)


@numpy_function(np.count_nonzero, kind="zero derivative")
def count_nonzero(p: Primitives, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return p.sum(p.not_equal(a, 0), axis=axes_of(p, a, axis), keepdims=keepdims)


@numpy_function(np.allclose, arrays=2, kind="zero derivative")
def allclose(p: Primitives, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return all_(p, isclose(p, a, b, rtol, atol, equal_nan))


@numpy_function(np.array_equal, arrays=2, kind="zero derivative")
def array_equal(p: Primitives, a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    if tuple(p.shape(a1)) != tuple(p.shape(a2)):
        return False
    same = p.equal(a1, a2)
    if equal_nan:
        same = p.logical_or(same, p.logical_and(p.isnan(a1), p.isnan(a2)))
    return all_(p, same)


@numpy_function(np.array_equiv, arrays=2, kind="zero derivative")
def array_equiv(p: Primitives, a1: Any, a2: Any) -> Any:
    try:
        np.broadcast_shapes(tuple(p.shape(a1)), tuple(p.shape(a2)))
    except ValueError:
        return False
    return all_(p, p.equal(a1, a2))
