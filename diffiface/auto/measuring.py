"""The fastest of the engines that pass the comparison, within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface import registry
from diffiface.adapter import Backend, Mode, current_trace
from diffiface.auto.choice import Choice
from diffiface.auto.request import Request
from diffiface.comparison.compare import judge
from diffiface.comparison.problem import Problem
from diffiface.comparison.report import Comparison
from diffiface.comparison.run import Run, run_engine
from diffiface.comparison.status import Status
from diffiface.errors import DiffifaceError, DisagreementError, UnknownBackendError, UnsupportedOperationError
from diffiface.operators.preparation import evaluate

_RACE_SHARE = 0.2
"""How much of the budget the last round, between those that passed, may take."""
_RACE_TURNS = 15
_TURN = 0.002
"""Seconds of a turn."""


def measure(request: Request, candidates: Sequence[str | Backend] | None, budget: float) -> Choice:
    """Compare the candidates, and race those whose results can be relied on.

    A numeric engine is chosen only where no exact one passes. Once the budget is used up no further candidate is
    started; what has been started is not interrupted.

    Raises `UnsupportedOperationError` if no engine can run it, `DisagreementError` if none passes the comparison.
    """
    try:
        problem = request.problem()
    except DiffifaceError as error:
        error.engine = "auto"
        raise
    specs = list(registry.default_backends() if candidates is None else candidates)
    start = time.perf_counter()
    runs: list[Run] = []
    not_tried: list[str] = []
    for spec in specs:
        usable = any(run.values is not None for run in runs)
        if usable and time.perf_counter() - start > (1 - _RACE_SHARE) * budget:
            not_tried.append(spec if isinstance(spec, str) else spec.name)
        else:
            runs.append(run_engine(spec, problem))
    comparison = judge(problem, runs)
    passed = _passed(runs, comparison)
    if not passed:
        raise _nothing_passed(request, runs, comparison)
    remaining = max(budget - (time.perf_counter() - start), _RACE_SHARE * budget / 4)
    seconds = _race(request, problem, passed, min(remaining, _RACE_SHARE * budget))
    if not seconds:  # all of them failed without a preparation
        raise _nothing_passed(request, runs, comparison)
    best = next(run for run in passed if run.engine == next(iter(seconds)))
    assert best.backend is not None
    reason = _reason(best, seconds)
    return Choice(best.backend, request.operator.name, request.prepared, reason, seconds, comparison, tuple(not_tried))


def without_measuring(request: Request, candidates: Sequence[str | Backend] | None) -> Backend:
    """Choose for a call inside another derivative: the first exact engine that runs there, best in the fitting direction."""
    fitting = Mode.FORWARD if request.operator.name in _FORWARD else Mode.REVERSE
    second: Backend | None = None
    for spec in registry.default_backends() if candidates is None else candidates:
        try:
            backend = registry.resolve(spec)
        except UnknownBackendError:
            raise
        except Exception:  # its package is missing or broken: the others may do
            continue
        if not backend.exact or (backend.nests != "in any engine" and backend.name != current_trace().engine):
            continue
        if backend.mode in (fitting, Mode.BOTH):
            return backend
        second = second or backend
    if second is None:
        raise UnsupportedOperationError(
            "none of the candidates can run inside another derivative",
            engine="auto",
            fix="allow 'forward' or 'reverse': candidates=(..., 'reverse')",
        )
    return second


_FORWARD = ("pushforward", "derivative", "second_derivative")


# ---- compared


def _passed(runs: Sequence[Run], comparison: Comparison) -> list[Run]:
    """Keep the exact engines to be relied on, else the numeric ones; conventions count only where nobody agrees."""
    statuses = {id(run): row["status"] for run, row in zip(runs, comparison.rows, strict=True)}
    for exact in (True, False):
        for wanted in ((Status.AGREES, Status.WITHIN_ESTIMATE), tuple(Status)):
            found = [
                run for run in runs if run.exact == exact and statuses[id(run)].accepted and statuses[id(run)] in wanted
            ]
            if found:
                return found
    return []


def _nothing_passed(request: Request, runs: Sequence[Run], comparison: Comparison) -> Exception:
    if any(run.values is not None for run in runs):
        return DisagreementError(
            f"no engine's result can be relied on:\n{comparison}", engine="auto", fix="name the engine you trust"
        )
    reasons = "; ".join(f"{run.engine}: {run.detail}" for run in runs)
    return UnsupportedOperationError(
        f"no engine can compute this {request.operator.name} ({reasons})", engine="auto", fix="see what each one says"
    )


# ---- timed


def _race(request: Request, problem: Problem, runs: Sequence[Run], budget: float) -> dict[str, float]:
    """Let the engines take turns, and return the least time of each, the fastest first."""
    calls: dict[str, Callable[[], Any]] = {}
    counts: dict[str, int] = {}
    best: dict[str, float] = {}
    for run in runs:
        call = _call(request, problem, run)
        try:
            with np.errstate(all="ignore"):
                took = _timed(call, 1)
        except Exception:  # it passed when prepared; what it raises without has no time
            continue
        calls[run.engine], best[run.engine] = call, took
        counts[run.engine] = max(1, int(_TURN / max(took, 1e-7)))
    start = time.perf_counter()
    for _ in range(_RACE_TURNS):
        for engine, call in calls.items():
            if best[engine] > 20 * min(best.values()):  # it cannot win any more
                continue
            if time.perf_counter() - start > budget:
                break
            with np.errstate(all="ignore"):
                best[engine] = min(best[engine], _timed(call, counts[engine]) / counts[engine])
    return dict(sorted(best.items(), key=lambda item: item[1]))


def _call(request: Request, problem: Problem, run: Run) -> Callable[[], Any]:
    arguments, t = problem.fresh_arguments()
    name = problem.operator.name
    if request.prepared:
        bound = getattr(run.prep, name)
        head = arguments[:1] if problem.operator.seeds is None else (arguments[0], t)
        return lambda: bound(*head, *arguments[1:])
    assert run.backend is not None
    backend, f = run.backend, problem.f
    options: dict[str, Any] = {"prep": None, "out": None, "argnums": problem.argnums, "has_aux": False}
    return lambda: evaluate(problem.operator, name, f, backend, arguments, t, **options)


def _timed(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - start


def _reason(best: Run, seconds: dict[str, float]) -> str:
    engines, times = list(seconds), list(seconds.values())
    if len(times) > 1:
        text = (
            f"{best.engine} is the fastest of {len(times)} engines that agree: "
            f"{times[1] / times[0]:.2g} times as fast as {engines[1]}"
        )
    else:
        text = f"{best.engine} is the only engine that passes the comparison"
    return text if best.exact else f"{text} (no exact engine does)"
