"""The slopes at the knots from which cubic pieces are made: those of the cubic spline, and of PCHIP."""

from __future__ import annotations

from typing import Any

import numpy as np


def like_rows(vector: Any, rows: Any) -> Any:
    """Return a vector over the knots in a shape that broadcasts with the rows of y."""
    return np.reshape(vector, (-1, *(1 for _ in np.shape(rows)[1:])))


# ---- the cubic spline: the slopes solve a tridiagonal system


def cubic_spline(x: Any, y: Any, bc_type: Any) -> Any:
    """Return the slopes of the twice continuously differentiable cubic spline, for SciPy's boundary conditions."""
    n = np.shape(x)[0]
    h = np.diff(x)
    secant = np.diff(y, axis=0) / like_rows(h, y)
    if isinstance(bc_type, str) and bc_type == "periodic":
        return _periodic(n, h, secant)
    ends = [_condition(condition, y) for condition in ((bc_type,) * 2 if isinstance(bc_type, str) else bc_type)]
    if n == 2:
        ends = [(1, secant[0]) if end is None else end for end in ends]
    if n == 3 and ends == [None, None]:
        # One parabola through the three points.
        matrix = _matrix([[1.0, 1.0, 0.0], [h[1], 2 * (h[0] + h[1]), h[0]], [0.0, 1.0, 1.0]])
        sides = [2 * secant[0], 3 * (h[0] * secant[1] + h[1] * secant[0]), 2 * secant[1]]
        return _solve(matrix, np.stack(sides))
    first_row, first_side = _end(ends[0], x, y, h, secant, False)
    last_row, last_side = _end(ends[1], x, y, h, secant, True)
    diagonal = np.concatenate([first_row[:1], 2 * (h[:-1] + h[1:]), last_row[:1]])
    upper = np.concatenate([first_row[1:], h[:-1]])
    lower = np.concatenate([h[1:], last_row[1:]])
    matrix = np.diag(diagonal) + np.diag(upper, 1) + np.diag(lower, -1)
    widths = like_rows(h, y)
    middle = 3 * (widths[1:] * secant[:-1] + widths[:-1] * secant[1:])
    rows = [np.reshape(side, (1, *np.shape(y)[1:])) for side in (first_side, last_side)]
    return _solve(matrix, np.concatenate([rows[0], middle, rows[1]]))


def _condition(condition: Any, y: Any) -> Any:
    """Return a boundary condition as (order of the derivative, its value), or None for not-a-knot."""
    if isinstance(condition, str):
        if condition == "not-a-knot":
            return None
        if condition in ("clamped", "natural"):
            return (1 if condition == "clamped" else 2, np.zeros(np.shape(y)[1:]))
        raise ValueError(f"bc_type={condition} is not allowed.")
    order, value = condition
    if order not in (1, 2):
        raise ValueError("The specified derivative order must be 1 or 2.")
    return order, value


def _end(condition: Any, x: Any, y: Any, h: Any, secant: Any, last: bool) -> tuple[Any, Any]:
    """Return the two entries of an end's row (the diagonal first) and its right-hand side."""
    near, far = (-1, -2) if last else (0, 1)
    if condition is None:
        span = x[-1] - x[-3] if last else x[2] - x[0]
        side = ((h[near] + 2 * span) * h[far] * secant[near] + h[near] ** 2 * secant[far]) / span
        return np.stack([h[far], span]), side
    order, value = condition
    if order == 1:
        return np.array([1.0, 0.0]), value + 0.0 * secant[near]
    sign = 1.0 if last else -1.0
    side = sign * 0.5 * value * h[near] ** 2 + 3 * h[near] * secant[near]
    return np.stack([2 * h[near], h[near]]), side


def _periodic(n: int, h: Any, secant: Any) -> Any:
    """Return the slopes of a spline that repeats: as many unknowns as intervals, each knot between two of them."""
    count = n - 1
    before = np.roll(h, 1)
    places = np.arange(count)
    shift = np.zeros((count, count))
    shift[places, (places + 1) % count] = 1.0
    matrix = np.diag(2 * (before + h)) + _rows(before) * shift + _rows(h) * shift.T
    widths = like_rows(h, secant)
    sides = 3 * (widths * np.roll(secant, 1, axis=0) + np.roll(widths, 1, axis=0) * secant)
    slope = _solve(matrix, sides)
    return np.concatenate([slope, slope[:1]])


def _rows(vector: Any) -> Any:
    return np.reshape(vector, (-1, 1))


def _matrix(rows: list[list[Any]]) -> Any:
    return np.stack([np.stack([1.0 * entry for entry in row]) for row in rows])


def _solve(matrix: Any, sides: Any) -> Any:
    shape = np.shape(sides)
    return np.reshape(np.linalg.solve(matrix, np.reshape(sides, (shape[0], -1))), shape)


# ---- PCHIP: slopes that keep the data's monotonicity


def pchip(x: Any, y: Any) -> Any:
    """Return Fritsch and Butland's slopes: 0 at an extremum of the data, else a weighted harmonic mean of secants."""
    h = like_rows(np.diff(x), y)
    secant = np.diff(y, axis=0) / h
    if np.shape(y)[0] == 2:
        return np.concatenate([secant, secant])
    before, after = secant[:-1], secant[1:]
    flat = (np.sign(before) != np.sign(after)) | (before == 0) | (after == 0)
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    mean = (w1 / np.where(flat, 1.0, before) + w2 / np.where(flat, 1.0, after)) / (w1 + w2)
    inner = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, mean))
    first = _pchip_end(h[0], h[1], secant[0], secant[1])
    last = _pchip_end(h[-1], h[-2], secant[-1], secant[-2])
    shape = (1, *np.shape(y)[1:])
    return np.concatenate([np.reshape(first, shape), inner, np.reshape(last, shape)])


def _pchip_end(h0: Any, h1: Any, near: Any, far: Any) -> Any:
    """Return the slope at an end: of the parabola through three points, kept within the data's shape."""
    slope = ((2 * h0 + h1) * near - h0 * far) / (h0 + h1)
    against = np.sign(slope) != np.sign(near)
    steep = (np.sign(near) != np.sign(far)) & (np.abs(slope) > 3 * np.abs(near)) & ~against
    return np.where(against, 0.0, np.where(steep, 3 * near, slope))
