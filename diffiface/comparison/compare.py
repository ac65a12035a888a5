"""compare: one function and one operator on every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface import registry
from diffiface.adapter import Backend
from diffiface.comparison.classify import classify, misbehaviour
from diffiface.comparison.environment import environment
from diffiface.comparison.problem import OPERATORS, Problem
from diffiface.comparison.referee import Referee
from diffiface.comparison.reference import Reference, Tolerance, settle
from diffiface.comparison.report import Comparison, make_row
from diffiface.comparison.run import Run, run_engine
from diffiface.comparison.several import together
from diffiface.errors import InputError


def compare(
    f: Callable[..., Any],
    x: Any,
    *contexts: Any,
    operator: str = "gradient",
    t: Any = None,
    backends: Sequence[str | Backend] | None = None,
    reference: Any = None,
    points: Sequence[Any] = (),
    rtol: float | None = None,
    atol: float | None = None,
    argnums: int | tuple[int, ...] = 0,
) -> Comparison:
    """Differentiate f at x with every engine, and report who agrees, who does not, where, and at what cost.

    Args:
        f: `f(x, *contexts) -> y`, as for the operator.
        x: where to differentiate.
        contexts: further arguments of f: constants, or `di.Cache` scratch arrays.
        operator: one of the eight, by name (`"gradient"`, `"hessian"`, `"jvp"`, …).
        t: the tangent or cotangent (or a tuple of them), for `pushforward`, `pullback` and `hvp`.
        backends: names or backend objects; all engines that are installed if left out.
        reference: the analytic value; or a function of `(x, *contexts)` (with t after x) that computes it; or the
            engine whose result is to be taken for right, by name or object (`"mpmath"`, `"complex_step"`). Without
            it the exact engines vote; where they differ, or a numeric engine contradicts them, finite differences
            of f decide which of them are to be believed.
        points: further points, like x, to compare at; the report then has the worst of all points for each engine,
            and in its `points` the reports one by one. The tangent t and the contexts are the same at all of them.
        rtol: how far right engines may be apart, as a share of the result; by the precision of x if left out.
        atol: the same, in absolute terms.
        argnums: which argument(s) of f to differentiate.
    Returns:
        A `Comparison`: print it, or use `rows`, `ok`, `raise_if_disagreement()`, `to_dataframe()`, `plot()`.
    Raises:
        InputError, OutputError: an argument, or what f returned, cannot be used by any engine; or the engine that
            is to be the reference gave no result.
        UnknownBackendError: no engine has that name. Whatever an engine itself raises becomes its row.

    >>> import numpy as np, diffiface as di
    >>> report = di.compare(lambda x: np.sum(x**2), np.array([1.0, 2.0]), backends=["forward", "reverse"])
    >>> report.ok
    True
    """
    if operator not in OPERATORS:
        raise InputError(f"no operator is called {operator!r}", fix=f"one of {', '.join(OPERATORS)}")
    if points and reference is not None and not (callable(reference) or isinstance(reference, (str, Backend))):
        raise InputError("one reference value cannot serve several points", fix="reference= a function, or an engine")
    names: Sequence[str | Backend] = registry.default_backends() if backends is None else backends
    reports = []
    for point in (x, *points):
        problem = Problem(f, OPERATORS[operator], (point, *contexts), t, argnums)
        runs = [run_engine(name, problem) for name in names]
        reports.append(judge(problem, runs, reference, rtol, atol))
    return together(reports) if points else reports[0]


def judge(
    problem: Problem, runs: list[Run], reference: Any = None, rtol: float | None = None, atol: float | None = None
) -> Comparison:
    """Find out who of those that ran is right; the arguments are as for `compare`."""
    tolerance = Tolerance.default(problem, rtol, atol)
    for run in runs:
        if run.status is None and run.values is not None:
            run.status, run.detail = misbehaviour(run, tolerance.benefit_of_doubt(run.values)) or (None, "")
    referee = Referee(problem)
    settled = (
        _given(problem, reference, tolerance) if reference is not None else settle(problem, runs, referee, tolerance)
    )
    rows = [make_row(run, classify(run, problem, settled, referee), problem, settled) for run in runs]
    return Comparison(rows, _describe(problem), settled.source if settled else "none", environment(problem, runs))


def _given(problem: Problem, reference: Any, tolerance: Tolerance) -> Reference:
    if isinstance(reference, (str, Backend)):
        return _by_engine(problem, reference, tolerance)
    if callable(reference):
        arguments, t = problem.fresh_arguments()
        reference = reference(*arguments) if t is None else reference(arguments[0], t, *arguments[1:])
    try:
        values = problem.flatten(_as_result(problem, reference))
    except ValueError as error:
        raise InputError(f"reference= has {error}", fix="give it in the form of the operator's result") from error
    return Reference(values, "analytic value", tolerance, certain=True)


def _by_engine(problem: Problem, engine: str | Backend, tolerance: Tolerance) -> Reference:
    """Take the result of one engine for right."""
    run = run_engine(engine, problem)
    if run.values is None or run.status is not None:
        what = f"{run.status}: {run.detail}" if run.status is not None else "no result"
        raise InputError(f"the reference engine, {run.engine}, did not run ({what})", fix="name another, or none")
    return Reference(run.values, run.engine, tolerance, certain=run.exact)


def _as_result(problem: Problem, reference: Any) -> Any:
    """Let a single array be given as a list or in another precision."""
    if problem.structure is not None or isinstance(reference, dict):
        return reference
    array = np.asarray(reference)
    return array.astype(np.result_type(problem.x_dtype, array.dtype if array.dtype.kind == "c" else problem.x_dtype))


def _describe(problem: Problem) -> str:
    """Name the problem: operator, function, size."""
    name = getattr(problem.f, "__name__", type(problem.f).__name__)
    sizes = sum(x.size for x in problem.call.xs)
    return f"{problem.operator.name} of {name} at x (n={sizes})"
