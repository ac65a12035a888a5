"""One call of a function that an inner engine differentiates, as the outer engine sees it.

The pushforward and the pullback of such a function, computed by the inner engine, are functions of the same kind, so
derivatives of every order follow as long as the inner engine can differentiate its own derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.errors import DiffifaceError, UnsupportedOperationError
from diffiface.primitives import NUMPY, CustomCall, Primitives
from diffiface.rules.user_code import defined_at, outputs_of_example
from diffiface.tracing import tracing

Flat = Callable[[Sequence[Any]], list[Any]]
"""A function from leaves to leaves: of NumPy arrays, or of values that the inner engine traces."""

Retrace = Callable[[Primitives, Sequence[Any]], Sequence[Any]]
"""The function's own code, traced on values of the outer engine: `retrace(p, operands)`."""

_HIGHEST_ORDER_OF_DIFFERENCES = 2


class BridgedCall(CustomCall):
    """A flat function, and the engine that differentiates it."""

    def __init__(
        self,
        name: str,
        flat: Flat,
        backend: Backend,
        f: Callable[..., Any],
        output: Sequence[np.ndarray] | None = None,
        order: int = 0,
        retrace: Retrace | None = None,
    ):
        self.name = name
        self.flat = flat
        self.backend = backend
        self.f = f
        """The user's function, for messages."""
        self.output = output
        """An example of the leaves of its result, if it is known."""
        self.order = order
        """How many times the user's function has been differentiated."""
        self._retrace = retrace

    def on_host(self, operands: Sequence[Any]) -> tuple[np.ndarray, ...]:
        values = [self._wide(np.array(x))[()] for x in operands]
        try:
            with tracing(NUMPY):
                return tuple(np.array(y)[()] for y in self.flat(values))
        except DiffifaceError as error:
            error.where = error.where or defined_at(self.f)
            raise
        except Exception as error:
            error.add_note(f"{self.backend.name}: while {self.name} ran, {defined_at(self.f)}")
            raise

    def retraced(self, p: Primitives, operands: Sequence[Any]) -> tuple[Any, ...] | None:
        return None if self._retrace is None else tuple(self._retrace(p, operands))

    def _check_order(self, p: Primitives) -> None:
        """Refuse differences of differences of differences: nothing would be left but rounding errors."""
        if not self.backend.exact and self.order >= _HIGHEST_ORDER_OF_DIFFERENCES:
            raise UnsupportedOperationError(
                f"a third derivative of a function bridged to {self.backend.name!r} would be nothing but rounding errors",
                engine=p.engine,
                where=defined_at(self.f),
                fix="bridge it to an exact engine, or give f a rule (di.rule) whose jvp is bridged",
            )

    def _wide(self, x: np.ndarray) -> np.ndarray:
        """Return an array in double precision for engines that take differences."""
        wide = {np.dtype(np.float32): np.float64, np.dtype(np.complex64): np.complex128}.get(x.dtype)
        return x if wide is None or self.backend.exact else x.astype(wide)

    def outputs(self, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        if self.output is not None:
            return [(y.shape, y.dtype) for y in self.output]
        return outputs_of_example(self, operands)

    def push(
        self, p: Primitives, operands: Sequence[Any], ys: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Any, ...]:
        from diffiface.operators.pushforward import pushforward  # the front end, which is loaded by then

        self._check_order(p)
        moved = [i for i, t in enumerate(tangents) if t is not None]
        n = len(operands)

        def pushed(values: Sequence[Any]) -> list[Any]:
            xs, ts = values[:n], values[n:]
            result = pushforward(
                _restricted(self.flat, xs, moved),
                self.backend,
                {i: xs[i] for i in moved},
                dict(zip(moved, ts, strict=True)),
            )
            return list(result.values())

        call = BridgedCall(
            f"the pushforward of {self.name}", pushed, self.backend, self.f, _examples(p, ys), self.order + 1
        )
        return p.custom_call(call, [*operands, *(tangents[i] for i in moved)])

    def pull(
        self,
        p: Primitives,
        operands: Sequence[Any],
        ys: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[Any],
    ) -> list[Any]:
        from diffiface.operators.pullback import pullback

        self._check_order(p)
        n = len(operands)

        def pulled(values: Sequence[Any]) -> list[Any]:
            xs, cts = values[:n], values[n:]
            result = pullback(
                _restricted(self.flat, xs, wanted), self.backend, {i: xs[i] for i in wanted}, dict(enumerate(cts))
            )
            return [result[i] for i in wanted]

        examples = _examples(p, [operands[i] for i in wanted])
        call = BridgedCall(f"the pullback of {self.name}", pulled, self.backend, self.f, examples, self.order + 1)
        return list(p.custom_call(call, [*operands, *cotangents]))


def _restricted(flat: Flat, xs: Sequence[Any], active: Sequence[int]) -> Callable[[dict[int, Any]], dict[int, Any]]:
    """Return a flat function as one of some of its leaves, in the form the operators take: from a dict to a dict."""

    def function(given: dict[int, Any]) -> dict[int, Any]:
        return dict(enumerate(flat([given.get(i, x) for i, x in enumerate(xs)])))

    return function


def _examples(p: Primitives, values: Sequence[Any]) -> list[np.ndarray]:
    return [np.empty(p.shape(v), p.dtype(v)) for v in values]
