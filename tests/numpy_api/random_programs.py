"""Random programs of views, copies and writes, given as numbers: each runs alike on NumPy's and on dressed arrays.

A program is a list of steps `(kind, which array, choice, choice)`. What a step does follows from these and from the
shapes, never from values, so that the same program is the same function of x wherever it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Step = tuple[int, int, int, int]


def _shapes_of_size(size: int) -> list[tuple[int, ...]]:
    pairs = [(n, size // n) for n in range(1, size + 1) if size % n == 0]
    return [(size,), *pairs, *[(a, 1, b) for a, b in pairs], *[(2, a // 2, b) for a, b in pairs if a % 2 == 0]]


def _basic_indices(shape: tuple[int, ...]) -> list[Any]:
    n = shape[0]
    indices: list[Any] = [slice(None, None, -1), slice(0, n, 2), slice(n // 2, None), Ellipsis, None, slice(-2, None)]
    if len(shape) > 1:
        indices += [0, n - 1, (slice(None), 0), (slice(None), -1), (Ellipsis, slice(0, 2)), (slice(None), None, -1)]
        indices += [(slice(None, None, -1), slice(None, None, -1)), (0, slice(None, None, 2))]
    return indices


def _advanced_indices(shape: tuple[int, ...]) -> list[Any]:
    n = shape[0]
    mask = np.arange(n) % 3 != 1
    indices: list[Any] = [np.array([n - 1, 0]), [0, 0], mask, np.array([-1])]
    if len(shape) > 1:
        last = shape[1] - 1
        indices += [(slice(None), [last, 0]), (np.array([0, n - 1]), np.array([last, 0])), (mask, 0)]
        indices += [np.ix_([0, n - 1], [last]), (np.arange(n)[:, None] + np.arange(shape[1])) % 2 == 0][: len(shape)]
    return indices


def _element(shape: tuple[int, ...], choice: int) -> Any:
    place = np.unravel_index(choice % int(np.prod(shape)), shape)
    return int(place[0]) if len(shape) == 1 else tuple(int(i) for i in place)


def _views(a: Any, choice: int) -> Any:
    shapes = _shapes_of_size(a.size)
    return [
        lambda: a.T,
        lambda: a.ravel(),
        lambda: np.ravel(a),
        lambda: a.reshape(shapes[choice % len(shapes)]),
        lambda: np.reshape(a, shapes[choice % len(shapes)]),
        lambda: a.reshape(shapes[choice % len(shapes)], order="F"),
        lambda: np.transpose(a),
        lambda: a.swapaxes(0, -1),
        lambda: np.moveaxis(a, 0, -1),
        lambda: np.flip(a),
        lambda: np.squeeze(a) if a.size > 1 else a,
        lambda: np.expand_dims(a, -1) if a.ndim < 4 else a,
        lambda: np.atleast_2d(a),
        lambda: np.array_split(a, 2)[0] if a.shape[0] > 1 else a,
        lambda: a.real,
        lambda: a[_basic_indices(a.shape)[choice % len(_basic_indices(a.shape))]],
        lambda: a[_basic_indices(a.shape)[choice % len(_basic_indices(a.shape))]],
    ]


def _copies(a: Any, b: Any, choice: int) -> Any:
    return [
        lambda: np.exp(0.3 * a),
        lambda: np.sin(a),
        lambda: a + (b if np.broadcast_shapes(a.shape, b.shape) == a.shape else 1.0) if _fits(a, b) else a * 2.0,
        lambda: a.copy(),
        lambda: a.copy(order=("C", "F", "K")[choice % 3]),
        lambda: np.copy(a),
        lambda: np.zeros_like(a),
        lambda: np.where(np.arange(a.shape[-1]) % 2 == 0, a, 0.5),
        lambda: a.flatten(),
        lambda: a.astype(float),
        lambda: a[_advanced_indices(a.shape)[choice % len(_advanced_indices(a.shape))]],
        lambda: np.stack([a, a]) if a.ndim < 3 else -a,
        lambda: np.concatenate([a, a]) if a.size < 40 else -a,
    ]


def _fits(a: Any, b: Any) -> bool:
    try:
        return np.broadcast_shapes(a.shape, b.shape) == a.shape
    except ValueError:
        return False


def _write(a: Any, b: Any, scalar: Any, how: int, choice: int) -> None:
    basic, advanced = _basic_indices(a.shape), _advanced_indices(a.shape)
    place, whole = _element(a.shape, choice), basic[choice % len(basic)]
    fancy = advanced[choice % len(advanced)]
    other = _element(a.shape, choice + 3)
    how %= 17
    if how == 0:
        a[place] = scalar
    elif how == 1:
        a[place] += scalar
    elif how == 2:
        a[place] = 0.25
    elif how == 3:
        a[place], a[other] = a[other], a[place]
    elif how == 4:
        a[whole] = scalar
    elif how == 5:
        a[whole] *= 0.5
    elif how == 6:
        a[fancy] = scalar
    elif how == 7:
        a[fancy] += scalar
    elif how == 8:
        a[...] = b if _fits(a, b) else scalar
    elif how == 9:
        a *= 0.75
    elif how == 10:
        for row in a if a.ndim > 1 else [a]:
            row[:] = row[::-1] * 0.5
    elif how == 11:
        np.multiply(a, 0.5, out=a)
    elif how == 12:
        np.add.at(a, fancy, scalar)
    elif how == 13:
        a.flat[choice % a.size] = scalar
    elif how == 14:
        a[1:] = a[:-1]
    elif how == 15:
        for i in range(1, a.shape[0]):
            a[i] = 0.5 * a[i - 1] + a[i]
    else:
        a[0] = a[-1]
        a.fill(0.125) if choice % 5 == 0 else a.__isub__(scalar)


def run(program: Sequence[Step], x: Any) -> Any:
    """Run a program on x (12 numbers): every array that it has made, in one."""
    arrays = [x, x.reshape(3, 4), np.zeros_like(x)]
    for kind, which, how, choice in program:
        a, b = arrays[which % len(arrays)], arrays[(which + choice) % len(arrays)]
        if kind % 3 == 0:
            options = _views(a, choice)
            arrays.append(options[how % len(options)]())
        elif kind % 3 == 1:
            options = _copies(a, b, choice)
            arrays.append(options[how % len(options)]())
        else:
            _write(a, b, arrays[0][choice % 12] * 1.5, how, choice)
    return np.concatenate([np.ravel(a) for a in arrays])
