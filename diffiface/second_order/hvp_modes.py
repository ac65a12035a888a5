"""The four ways to a Hessian-vector product, for an outer engine that differentiates what an inner one computes.

Griewank & Walther, Evaluating Derivatives (2008), section 5: with the outer engine going forward and the inner one in
reverse, a product costs a small multiple of f whatever the size of x, and a batch of tangents goes through at once.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, Mode, current_trace
from diffiface.from_primitive import ForwardFromPrimitive
from diffiface.operators.cascade import dtypes_of, engine_method, first
from diffiface.second_order.functions import GradientFunction, PushforwardFunction

HvpMode = Literal[
    "auto", "forward_over_reverse", "reverse_over_forward", "reverse_over_reverse", "forward_over_forward"
]

HVP_MODES: tuple[HvpMode, ...] = (
    "forward_over_reverse",
    "reverse_over_forward",
    "reverse_over_reverse",
    "forward_over_forward",
)
"""The modes in the order in which they are preferred."""

_METHOD = {"forward": "pushforward", "reverse": "pullback"}


def missing_direction(mode: HvpMode, outer: Backend, inner: Backend) -> str | None:
    """Say which engine does not go in the direction a mode asks of it; None if both do."""
    for engine, direction in zip((outer, inner), mode.split("_over_"), strict=True):
        if not engine.supplies(_METHOD[direction]):
            return f"{engine.name!r} has no {_METHOD[direction]} of its own"
    return None


def choose_mode(outer: Backend, inner: Backend) -> HvpMode:
    """Return the cheapest mode for two engines, by the directions they go in."""
    for mode in HVP_MODES[:3]:
        if missing_direction(mode, outer, inner) is None and not _costs_every_entry(mode, outer, inner):
            return mode
    # The gradient is then put together from pushforwards, or from differences along every entry.
    return "forward_over_forward" if outer.supplies("pushforward") else "reverse_over_reverse"


def _costs_every_entry(mode: HvpMode, outer: Backend, inner: Backend) -> bool:
    """Whether a reverse step of this mode is an engine's that evaluates f along every entry of x."""
    pairs = zip((outer, inner), mode.split("_over_"), strict=True)
    return any(engine.mode is Mode.NUMERIC and direction == "reverse" for engine, direction in pairs)


def inner_engine(mode: HvpMode, inner: Backend) -> Backend:
    """Return the inner engine confined to the direction a mode asks of it, where its gradient would go in another."""
    if mode == "forward_over_forward" and inner.supplies("pullback") and inner.mode is not Mode.NUMERIC:
        return ForwardFromPrimitive(inner)
    return inner


def hvp(
    mode: HvpMode, outer: Backend, inner: Backend, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
) -> tuple[Any, Leaves, Leaves, Any]:
    """Return `(y, gradients, hvps, aux)`, the engine method of `hvp`, in one of the four modes."""
    if mode == "reverse_over_forward":
        return _reverse_over_forward(outer, inner, f, xs, tangents, contexts)
    gradient = GradientFunction(inner, f)
    if mode == "reverse_over_reverse":
        return _pull_gradient(outer, gradient, xs, tangents, contexts)
    values, moved, aux = engine_method(outer, "pushforward")(gradient, xs, tangents, contexts)
    return values[0], values[1:], moved[1:], aux


def _pull_gradient(
    outer: Backend, gradient: GradientFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
) -> tuple[Any, Leaves, Leaves, Any]:
    """Pull the tangents back through the gradient: the Hessian is symmetric."""
    p = current_trace()
    nothing = np.zeros(p.shape(tangents[0])[:1], _real_dtype(xs))  # y itself takes no part
    values, products, aux = engine_method(outer, "pullback")(gradient, xs, [nothing, *tangents], contexts)
    return values[0], values[1:], products, aux


def _reverse_over_forward(
    outer: Backend, inner: Backend, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
) -> tuple[Any, Leaves, Leaves, Any]:
    """The gradient of the derivative along each tangent, one after the other.

    (All of them in one run would be swept once for each, through operations as large as the whole batch.)
    """
    p = current_trace()
    dtype, along = _real_dtype(xs), PushforwardFunction(inner, f)
    count = p.shape(tangents[0])[0]
    if count == 0:  # the value and the gradient are wanted all the same
        tangents = [np.zeros((1, *p.shape(x)), p.dtype(x)) for x in xs]
    y, gradients, aux, rows = None, [], None, []
    for index in range(max(count, 1)):
        one = [p.getitem(t, index=slice(index, index + 1)) for t in tangents]
        # Of (y, dy): the first run is swept for y too, which gives the gradient.
        seeds = [[1.0, 0.0], [0.0, 1.0]] if index == 0 else [[0.0], [1.0]]
        cotangents = [np.array(seed, dtype) for seed in seeds]
        (value, _), pulled, beside = engine_method(outer, "pullback")(along, xs, cotangents, (*one, *contexts))
        if index == 0:
            y, gradients, aux = value, [first(p, tx) for tx in pulled], beside
        rows.append([p.getitem(tx, index=slice(-1, None)) for tx in pulled])
    if count == 0:
        return y, gradients, [np.zeros((0, *p.shape(x)), p.dtype(x)) for x in xs], aux
    products = [column[0] if count == 1 else p.concatenate(list(column), axis=0) for column in zip(*rows, strict=True)]
    return y, gradients, products, aux


def _real_dtype(xs: Leaves) -> np.dtype:
    return np.result_type(*dtypes_of(current_trace(), xs))
