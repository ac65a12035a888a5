"""The finite-difference engine: every operator from values of f alone."""

from __future__ import annotations

from concurrent.futures import Executor
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
)
from diffiface_finite_differences import operators
from diffiface_finite_differences.differences import Differences
from diffiface_finite_differences.error_bounds import estimate
from diffiface_finite_differences.stencils import METHODS, Method


@dataclass(frozen=True, repr=False)
class FiniteDifferences(Backend):
    """Derivatives by difference quotients of f, in double precision whatever x is.

    Steps are chosen by the order of the derivative and the method; along each entry of x the step is
    `max(relative_step * |x|, absolute_step)`, `absolute_step` being equal to `relative_step` unless given.
    """

    name: ClassVar[str] = "finite_differences"
    mode: ClassVar[Mode] = Mode.NUMERIC
    exact: ClassVar[bool] = False
    traces: ClassVar[bool] = False
    nests: ClassVar[Literal["in any engine", "in itself", "no"]] = "no"

    method: Method = field(default="central", kw_only=True)
    """"central"; "forward": f is evaluated at x and above only; "complex_step": f is analytic, and real for real x."""
    relative_step: float | None = field(default=None, kw_only=True)
    """The step relative to an entry of x; None: by the order of the derivative."""
    absolute_step: float | None = field(default=None, kw_only=True)
    """The least step, which entries near zero get; None: the same number as the relative step."""
    executor: Executor | None = field(default=None, kw_only=True, compare=False, repr=False)
    """Where f is evaluated; changes no result, so that equality, hash, repr and pickle leave it out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in METHODS:
            raise InputError(
                f"method={self.method!r} is not known",
                engine=self.name,
                fix=f"method is {', '.join(map(repr, METHODS[:-1]))} or {METHODS[-1]!r}",
            )
        for option in ("relative_step", "absolute_step"):
            step = getattr(self, option)
            if step is not None and not (isinstance(step, (int, float)) and 0 < step < np.inf):
                raise InputError(
                    f"{option}={step!r} is not a positive number", engine=self.name, fix="give a number like 1e-6"
                )
        if self.executor is not None and not isinstance(self.executor, Executor):
            raise InputError(
                f"executor={self.executor!r:.60} is not an executor",
                engine=self.name,
                fix="give a concurrent.futures.ThreadPoolExecutor or ProcessPoolExecutor",
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "executor": None}

    def _differences(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> Differences:
        function = RealFunction(f, xs, contexts, self.name)
        if self.method == "complex_step":
            function.check_can_be_continued()
        return Differences(
            function, self.method, self.relative_step, self.absolute_step, self.executor, self.chunk_size
        )

    # ---- first order

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, tys, aux)` by one difference along each tangent."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        tys = operators.pushforward(differences, function.x_layout.join(tangents))
        return function.ys, tys, function.aux

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, txs, aux)`: differences along every entry of x, contracted with the cotangents."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        txs = operators.pullback(differences, function.cotangent_vectors(cotangents))
        return function.ys, txs, function.aux

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, dys, aux)` for a single scalar x."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        return function.ys, operators.derivative(differences), function.aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        """Return `(y, gradients, aux)`."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        return function.ys[0], operators.gradient(differences), function.aux

    def value_and_jacobian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, list[list[np.ndarray]], Any]:
        """Return `(ys, jacobians, aux)`, column by column."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        return function.ys, operators.jacobian(differences), function.aux

    # ---- second order

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        """Return `(ys, dys, ddys, aux)` for a single real scalar x."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        dys, ddys = operators.derivative(differences), operators.second_derivative(differences)
        return function.ys, dys, ddys, function.aux

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        """Return `(y, gradients, hvps, aux)` by mixed differences along each tangent and each entry of x."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        products = operators.hvp(differences, function.x_layout.join(tangents))
        return function.ys[0], operators.gradient(differences), products, function.aux

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[list[np.ndarray]], Any]:
        """Return `(y, gradients, hessians, aux)` by mixed differences along each pair of entries of x."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        return function.ys[0], operators.gradient(differences), operators.hessian(differences), function.aux

    def value_and_nth_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves, order: int
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, derivatives of that order, aux)` by differences of that order of f."""
        differences = self._differences(f, xs, contexts)
        function = differences.function
        (derivative,) = differences.nth([0], order)
        return function.ys, function.y_layout.split_as_given(derivative), function.aux

    # ---- errors

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        """Return a bound per entry of the operator's result, in the result's own nesting.

        It adds up what rounding in f can do to the quotient, how far the quotient moves when its step is
        doubled, and the rounding of the result to x's precision. It is infinite where the quotient is not
        finite, or moves the more the smaller the step is (next to a pole or a kink).
        """
        return estimate(operator, self._differences(f, xs, contexts), seeds)
