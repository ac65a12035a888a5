"""Each operator put together from derivatives along directions; from bounds on them, a bound on each entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Protocol

import numpy as np

from diffiface.adapter import Leaves, RealFunction, jacobian_leaves
from diffiface_finite_differences.steps import Direction


class Directional(Protocol):
    """Something that yields a vector like y for each direction in x."""

    @property
    def function(self) -> RealFunction: ...

    def first(self, directions: Iterable[Direction]) -> Iterator[np.ndarray]: ...

    def mixed(self, pairs: Iterable[tuple[Direction, Direction]]) -> Iterator[np.ndarray]: ...

    def pure(self, directions: Iterable[Direction]) -> Iterator[np.ndarray]: ...


def entries(along: Directional) -> range:
    """Return the directions of the entries of x."""
    return range(along.function.x.size)


def pushforward(along: Directional, tangents: np.ndarray) -> Leaves:
    """Return tangents of y for tangents of x of shape `(batch, size of x)`."""
    layout = along.function.y_layout
    return layout.split_as_given(_stack(along.first(tangents), len(tangents), layout.size))


def pullback(along: Directional, cotangents: np.ndarray) -> Leaves:
    """Return cotangents of x for cotangents of y of shape `(batch, size of y)`."""
    layout = along.function.x_layout
    # One column of the Jacobian at a time: the whole matrix may not fit in memory.
    columns = (cotangents @ column for column in along.first(entries(along)))
    return layout.split_as_given(_stack(columns, layout.size, len(cotangents)).T)


def gradient(along: Directional) -> Leaves:
    """Return the gradient of a scalar y."""
    layout = along.function.x_layout
    return layout.split_as_given(_stack(along.first(entries(along)), layout.size, 1)[:, 0])


def derivative(along: Directional) -> Leaves:
    """Return the derivative by a scalar x (along the real axis if x is complex)."""
    (dy,) = along.first([0])
    return along.function.y_layout.split_as_given(dy)


def jacobian(along: Directional) -> list[list[np.ndarray]]:
    """Return the Jacobian of each leaf of y by each leaf of x."""
    y_layout, x_layout = along.function.y_layout, along.function.x_layout
    columns = _stack(along.first(entries(along)), x_layout.size, y_layout.size)
    return jacobian_leaves(columns.T, y_layout, x_layout)


def second_derivative(along: Directional) -> Leaves:
    """Return the second derivative by a scalar x (along the real axis if x is complex)."""
    (ddy,) = along.pure([0])
    return along.function.y_layout.split_as_given(ddy)


def hvp(along: Directional, tangents: np.ndarray) -> Leaves:
    """Return the Hessian of a scalar y times tangents of shape `(batch, size of x)`."""
    pairs = ((entry, tangent) for tangent in tangents for entry in entries(along))
    products = _stack(along.mixed(pairs), tangents.size, 1)
    return along.function.x_layout.split_as_given(products.reshape(tangents.shape))


def hessian(along: Directional) -> list[list[np.ndarray]]:
    """Return the Hessian of a scalar y by each pair of leaves of x."""
    layout = along.function.x_layout
    matrix = np.diag(_stack(along.pure(entries(along)), layout.size, 1)[:, 0])
    upper = np.triu_indices(layout.size, k=1)
    matrix[upper] = _stack(along.mixed(combinations(entries(along), 2)), len(upper[0]), 1)[:, 0]
    matrix.T[upper] = matrix[upper]
    return jacobian_leaves(matrix, layout, layout)


def _stack(rows: Iterable[np.ndarray], count: int, width: int) -> np.ndarray:
    """Collect rows, of which there may be none, in a matrix of shape `(count, width)`."""
    matrix = np.empty((count, width))
    for index, row in enumerate(rows):
        matrix[index] = row
    return matrix
