"""Random NumPy programs: lists of numbers that a small interpreter runs on whatever array it is given.

Every list is a valid program for every shape: what a step does is chosen among what the shapes at hand allow. Values are
kept near one, so that derivatives of any order stay comparable; NaN and infinity come in through x only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

Step = tuple[int, int, int, int]
"""Which operation, its two operands, and a number for what it leaves open."""

SHAPES = [(0,), (), (1,), (2,), (7,), (8,), (9,), (16,), (17,), (100,), (2, 7), (3, 1), (1, 8), (2, 3, 9), (4, 0)]

UNARY: list[Callable[[Any], Any]] = [
    np.sin, np.cos, np.tanh, np.arctan, np.arcsinh, np.square, np.negative, np.absolute,
    lambda v: np.exp(np.sin(v)), lambda v: np.log(1.5 + np.sin(v)), lambda v: np.log1p(v * v), lambda v: np.sqrt(1 + v * v),
    lambda v: 1.0 / (1.0 + np.exp(-v)), lambda v: np.expm1(0.1 * np.tanh(v)), lambda v: 1 / (2 + np.cos(v)),
    lambda v: np.cosh(np.tanh(v)), lambda v: np.sinh(np.tanh(v)), lambda v: (1.5 + np.sin(v)) ** 1.7,
    lambda v: np.tanh(v) ** 3, lambda v: np.cbrt(2 + np.sin(v)), lambda v: np.arcsin(0.5 * np.sin(v)), lambda v: v.copy(),
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.logaddexp,
    lambda v, w: v / (1.5 + w * w), lambda v, w: np.hypot(v, 1.0 + w * w), lambda v, w: np.arctan2(v, 1.0 + w * w),
    lambda v, w: np.where(v > w, v * w, v), lambda v, w: np.where((v < w) & (v != 0.3), np.sin(v), 2.0),
    lambda v, w: np.where(np.logical_not(v >= w) | (w == 0), w, -v), lambda v, w: (v > w) * v + w,
]  # fmt: skip


def _fit(v: Any, w: Any, number: int) -> tuple[Any, Any]:
    """Make two values that broadcast: every pattern, but never a large product of shapes."""
    if v.ndim == w.ndim == 1 and number % 3 == 0 and v.size * w.size <= 400:
        return v[:, None], w[None, :]
    try:
        shape = np.broadcast_shapes(v.shape, w.shape)
    except ValueError:
        return v, np.sum(w)
    return (v, w) if np.prod(shape) <= 2000 else (v, np.sum(w))


def _slice(v: Any, w: Any, number: int) -> Any:
    if v.ndim == 0:
        return v
    steps = [slice(None, None, -1), slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -3)]
    axis = number % v.ndim
    return v[(slice(None),) * axis + (steps[number // 3 % len(steps)],)]


def _shape(v: Any, w: Any, number: int) -> Any:
    kinds: list[Callable[[Any], Any]] = [
        np.ravel, np.transpose, lambda v: v[None], lambda v: v[..., None], lambda v: v.reshape(v.shape[::-1]),
        lambda v: np.broadcast_to(v, (2, *v.shape)), lambda v: v.T.ravel(),
    ]  # fmt: skip
    return v if v.ndim > 3 or v.size > 1000 else kinds[number % len(kinds)](v)


def _reduce(v: Any, w: Any, number: int) -> Any:
    axes: list[Any] = [None, *range(v.ndim), (0, 1) if v.ndim > 1 else None]
    axis, keepdims = axes[number % len(axes)], bool(number // 7 % 2)
    if v.size and number % 5 == 0:
        return np.max(v, axis=axis, keepdims=keepdims)
    return np.sum(v, axis=axis, keepdims=keepdims) / (1.0 + v.size)


def _join(v: Any, w: Any, number: int) -> Any:
    if v.ndim == 0:
        return np.stack([v, 2.0 * v])
    parts = [v, -v[::-1]] + ([w] if w.shape == v.shape else [])
    return v if v.size > 500 else np.concatenate(parts, axis=number % v.ndim)


def _product(v: Any, w: Any, number: int) -> Any:
    if v.ndim == 0 or v.ndim > 2 or 0 in v.shape:
        return v
    if v.ndim == 1:
        return v @ (w if w.shape == v.shape else np.cos(v)) / v.size
    return v @ np.sin(v.T) / v.size


def _write(v: Any, w: Any, number: int) -> Any:
    """Write to a copy, through views, in place."""
    y = v.copy()
    if y.ndim == 0:
        return y
    view = (y[::2], y[::-1], y.T, y[1:], y[..., None], y[..., 1::3], y[::-5])[number % 7]
    if number // 7 % 2:
        view *= 0.5
        y += 0.25 * np.sin(y)
    else:
        view[...] = 0.5 * view + 0.125
        y[:1] -= 0.5 * np.sum(w) / (1.0 + w.size)
    return y * (1.0 + np.sum(view) / (1.0 + view.size))


def _stencil(v: Any, w: Any, number: int) -> Any:
    """Neighbours along an axis: rolled round, sliced, padded."""
    if v.ndim == 0 or v.shape[number % v.ndim] < 3 or v.size > 1000:
        return v
    axis, kind = number % v.ndim, number // 3 % 4
    ahead = (slice(None),) * axis
    if kind == 0:
        return 0.5 * (np.roll(v, 1, axis) + np.roll(v, -2, axis)) - v * np.roll(v, number, axis)
    if kind == 1:
        return np.diff(v, axis=axis) * v[(*ahead, slice(1, None))] + np.cos(v[(*ahead, slice(None, -1))])
    if kind == 2:
        return np.pad(v, [(2, 1) if i == axis else (0, 0) for i in range(v.ndim)])[(*ahead, slice(1, None))] * 0.5
    y = np.zeros_like(v)
    y[(*ahead, slice(1, -1))] = v[(*ahead, slice(2, None))] - 0.5 * v[(*ahead, slice(None, -2))]
    y[(*ahead, 0)] = 0.25 * v[(*ahead, -1)]
    y[(*ahead, slice(-2, None))] += 0.5
    return y


def _loop(v: Any, w: Any, number: int) -> Any:
    """A Python loop over a number, or over the whole array."""
    s = np.sum(v) / (1.0 + v.size) if number % 2 else v
    t = s
    for _ in range(40 + number if number % 2 else 3 + number % 5):
        s, t = 0.9 * np.sin(s + 0.1 * t), s
    return s + 0.5 * t


def _narrow(v: Any, w: Any, number: int) -> Any:
    """Products over a short axis, or with few results."""
    if v.ndim == 0 or v.ndim > 2 or 0 in v.shape:
        return v
    x = np.stack([v, np.cos(v), v * v], axis=-1)[..., : 1 + number % 3]
    if v.ndim == 1:
        return x @ np.sin(x[0]) if number % 2 else np.cos(v) @ x / v.size
    return (x @ np.cos(x[0, 0])) * 0.5


def _looked_up(v: Any, w: Any, number: int) -> Any:
    """Reading, adding and writing at indices that arrays name."""
    if v.ndim == 0 or v.size == 0 or v.size > 1000:
        return v
    axis = number % v.ndim
    n = v.shape[axis]
    chosen = (np.arange(5) * (1 + number)) % n - n * (number % 2)
    index = (*[slice(None)] * axis, chosen if number % 3 else np.arange(n) % 2 == 0)
    y = np.zeros_like(v)
    if number % 5 < 3:
        np.add.at(y, index, np.sin(v[index]))
    else:
        y[index] = v[index] * 0.5
    return y + v


def _branch(v: Any, w: Any, number: int) -> Any:
    return np.cos(v) if np.sum(v) > 0.1 + number else v * 0.75


OPERATIONS: list[Callable[[Any, Any, int], Any]] = [
    lambda v, w, number: UNARY[number % len(UNARY)](v),
    lambda v, w, number: UNARY[number % len(UNARY)](w),
    lambda v, w, number: BINARY[number % len(BINARY)](*_fit(v, w, number)),
    lambda v, w, number: BINARY[number // 3 % len(BINARY)](*_fit(v, w, number)),
    _slice, _shape, _reduce, _join, _product, _write, _branch, _stencil, _stencil, _loop, _narrow, _looked_up,
]  # fmt: skip


@dataclass(frozen=True)
class RandomProgram:
    """A function of x and contexts; of x's own kind (`scalar=False`) or a number."""

    steps: tuple[Step, ...]
    scalar: bool = True

    def __call__(self, x: Any, weights: Any = 0.5, mask: Any = True, power: int = 2) -> Any:
        values = [x, x * weights, np.where(mask, np.sin(x), 0.25), np.tanh(x) ** power]
        for operation, a, b, number in self.steps:
            v, w = values[-1 - a % len(values)], values[b % len(values)]
            values.append(OPERATIONS[operation % len(OPERATIONS)](v, w, number))
        values = [v for v in values if v.size]
        if self.scalar:
            return 1.0 + sum(np.sum(v * v) / v.size for v in values[-4:])
        return np.concatenate([np.ravel(v)[:9] for v in values[-3:]]) if values else x


