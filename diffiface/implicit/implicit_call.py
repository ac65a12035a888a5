"""One call of an implicit function: x(a) with F(x, a) = 0, so that dx = -(dF/dx)^-1 dF/da da."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffiface.implicit.condition import Condition, Kind
from diffiface.implicit.linear_solvers import LinearSolver, solve
from diffiface.primitives import Primitives
from diffiface.rules.arguments import Arguments
from diffiface.rules.ruled_call import Rule, RuledCall
from diffiface.rules.user_code import Code


class ImplicitCall(RuledCall):
    """The solver gives the values, the condition the derivatives."""

    def __init__(
        self,
        rule: Rule,
        arguments: Arguments,
        keywords: dict[str, Any],
        condition: Code,
        kind: Kind,
        linear_solver: LinearSolver,
    ):
        super().__init__(rule, arguments, keywords)
        self.condition = Condition(condition, kind, arguments, self.output, rule.name)
        self.linear_solver = linear_solver

    def push(
        self, p: Primitives, operands: Sequence[Any], ys: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Any, ...]:
        values, n = [*ys, *operands], len(ys)
        moved = [i for i, t in enumerate(tangents) if t is not None]
        with self._named(p):
            change = self.condition.push(p, values, n, [n + i for i in moved], [tangents[i] for i in moved])
            right = [p.negative(c) for c in change]
            return tuple(solve(p, self.condition, self.linear_solver, values, n, right, transposed=False))

    def pull(
        self,
        p: Primitives,
        operands: Sequence[Any],
        ys: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[Any],
    ) -> list[Any]:
        values, n = [*ys, *operands], len(ys)
        with self._named(p):
            adjoint = solve(p, self.condition, self.linear_solver, values, n, cotangents, transposed=True)
            return self.condition.pull(p, values, n, [n + i for i in wanted], [p.negative(a) for a in adjoint])
