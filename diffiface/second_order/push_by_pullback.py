"""Pushforwards by an engine that only pulls back: the pullback of its pullback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, Mode, current_trace
from diffiface.operators.cascade import engine_method
from diffiface.second_order.functions import PullbackFunction


@dataclass(frozen=True, repr=False)
class PushByPullback(Backend):
    """An engine that pulls back and nests in itself, with a pushforward that costs as little as a pullback.

    A pullback is linear in its cotangent, so its own pullback (at any cotangent) is its adjoint, the pushforward. From
    the rows of the Jacobian a pushforward would cost as many pullbacks as y has entries.
    Source: Townsend, A new trick for calculating Jacobian vector products (2017).
    """

    engine: Backend

    def __post_init__(self) -> None:
        object.__setattr__(self, "style", self.engine.style)
        object.__setattr__(self, "chunk_size", self.engine.chunk_size)
        super().__post_init__()

    def __repr__(self) -> str:
        return repr(self.engine)

    mode = Mode.BOTH
    name = property(lambda self: self.engine.name)  # pyright: ignore[reportAssignmentType]
    exact = property(lambda self: self.engine.exact)  # pyright: ignore[reportAssignmentType]
    traces = property(lambda self: self.engine.traces)  # pyright: ignore[reportAssignmentType]
    family = property(lambda self: self.engine.family)  # pyright: ignore[reportAssignmentType]
    nests = property(lambda self: self.engine.nests)  # pyright: ignore[reportAssignmentType]
    complex_inputs = property(lambda self: self.engine.complex_inputs)  # pyright: ignore[reportAssignmentType]

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Any, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return engine_method(self.engine, "pullback")(f, xs, cotangents, contexts)

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return _push(self.engine, f, xs, tangents, contexts)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        from diffiface.operators.prepared_engine import PreparedEngine, engine_run

        if operator == "pullback":
            return engine_run(self.engine, operator, f, xs, contexts)
        return partial(_push, PreparedEngine(self.engine), f) if operator == "pushforward" else None


def _push(engine: Any, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
    """Return `(ys, tys, aux)`, the engine method of `pushforward`; `engine` may be a preparation's stand-in."""

    def none_of(outputs: Any) -> Leaves:
        return [np.zeros((0, *shape), dtype) for shape, dtype in outputs]

    pullback = engine_method(engine, "pullback")
    ys, _, aux = pullback(f, xs, none_of, contexts)
    p = current_trace()
    anywhere = [np.zeros(p.shape(y), p.dtype(y)) for y in ys]
    linear = PullbackFunction(engine.unprepared(), f, len(xs))
    _, tys, _ = pullback(linear, anywhere, tangents, (*xs, *contexts))
    return ys, tys, aux


def pushing(engine: Backend) -> Backend:
    """Return the engine itself if it has a pushforward, else, if it nests in itself, the engine with one."""
    if engine.supplies("pushforward") or not engine.traces or engine.nests == "no":
        return engine
    return PushByPullback(engine)
