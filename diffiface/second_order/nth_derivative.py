"""Derivatives of any order by one number: an engine's own, or the engine differentiating its own derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.errors import InputError, UnsupportedOperationError
from diffiface.operators.cascade import engine_method
from diffiface.primitives import Primitives
from diffiface.registry import resolve
from diffiface.second_order.backend import SecondOrder
from diffiface.second_order.functions import DerivativeFunction
from diffiface.second_order.nesting import obstacle
from diffiface.second_order.pairs import pair_of
from diffiface.second_order.push_by_pullback import pushing


def of_order(backend: str | Backend, order: int) -> str | Backend:
    """Return the backend whose derivative is the derivative of that order by the given one.

    Raises `InputError` for an order that is no positive integer, `UnsupportedOperationError` for an engine that cannot
    differentiate its own derivatives so often.
    """
    if order == 1 and type(order) is int:
        return backend
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise InputError(f"order={order!r} is not a positive integer", fix="give 1, 2, 3, ...")
    engine = resolve(backend)
    if isinstance(engine, SecondOrder) and engine.is_one_engine:
        engine = engine.engines[0]
    return NthDerivative(engine, order)


@dataclass(frozen=True)
class NextDerivativeFunction(DerivativeFunction):
    """The flat function `x -> (*f(x), *next derivative)` where the flat function within is `x -> (*f(x), *derivative)`."""

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        values, derivatives, aux = self._run(p, "derivative", xs, contexts)
        half = len(values) // 2
        return (*values[:half], *derivatives[half:]), aux


@dataclass(frozen=True, repr=False)
class NthDerivative(Backend):
    """An engine for `derivative` alone, which it takes `order` times (twice or more).

    It is a backend so that a preparation knows, as it knows every option of an engine, for which order it was made.
    """

    engine: Backend
    order: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "style", self.engine.style)
        object.__setattr__(self, "chunk_size", self.engine.chunk_size)
        super().__post_init__()
        if self.order > 2 and not self._is_native:
            outer, repeated, _ = self._levels()
            reason = obstacle(outer, repeated) or obstacle(repeated, repeated)
            if not repeated.traces:
                reason = "differences of differences of differences have no digits left"
            if reason is not None:
                raise UnsupportedOperationError(
                    f"{self.engine!r} has no derivatives of order {self.order}: {reason}",
                    fix="use an engine that nests in itself, such as 'forward', or order=2",
                )

    def __repr__(self) -> str:
        return f"{self.engine!r} (order={self.order})"

    name = property(lambda self: self.engine.name)  # pyright: ignore[reportAssignmentType]
    mode = property(lambda self: self.engine.mode)  # pyright: ignore[reportAssignmentType]
    exact = property(lambda self: self.engine.exact)  # pyright: ignore[reportAssignmentType]
    traces = property(lambda self: self.engine.traces)  # pyright: ignore[reportAssignmentType]
    family = property(lambda self: self.engine.family)  # pyright: ignore[reportAssignmentType]
    nests = property(lambda self: self.engine.nests)  # pyright: ignore[reportAssignmentType]
    complex_inputs = property(lambda self: self.engine.complex_inputs)  # pyright: ignore[reportAssignmentType]

    @property
    def _is_native(self) -> bool:
        """Whether the engine itself has derivatives of any order."""
        return type(self.engine).value_and_nth_derivative is not Backend.value_and_nth_derivative

    def _levels(self) -> tuple[Backend, Backend, Backend]:
        """Return the outermost engine, the one for all levels between, and the innermost, which meets f."""
        pair = self.engine.engines if isinstance(self.engine, SecondOrder) else pair_of(self.engine)
        outer, inner = map(pushing, pair)  # by rows of Jacobians, each level would cost as many as y has entries
        return outer, outer if outer.traces and outer.nests != "no" else inner, inner

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        if self._is_native:
            return self.engine.value_and_nth_derivative(f, xs, contexts, self.order)
        if self.order == 2:
            return _without_first(engine_method(self.engine, "second_derivative"), f, xs, contexts)
        outer, below = self._nested(f)
        return _last(engine_method(outer, "derivative"), below, xs, contexts)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        from diffiface.operators.prepared_engine import engine_run

        if self._is_native:
            return None
        if self.order == 2:
            return partial(_without_first, engine_run(self.engine, "second_derivative", f, xs, contexts))
        outer, below = self._nested(f)
        return partial(_last, engine_run(outer, "derivative", below, xs, contexts))

    def _nested(self, f: FlatFunction) -> tuple[Backend, FlatFunction]:
        """Return the outermost engine, and the derivative of one order less as a function for it."""
        outer, between, inner = self._levels()
        below = DerivativeFunction(inner, f)
        for _ in range(self.order - 2):
            below = NextDerivativeFunction(between, below)
        return outer, below


def _without_first(second_derivative: Callable[..., Any], *arguments: Any) -> tuple[Leaves, Leaves, Any]:
    ys, _, ddys, aux = second_derivative(*arguments)
    return ys, ddys, aux


def _last(derivative: Callable[..., Any], *arguments: Any) -> tuple[Leaves, Leaves, Any]:
    """Of `(f, derivative)` and their derivatives, keep f and the highest derivative."""
    values, derivatives, aux = derivative(*arguments)
    half = len(values) // 2
    return values[:half], derivatives[half:], aux
