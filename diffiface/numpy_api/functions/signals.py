"""Differences, integrals, polynomials and convolutions of samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.raw import along, axis_of, cast, flat, inexact, ndim, refuse, take
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.diff)
def diff(p: Primitives, a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    axis = axis_of(p, a, axis)
    ends = [None if end is None else _slab(p, array_in(end, p), a, axis) for end in (prepend, append)]
    parts = [part for part in (ends[0], a, ends[1]) if part is not None]
    if len(parts) > 1:
        a = p.concatenate(parts, axis=axis)
    for _ in range(n):
        later, earlier = take(p, a, axis, slice(1, None)), take(p, a, axis, slice(None, -1))
        a = p.not_equal(later, earlier) if p.dtype(a).kind == "b" else p.subtract(later, earlier)
    return a


def _slab(p: Primitives, end: Any, a: Any, axis: int) -> Any:
    """Return a number as a layer of the array it is joined to (an array as it is)."""
    if ndim(p, end):
        return end
    return p.broadcast_to(end, shape=tuple(1 if i == axis else n for i, n in enumerate(p.shape(a))))


@numpy_function(np.ediff1d)
def ediff1d(p: Primitives, ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    a = flat(p, ary)
    parts = [p.subtract(take(p, a, 0, slice(1, None)), take(p, a, 0, slice(None, -1)))]
    for where, extra in ((0, to_begin), (len(parts) + 1, to_end)):
        if extra is not None:
            extra = cast(p, array_in(extra, p), p.dtype(a))
            parts.insert(where, flat(p, extra) if ndim(p, extra) else p.reshape(extra, shape=(1,)))
    return parts[0] if len(parts) == 1 else p.concatenate(parts, axis=0)


@numpy_function(np.gradient)
def gradient(p: Primitives, f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    if edge_order != 1:
        refuse(p, "gradient", "edge_order", edge_order)
    f = inexact(p, f)
    axes = tuple(range(ndim(p, f))) if axis is None else tuple(axis_of(p, f, i) for i in np.atleast_1d(axis))
    spacings = list(varargs) if len(varargs) == len(axes) else list(varargs or (1.0,)) * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    results = []
    for i, spacing in zip(axes, spacings, strict=True):
        if ndim(p, spacing):
            refuse(p, "gradient", "varargs", spacing)
        if p.shape(f)[i] < 2:
            raise ValueError("Shape of array too small to calculate a numerical gradient")
        first = p.subtract(take(p, f, i, slice(1, 2)), take(p, f, i, slice(0, 1)))
        last = p.subtract(take(p, f, i, slice(-1, None)), take(p, f, i, slice(-2, -1)))
        middle = p.divide(p.subtract(take(p, f, i, slice(2, None)), take(p, f, i, slice(None, -2))), 2.0)
        results.append(p.divide(p.concatenate([first, middle, last], axis=i), spacing))
    return results[0] if len(results) == 1 else tuple(results)


@numpy_function(np.trapezoid, arrays=2)
def trapezoid(p: Primitives, y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    axis = axis_of(p, y, axis)
    width = dx
    if x is not None:
        width = diff(p, x, axis=-1 if ndim(p, x) == 1 else axis)
        if ndim(p, width) == 1 < ndim(p, y):
            intervals = p.shape(width)[0]
            width = p.reshape(width, shape=tuple(intervals if i == axis else 1 for i in range(ndim(p, y))))
    heights = p.add(p.getitem(y, index=along(axis, slice(1, None))), p.getitem(y, index=along(axis, slice(None, -1))))
    return p.sum(p.multiply(p.divide(heights, 2.0), width), axis=(axis,), keepdims=False)


@numpy_function(np.polyval, arrays=2)
def polyval(p: Primitives, p_: Any, x: Any) -> Any:
    result: Any = np.zeros(p.shape(x), p.dtype(x))
    for i in range(p.shape(p_)[0]):
        result = p.add(p.multiply(result, x), p.getitem(p_, index=i))
    return result


# ---- convolution


def _full_convolution(p: Primitives, a: Any, v: Any) -> Any:
    """Return the full convolution of two vectors: row i of their outer product, shifted by i, summed over rows."""
    if p.shape(a)[0] > p.shape(v)[0]:
        a, v = v, a
    n, m = p.shape(a)[0], p.shape(v)[0]
    products = p.multiply(p.reshape(a, shape=(n, 1)), v)
    padded = p.concatenate([products, np.zeros((n, n), p.dtype(products))], axis=1)
    # Rows one element shorter than those they were written in: each starts one place further on.
    skewed = p.getitem(p.reshape(padded, shape=(n * (m + n),)), index=slice(0, n * (m + n - 1)))
    return p.sum(p.reshape(skewed, shape=(n, m + n - 1)), axis=(0,), keepdims=False)


def _part_of(p: Primitives, full: Any, n: int, m: int, mode: str, function: str) -> Any:
    longer, shorter = max(n, m), min(n, m)
    if mode == "full":
        return full
    if mode == "same":
        start = (shorter - 1) // 2
        return p.getitem(full, index=slice(start, start + longer))
    if mode == "valid":
        return p.getitem(full, index=slice(shorter - 1, longer))
    refuse(p, function, "mode", mode)


@numpy_function(np.convolve, arrays=2)
def convolve(p: Primitives, a: Any, v: Any, mode: str = "full") -> Any:
    a, v = (p.reshape(w, shape=(1,)) if ndim(p, w) == 0 else w for w in (a, v))
    return _part_of(p, _full_convolution(p, a, v), p.shape(a)[0], p.shape(v)[0], mode, "convolve")


@numpy_function(np.correlate, arrays=2)
def correlate(p: Primitives, a: Any, v: Any, mode: str = "valid") -> Any:
    reverse = p.getitem(p.conjugate(v) if p.dtype(v).kind == "c" else v, index=slice(None, None, -1))
    n, m = p.shape(a)[0], p.shape(v)[0]
    full = _full_convolution(p, a, reverse)
    if mode == "same" and n < m:  # NumPy swaps the operands and reverses the result
        return p.getitem(full, index=slice(n // 2, n // 2 + m))
    return _part_of(p, full, n, m, mode, "correlate")
