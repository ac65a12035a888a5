"""The complex step behind the front end's engine contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from diffiface.adapter import (
    Backend,
    Cotangents,
    FlatFunction,
    Leaves,
    Mode,
    RealLayout,
    UnsupportedOperationError,
    current_trace,
    jacobian_leaves,
)
from diffiface_complex_step.primitives import STEP, ComplexStepPrimitives, Displaced, real_part
from diffiface_complex_step.second_order import differenced


class _Near:
    """f near one x, its derivative along a direction being the imaginary part of f just off the real axis."""

    def __init__(self, f: FlatFunction, xs: Leaves, contexts: Leaves):
        if getattr(f, "native", False):
            raise UnsupportedOperationError(
                "functions written for another library are not supported",
                engine="complex_step",
                fix="write the function in NumPy",
            )
        if current_trace().engine == "complex_step":
            raise UnsupportedOperationError(
                "complex steps do not nest: the inner one would take the outer one's displacement for its own",
                engine="complex_step",
                fix="differentiate inside with 'forward' or 'reverse' (they nest in any engine)",
            )
        self._f, self._contexts, self.x_layout = f, contexts, RealLayout.of(xs)
        self.x = self.x_layout.join(xs)
        outputs, self.aux = self._run(self.x, np.zeros_like(self.x))
        self.ys = tuple(np.array(real_part(y)) for y in outputs)
        if any(y.dtype.kind not in "biuf" for y in self.ys):
            raise UnsupportedOperationError(
                "the function returned what is not a real number (a complex one, or a value of another derivative)",
                engine="complex_step",
                fix="return real numbers; inside another derivative use 'forward' or 'reverse'",
            )
        self.y_layout = RealLayout.of(self.ys)

    def _run(self, x: np.ndarray, imag: np.ndarray) -> tuple[tuple[Any, ...], Any]:
        parts = zip(self.x_layout.split_as_given(x), self.x_layout.split(imag), strict=True)
        leaves = tuple(Displaced(real, moved) for real, moved in parts)
        p = ComplexStepPrimitives()
        p.for_differences = x is not self.x
        return self._f(p, leaves, self._contexts)

    def along(self, tangent: np.ndarray, x: np.ndarray | None = None) -> np.ndarray:
        """Return the derivative of the vector of y along a tangent (at another x, if one is given)."""
        size = float(np.max(np.abs(tangent), initial=0.0))
        if size == 0:
            return np.zeros(self.y_layout.size)
        outputs, _ = self._run(self.x if x is None else x, tangent * (STEP / size))
        parts = [y.imag if isinstance(y, Displaced) else np.zeros(np.shape(y)) for y in outputs]
        return np.concatenate([part.reshape(-1) for part in parts]) / STEP * size

    def jacobian(self, x: np.ndarray | None = None) -> np.ndarray:
        """Return the Jacobian of the vectors."""
        columns = [self.along(unit, x) for unit in np.eye(self.x_layout.size)]
        return np.stack(columns, axis=1) if columns else np.zeros((self.y_layout.size, 0))

    def hvps(self, tangents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the Hessian of a scalar y times each tangent, and a bound on the error of each product."""
        pairs = [differenced(lambda x: self.jacobian(x)[0], self.x, t) for t in tangents]
        shape = (len(tangents), self.x_layout.size)
        return np.array([p for p, _ in pairs]).reshape(shape), np.array([e for _, e in pairs])

    def second_derivative(self) -> tuple[np.ndarray, float]:
        """Return the second derivative by a scalar x, and a bound on its error."""
        return differenced(lambda x: self.along(np.ones(1), x), self.x, np.ones(1))


@dataclass(frozen=True, repr=False)
class ComplexStep(Backend):
    """First derivatives exact to rounding, by numbers a step of 1e-100 off the real axis; second ones by differences.

    f is traced: what is not analytic (`abs`, `max`, comparisons) follows the branch that x is on.
    """

    name: ClassVar[str] = "complex_step"
    mode: ClassVar[Mode] = Mode.NUMERIC
    exact: ClassVar[bool] = False
    nests: ClassVar[Literal["in any engine", "in itself", "no"]] = "no"
    complex_inputs: ClassVar[bool] = False

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        near = _Near(f, xs, contexts)
        rows = [near.along(t) for t in near.x_layout.join(tangents)]
        pushed = np.stack(rows) if rows else np.zeros((0, near.y_layout.size))
        return near.ys, near.y_layout.split_as_given(pushed), near.aux

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        near = _Near(f, xs, contexts)
        if callable(cotangents):
            cotangents = cotangents([(y.shape, y.dtype) for y in near.ys])
        seeds = near.y_layout.join([np.real(c) for c in cotangents])
        return near.ys, near.x_layout.split_as_given(seeds @ near.jacobian()), near.aux

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        near = _Near(f, xs, contexts)
        return near.ys, near.y_layout.split_as_given(near.along(np.ones(1))), near.aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        near = _Near(f, xs, contexts)
        return near.ys[0], near.x_layout.split_as_given(near.jacobian()[0]), near.aux

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[Any], Any]:
        near = _Near(f, xs, contexts)
        return near.ys, jacobian_leaves(near.jacobian(), near.y_layout, near.x_layout), near.aux

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        near = _Near(f, xs, contexts)
        split = near.y_layout.split_as_given
        return near.ys, split(near.along(np.ones(1))), split(near.second_derivative()[0]), near.aux

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        near = _Near(f, xs, contexts)
        layout = near.x_layout
        products, _ = near.hvps(layout.join(tangents))
        return near.ys[0], layout.split_as_given(near.jacobian()[0]), layout.split_as_given(products), near.aux

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[Any], Any]:
        near = _Near(f, xs, contexts)
        layout = near.x_layout
        rows, _ = near.hvps(np.eye(layout.size))
        blocks = jacobian_leaves((rows + rows.T) / 2, layout, layout)
        return near.ys[0], layout.split_as_given(near.jacobian()[0]), blocks, near.aux

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        """Return rounding for first derivatives, and what a change of the step changes for second ones."""
        near = _Near(f, xs, contexts)
        x_layout, y_layout = near.x_layout, near.y_layout
        seeds = () if seeds is None else seeds
        if operator == "pushforward":
            rows = [_rounding(near.along(t)) for t in x_layout.join(seeds)]
            return y_layout.split_as_given(np.stack(rows))
        if operator == "pullback":
            cotangents = seeds([(y.shape, y.dtype) for y in near.ys]) if callable(seeds) else seeds
            return x_layout.split_as_given(np.abs(y_layout.join(cotangents)) @ _rounding(near.jacobian()))
        if operator == "derivative":
            return y_layout.split_as_given(_rounding(near.along(np.ones(1))))
        if operator == "gradient":
            return x_layout.split_as_given(_rounding(near.jacobian()[0]))
        if operator == "jacobian":
            return jacobian_leaves(_rounding(near.jacobian()), y_layout, x_layout)
        if operator == "second_derivative":
            value, error = near.second_derivative()
            return y_layout.split_as_given(_rounding(value) + error)
        tangents = np.eye(x_layout.size) if operator == "hessian" else x_layout.join(seeds)
        products, errors = near.hvps(tangents)
        bounds = _rounding(products) + errors[:, None]
        return jacobian_leaves(bounds, x_layout, x_layout) if operator == "hessian" else x_layout.split_as_given(bounds)


def _rounding(value: np.ndarray) -> np.ndarray:
    return 1e-13 * np.max(np.abs(value), initial=0.0) + np.zeros_like(value)
