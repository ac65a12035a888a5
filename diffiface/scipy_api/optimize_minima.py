"""scipy.optimize's minima: at a minimum the gradient is zero, along the variables that no bound holds."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from diffiface.numpy_api.conversion import trace_of
from diffiface.primitives import Primitives
from diffiface.rebinding.substitutes import substitute
from diffiface.scipy_api.optimize_solution import (
    as_arguments,
    gradient,
    on_plain_numbers,
    plain,
    refuse,
    solution,
    trace_of_call,
)

AT_BOUND = 1e-12
"""How near to a bound (relative to its size) a variable is held by it. SciPy's methods stop on bounds exactly."""


def minimum(p: Primitives, found: np.ndarray, objective: Callable[[Any], Any], free: np.ndarray, name: str) -> Any:
    """Return a minimum with its dependence on what the objective holds.

    Args:
        p: the trace of what it holds.
        found: the minimum, as plain numbers.
        objective: the user's function, of x alone.
        free: which entries of x are not held by a bound.
        name: of SciPy's function, for messages.
    """
    if free.all():
        return solution(p, found, lambda q, x: gradient(q, objective, x), name)
    spread = np.eye(found.size)[:, free]  # from the free entries to all
    held = np.where(free, 0.0, found)

    def of_free(z: Any) -> Any:
        return objective(spread @ z + held)

    return spread @ solution(p, found[free], lambda q, z: gradient(q, of_free, z), name) + held


def free_between(lower: Any, upper: Any, x: np.ndarray) -> np.ndarray:
    """Say which variables are not held by bounds."""
    return ~(_touches(x, np.asarray(lower, float)) | _touches(x, np.asarray(upper, float)))


def _touches(x: np.ndarray, bound: np.ndarray) -> np.ndarray:
    size = np.where(np.isfinite(bound), np.abs(bound), 0.0)
    return np.abs(x - bound) <= AT_BOUND * (1 + size)


def _free(bounds: Any, x: np.ndarray) -> np.ndarray:
    """Say which variables are not held by bounds as `minimize` takes them: `Bounds`, pairs with None for none, None."""
    if bounds is None:
        return np.ones(x.shape, bool)
    if isinstance(bounds, optimize.Bounds):
        return free_between(bounds.lb, bounds.ub, x)
    pairs = [(-np.inf if low is None else low, np.inf if high is None else high) for low, high in bounds]
    lower, upper = np.array(pairs, float).T
    return free_between(lower, upper, x)


class TracedResult(optimize.OptimizeResult):
    """SciPy's result, with values of a trace in it; what has no derivative there is asked for in vain."""

    def __missing__(self, key: str) -> Any:
        p = trace_of(dict.get(self, "x"))
        if p is None or key.startswith("_"):
            raise KeyError(key)
        refuse(p, f"{key} of a minimum that is differentiated", "compute it from x, or outside the function")

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error


_APPROXIMATE = ("hess", "hess_inv", "final_simplex", "direc", "allvecs")
"""What results hold of a method's way to the minimum: no function of the parameters."""


@substitute(optimize.minimize)
def minimize(
    fun: Any,
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: Any = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """Minimise a function of several variables, as scipy.optimize.minimize does."""
    name = "scipy.optimize.minimize"
    args = as_arguments(args)
    x0 = plain(x0, name)
    start = np.atleast_1d(np.asarray(x0, float))
    p = trace_of(args) or trace_of_call(fun, start, args)
    rest = {"tol": tol, "callback": callback, "options": options}
    if p is None:
        return optimize.minimize(fun, x0, args, method, jac, hess, hessp, bounds, constraints, **rest)
    if isinstance(constraints, dict) or not isinstance(constraints, list | tuple) or constraints:
        refuse(p, f"{name} with constraints=")
    if trace_of(bounds) is not None:
        refuse(p, f"{name} with bounds that are differentiated")
    numbers = [on_plain_numbers(function, args, name) for function in (fun, jac, hess, hessp)]
    found: Any = optimize.minimize(numbers[0], x0, (), method, *numbers[1:], bounds, constraints, **rest)  # type: ignore[call-overload]

    def objective(x: Any) -> Any:
        value = fun(x, *args)
        return value[0] if isinstance(value, tuple) else value  # jac=True: its gradient beside it

    x = np.asarray(found.x, float)
    free = _free(bounds, x)
    result = TracedResult((key, value) for key, value in found.items() if key not in _APPROXIMATE)
    if not free.all():
        result.pop("jac", None)  # (elsewhere it is zero, whatever the parameters)
    result.x = minimum(p, x, objective, free, name)
    result.fun = objective(result.x)
    return result


@substitute(optimize.minimize_scalar)
def minimize_scalar(
    fun: Any,
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: Any = None,
    options: Any = None,
) -> Any:
    """Minimise a function of one variable, as scipy.optimize.minimize_scalar does."""
    name = "scipy.optimize.minimize_scalar"
    args = as_arguments(args)
    bracket, bounds = plain(bracket, name), plain(bounds, name)
    near = bracket if bounds is None else bounds
    start = 0.0 if near is None else float(near[0])
    p = trace_of(args) or trace_of_call(fun, start, args)
    if p is None:
        return optimize.minimize_scalar(fun, bracket, bounds, args, method, tol, options)
    found: Any = optimize.minimize_scalar(on_plain_numbers(fun, args, name), bracket, bounds, (), method, tol, options)
    result = TracedResult(found.items())

    def objective(x: Any) -> Any:
        return fun(x, *args)

    result.x = minimum(p, np.asarray(found.x, float), objective, np.ones((), bool), name)
    result.fun = objective(result.x)
    return result


def _older(original: Callable[..., Any], start: str | None, *further_functions: str) -> None:
    """Enter a minimiser that returns the minimum alone."""
    name = f"scipy.optimize.{original.__name__}"
    signature = inspect.signature(original)
    first = next(iter(signature.parameters))

    @functools.wraps(original)
    def translated(*arguments: Any, **keywords: Any) -> Any:
        given = signature.bind(*arguments, **keywords).arguments
        func, args = given[first], as_arguments(given.get("args", ()))
        options = {key: plain(value, name) for key, value in given.items() if key != "args"}
        place = 0.0 if start is None else np.asarray(options[start], float)[()]
        p = trace_of(args) or trace_of_call(func, np.atleast_1d(place) if start == "x0" else place, args)
        if p is None:
            return original(**options, args=args)
        for key in ("full_output", "retall"):
            if options.get(key):
                refuse(p, f"{name} with {key}=", "use scipy.optimize.minimize or minimize_scalar: their x and fun")
        for key in (first, *further_functions):
            if key in options:
                options[key] = on_plain_numbers(given[key], args, name)
        found = np.asarray(original(**options), float)
        return minimum(p, found, lambda x: func(x, *args), np.ones(found.shape, bool), name)

    substitute(original, translated)


for _of_one in (optimize.brent, optimize.golden):
    _older(_of_one, None)
_older(optimize.fminbound, "x1")
for _of_many, _functions in (
    (optimize.fmin, ()),
    (optimize.fmin_powell, ()),
    (optimize.fmin_bfgs, ("fprime",)),
    (optimize.fmin_cg, ("fprime",)),
    (optimize.fmin_ncg, ("fprime", "fhess", "fhess_p")),
):
    _older(_of_many, "x0", *_functions)
