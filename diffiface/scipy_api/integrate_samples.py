"""scipy.integrate's rules for samples of a function: trapezoid, Simpson's, Romberg's, and their running versions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate

from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.functions.raw import along
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.numpy_api.table import dressed_function


def _axis(y: Any, axis: int) -> int:
    return np.lib.array_utils.normalize_axis_index(axis, np.ndim(y))


def _float_samples(y: Any) -> Any:
    y = as_dressed(y)
    return y if y.dtype.kind in "fc" else y.astype(np.float64)


def _points_along(x: Any, y: Any, axis: int) -> Any:
    """Return the sampling points in a shape that broadcasts with y: a vector of them lies along the axis."""
    x = as_dressed(x)
    if np.ndim(x) == 1:
        shape = [1] * np.ndim(y)
        shape[axis] = -1
        x = np.reshape(x, shape)
    elif np.ndim(x) != np.ndim(y):
        raise ValueError("If given, shape of x must be 1-D or the same as y.")
    if np.shape(x)[axis] != np.shape(y)[axis]:
        raise ValueError("If given, length of x along axis must be the same as y.")
    return x


@dressed_function(integrate.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = _float_samples(y)
    axis = _axis(y, axis)
    width = dx if x is None else np.diff(_points_along(x, y, axis), axis=axis)
    heights = y[along(axis, slice(1, None))] + y[along(axis, slice(None, -1))]
    return np.sum(width * heights / 2.0, axis=axis)


@dressed_function(integrate.cumulative_trapezoid)
def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    y = _float_samples(y)
    axis = _axis(y, axis)
    if not np.shape(y)[axis]:
        raise ValueError("At least one point is required along `axis`.")
    width = dx if x is None else np.diff(_points_along(x, y, axis), axis=axis)
    heights = y[along(axis, slice(1, None))] + y[along(axis, slice(None, -1))]
    total = np.cumsum(width * heights / 2.0, axis=axis)
    if initial is None:
        return total
    if isinstance(initial, Dressed) or initial != 0:
        raise ValueError("`initial` must be `None` or `0`.")
    first = np.zeros([1 if i == axis else n for i, n in enumerate(np.shape(total))], total.dtype)
    return np.concatenate([first, total], axis=axis)


# ---- Simpson's rule


def _zero_where(condition: Any, numerator: Any, denominator: Any) -> Any:
    """Divide, with 0 where SciPy leaves the quotient out."""
    return np.where(condition, 0.0, numerator / np.where(condition, 1.0, denominator))


def _simpson_of_pairs(y: Any, x: Any, dx: Any, axis: int, intervals: int) -> Any:
    """Return the integral over the first `intervals` intervals (an even number), two at a time."""
    first, middle, last = (y[along(axis, slice(k, intervals - 1 + k, 2))] for k in range(3))
    if x is None:
        return np.sum(first + 4.0 * middle + last, axis=axis) * (dx / 3.0)
    h = np.diff(x, axis=axis)
    h0, h1 = (h[along(axis, slice(k, intervals - 1 + k, 2))] for k in range(2))
    ratio = _zero_where(h1 == 0, h0, h1)
    weights = (
        2.0 - _zero_where(ratio == 0, 1.0, ratio),
        (h0 + h1) * _zero_where(h0 * h1 == 0, h0 + h1, h0 * h1),
        2.0 - ratio,
    )
    return np.sum((h0 + h1) / 6.0 * (first * weights[0] + middle * weights[1] + last * weights[2]), axis=axis)


@dressed_function(integrate.simpson)
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    y = _float_samples(y)
    axis = _axis(y, axis)
    x = None if x is None else _points_along(x, y, axis)
    count = np.shape(y)[axis]
    if count % 2:
        return _simpson_of_pairs(y, x, dx, axis, count - 1)
    y1, y2 = (y[along(axis, -k)] for k in (1, 2))
    if x is None:
        h0 = h1 = dx
    else:
        steps = np.diff(x, axis=axis)
        h1 = steps[along(axis, -1)]
        h0 = steps[along(axis, -2)] if count > 2 else h1
    if count == 2:
        return 0.5 * h1 * (y1 + y2)
    # The last interval by the parabola through the last three points (Cartwright's correction).
    alpha = _zero_where(h0 + h1 == 0, 2 * h1**2 + 3 * h0 * h1, 6 * (h0 + h1))
    beta = _zero_where(h0 == 0, h1**2 + 3 * h0 * h1, 6 * h0)
    eta = _zero_where(h0 * (h0 + h1) == 0, h1**3, 6 * h0 * (h0 + h1))
    end = alpha * y1 + beta * y2 - eta * y[along(axis, -3)]
    return _simpson_of_pairs(y, x, dx, axis, count - 2) + end


@dressed_function(integrate.cumulative_simpson)
def cumulative_simpson(y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    y = _float_samples(y)
    axis = _axis(y, axis)
    rows = np.swapaxes(y, axis, -1)
    if np.shape(rows)[-1] < 3:
        total = np.swapaxes(cumulative_trapezoid(y, x, dx, axis), axis, -1)
    else:
        shape = (*np.shape(rows)[:-1], np.shape(rows)[-1] - 1)
        if x is not None:
            points = as_dressed(x)
            points = points if np.ndim(points) == 1 else np.swapaxes(points, axis, -1)
            steps = np.broadcast_to(np.diff(points, axis=-1), shape)
        else:
            dx = as_dressed(dx)
            steps = np.broadcast_to(dx if np.ndim(dx) == 0 else np.swapaxes(dx, axis, -1), shape)
        # Each interval from the parabola that starts with it; every second one from the parabola that ends with it.
        starting = _first_interval(rows, steps)
        ending = np.flip(_first_interval(np.flip(rows, -1), np.flip(steps, -1)), -1)
        padded = np.concatenate([starting, ending[..., -1:]], -1)
        shifted = np.concatenate([ending[..., :1], ending], -1)
        places = np.arange(shape[-1])
        total = np.cumsum(np.where((places % 2 == 1) | (places == shape[-1] - 1), shifted, padded), -1)
    if initial is not None:
        start = as_dressed(initial)
        start = start if np.ndim(start) == 0 else np.swapaxes(start, axis, -1)
        total = total + start
        total = np.concatenate([np.broadcast_to(start, (*np.shape(total)[:-1], 1)), total], -1)
    return np.swapaxes(total, axis, -1)


def _first_interval(y: Any, steps: Any) -> Any:
    """Return the integral over each interval of the parabola through its ends and the point after it."""
    h1, h2 = steps[..., :-1], steps[..., 1:]
    share = h1 / (h1 + h2)
    product = share * (h1 / h2)
    return h1 / 6 * ((3 - share) * y[..., :-2] + (3 + product + share) * y[..., 1:-1] - product * y[..., 2:])


# ---- Romberg's rule


@dressed_function(integrate.romb)
def romb(y: Any, dx: Any = 1.0, axis: int = -1) -> Any:
    rows = np.moveaxis(_float_samples(y), axis, -1)
    intervals = np.shape(rows)[-1] - 1
    levels = max(intervals, 1).bit_length() - 1
    if intervals != 1 << levels:
        raise ValueError("Number of samples must be one plus a non-negative power of 2.")
    step = intervals * (1.0 * dx)
    row = [(rows[..., 0] + rows[..., -1]) / 2.0 * step]
    spacing = intervals
    for _ in range(levels):
        middle = np.sum(rows[..., spacing // 2 :: spacing], -1)
        finer = [0.5 * (row[0] + step * middle)]
        for j, coarse in enumerate(row, start=1):
            finer.append(finer[-1] + (finer[-1] - coarse) / ((1 << (2 * j)) - 1))
        row, step, spacing = finer, step / 2.0, spacing // 2
    return row[-1]
