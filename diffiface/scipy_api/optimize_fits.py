"""scipy.optimize's least squares: minima of half the sum of squares, with the residuals at hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg, optimize

from diffiface.numpy_api.conversion import trace_of
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.primitives import Primitives
from diffiface.rebinding.substitutes import substitute, substitute_for
from diffiface.scipy_api.optimize_minima import TracedResult, free_between, minimum
from diffiface.scipy_api.optimize_solution import (
    as_arguments,
    gradient,
    jacobian,
    on_plain_numbers,
    plain,
    refuse,
    trace_of_call,
    with_value,
)
from diffiface.tracing import tracing

LOSSES: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.where(z <= 1, 1.0, z)) - 1),
    "cauchy": lambda z: np.log1p(z),
    "arctan": lambda z: np.arctan(z),
}
"""SciPy's loss functions of the squared residuals."""


def _jacobian(p: Primitives, residuals: Callable[[Any], Any], x: Any) -> Any:
    def on_trace(q: Primitives, x: Any) -> Any:
        with tracing(q):
            return residuals(x)

    return jacobian(p, on_trace, x)


def _ends(bounds: Any) -> tuple[Any, Any]:
    return (bounds.lb, bounds.ub) if isinstance(bounds, optimize.Bounds) else bounds


@substitute(optimize.least_squares)
def least_squares(
    fun: Any,
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: Any = 1e-8,
    xtol: Any = 1e-8,
    gtol: Any = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    diff_step: Any = None,
    tr_solver: Any = None,
    tr_options: Any = None,
    jac_sparsity: Any = None,
    max_nfev: Any = None,
    verbose: int = 0,
    args: Any = (),
    kwargs: Any = None,
    callback: Any = None,
    workers: Any = None,
) -> Any:
    """Solve a nonlinear least squares problem, as scipy.optimize.least_squares does."""
    name = "scipy.optimize.least_squares"
    keywords = kwargs or {}
    x0 = plain(x0, name)

    def residuals(x: Any) -> Any:
        return as_dressed(fun(x, *args, **keywords))

    p = trace_of((args, keywords)) or trace_of_call(residuals, np.atleast_1d(np.asarray(x0, float)), ())
    options: dict[str, Any] = {
        "bounds": bounds,
        "method": method,
        "ftol": ftol,
        "xtol": xtol,
        "gtol": gtol,
        "loss": loss,
        "f_scale": f_scale,
        "diff_step": diff_step,
        "tr_solver": tr_solver,
        "tr_options": tr_options,
        "jac_sparsity": jac_sparsity,
        "max_nfev": max_nfev,
        "verbose": verbose,
    }
    # (newer than the oldest SciPy that is supported, or with another default there)
    options |= {
        k: v for k, v in {"x_scale": x_scale, "callback": callback, "workers": workers}.items() if v is not None
    }
    if p is None:
        return optimize.least_squares(fun, x0, jac, args=args, kwargs=keywords, **options)
    if loss not in LOSSES:
        refuse(
            p, f"{name} with a loss function of your own", "write the cost and minimise it by scipy.optimize.minimize"
        )
    if trace_of((bounds, f_scale)) is not None:
        refuse(p, f"{name} with bounds or f_scale that are differentiated")
    numbers = on_plain_numbers(residuals, (), name)
    slopes = on_plain_numbers(lambda x: jac(x, *args, **keywords), (), name) if callable(jac) else jac
    found: Any = optimize.least_squares(numbers, x0, slopes, **options)
    scale = float(f_scale)

    def cost(x: Any) -> Any:
        return 0.5 * scale**2 * np.sum(LOSSES[loss]((residuals(x) / scale) ** 2))

    x = np.asarray(found.x, float)
    result = TracedResult(found.items())
    result.x = minimum(p, x, cost, free_between(*_ends(bounds), x), name)
    result.fun, result.cost = residuals(result.x), cost(result.x)
    result.grad = with_value(found.grad, gradient(p, cost, result.x), name)
    if loss == "linear":
        result.jac = _jacobian(p, residuals, result.x)
    else:
        del result["jac"]  # SciPy's is scaled by the loss
    return result


