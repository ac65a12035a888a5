"""New arrays: like another, with `like=x`, or between values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.raw import axis_of, cast, ndim, result_type
from diffiface.numpy_api.table import available, numpy_function
from diffiface.primitives import Primitives

# A new array holds plain numbers until something is written to it: every engine takes those as constants.


def _filled_like(fill: Callable[..., np.ndarray]) -> Callable[..., Any]:
    def filled_like(
        p: Primitives,
        a: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
    ) -> Any:
        return fill(p.shape(a) if shape is None else shape, p.dtype(a) if dtype is None else dtype)

    return filled_like


numpy_function(np.zeros_like)(_filled_like(np.zeros))
numpy_function(np.ones_like)(_filled_like(np.ones))
numpy_function(np.empty_like)(_filled_like(np.empty))


@numpy_function(np.full_like)
def full_like(
    p: Primitives,
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
) -> Any:
    dtype = p.dtype(a) if dtype is None else np.dtype(dtype)
    return full(p, p.shape(a) if shape is None else shape, fill_value, dtype)


# ---- with like=x


def _filled(fill: Callable[..., np.ndarray]) -> Callable[..., Any]:
    def filled(p: Primitives, shape: Any, dtype: Any = None, order: str = "C") -> Any:
        return fill(shape, np.float64 if dtype is None else dtype)

    return filled


numpy_function(np.zeros, arrays=0)(_filled(np.zeros))
numpy_function(np.ones, arrays=0)(_filled(np.ones))
numpy_function(np.empty, arrays=0)(_filled(np.empty))


@numpy_function(np.full, arrays=0)
def full(p: Primitives, shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> Any:
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    fill_value = array_in(fill_value, p)
    fill_value = np.asarray(fill_value) if isinstance(fill_value, (bool, int, float, complex)) else fill_value
    return p.broadcast_to(cast(p, fill_value, dtype), shape=shape)


@numpy_function(np.array, arrays=0)
def array(p: Primitives, object: Any, dtype: Any = None, *, copy: bool = True, order: str = "K", ndmin: int = 0) -> Any:
    result = asarray(p, object, dtype)
    shape = tuple(p.shape(result))
    if len(shape) < ndmin:
        result = p.reshape(result, shape=(1,) * (ndmin - len(shape)) + shape)
    return np.array(result) if isinstance(result, np.ndarray) else result


@numpy_function(np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, arrays=0)
def asarray(p: Primitives, a: Any, dtype: Any = None, order: str | None = None) -> Any:
    value = array_in(a, p)
    value = np.asarray(value) if isinstance(value, (bool, int, float, complex)) else value
    return cast(p, value, dtype)


@numpy_function(np.eye, arrays=0)
def eye(p: Primitives, N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: str = "C") -> Any:
    return np.eye(N, M, k, dtype)


@numpy_function(np.identity, arrays=0)
def identity(p: Primitives, n: int, dtype: Any = float) -> Any:
    return np.identity(n, dtype)


# ---- between values


@numpy_function(np.arange, arrays=0)
def arange(p: Primitives, *bounds: Any, step: Any = 1, dtype: Any = None) -> Any:
    return np.arange(*bounds, step=step, dtype=dtype) if len(bounds) < 3 else np.arange(*bounds, dtype=dtype)


@numpy_function(np.linspace, arrays=2)
def linspace(
    p: Primitives,
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    intervals = num - 1 if endpoint else num
    kind = result_type(p, start, stop, 1.0) if dtype is None else np.dtype(dtype)
    difference = p.subtract(stop, start)
    step = p.divide(difference, intervals) if intervals > 0 else p.multiply(difference, np.nan)
    rank = ndim(p, difference)
    fractions = np.arange(num).reshape((num,) + (1,) * rank) / max(intervals, 1)
    points = p.add(start, p.multiply(fractions, difference))
    if rank:
        axis = axis_of(p, points, axis)
        order = list(range(1, rank + 1))
        order.insert(axis, 0)
        points = p.transpose(points, axes=tuple(order))
    points = cast(p, points, kind)
    return (points, step) if retstep else points


@numpy_function(np.logspace, arrays=2)
def logspace(
    p: Primitives, start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None
) -> Any:
    return cast(p, p.power(base, linspace(p, start, stop, num, endpoint)), dtype)


@numpy_function(*available(np, "astype"))
def astype(p: Primitives, x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    return cast(p, x, dtype)
