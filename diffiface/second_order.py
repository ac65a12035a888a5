"""Derivatives as functions: what an outer engine differentiates to get a second derivative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diffiface import trees
from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.primitives import Primitives
from diffiface.tracing import tracing


@dataclass(frozen=True)
class GradientFunction:
    """The flat function `x -> (f(x), *gradient of f at x)`, its derivatives taken by `inner`."""

    inner: Backend
    f: FlatFunction

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        from diffiface.operators.cascade import engine_method

        with tracing(p):
            y, gradients, aux = engine_method(self.inner, "gradient")(self.f, xs, contexts)
        return (y, *gradients), _lowered(p, aux)


@dataclass(frozen=True)
class DerivativeFunction:
    """The flat function `x -> (*f(x), *derivative of f at x)` of a scalar x, its derivatives taken by `inner`."""

    inner: Backend
    f: FlatFunction

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        from diffiface.operators.cascade import engine_method

        with tracing(p):
            ys, dys, aux = engine_method(self.inner, "derivative")(self.f, xs, contexts)
        return (*ys, *dys), _lowered(p, aux)


def _lowered(p: Primitives, aux: Any) -> Any:
    """What f returned beside y, without the outer trace's derivatives: the inner engine knows only its own."""
    return aux if aux is None else trees.map_leaves(p.lower, aux)
