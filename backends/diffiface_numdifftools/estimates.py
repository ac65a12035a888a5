"""What numdifftools makes of one function at one x, with the errors it estimates itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

import numdifftools as nd
import numpy as np

from diffiface.adapter import RealFunction, jacobian_leaves

Method = Literal["central", "forward", "backward", "complex"]

METHODS: tuple[Method, ...] = ("central", "forward", "backward", "complex")
"""Those of numdifftools's methods that give f ordinary NumPy arrays."""


_SAFETY = 10.0
"""What numdifftools's error estimates are multiplied by: they were found to be several times too small at times."""


@dataclass(frozen=True)
class Estimate:
    """A derivative of real vectors, the estimated errors of its entries, and how to turn either into leaves."""

    value: np.ndarray
    error: np.ndarray
    to_leaves: Callable[[np.ndarray], Any]

    @property
    def leaves(self) -> Any:
        """The derivative in the operator's nesting."""
        return self.to_leaves(self.value)

    @property
    def errors(self) -> Any:
        """A bound for each entry of `leaves`, with room for rounding; infinite where nothing is known."""
        return _bounds(self.to_leaves(self.error), self.leaves)


def _bounds(errors: Any, results: Any) -> Any:
    if not isinstance(errors, np.ndarray):
        return [_bounds(error, result) for error, result in zip(errors, results, strict=True)]
    # Of a complex entry the errors of both parts came as one complex number.
    bounds = _SAFETY * (np.abs(errors).astype(np.float64) + np.finfo(results.dtype).eps * np.abs(results))
    return np.where(np.isfinite(bounds), bounds, np.inf)


@dataclass(frozen=True)
class Estimates:
    """Every operator of `function` at its x. Tangents and cotangents are matrices of real row vectors."""

    function: RealFunction
    method: Method
    order: int

    def pushforward(self, tangents: np.ndarray) -> Estimate:
        """Estimate the directional derivative along each tangent: shape `(batch, size of y)`."""
        rows = [self._along(tangent) for tangent in tangents]
        shape = (len(tangents), self.function.y.size)
        value = np.array([value for value, _ in rows]).reshape(shape)
        error = np.array([error for _, error in rows]).reshape(shape)
        return Estimate(value, error, self.function.y_layout.split_as_given)

    def pullback(self, cotangents: np.ndarray) -> Estimate:
        """Estimate the Jacobian's rows weighted by each cotangent: shape `(batch, size of x)`."""
        value, error = self._jacobian()
        return Estimate(cotangents @ value, np.abs(cotangents) @ error, self.function.x_layout.split_as_given)

    def gradient(self) -> Estimate:
        """Estimate the gradient of a scalar y."""
        value, error = self._jacobian()
        return Estimate(value[0], error[0], self.function.x_layout.split_as_given)

    def derivative(self) -> Estimate:
        """Estimate the derivative by a scalar x (along the real axis if x is complex)."""
        value, error = self._jacobian()
        return Estimate(value[:, 0], error[:, 0], self.function.y_layout.split_as_given)

    def jacobian(self) -> Estimate:
        """Estimate the Jacobian: shape `(size of y, size of x)`."""
        y_layout, x_layout = self.function.y_layout, self.function.x_layout
        return Estimate(*self._jacobian(), partial(jacobian_leaves, y_layout=y_layout, x_layout=x_layout))

    def second_derivative(self) -> Estimate:
        """Estimate the second derivative by a scalar x (along the real axis if x is complex)."""
        return self.nth_derivative(2)

    def nth_derivative(self, n: int) -> Estimate:
        """Estimate the n-th derivative by a scalar x (along the real axis if x is complex)."""
        real_axis = np.eye(self.function.x.size)[0]
        return Estimate(*self._along(real_axis, n), self.function.y_layout.split_as_given)

    def hvp(self, tangents: np.ndarray) -> Estimate:
        """Estimate the Hessian of a scalar y times each tangent: shape `(batch, size of x)`."""
        value, error = self._hessian()
        return Estimate(tangents @ value, np.abs(tangents) @ error, self.function.x_layout.split_as_given)

    def hessian(self) -> Estimate:
        """Estimate the Hessian of a scalar y: shape `(size of x, size of x)`."""
        layout = self.function.x_layout
        return Estimate(*self._hessian(), partial(jacobian_leaves, y_layout=layout, x_layout=layout))

    # ---- numdifftools, which cannot take an x or y without entries

    @cached_property
    def _scale(self) -> np.ndarray:
        """How far numdifftools's unit step goes along each entry of x.

        Its own steps do not grow with x, and are lost in rounding from about 1e6 on. Steps as large as x
        would miss what a function such as sin does in between.
        """
        return np.maximum(np.abs(self.function.x), 1) ** (2 / 3)

    @property
    def _options(self) -> dict[str, Any]:
        # By default the complex method takes one step, from which no error can be estimated.
        steps = {"num_extrap": 4} if self.method == "complex" else {}
        return {"method": self.method, "full_output": True, **steps}

    def _near(self, moved: np.ndarray) -> np.ndarray:
        """Return f at x plus a multiple of the scale."""
        return self.function(self.function.x + moved * self._scale)

    def _jacobian(self) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.function.y.size, self.function.x.size)
        if 0 in shape:
            return np.zeros(shape), np.zeros(shape)
        jacobian = nd.Jacobian(self._near, order=self.order, **self._options)
        return self._read(jacobian(np.zeros(shape[1])), shape, self.function.y[:, None], self._scale)

    def _along(self, tangent: np.ndarray, n: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Estimate the n-th derivative along a tangent."""
        shape = self.function.y.shape
        if not self.function.y.size or not tangent.any():
            return np.zeros(shape), np.zeros(shape)
        moved = tangent / self._scale
        norm = np.linalg.norm(moved)
        derivative = nd.Derivative(lambda s: self._near(s * (moved / norm)), order=self.order, n=n, **self._options)
        return self._read(derivative(0.0), shape, self.function.y, norm**-n)

    def _hessian(self) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.function.x.size, self.function.x.size)
        if 0 in shape:
            return np.zeros(shape), np.zeros(shape)
        # It has one order per method, and none to choose.
        hessian = nd.Hessian(lambda moved: self._near(moved)[0], **self._options)
        return self._read(hessian(np.zeros(shape[0])), shape, self.function.y, np.outer(self._scale, self._scale))

    def _read(self, result: Any, shape: tuple[int, ...], y: np.ndarray, unit: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the value and error of a result that was taken in steps of `unit`, near where f is `y`."""
        # The estimates may be zero where extrapolation has come down to f's own rounding.
        error = np.reshape(result.error_estimate, shape) + self.function.epsilon * np.abs(y)
        return np.reshape(result.estimate, shape) / unit, error / unit
