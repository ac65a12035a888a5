"""New arrays: like another, with `like=x`, or between values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array, dress
from diffiface.numpy_api.conversion import array_in, raw_in, trace_among
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.dressed import Dressed, known
from diffiface.numpy_api.functions.raw import axis_of, cast, ndim, result_type
from diffiface.numpy_api.memory_order import agreed
from diffiface.numpy_api.table import available, dressed_function, numpy_function
from diffiface.primitives import NUMPY, Primitives

# A new array holds plain numbers until something is written to it: every engine takes those as constants.


def _like(a: Dressed, new: Any, order: str, shape: Any) -> Any:
    """Return a new array laid out in memory as NumPy lays out one like `a`."""
    if type(new) is Array:
        if order in ("C", "F") or shape is not None:
            return new._copied("F" if order == "F" else "C")
        if type(a) is Array:
            layout = a._layout()
            new._order = None if layout is None else np.empty_like(layout)
    return new


def _filled_like(fill: Callable[..., np.ndarray]) -> Callable[..., Any]:
    def filled_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
        new = fill(a.shape if shape is None else shape, a.dtype if dtype is None else dtype)
        return _like(a, dress(new, a._p), order, shape)

    return filled_like


dressed_function(np.zeros_like, kind="structural")(_filled_like(np.zeros))
dressed_function(np.ones_like, kind="structural")(_filled_like(np.ones))
dressed_function(np.empty_like, kind="structural")(_filled_like(np.empty))


@dressed_function(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    p = trace_among((a, fill_value), None)
    assert p is not None
    new = full(p, a.shape if shape is None else shape, raw_in(fill_value, p), a.dtype if dtype is None else dtype)
    return _like(a, dress(new, p), order, shape)


# ---- with like=x


def _filled(fill: Callable[..., np.ndarray]) -> Callable[..., Any]:
    def filled(p: Primitives, shape: Any, dtype: Any = None, order: str = "C") -> Any:
        return fill(shape, np.float64 if dtype is None else dtype)

    return filled


numpy_function(np.zeros, arrays=0, kind="structural")(_filled(np.zeros))
numpy_function(np.ones, arrays=0, kind="structural")(_filled(np.ones))
numpy_function(np.empty, arrays=0, kind="structural")(_filled(np.empty))


@numpy_function(np.full, arrays=0)
def full(p: Primitives, shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> Any:
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    fill_value = array_in(fill_value, p)
    fill_value = np.asarray(fill_value) if isinstance(fill_value, (bool, int, float, complex)) else fill_value
    return p.broadcast_to(cast(p, fill_value, dtype), shape=shape)


# ---- from what is given: NumPy returns an array itself where it is what is asked for, and then a write is seen in both


def _converted(p: Primitives, a: Any, dtype: Any) -> Any:
    """Return any array-like as one raw value of a dtype (None: its own)."""
    value = array_in(a, p)
    value = np.asarray(value) if isinstance(value, (bool, int, float, complex)) else value
    return cast(p, value, dtype)


def _is_in_order(a: Array, order: str | None) -> bool | None:
    """Say whether an array lies in memory as asked for (None: not known)."""
    if order is None or order in "KA":
        return True
    return agreed(array.flags.c_contiguous if order == "C" else array.flags.f_contiguous for array in a._shadows())


def _new(a: Any, dtype: Any, order: str | None) -> Any:
    p = trace_among((a,), None) or NUMPY
    new = dress(_converted(p, a, dtype), p)
    return new._copied(order) if type(new) is Array and order in ("C", "F") else new


@dressed_function(np.array)
def array(object: Any, dtype: Any = None, *, copy: bool | None = True, order: str = "K", ndmin: int = 0) -> Any:
    if not copy:
        result = asarray(object, dtype, order)
        if copy is False and result is not object:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
    else:
        result = _new(object, dtype, order)
        if type(result) is np.ndarray:
            result = result.copy()
    missing = ndmin - np.ndim(result)
    return np.reshape(result, (1,) * missing + np.shape(result)) if missing > 0 else result


@dressed_function(np.asarray, np.asanyarray)
def asarray(a: Any, dtype: Any = None, order: str | None = None) -> Any:
    if type(a) is Array and (dtype is None or np.dtype(dtype) == a.dtype):
        in_order = _is_in_order(a, order)
        if in_order:
            return a
        if in_order is None:
            return a._reshaped_as(a.shape, None)  # which raises if it matters
    return _new(a, dtype, order)


@dressed_function(np.ascontiguousarray)
def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    return asarray(a, dtype, "C")


@dressed_function(np.asfortranarray)
def asfortranarray(a: Any, dtype: Any = None) -> Any:
    return asarray(a, dtype, "F")


@numpy_function(np.eye, arrays=0, kind="structural")
def eye(p: Primitives, N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: str = "C") -> Any:
    return np.eye(N, M, k, dtype)


@numpy_function(np.identity, arrays=0, kind="structural")
def identity(p: Primitives, n: int, dtype: Any = float) -> Any:
    return np.identity(n, dtype)


# ---- between values


@numpy_function(np.arange, arrays=0, kind="structural")
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
    p: Primitives,
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    base = array_in(base, p)
    if ndim(p, base):  # NumPy gives the samples an axis of their own in front, which then is moved
        shape = np.broadcast_shapes(tuple(p.shape(start)), tuple(p.shape(stop)), tuple(p.shape(base)))
        exponents = linspace(p, p.broadcast_to(start, shape=shape), p.broadcast_to(stop, shape=shape), num, endpoint)
        powers = p.power(base, exponents)
        axis = axis_of(p, powers, axis)
        order = list(range(1, ndim(p, powers)))
        order.insert(axis, 0)
        return cast(p, p.transpose(powers, axes=tuple(order)), dtype)
    return cast(p, p.power(base, linspace(p, start, stop, num, endpoint, axis=axis)), dtype)


@numpy_function(np.geomspace, arrays=2)
def geomspace(
    p: Primitives, start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    first, last = (known(p, v, "numpy.geomspace") for v in (start, stop))
    if np.any(first == 0) or np.any(last == 0):
        raise ValueError("Geometric sequence cannot include zero")
    # Unlike np.linspace, NumPy makes arrays of the ends before it settles the dtype: Python numbers count as float64.
    kinds = [first.dtype if isinstance(start, (int, float, complex)) else p.dtype(start)]
    kinds.append(last.dtype if isinstance(stop, (int, float, complex)) else p.dtype(stop))
    kind = np.result_type(*kinds, np.float16) if dtype is None else np.dtype(dtype)
    if kind.kind != "c" and np.any(np.sign(first) != np.sign(last)):
        unsupported(p, "numpy.geomspace between values of different sign is NaN", "give both ends the same sign")
    # From the first value by powers of the ratio: the ends are hit exactly, and signs and complex turns are kept.
    intervals = num - 1 if endpoint else num
    start, stop = (
        cast(p, array_in(np.asarray(v) if isinstance(v, (int, float, complex)) else v, p), kind) for v in (start, stop)
    )
    ratio = p.divide(stop, start)
    fractions = np.arange(num) / max(intervals, 1)
    fractions = fractions.reshape((num,) + (1,) * ndim(p, ratio))
    points = p.multiply(start, p.exp(p.multiply(fractions, p.log(ratio))))
    if ndim(p, ratio):
        axis = axis_of(p, points, axis)
        order = list(range(1, ndim(p, points)))
        order.insert(axis, 0)
        points = p.transpose(points, axes=tuple(order))
    return cast(p, points, kind)


@numpy_function(*available(np, "astype"))
def astype(p: Primitives, x: Any, dtype: Any, *, copy: bool = True) -> Any:
    return cast(p, x, dtype)


# ---- conversions


@dressed_function(np.require, kind="structural")
def require(a: Any, dtype: Any = None, requirements: Any = None) -> Any:
    # Of what can be required, only the order decides whether a write is seen in `a` too, and owning the memory.
    asked = {str(requirement)[0].upper() for requirement in requirements or ()}
    result = asarray(a, dtype, "C" if "C" in asked else "F" if "F" in asked else None)
    return result._copied() if "O" in asked and type(result) is Array and not result._is_root() else result


@dressed_function(np.asarray_chkfinite, kind="structural")
def asarray_chkfinite(a: Any, dtype: Any = None, order: str | None = None) -> Any:
    result = asarray(a, dtype, order)
    if not np.all(np.isfinite(known(result._p, result._read(), "numpy.asarray_chkfinite"))):
        raise ValueError("array must not contain infs or NaNs")
    return result


@numpy_function(np.fromiter, arrays=0, kind="structural")
def fromiter(p: Primitives, iter: Any, dtype: Any, count: int = -1) -> Any:
    values = list(iter)
    if count >= 0:
        if len(values) < count:
            raise ValueError(f"iterator too short: Expected {count} but iterator had only {len(values)} items.")
        values = values[:count]
    return _converted(p, values, dtype)


@dressed_function(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    a = asarray(a)
    if a.dtype.kind != "c":
        return a
    limit = float(np.finfo(a.dtype).eps) * tol if tol > 1 else tol
    p, imag = a._p, a.imag._read()
    return a.real if np.all(np.abs(known(p, imag, "numpy.real_if_close")) < limit) else a
