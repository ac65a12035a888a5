"""One engine's run: its result, and what it took to get it."""

from __future__ import annotations

import contextlib
import functools
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from diffiface import registry, trees
from diffiface.adapter import Backend
from diffiface.comparison.problem import LayoutError, Problem, arrays_of, same_bytes
from diffiface.comparison.status import Status
from diffiface.errors import DiffifaceError, MissingBackendError, UnknownBackendError, UnsupportedOperationError
from diffiface.operators.call import Call
from diffiface.operators.preparation import Prep, prepare
from diffiface.second_order.backend import SecondOrder
from diffiface.style import native_engines

_TIMED_RUNS = 7
_TIMING_BUDGET = 0.2
"""Seconds after which an engine is not run again for its timing."""


@dataclass
class Run:
    """What one engine gave, and what it took: a status only where there is nothing left to judge."""

    engine: str
    mode: str = ""
    exact: bool = True
    status: Status | None = None
    detail: str = ""
    values: np.ndarray | None = None
    """The entries of the result in one vector, numbered as `Problem.locate` says."""
    second_values: np.ndarray | None = None
    """The same from a second run on the same numbers."""
    estimate: np.ndarray | None = None
    """A numeric engine's bound on the error of each entry (None if it gives none)."""
    left_domain: str = ""
    """Of a numeric engine without a finite result: that f itself failed or gave nan at points near x, if it did."""
    input_changed: bool = False
    f_calls: int | None = None
    """Calls of f in one run, once prepared."""
    prepare_seconds: float | None = None
    """Preparing, and what the first run took beyond a later one (engines that compile may put it off until then)."""
    run_seconds: float | None = None
    peak_bytes: int | None = None
    backend: Backend | None = None
    prep: Prep | None = field(default=None, repr=False)

    def evaluate(self, problem: Problem, arguments: tuple[Any, ...], t: Any) -> np.ndarray:
        """Run the prepared operator and number the entries of its result."""
        head = arguments[:1] if problem.operator.seeds is None else (arguments[0], t)
        result = getattr(self.prep, problem.operator.name)(*head, *arguments[1:])
        return problem.flatten(result)


def label_of(backend: Backend) -> str:
    """Name an engine with the options that are not its defaults; of a pair both engines."""
    if isinstance(backend, SecondOrder):
        mode = "" if backend.hvp_mode == "auto" else f" ({backend.hvp_mode})"
        return " over ".join(map(label_of, backend.engines)) + mode
    options = [
        f"{o.name}={getattr(backend, o.name)!r}" for o in fields(backend) if getattr(backend, o.name) != o.default
    ]
    return f"{backend.name}({', '.join(options)})" if options else backend.name


def run_engine(spec: str | Backend, problem: Problem) -> Run:
    """Run one engine on the problem; whatever it raises becomes the status of its run.

    Raises `UnknownBackendError` for a name that no engine has: that is a mistake of the caller.
    """
    try:
        backend = registry.resolve(spec)
    except MissingBackendError as error:
        return Run(str(spec), status=Status.NOT_INSTALLED, detail=reason(error))
    except UnknownBackendError:
        raise
    except Exception as error:  # its package is there, but broken
        return Run(str(spec), status=Status.FAILED, detail=reason(error))
    run = Run(label_of(backend), backend.mode.value, backend.exact, backend=backend)
    writers = native_engines(problem.f)
    if writers and backend.traces and backend.style == "auto" and backend.name not in writers:
        run.status, run.detail = Status.NOT_SUPPORTED, f"the function is written for {' and '.join(writers)}"
        return run
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # (What is nan is in the report; a numeric engine would warn of it once for each step.)
            warnings.filterwarnings("ignore", "All-NaN")
            _measure(run, backend, problem)
    except UnsupportedOperationError as error:
        run.status, run.detail = Status.NOT_SUPPORTED, reason(error)
    except LayoutError as error:
        run.status, run.detail = Status.WRONG_KIND, str(error)
    except Exception as error:
        run.status, run.detail = Status.FAILED, reason(error)
        outside = "" if backend.exact else points_outside(backend, problem)
        if outside:
            run.status, run.detail = Status.LEFT_DOMAIN, f"{outside}: {run.detail}"
    return run


