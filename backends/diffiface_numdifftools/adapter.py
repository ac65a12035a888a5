"""The numdifftools engine."""

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
    RealFunction,
    UnsupportedOperationError,
)
from diffiface_numdifftools.estimates import METHODS, Estimates, Method


@dataclass(frozen=True, repr=False)
class Numdifftools(Backend):
    """Derivatives by numdifftools: differences with many step sizes, extrapolated, in double precision."""

    name: ClassVar[str] = "numdifftools"
    mode: ClassVar[Mode] = Mode.NUMERIC
    exact: ClassVar[bool] = False
    traces: ClassVar[bool] = False
    nests: ClassVar[Literal["in any engine", "in itself", "no"]] = "no"

    method: Method = field(default="central", kw_only=True)
    """Where f is evaluated: on both sides of x, above or below it, or at complex numbers next to it."""
    order: int = field(default=2, kw_only=True)
    """The order of the truncation error that is left to extrapolation; Hessians have the method's own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in METHODS:
            raise InputError(
                f"method={self.method!r} is not known",
                engine=self.name,
                fix=f"method is {', '.join(map(repr, METHODS[:-1]))} or {METHODS[-1]!r}",
            )
        if not isinstance(self.order, int) or isinstance(self.order, bool) or self.order < 1:
            raise InputError(f"order={self.order!r} is not a positive integer", engine=self.name, fix="give 2, 4 or 6")
        if self.order % 2 and self.method in ("central", "complex"):
            raise InputError(
                f"order={self.order} is odd, but method={self.method!r} has even orders only",
                engine=self.name,
                fix=f"order={self.order + 1}",
            )

    def _estimates(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> Estimates:
        function = RealFunction(f, xs, contexts, self.name)
        if self.method == "complex":
            function.check_can_be_continued()
        return Estimates(function, self.method, self.order)

    # ---- first order

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, tys, aux)` by `Derivative` along each tangent."""
        estimates = self._estimates(f, xs, contexts)
        function = estimates.function
        return function.ys, estimates.pushforward(function.x_layout.join(tangents)).leaves, function.aux

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, txs, aux)` by contracting `Jacobian`."""
        estimates = self._estimates(f, xs, contexts)
        function = estimates.function
        return function.ys, estimates.pullback(function.cotangent_vectors(cotangents)).leaves, function.aux

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, dys, aux)` for a single scalar x."""
        estimates = self._estimates(f, xs, contexts)
        return estimates.function.ys, estimates.derivative().leaves, estimates.function.aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        """Return `(y, gradients, aux)`."""
        estimates = self._estimates(f, xs, contexts)
        return estimates.function.ys[0], estimates.gradient().leaves, estimates.function.aux

    def value_and_jacobian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, list[list[np.ndarray]], Any]:
        """Return `(ys, jacobians, aux)`."""
        estimates = self._estimates(f, xs, contexts)
        return estimates.function.ys, estimates.jacobian().leaves, estimates.function.aux

    # ---- second order

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        """Return `(ys, dys, ddys, aux)` for a single real scalar x."""
        estimates = self._estimates(f, xs, contexts)
        function = estimates.function
        return function.ys, estimates.derivative().leaves, estimates.second_derivative().leaves, function.aux

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        """Return `(y, gradients, hvps, aux)`, `Hessian` times the tangents."""
        estimates = self._estimates(f, xs, contexts)
        function = estimates.function
        products = estimates.hvp(function.x_layout.join(tangents)).leaves
        return function.ys[0], estimates.gradient().leaves, products, function.aux

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[list[np.ndarray]], Any]:
        """Return `(y, gradients, hessians, aux)`."""
        estimates = self._estimates(f, xs, contexts)
        function = estimates.function
        return function.ys[0], estimates.gradient().leaves, estimates.hessian().leaves, function.aux

    def value_and_nth_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves, order: int
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, derivatives of that order, aux)` by `Derivative` with n = order (numdifftools has up to 10)."""
        if order > 10:
            raise UnsupportedOperationError(
                f"numdifftools has derivatives up to order 10, not {order}",
                engine=self.name,
                fix="use an engine that is exact, such as 'forward'",
            )
        estimates = self._estimates(f, xs, contexts)
        function = estimates.function
        return function.ys, estimates.nth_derivative(order).leaves, function.aux

    # ---- errors

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        """Return numdifftools's own estimate per entry of the operator's result, with room for rounding."""
        estimates = self._estimates(f, xs, contexts)
        estimate = getattr(estimates, operator)
        if seeds is None:
            return estimate().errors
        function = estimates.function
        if operator == "pullback":
            return estimate(function.cotangent_vectors(seeds)).errors
        return estimate(function.x_layout.join(seeds)).errors
