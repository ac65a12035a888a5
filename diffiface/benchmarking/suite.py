"""Suites: problems of the literature, each at several sizes, on every engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from diffiface import trees
from diffiface.adapter import OPERATORS, Backend
from diffiface.benchmarking.benchmark import run
from diffiface.benchmarking.case import ByHand, Case, make_case
from diffiface.benchmarking.results import Results
from diffiface.benchmarking.settings import Settings
from diffiface.contexts import unwrap
from diffiface.errors import InputError

if TYPE_CHECKING:
    from diffiface.testing.problems import LeastSquaresProblem, Problem

_MOST_ENTRIES = 4_000_000
"""The largest dense matrix, in entries, that engines are asked for (32 MB)."""


def benchmark_suite(
    suite: str = "classic",
    *,
    problems: Sequence[str] | None = None,
    quick: bool = False,
    backends: Sequence[str | Backend] | None = None,
    by_hand: Mapping[tuple[str, str], ByHand] | None = None,
    seconds: float = 0.2,
    rounds: int = 8,
    timeout: float = 10.0,
    threads: int | None = 1,
    memory_limit: int | None = None,
    unprepared: bool = False,
    budget: float | None = 1000.0,
    progress: bool | None = None,
) -> Results:
    """Time every engine on the problems of a suite, at all their sizes.

    Jacobians and Hessians of more than four million entries are left out: what would be measured is memory.

    Args:
        suite: `"classic"`, the problems with a size in `diffiface.testing.problems`; or `"more-garbow-hillstrom"`, the
            Jacobians of 35 small least-squares problems.
        problems: the names of those to run; all if left out.
        quick: take each problem's smallest size only (of the 35, those with at most 3 variables).
        backends: names or backend objects; all engines that are installed if left out.
        by_hand: (problem, operator) → hand-written calls, as for `benchmark`.
        seconds, rounds, timeout, threads, memory_limit, progress: as for `benchmark`, for each case.
        unprepared: whether to time calls without preparation too; engines that compile take long over them.
        budget: the seconds after which no further case is begun (its rows say so); None for no end. Small sizes of all
            problems come before larger ones.
    Returns:
        `Results`; results derived by hand are the reference where the problem has them.
    Raises:
        InputError: no suite or problem is called that. UnknownBackendError: no engine is.

    >>> from diffiface.benchmarking import benchmark_suite
    >>> results = benchmark_suite(problems=["logit"], quick=True, backends=["reverse"], seconds=0.01, rounds=2)
    >>> sorted({row["problem"] for row in results.rows})
    ['logit']
    """
    if suite not in SUITES:
        raise InputError(f"no suite is called {suite!r}", fix=f"known suites: {', '.join(SUITES)}")
    settings = Settings(seconds, rounds, timeout, threads, memory_limit, unprepared, budget)
    plan = SUITES[suite](problems, quick, by_hand or {})
    # Made one at a time: the data of all of them together need not fit into memory.
    results = run((make() for make in plan), backends, settings, progress, total=len(plan))
    order = {row["problem"]: i for i, row in reversed(list(enumerate(results.rows)))}
    operators = list(OPERATORS)
    results.rows.sort(key=lambda row: (order[row["problem"]], operators.index(row["operator"]), row["n"]))
    return results


Plan = Sequence[Callable[[], "Case | None"]]
"""What makes each case."""


def _classic(names: Sequence[str] | None, quick: bool, by_hand: Mapping[tuple[str, str], ByHand]) -> Plan:
    """Plan the problems with a size: all of them small, then all of them larger."""
    from diffiface.testing.problems import PROBLEMS, find_problem

    problems = list(PROBLEMS) if names is None else [find_problem(name) for name in names]
    return [
        partial(_classic_case, problem, operator, problem.sizes[step], by_hand)
        for step in range(1 if quick else max(len(problem.sizes) for problem in problems))
        for problem in problems
        if step < len(problem.sizes)
        for operator in problem.operators
    ]


def _least_squares(names: Sequence[str] | None, quick: bool, by_hand: Mapping[tuple[str, str], ByHand]) -> Plan:
    """Plan Jacobians of the residuals, at the published starting points."""
    from diffiface.testing.problems import MORE_GARBOW_HILLSTROM

    known = {problem.name: problem for problem in MORE_GARBOW_HILLSTROM}
    for name in names or ():
        if name not in known:
            raise InputError(f"no problem is called {name!r}", fix=f"known problems: {', '.join(known)}")
    return [
        partial(_least_squares_case, known[name], by_hand)
        for name in (known if names is None else names)
        if not quick or known[name].n <= 3
    ]


SUITES = {"classic": _classic, "more-garbow-hillstrom": _least_squares}


def _least_squares_case(problem: LeastSquaresProblem, by_hand: Mapping[tuple[str, str], ByHand]) -> Case:
    instance = problem.least_squares()
    return make_case(
        instance.f,
        (instance.x, *instance.contexts),
        "jacobian",
        by_hand=by_hand.get((problem.name, "jacobian")),
        name=problem.name,
        n=problem.n,
    )


def _classic_case(problem: Problem, operator: str, n: int, by_hand: Mapping[tuple[str, str], ByHand]) -> Case | None:
    """Make a case; None where the result is a matrix that nobody would want to hold densely."""
    instance = problem.instance(n)
    if operator in ("jacobian", "hessian"):
        columns = sum(map(np.size, trees.flatten(instance.x)[0]))
        y = instance.f(instance.x, *map(unwrap, instance.contexts))
        rows = columns if operator == "hessian" else sum(map(np.size, trees.flatten(y)[0]))
        if rows * columns > _MOST_ENTRIES:
            return None
    return make_case(
        instance.f,
        (instance.x, *instance.contexts),
        operator,
        t=instance.seed(operator),
        by_hand=by_hand.get((problem.name, operator)),
        reference=instance.reference(operator),
        name=problem.name,
        n=n,
    )
