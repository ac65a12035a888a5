"""Differences, numerical gradients and integrals of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.raw import along, axis_of, cast, flat, inexact, ndim, result_type, take
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.diff)
def diff(p: Primitives, a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if n == 0:
        return a
    if ndim(p, a) == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(p, a, axis)
    ends = [
        None if end is None or end is np._NoValue else _slab(p, array_in(end, p), a, axis) for end in (prepend, append)
    ]
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
    differences = p.subtract(take(p, a, 0, slice(1, None)), take(p, a, 0, slice(None, -1)))
    before, after = ([] if end is None else [_end(p, end, p.dtype(a))] for end in (to_begin, to_end))
    return p.concatenate([*before, differences, *after], axis=0) if before or after else differences


def _end(p: Primitives, end: Any, dtype: np.dtype) -> Any:
    end = array_in(end, p)
    if not np.can_cast(p.dtype(end), dtype, "same_kind"):
        raise TypeError(
            "dtype of `to_begin` and `to_end` must be compatible with input `ary` under the `same_kind` rule."
        )
    end = cast(p, end, dtype)
    return flat(p, end) if ndim(p, end) else p.reshape(end, shape=(1,))


# ---- np.gradient: second-order differences inside, one-sided ones at the edges


@numpy_function(np.gradient)
def gradient(p: Primitives, f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    f = inexact(p, f)
    axes = tuple(range(ndim(p, f))) if axis is None else normalize_axis_tuple(axis, ndim(p, f))
    spacings = [array_in(spacing, p) for spacing in varargs] or [1.0]
    if len(spacings) == 1 and ndim(p, spacings[0]) == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    results = []
    for i, spacing in zip(axes, spacings, strict=True):
        length = p.shape(f)[i]
        if length < edge_order + 1:
            raise ValueError("Shape of array too small to calculate a numerical gradient")
        if ndim(p, spacing) and tuple(p.shape(spacing)) != (length,):
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        result = (_on_points if ndim(p, spacing) else _on_grid)(p, f, i, spacing, edge_order)
        results.append(cast(p, result, p.dtype(f)))
    return results[0] if len(results) == 1 else tuple(results)


def _on_grid(p: Primitives, f: Any, axis: int, step: Any, edge_order: int) -> Any:
    """Return the gradient along an axis on points a constant step apart."""
    row = _Rows(p, f, axis)
    # Halved, not divided by twice the step: a Python number must stay one, or float32 would become float64.
    middle = p.divide(p.divide(p.subtract(row(2, None), row(None, -2)), 2.0), step)
    if edge_order == 1:
        first = p.divide(p.subtract(row(1, 2), row(0, 1)), step)
        last = p.divide(p.subtract(row(-1, None), row(-2, -1)), step)
    else:
        first = p.divide(row.sum((0, -1.5), (1, 2.0), (2, -0.5)), step)
        last = p.divide(row.sum((-3, 0.5), (-2, -2.0), (-1, 1.5)), step)
    return p.concatenate([first, middle, last], axis=axis)


def _on_points(p: Primitives, f: Any, axis: int, points: Any, edge_order: int) -> Any:
    """Return the gradient along an axis on points at given places."""
    row = _Rows(p, f, axis)
    widths = diff(p, inexact(p, points))
    upright = tuple(-1 if i == axis else 1 for i in range(ndim(p, f)))

    def width(start: int | None, stop: int | None) -> Any:
        part = p.getitem(widths, index=slice(start, stop))
        return p.reshape(part, shape=tuple(p.shape(part)[0] if n == -1 else 1 for n in upright))

    h1, h2 = width(None, -1), width(1, None)
    both = p.add(h1, h2)
    weights = (
        p.negative(p.divide(h2, p.multiply(h1, both))),
        p.divide(p.subtract(h2, h1), p.multiply(h1, h2)),
        p.divide(h1, p.multiply(h2, both)),
    )
    parts = [p.multiply(w, part) for w, part in zip(weights, (row(None, -2), row(1, -1), row(2, None)), strict=True)]
    middle = p.add(p.add(parts[0], parts[1]), parts[2])
    if edge_order == 1:
        first = p.divide(p.subtract(row(1, 2), row(0, 1)), width(0, 1))
        last = p.divide(p.subtract(row(-1, None), row(-2, -1)), width(-1, None))
    else:
        first = row.sum(*zip((0, 1, 2), _edge_weights(p, width(0, 1), width(1, 2)), strict=True))
        weights = _edge_weights(p, width(-1, None), width(-2, -1))  # the same, seen from the other side
        last = p.negative(row.sum(*zip((-1, -2, -3), weights, strict=True)))
    return p.concatenate([first, middle, last], axis=axis)


def _edge_weights(p: Primitives, h1: Any, h2: Any) -> tuple[Any, Any, Any]:
    """Return the weights of a point at the edge and its next two, for the second-order difference there."""
    both = p.add(h1, h2)
    return (
        p.negative(p.divide(p.add(both, h1), p.multiply(h1, both))),
        p.divide(both, p.multiply(h1, h2)),
        p.negative(p.divide(h1, p.multiply(h2, both))),
    )


class _Rows:
    """An array seen along one axis."""

    def __init__(self, p: Primitives, a: Any, axis: int):
        self.p, self.a, self.axis = p, a, axis

    def __call__(self, start: int | None, stop: int | None) -> Any:
        return take(self.p, self.a, self.axis, slice(start, stop))

    def sum(self, *terms: tuple[int, Any]) -> Any:
        """Return a weighted sum of single rows, each given by its place and its weight."""
        p = self.p
        weighted = [p.multiply(self(i, i + 1 if i != -1 else None), weight) for i, weight in terms]
        total = weighted[0]
        for row in weighted[1:]:
            total = p.add(total, row)
        return total


# ---- integrals and phases


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


@numpy_function(np.unwrap)
def unwrap(p: Primitives, p_: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    axis = axis_of(p, p_, axis)
    steps = diff(p, p_, axis=axis)
    dtype = result_type(p, steps, period)
    half = p.divide(period, 2)
    discont = half if discont is None else discont
    wrapped = p.subtract(p.remainder(p.add(steps, half), period), half)
    # Half a period up is as near as half a period down: NumPy keeps the direction of the step.
    ambiguous = p.logical_and(p.equal(wrapped, p.negative(half)), p.greater(steps, 0))
    correction = p.subtract(p.where(ambiguous, half, wrapped), steps)
    correction = p.where(p.less(p.absolute(steps), discont), 0, correction)
    later = p.add(take(p, p_, axis, slice(1, None)), p.cumsum(correction, axis=axis))
    return cast(
        p, p.concatenate([cast(p, take(p, p_, axis, slice(0, 1)), dtype), cast(p, later, dtype)], axis=axis), dtype
    )
