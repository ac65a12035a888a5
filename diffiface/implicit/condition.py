"""What holds at a solution, F(x, a) = 0, on flat raw values of any trace, and its derivatives.

All of it is computed by our own engines on top of the trace, so it can be differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from diffiface import registry
from diffiface.errors import RuleError
from diffiface.numpy_api import dress, undress
from diffiface.primitives import Primitives
from diffiface.rules.arguments import Arguments
from diffiface.rules.results import Output
from diffiface.rules.user_code import Code, defined_at
from diffiface.tracing import tracing

Kind = Literal["root", "fixed_point", "argmin"]

Flat = Callable[[Primitives, Sequence[Any]], list[Any]]
"""A function of flat raw values, on any trace."""


class Condition:
    """F as a function of the leaves of x and the operands of the call (arguments that are values)."""

    def __init__(self, code: Code, kind: Kind, arguments: Arguments, output: Output, name: str):
        self.code = code
        self.kind = kind
        self.arguments = arguments
        self.output = output
        """The structure of x."""
        self.name = name

    def __call__(self, p: Primitives, xs: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        """Return F, shaped as x: zero at the solution."""
        if self.kind == "argmin":

            def objective(q: Primitives, leaves: Sequence[Any], _: Any) -> tuple[tuple[Any, ...], Any]:
                return tuple(self._user(q, leaves, operands)), None

            with tracing(p):
                _, gradients, _ = _engine("reverse").method("gradient")(objective, list(xs), ())
            return list(gradients)
        found = self._user(p, xs, operands)
        if [p.shape(r) for r in found] != [p.shape(x) for x in xs]:
            raise RuleError(
                f"the condition of {self.name} returned shapes {[p.shape(r) for r in found]}, "
                f"where the solution has {[p.shape(x) for x in xs]}",
                engine=p.engine,
                where=defined_at(self.code.function),
                fix="there must be as many equations as unknowns, in the structure of the solution",
            )
        return [p.subtract(r, x) for r, x in zip(found, xs, strict=True)] if self.kind == "fixed_point" else found

    def _user(self, p: Primitives, xs: Sequence[Any], operands: Sequence[Any]) -> list[Any]:
        x = self.output.rebuild([_given(p, leaf) for leaf in xs])
        args = (x, *self.arguments.rebuild([_given(p, o) for o in operands]))
        if p.traced_type is np.ndarray:
            result = self.code.plain(args, {})
        else:
            result = self.code.traced(p, args, {})
        read = Output(f"the condition of {self.name}")
        leaves = [undress(leaf) for leaf in read.read(result, read.name, self.code.function)]
        return [leaf if hasattr(leaf, "dtype") else np.asarray(leaf) for leaf in leaves]

    # ---- derivatives: `moved` are places in [*xs, *operands]

    def _of(self, fixed: Sequence[Any], moved: Sequence[int], unknowns: int, of: Flat | None) -> Any:
        def flat(q: Primitives, values: Sequence[Any], _: Any) -> tuple[tuple[Any, ...], Any]:
            every = [*fixed]
            for place, value in zip(moved, values, strict=True):
                every[place] = value
            return tuple(self(q, every[:unknowns], every[unknowns:]) if of is None else of(q, every)), None

        return flat

    def push(
        self,
        p: Primitives,
        values: Sequence[Any],
        unknowns: int,
        moved: Sequence[int],
        tangents: Sequence[Any],
        of: Flat | None = None,
    ) -> list[Any]:
        """Return the derivative of F (or of another function `of` the same values) along tangents of some of them."""
        batched = [p.reshape(t, shape=(1, *p.shape(t))) for t in tangents]
        with tracing(p):
            _, results, _ = _engine("forward").value_and_pushforward(
                self._of(values, moved, unknowns, of), [values[i] for i in moved], batched, ()
            )
        return [p.getitem(r, index=0) for r in results]

    def pull(
        self,
        p: Primitives,
        values: Sequence[Any],
        unknowns: int,
        moved: Sequence[int],
        cotangents: Sequence[Any],
        of: Flat | None = None,
    ) -> list[Any]:
        """Return the cotangents of some of the values."""
        batched = [p.reshape(c, shape=(1, *p.shape(c))) for c in cotangents]
        with tracing(p):
            _, results, _ = _engine("reverse").value_and_pullback(
                self._of(values, moved, unknowns, of), [values[i] for i in moved], batched, ()
            )
        return [p.getitem(r, index=0) for r in results]

    def matrix(self, p: Primitives, values: Sequence[Any], unknowns: int) -> Any:
        """Return the Jacobian of F by x as one matrix."""
        xs = list(values[:unknowns])
        with tracing(p):
            _, blocks, _ = _engine("forward").method("jacobian")(
                self._of(values, range(unknowns), unknowns, None), xs, ()
            )
        sizes = [math.prod(p.shape(x)) for x in xs]
        rows = [
            p.concatenate([p.reshape(b, shape=(m, n)) for b, n in zip(row, sizes, strict=True)], axis=1)
            for row, m in zip(blocks, sizes, strict=True)
        ]
        return p.concatenate(rows, axis=0)


def _given(p: Primitives, raw: Any) -> Any:
    if isinstance(raw, np.ndarray | np.generic | int | float | complex):
        return np.asarray(raw)[()]
    return dress(raw, p)


def _engine(name: str) -> Any:
    return registry.resolve(name)
