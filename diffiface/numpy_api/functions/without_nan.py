"""The nan... functions: reductions that leave NaN out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.functions.moments import mean as mean_
from diffiface.numpy_api.functions.moments import var
from diffiface.numpy_api.functions.raw import inexact
from diffiface.numpy_api.functions.reductions import all_, max_, min_, prod, sum_
from diffiface.numpy_api.functions.running import cumprod, cumsum
from diffiface.numpy_api.functions.sorting import argmax, argmin
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


def _filled(p: Primitives, a: Any, filler: float) -> Any:
    """Return the values with something harmless in the place of NaN."""
    return p.where(p.isnan(a), filler, a)


def _reduction(reduce: Callable[..., Any], identity: int) -> Callable[..., Any]:
    def reduction(
        p: Primitives,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        return reduce(p, _filled(p, a, identity), axis, dtype, keepdims, initial, where)

    return reduction


nansum = numpy_function(np.nansum)(_reduction(sum_, 0))
nanprod = numpy_function(np.nanprod)(_reduction(prod, 1))


# ---- moments


def _present(p: Primitives, a: Any, where: Any) -> tuple[Any, Any]:
    """Return the values with zeros for NaN, and where the values count."""
    missing = p.isnan(a)
    present = p.logical_not(missing)
    return p.where(missing, 0, a), present if where is True else p.logical_and(present, where)


@numpy_function(np.nanmean)
def nanmean(
    p: Primitives, a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, *, where: Any = True
) -> Any:
    values, present = _present(p, inexact(p, a), where)
    return mean_(p, values, axis, dtype, keepdims, where=present)


@numpy_function(np.nanvar)
def nanvar(
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
    values, present = _present(p, inexact(p, a), where)
    ddof = ddof if correction is None else correction
    result = var(p, values, axis, dtype, ddof, keepdims, where=present, mean=mean)
    freedom = p.subtract(sum_(p, present, axis, keepdims=keepdims), ddof)
    return p.where(p.greater(freedom, 0), result, np.nan)


@numpy_function(np.nanstd)
def nanstd(
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
    return p.sqrt(nanvar(p, a, axis, dtype, ddof, keepdims, where=where, mean=mean, correction=correction))


# ---- extremes


def _extreme(extreme: Callable[..., Any], worst: float, ufunc: str) -> Callable[..., Any]:
    def nan_extreme(
        p: Primitives, a: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Any:
        missing = p.isnan(a)
        if where is not True:
            if initial is None:
                raise ValueError(
                    f"reduction operation '{ufunc}' does not have an identity, so to use a where mask one has to "
                    "specify 'initial'"
                )
            missing = p.logical_or(missing, p.logical_not(where))
        best = extreme(p, p.where(missing, worst, a), axis, keepdims, initial)
        return best if initial is not None else p.where(all_(p, missing, axis, keepdims), np.nan, best)

    return nan_extreme


nanmax = numpy_function(np.nanmax)(_extreme(max_, -np.inf, "fmax"))
nanmin = numpy_function(np.nanmin)(_extreme(min_, np.inf, "fmin"))


@numpy_function(np.nanargmax, kind="zero derivative")
def nanargmax(p: Primitives, a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return argmax(p, _filled(p, a, -np.inf), axis, keepdims=keepdims)


@numpy_function(np.nanargmin, kind="zero derivative")
def nanargmin(p: Primitives, a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    return argmin(p, _filled(p, a, np.inf), axis, keepdims=keepdims)


# ---- running sums and products


@numpy_function(np.nancumsum)
def nancumsum(p: Primitives, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    return cumsum(p, _filled(p, a, 0), axis, dtype)


@numpy_function(np.nancumprod)
def nancumprod(p: Primitives, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    return cumprod(p, _filled(p, a, 1), axis, dtype)
