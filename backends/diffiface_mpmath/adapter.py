"""mpmath behind the front end's engine contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from diffiface.adapter import (
    Backend,
    Cotangents,
    FlatFunction,
    InputError,
    Leaves,
    Mode,
    RealLayout,
    UnsupportedOperationError,
    jacobian_leaves,
)
from diffiface_mpmath.differences import Differences


@dataclass(frozen=True, repr=False)
class Mpmath(Backend):
    """Difference quotients in arbitrary precision: slow, independent of every differentiation rule, and right.

    The numbers in x and in the constants are taken to be exact. Results are rounded to x's precision.
    """

    name: ClassVar[str] = "mpmath"
    mode: ClassVar[Mode] = Mode.NUMERIC
    nests: ClassVar[Literal["in any engine", "in itself", "no"]] = "no"
    complex_inputs: ClassVar[bool] = False

    digits: int = field(default=50, kw_only=True)
    """To how many decimal digits a derivative of a well-behaved f is computed, before it is rounded."""
    max_operations: int | None = field(default=1_000_000, kw_only=True)
    """How many operations on single numbers a call may take before it is refused; None: any number."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for option, least in (("digits", 16), ("max_operations", 1)):
            number = getattr(self, option)
            if number is None and option == "max_operations":
                continue
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise InputError(
                    f"{option}={number!r} is not an integer of at least {least}", engine=self.name, fix=f"give {least}+"
                )

    def _differences(self, f: FlatFunction, xs: Leaves, contexts: Leaves, order: int) -> Differences:
        if getattr(f, "native", False):
            raise UnsupportedOperationError(
                "functions written for mpmath are not supported", engine=self.name, fix="write the function in NumPy"
            )
        return Differences(f, xs, contexts, order, self.digits, self.max_operations)

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        near = self._differences(f, xs, contexts, 1)
        rows = [near.along(near.vector(tangents, b)) for b in range(len(tangents[0]))]
        return near.ys, _batch(rows, RealLayout.of(near.ys)), near.aux

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        near = self._differences(f, xs, contexts, 1)
        if callable(cotangents):
            cotangents = cotangents([(y.shape, y.dtype) for y in near.ys])
        seeds = RealLayout.of(near.ys).join([np.real(c) for c in cotangents])
        columns = _jacobian(near)
        return near.ys, RealLayout.of(xs).split_as_given(seeds @ columns), near.aux

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        near = self._differences(f, xs, contexts, 1)
        return near.ys, _split(near.along(near.unit(0)), RealLayout.of(near.ys)), near.aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        near = self._differences(f, xs, contexts, 1)
        return near.ys[0], RealLayout.of(xs).split_as_given(_jacobian(near)[0]), near.aux

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[Any], Any]:
        near = self._differences(f, xs, contexts, 1)
        return near.ys, jacobian_leaves(_jacobian(near), RealLayout.of(near.ys), RealLayout.of(xs)), near.aux

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        near = self._differences(f, xs, contexts, 2)
        layout = RealLayout.of(near.ys)
        first, second = (near.along(near.unit(0), order) for order in (1, 2))
        return near.ys, _split(first, layout), _split(second, layout), near.aux

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        near = self._differences(f, xs, contexts, 2)
        layout, units = RealLayout.of(xs), [near.unit(i) for i in range(near.size)]
        vectors = [near.vector(tangents, b) for b in range(len(tangents[0]))]
        products = [np.array([near.mixed(vector, unit) for unit in units]) for vector in vectors]
        return near.ys[0], layout.split_as_given(_jacobian(near)[0]), _batch(products, layout), near.aux

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[Any], Any]:
        near = self._differences(f, xs, contexts, 2)
        layout, n = RealLayout.of(xs), near.size
        matrix, units = np.zeros((n, n)), [near.unit(i) for i in range(n)]
        for i in range(n):
            for j in range(i + 1):
                matrix[i, j] = matrix[j, i] = float(near.mixed(units[i], units[j]))
        return near.ys[0], layout.split_as_given(_jacobian(near)[0]), jacobian_leaves(matrix, layout, layout), near.aux

    def value_and_nth_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves, order: int
    ) -> tuple[Leaves, Leaves, Any]:
        near = self._differences(f, xs, contexts, order)
        return near.ys, _split(near.along(near.unit(0), order), RealLayout.of(near.ys)), near.aux


def _jacobian(near: Differences) -> np.ndarray:
    """Return the Jacobian, rounded to double precision: shape `(size of y, size of x)`."""
    columns = [near.along(near.unit(i)).astype(np.float64) for i in range(near.size)]
    rows = sum(y.size for y in near.ys)
    return np.stack(columns, axis=1) if columns else np.zeros((rows, 0))


def _split(vector: np.ndarray, layout: RealLayout) -> tuple[np.ndarray, ...]:
    return layout.split_as_given(vector.astype(np.float64))


def _batch(rows: list[np.ndarray], layout: RealLayout) -> tuple[np.ndarray, ...]:
    stacked = np.stack(rows).astype(np.float64) if rows else np.zeros((0, layout.size))
    return layout.split_as_given(stacked)