@substitute(optimize.leastsq)
def leastsq(
    func: Any,
    x0: Any,
    args: Any = (),
    Dfun: Any = None,
    full_output: bool = False,
    col_deriv: bool = False,
    ftol: float = 1.49012e-8,
    xtol: float = 1.49012e-8,
    gtol: float = 0.0,
    maxfev: int = 0,
    epsfcn: Any = None,
    factor: Any = 100,
    diag: Any = None,
) -> Any:
    """Minimise the sum of squares, as scipy.optimize.leastsq does."""
    name = "scipy.optimize.leastsq"
    args = as_arguments(args)
    x0 = plain(x0, name)
    p = trace_of(args) or trace_of_call(func, np.atleast_1d(np.asarray(x0, float)), args)
    how = (full_output, col_deriv, ftol, xtol, gtol, maxfev, epsfcn, factor, diag)
    if p is None:
        return optimize.leastsq(func, x0, args, Dfun, *how)
    if full_output:
        refuse(p, f"{name} with full_output=", "use scipy.optimize.least_squares, or curve_fit for the covariance")
    found, *report = optimize.leastsq(
        on_plain_numbers(func, args, name), x0, (), on_plain_numbers(Dfun, args, name), *how
    )
    x = np.atleast_1d(np.asarray(found, float))

    def cost(x: Any) -> Any:
        return 0.5 * np.sum(as_dressed(func(x, *args)) ** 2)

    return (minimum(p, x, cost, np.ones(x.shape, bool), name), *report)


@substitute(optimize.curve_fit)
def curve_fit(
    f: Any,
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: Any = None,
    bounds: Any = (-np.inf, np.inf),
    method: Any = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: Any = None,
    **kwargs: Any,
) -> Any:
    """Fit a curve by least squares, as scipy.optimize.curve_fit does."""
    name = "scipy.optimize.curve_fit"
    p0, bounds = plain(p0, name), plain(bounds, name)
    count = len(inspect.signature(f).parameters) - 1 if p0 is None else np.size(p0)
    start = np.ones(count) if p0 is None else np.atleast_1d(np.asarray(p0, float))
    p = trace_of((xdata, ydata, sigma)) or trace_of_call(lambda q: f(xdata, *q), start, ())
    options = {"bounds": bounds, "method": method, "check_finite": check_finite, "nan_policy": nan_policy, **kwargs}
    if p is None:
        return optimize.curve_fit(
            f, xdata, ydata, p0, sigma, absolute_sigma, jac=jac, full_output=full_output, **options
        )
    if full_output or nan_policy == "omit":
        refuse(p, f"{name} with full_output= or nan_policy='omit'", "use scipy.optimize.least_squares")
    found, covariance = optimize.curve_fit(
        on_plain_numbers(f, (), name),
        plain(xdata, name),
        plain(ydata, name),
        p0,
        plain(sigma, name),
        absolute_sigma,
        jac=on_plain_numbers(jac, (), name),
        **options,
    )

    def residuals(q: Any) -> Any:
        misfit = as_dressed(f(xdata, *q)) - as_dressed(ydata)
        if sigma is None:
            return misfit
        spread = as_dressed(sigma)
        if np.ndim(spread) < 2:
            return misfit / spread
        cholesky, solve_triangular = (substitute_for(g) for g in (linalg.cholesky, linalg.solve_triangular))
        return solve_triangular(cholesky(spread, lower=True), misfit, lower=True)

    best = minimum(p, found, lambda q: 0.5 * np.sum(residuals(q) ** 2), free_between(*_ends(bounds), found), name)
    slopes = _jacobian(p, residuals, best)
    ours = np.linalg.inv(slopes.T @ slopes)
    if not absolute_sigma:
        left = np.size(residuals(found)) - found.size
        ours = ours * (np.sum(residuals(best) ** 2) / left) if left > 0 else ours
    return best, with_value(covariance, ours, name) if np.all(np.isfinite(covariance)) else covariance


@substitute(optimize.nnls)
def nnls(A: Any, b: Any, **options: Any) -> Any:
    """Solve a least squares problem with entries that are not negative, as scipy.optimize.nnls does."""
    name = "scipy.optimize.nnls"
    p = trace_of((A, b))
    if p is None:
        return optimize.nnls(A, b, **options)
    found, norm = optimize.nnls(plain(as_dressed(A), name), plain(as_dressed(b), name), **options)
    A, b = as_dressed(A), as_dressed(b)
    spread = np.eye(found.size)[:, found > 0]
    columns = A @ spread
    x = with_value(found, spread @ np.linalg.solve(columns.T @ columns, columns.T @ b), name)
    return x, with_value(norm, np.linalg.norm(A @ x - b), name)
