"""MixedMode: one engine for pushforwards, another for pullbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from diffiface.adapter import Backend, Cotangents, FlatFunction, Leaves, Mode
from diffiface.errors import InputError
from diffiface.operators.cascade import engine_method
from diffiface.operators.prepared_engine import engine_run
from diffiface.registry import resolve


@dataclass(frozen=True, repr=False)
class MixedMode(Backend):
    """Two engines as one: pushforwards by the first, pullbacks by the second.

    In `di.Sparse` it colors rows and columns together, which Jacobians with dense rows *and* dense columns need.

    Args:
        forward: an engine (name or object) that is good at pushforwards.
        reverse: one that is good at pullbacks.

    >>> import numpy as np, diffiface as di
    >>> def arrow(x):  # a dense row, a dense column, a diagonal
    ...     return np.concatenate([np.sum(x**2)[None], x[0] * x[1:]])
    >>> prep = di.prepare_jacobian(arrow, di.Sparse(di.MixedMode("forward", "reverse")), np.ones(100))
    >>> prep.n_colors, di.prepare_jacobian(arrow, di.Sparse("forward"), np.ones(100)).n_colors
    (3, 100)
    """

    mode = Mode.BOTH

    forward: str | Backend = "forward"
    reverse: str | Backend = "reverse"

    def __post_init__(self) -> None:
        forward, reverse = resolve(self.forward), resolve(self.reverse)
        for engine, operator, word in ((forward, "pushforward", "forward"), (reverse, "pullback", "reverse")):
            if not engine.supplies(operator):
                raise InputError(
                    f"{engine.name!r} has no {operator} of its own, so it is of no use as the {word} engine",
                    fix="MixedMode(forward, reverse): di.MixedMode('forward', 'reverse'), di.MixedMode('jax', 'jax')",
                )
        if forward.traces != reverse.traces or (forward.family != reverse.family and forward.style == "native"):
            raise InputError(
                f"{forward.name!r} and {reverse.name!r} call f with different kinds of values",
                fix="combine engines that both trace f, or that both evaluate it on plain numbers",
            )
        object.__setattr__(self, "forward", forward)
        object.__setattr__(self, "reverse", reverse)
        object.__setattr__(self, "style", forward.style)
        object.__setattr__(self, "chunk_size", forward.chunk_size)

    def __repr__(self) -> str:
        return f"MixedMode({self.forward!r}, {self.reverse!r})"

    @property
    def _forward(self) -> Backend:
        return cast(Backend, self.forward)

    @property
    def _reverse(self) -> Backend:
        return cast(Backend, self.reverse)

    name = property(lambda self: self._forward.name)  # pyright: ignore[reportAssignmentType]
    exact = property(lambda self: self._forward.exact and self._reverse.exact)  # pyright: ignore[reportAssignmentType]
    traces = property(lambda self: self._forward.traces)  # pyright: ignore[reportAssignmentType]
    nests = property(lambda self: self._forward.nests)  # pyright: ignore[reportAssignmentType]
    complex_inputs = property(  # pyright: ignore[reportAssignmentType]
        lambda self: self._forward.complex_inputs and self._reverse.complex_inputs
    )

    @property
    def family(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The array family that both engines take, else NumPy's."""
        return self._forward.family if self._forward.family == self._reverse.family else "numpy"

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self._forward.value_and_pushforward(f, xs, tangents, contexts)

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self._reverse.value_and_pullback(f, xs, cotangents, contexts)

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        return cast(Any, engine_method(self._reverse, "gradient")(f, xs, contexts))

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        return cast(Any, engine_method(self._reverse, "hvp")(f, xs, tangents, contexts))

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        if operator == "pushforward":
            return engine_run(self._forward, operator, f, xs, contexts)
        if operator in ("pullback", "gradient", "hvp"):
            return engine_run(self._reverse, operator, f, xs, contexts)
        return None
