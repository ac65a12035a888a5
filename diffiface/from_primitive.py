"""An engine stripped to one primitive, so that every operator is derived: to get round a native one, and to test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diffiface.adapter import Backend, FlatFunction, Leaves, Mode
from diffiface.registry import resolve


@dataclass(frozen=True, repr=False)
class _FromPrimitive(Backend):
    """What both have in common: everything but the one primitive is the inner engine's description."""

    inner: str | Backend = "reverse"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "inner", resolve(self.inner))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    @property
    def engine(self) -> Backend:
        assert isinstance(self.inner, Backend)
        return self.inner

    name = property(lambda self: self.engine.name)  # pyright: ignore[reportAssignmentType]
    exact = property(lambda self: self.engine.exact)  # pyright: ignore[reportAssignmentType]
    traces = property(lambda self: self.engine.traces)  # pyright: ignore[reportAssignmentType]
    nests = property(lambda self: self.engine.nests)  # pyright: ignore[reportAssignmentType]
    complex_inputs = property(lambda self: self.engine.complex_inputs)  # pyright: ignore[reportAssignmentType]

    def _prepare(
        self, primitive: str, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        return self.engine.prepare(operator, f, xs, contexts) if operator == primitive else None


@dataclass(frozen=True, repr=False)
class ForwardFromPrimitive(_FromPrimitive):
    """Another engine's pushforward, and nothing else of it: every other operator is derived.

    >>> import numpy as np, diffiface as di
    >>> di.gradient(lambda x: np.sum(x**2), di.ForwardFromPrimitive("forward"), np.array([1.0, 2.0]))
    array([2., 4.])
    """

    mode = Mode.FORWARD

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self.engine.value_and_pushforward(f, xs, tangents, contexts)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        return self._prepare("pushforward", operator, f, xs, contexts)


@dataclass(frozen=True, repr=False)
class ReverseFromPrimitive(_FromPrimitive):
    """Another engine's pullback, and nothing else of it: every other operator is derived.

    >>> import numpy as np, diffiface as di
    >>> di.hessian(lambda x: x[0] * x[1], di.ReverseFromPrimitive("reverse"), np.array([1.0, 2.0]))
    array([[0., 1.],
           [1., 0.]])
    """

    mode = Mode.REVERSE

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Any, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self.engine.value_and_pullback(f, xs, cotangents, contexts)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        return self._prepare("pullback", operator, f, xs, contexts)
