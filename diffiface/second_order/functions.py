"""Derivatives as functions: what an outer engine differentiates to get a second derivative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.errors import UnsupportedOperationError
from diffiface.primitives import Primitives
from diffiface.real_vectors import CONTINUED
from diffiface.tracing import tracing


@dataclass(frozen=True)
class _DerivedFunction:
    """What all of them have in common: a flat function made of `f` by a first-order method of `inner`."""

    inner: Backend
    f: FlatFunction

    # Engines ask a flat function these questions; the answers are those of the function behind it.

    @property
    def native(self) -> bool:
        """Whether f takes raw arrays of the engine that runs it."""
        return getattr(self.f, "native", False)

    @property
    def traces_numpy(self) -> bool:
        """Whether f is a NumPy function that meets dressed values, so that it may be recorded."""
        return getattr(self.f, "traces_numpy", False)

    @property
    def relative_error(self) -> float:
        """How exact the values are, for an outer engine that takes differences of them (0.0: to rounding)."""
        error = getattr(self.f, "relative_error", 0.0)
        # A first difference of f is exact to two thirds of the digits at best.
        return error if self.inner.exact else max(error, float(np.finfo(np.float64).eps)) ** (2 / 3)

    def _run(self, p: Primitives, operator: str, xs: Leaves, *rest: Any) -> tuple[Any, ...]:
        """Run a first-order method of `inner` on f, the values of the outer trace `p` being its numbers."""
        from diffiface.operators.cascade import engine_method

        if p is CONTINUED:
            raise UnsupportedOperationError(
                f"a step along the imaginary axis cannot see through the derivatives taken by {self.inner.name!r}",
                fix="let the outer engine take real steps (method='central')",
            )
        with tracing(p):
            *results, aux = engine_method(self.inner, operator)(self.f, xs, *rest)
        # What f returned beside y goes on without the outer trace's derivatives: the inner engine knows only its own.
        return *results, aux if aux is None else trees.map_leaves(p.lower, aux)


@dataclass(frozen=True)
class GradientFunction(_DerivedFunction):
    """The flat function `x -> (f(x), *gradient of f at x)`, its derivatives taken by `inner`."""

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        y, gradients, aux = self._run(p, "gradient", xs, contexts)
        return (y, *gradients), aux


@dataclass(frozen=True)
class DerivativeFunction(_DerivedFunction):
    """The flat function `x -> (*f(x), *derivative of f at x)` of a scalar x, its derivatives taken by `inner`."""

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        ys, dys, aux = self._run(p, "derivative", xs, contexts)
        return (*ys, *dys), aux


@dataclass(frozen=True)
class PushforwardFunction(_DerivedFunction):
    """The flat function `x -> (f(x), derivative of f at x along t)` of a scalar f; t comes first in the contexts.

    t has its batch axis (of length one), a leaf for each leaf of x.
    """

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        count = len(xs)
        ys, tys, aux = self._run(p, "pushforward", xs, contexts[:count], contexts[count:])
        return (ys[0], p.getitem(tys[0], index=0)), aux


@dataclass(frozen=True)
class PullbackFunction(_DerivedFunction):
    """The flat function `c -> the cotangent c of f's y pulled back to x`; x comes first in the contexts.

    It is linear, so that its pullback, wherever it is taken, is f's pushforward. c has no batch axis, a leaf for each
    leaf of y; `x_count` is the number of leaves of x.
    """

    x_count: int

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        cotangents = [p.reshape(c, shape=(1, *p.shape(c))) for c in xs]
        x, rest = contexts[: self.x_count], contexts[self.x_count :]
        _, txs, aux = self._run(p, "pullback", x, cotangents, rest)
        return tuple(p.getitem(tx, index=0) for tx in txs), aux