def _measure(run: Run, backend: Backend, problem: Problem) -> None:
    counted = Counted(problem.f)
    arguments, t = problem.fresh_arguments()
    before = arrays_of((*arguments, t))
    untouched = [array.copy() for array in before]

    options: dict[str, Any] = {"argnums": problem.argnums, "has_aux": False, "strict": True}
    start = time.perf_counter()
    run.prep = prepare(problem.operator, counted.f, backend, arguments, t, **options)
    run.prepare_seconds = time.perf_counter() - start

    start = time.perf_counter()
    run.values = run.evaluate(problem, arguments, t)
    first_seconds = time.perf_counter() - start
    run.input_changed = not same_bytes(untouched, arrays_of((*arguments, t)))

    arguments, t = problem.fresh_arguments()
    counted.restart()
    run.second_values, run.peak_bytes = _with_peak_memory(lambda: run.evaluate(problem, arguments, t))
    run.f_calls = counted.calls
    run.run_seconds = _median_seconds(lambda: run.evaluate(problem, arguments, t))
    run.prepare_seconds += max(0.0, first_seconds - run.run_seconds)
    if not backend.exact:
        run.estimate = _error_estimate(backend, problem)
        if not np.all(np.isfinite(run.values)):
            run.left_domain = points_outside(backend, problem)


def _median_seconds(call: Callable[[], Any]) -> float:
    """Time a few calls, fewer if they take long."""
    seconds: list[float] = []
    while len(seconds) < _TIMED_RUNS and sum(seconds) < _TIMING_BUDGET:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _with_peak_memory(call: Callable[[], np.ndarray]) -> tuple[np.ndarray, int]:
    """Run once and return the most memory that Python and NumPy held during it, beyond what they held before."""
    already_tracing = tracemalloc.is_tracing()
    if already_tracing:
        tracemalloc.reset_peak()
    else:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = call()
        return result, tracemalloc.get_traced_memory()[1] - before
    finally:
        if not already_tracing:
            tracemalloc.stop()


def _error_estimate(backend: Backend, problem: Problem) -> np.ndarray | None:
    arguments, t = problem.fresh_arguments()
    call = Call(problem.operator, problem.f, backend, arguments, t, argnums=problem.argnums)
    try:
        estimate = backend.error_estimate(problem.operator.name, call.function, call.xs, call.seeds, call.contexts)
    except NotImplementedError:
        return None
    return problem.flatten_estimate(estimate)


def points_outside(backend: Backend, problem: Problem) -> str:
    """Say at how many of the points where a numeric engine evaluates f, f fails or is not finite; "" if at none.

    f is watched in a run of its own, so that the runs that are timed do not pay for it.
    """
    outside: list[bool] = []

    @functools.wraps(problem.f)
    def watched(*args: Any, **kwargs: Any) -> Any:
        outside.append(True)  # (stays so if f raises)
        y = problem.f(*args, **kwargs)
        outside[-1] = not all(np.all(np.isfinite(leaf)) for leaf in map(np.asarray, trees.flatten(y)[0]))
        return y

    arguments, t = problem.fresh_arguments()
    options: dict[str, Any] = {"argnums": problem.argnums, "has_aux": False, "strict": True}
    with contextlib.suppress(Exception), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared = prepare(problem.operator, watched, backend, arguments, t, **options)
        head = arguments[:1] if problem.operator.seeds is None else (arguments[0], t)
        getattr(prepared, problem.operator.name)(*head, *arguments[1:])
    return (
        f"f fails or is not finite at {sum(outside)} of the {len(outside)} points it asks for" if any(outside) else ""
    )


class Counted:
    """f, with its calls counted; what f is written in is still found through the closure.

    The count is kept by a method of a built-in object: a Python attribute that changes at every call would be state of
    f, and an engine that records f would have to run it anew each time.
    """

    def __init__(self, f: Callable[..., Any]):
        self._ticks = bytearray()
        tick = self._ticks.append

        @functools.wraps(f)
        def counting(*args: Any, **kwargs: Any) -> Any:
            tick(0)
            return f(*args, **kwargs)

        self.f = counting

    @property
    def calls(self) -> int:
        """The calls since the last `restart`."""
        return len(self._ticks)

    def restart(self) -> None:
        """Count from 0 again."""
        self._ticks.clear()


def reason(error: BaseException) -> str:
    """Say in one line why an engine gave no result."""
    if isinstance(error, DiffifaceError):
        problem = error.problem.splitlines()[0]
        return f"{problem} (fix: {error.fix})" if error.fix else problem
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
