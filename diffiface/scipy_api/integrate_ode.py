"""scipy.integrate.solve_ivp, differentiated step by step.

SciPy's solver chooses the steps, on plain numbers. They are then repeated with the values that are being
differentiated, by the same Runge-Kutta formulas: what is differentiated is exactly what was computed, with the step
sizes held fixed (their own derivative is of the size of the solver's error).
"""

from __future__ import annotations

import itertools
from typing import Any, NoReturn

import numpy as np
from scipy import integrate

from diffiface.numpy_api.conversion import array_in, trace_of
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.primitives import Primitives
from diffiface.rebinding.substitutes import substitute

_OdeResult: Any = type(integrate.solve_ivp(lambda t, y: y, (0.0, 0.0), [1.0]))
"""SciPy's class of the result, which has no public name."""

_EXPLICIT: dict[str, Any] = {"RK45": integrate.RK45, "RK23": integrate.RK23, "DOP853": integrate.DOP853}


def _plain(value: Any) -> Any:
    p = trace_of(value)
    return value if p is None else known(p, array_in(value, p), "scipy.integrate.solve_ivp")[()]


def _refuse(p: Primitives, problem: str, fix: str) -> NoReturn:
    unsupported(p, f"scipy.integrate.solve_ivp with {problem} is not translated", fix)


@substitute(integrate.solve_ivp)
def solve_ivp(
    fun: Any,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """Solve an initial value problem, as scipy.integrate.solve_ivp does."""
    arguments = () if args is None else tuple(args)
    p = trace_of((t_span, y0, arguments))
    if p is None:  # fun may itself hold values that are being differentiated
        start = np.asarray(y0)
        p = trace_of(fun(t_span[0], start[:, None] if vectorized else start, *arguments))
    if p is None:
        return integrate.solve_ivp(fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, **options)
    solver_class = _EXPLICIT.get(method, method) if isinstance(method, str) else method
    if solver_class not in _EXPLICIT.values():
        _refuse(
            p,
            f"method={method!r}: its implicit steps are solved by iteration",
            "choose method='RK45', 'RK23' or 'DOP853'",
        )
    if dense_output or events is not None:
        _refuse(p, "dense_output or events", "give the times you need as t_eval=")
    if vectorized:
        _refuse(p, "vectorized=True", "leave it out: the explicit methods do not use it")
    if t_eval is not None and trace_of(t_span) is not None:
        _refuse(
            p, "t_eval and a differentiated t_span", "leave out t_eval (the last column is the solution at its end)"
        )

    def right_side(t: Any, y: Any) -> Any:
        return as_dressed(fun(t, y, *arguments))

    plain_arguments = tuple(_plain(value) for value in arguments)

    def plain_right_side(t: float, y: np.ndarray) -> Any:
        return np.asarray(_plain(fun(t, y, *plain_arguments)))

    t0, t1 = t_span
    plain_t0, plain_t1 = float(_plain(t0)), float(_plain(t1))
    solver = solver_class(plain_right_side, plain_t0, np.array(_plain(y0), float), plain_t1, **options)
    times = [plain_t0]
    message = None
    while solver.status == "running":
        message = solver.step()
        if solver.status == "failed":
            break
        times.append(solver.t)
    return _replayed(right_side, solver_class, t0, t1, times, y0, t_eval, solver, message)


def _replayed(
    right_side: Any,
    method: Any,
    t0: Any,
    t1: Any,
    times: list[float],
    y0: Any,
    t_eval: Any,
    solver: Any,
    message: str | None,
) -> Any:
    """Repeat the steps, and collect the solution at their ends or at `t_eval`."""
    plain_t0, plain_t1 = times[0], float(_plain(t1))
    moving = trace_of((t0, t1)) is not None
    # Steps as shares of the interval, so that they move with its ends.
    at = [t0 + (t - plain_t0) / (plain_t1 - plain_t0) * (t1 - t0) for t in times] if moving else times
    y = as_dressed(y0)
    y = y if y.dtype.kind in "fc" else y.astype(float)
    slope = right_side(at[0], y)
    wanted = None if t_eval is None else np.asarray(t_eval, float)
    columns, column_times = ([y], [at[0]]) if wanted is None else ([], [])
    direction = 1.0 if plain_t1 >= plain_t0 else -1.0
    done = 0
    for number, (t_old, t_new) in enumerate(itertools.pairwise(at)):
        step = t_new - t_old
        stages = [slope]
        for a, c in zip(method.A[1:], method.C[1:], strict=True):
            increment = sum(float(w) * k for w, k in zip(a[: len(stages)], stages, strict=True) if w)
            stages.append(right_side(t_old + float(c) * step, y + step * increment))
        y_new = y + step * sum(float(w) * k for w, k in zip(method.B, stages, strict=False) if w)
        new_slope = right_side(t_new, y_new)
        if wanted is None:
            columns.append(y_new)
            column_times.append(t_new)
        else:
            end = int(np.searchsorted(direction * wanted, direction * times[number + 1], side="right"))
            if end > done:
                inside = _dense(method, right_side, t_old, step, y, y_new, [*stages, new_slope])
                columns += [inside((float(t) - t_old) / step) for t in wanted[done:end]]
                done = end
        y, slope = y_new, new_slope
    result_times = np.stack(column_times) if moving else np.array(column_times if wanted is None else wanted[:done])
    status = 0 if solver.status == "finished" else -1
    return _OdeResult(
        t=result_times,
        y=np.stack(columns, axis=-1) if columns else np.zeros((np.shape(y)[0], 0)),
        sol=None,
        t_events=None,
        y_events=None,
        nfev=solver.nfev,
        njev=solver.njev,
        nlu=solver.nlu,
        status=status,
        message=message or "The solver successfully reached the end of the integration interval.",
        success=status >= 0,
    )


def _dense(method: Any, right_side: Any, t_old: Any, step: Any, y: Any, y_new: Any, stages: list[Any]) -> Any:
    """Return the solution within a step, as a function of the share of the step: SciPy's own interpolants."""
    if method is not integrate.DOP853:
        powers = [sum(float(w) * k for w, k in zip(row, stages, strict=True) if w) for row in method.P.T]

        def inside(share: float) -> Any:
            return y + step * sum(term * share ** (i + 1) for i, term in enumerate(powers))

        return inside
    first, last = stages[0], stages[-1]
    stages = list(stages)
    for a, c in zip(method.A_EXTRA, method.C_EXTRA, strict=True):
        increment = sum(float(w) * k for w, k in zip(a[: len(stages)], stages, strict=True) if w)
        stages.append(right_side(t_old + float(c) * step, y + step * increment))
    change = y_new - y
    terms = [change, step * first - change, 2 * change - step * (last + first)]
    terms += [step * sum(float(w) * k for w, k in zip(row, stages, strict=True) if w) for row in method.D]

    def inside_dop853(share: float) -> Any:
        value: Any = 0.0
        for i, term in enumerate(reversed(terms)):
            value = (value + term) * (share if i % 2 == 0 else 1.0 - share)
        return y + value

    return inside_dop853
