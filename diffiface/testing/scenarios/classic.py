"""The classic problems as scenarios: those operators whose results are derived by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface.comparison.problem import OPERATORS
from diffiface.testing.problems import PROBLEMS, Instance, Problem
from diffiface.testing.scenario import Point, Scenario
from diffiface.testing.scenarios.known import contract, contract_adjoint


def classic_scenarios(problems: Sequence[Problem] = PROBLEMS, n: int | None = None) -> list[Scenario]:
    """Return a scenario for every classic problem and operator of interest with a result derived by hand.

    Args:
        problems: of `diffiface.testing.problems`.
        n: their size; None: the smallest of each.
    Returns:
        Scenarios with the tag `classic`.
    """
    return [
        scenario
        for problem in problems
        for scenario in (_scenario(problem, problem.instance(n), operator) for operator in problem.operators)
        if scenario is not None
    ]


def _scenario(problem: Problem, instance: Instance, operator: str) -> Scenario | None:
    known = instance.derivatives
    parts = OPERATORS[operator].parts
    needs_gradient = parts.count("x") > 0
    matrix = {"hvp": "hessian", "pushforward": "jacobian", "pullback": "jacobian"}.get(operator)
    if (operator not in known and matrix not in known) or (needs_gradient and "gradient" not in known):
        return None

    def result(p: Point) -> Any:
        if operator in known:
            return known[operator](*p.arguments)
        assert matrix is not None
        product = contract_adjoint if operator == "pullback" else contract
        derivative = known[matrix](p.x, *p.contexts)
        return product(p.t, derivative) if operator == "pullback" else product(derivative, p.t)

    def exact(p: Point) -> tuple[Any, ...]:
        gradient = [known["gradient"](p.x, *p.contexts)] if needs_gradient and operator != "gradient" else []
        return instance.f(p.x, *p.contexts), *gradient, result(p)

    def moved(size: float) -> Point:
        rng = np.random.default_rng(3)
        x = instance.x * (1 + size * rng.standard_normal(np.shape(instance.x)))
        return Point(x, instance.seed(operator), instance.contexts)

    return Scenario(
        problem.name, operator, instance.f, moved(0.0), exact, moved(0.05), moved(-0.1), tags=frozenset({"classic"})
    )