def programs(scalar: bool = True, most: int = 9) -> st.SearchStrategy[RandomProgram]:
    number = st.integers(0, 60)
    steps = st.lists(st.tuples(number, st.integers(0, 5), number, number), min_size=1, max_size=most)
    return steps.map(lambda drawn: RandomProgram(tuple(drawn), scalar))


@st.composite
def arrays(draw: st.DrawFn, shapes: list[tuple[int, ...]] = SHAPES, special: bool = False) -> np.ndarray:
    """Draw a float64 array, contiguous or not, read-only or not; `special`: with NaN, infinities and zeros."""
    shape = draw(st.sampled_from(shapes))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    wide = rng.uniform(-2, 2, tuple(2 * n for n in shape))
    if special and wide.size:
        some = rng.random(wide.shape) < 0.3
        wide[some] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e300], np.count_nonzero(some))
    layout = draw(st.sampled_from(["C", "F", "strided", "backwards", "read-only"]))
    x = wide[tuple(slice(0, n) for n in shape)]
    if layout == "C" or not shape:
        x = np.array(x, order="C")
    elif layout == "F":
        x = np.array(x, order="F")
    elif layout == "strided":
        x = wide[(slice(None, None, 2),) * len(shape)]
    elif layout == "backwards":
        x = x[::-1]
    else:
        x = np.array(x, order="C")
        x.flags.writeable = False
    return x
