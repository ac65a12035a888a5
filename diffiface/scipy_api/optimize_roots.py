"""scipy.optimize's roots and fixed points."""

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
    on_plain_numbers,
    plain,
    solution,
    trace_of_call,
)

Given = dict[str, Any]


def _translated(
    original: Callable[..., Any],
    start: Callable[[Given], Any],
    *further_functions: str,
    fixed_point: bool = False,
) -> None:
    """Enter a root finder, whose first argument is the function.

    Args:
        original: SciPy's function, with an argument `args`.
        start: the place at which to try the function, from the arguments given.
        further_functions: names of the arguments that are functions as the first is (derivatives).
        fixed_point: whether the function is equal to x at the solution, rather than zero.
    """
    name = f"scipy.optimize.{original.__name__}"
    signature = inspect.signature(original)
    first = next(iter(signature.parameters))

    @functools.wraps(original)
    def translated(*arguments: Any, **keywords: Any) -> Any:
        given = signature.bind(*arguments, **keywords).arguments
        func, args = given[first], as_arguments(given.get("args", ()))
        options = {key: plain(value, name) for key, value in given.items() if key != "args"}
        p = trace_of(args) or trace_of_call(func, start(options), args)
        if p is None:
            return original(**options, args=args)
        for key in (first, *further_functions):
            if key in options:
                options[key] = on_plain_numbers(given[key], args, name)

        def equations(_: Primitives, x: Any) -> Any:
            y = func(x, *args)
            y = y[0] if given.get("jac") is True or given.get("fprime") is True else y  # its derivative beside it
            return y - x if fixed_point else y

        return _replaced(original(**options), lambda x: solution(p, x, equations, name))

    substitute(original, translated)


def _replaced(found: Any, traced: Callable[[Any], Any]) -> Any:
    """Put the solution as a value of the trace where SciPy's result holds it."""
    if isinstance(found, optimize.RootResults):
        found.root = traced(found.root)
    elif isinstance(found, optimize.OptimizeResult):
        found.x = traced(found.x)
    elif isinstance(found, tuple):  # full_output: the solution, then a report
        first = traced(found[0])
        for part in found[1:]:
            if isinstance(part, optimize.RootResults):
                part.root = first
        return type(found)(first, *found[1:]) if hasattr(found, "_fields") else (first, *found[1:])
    else:
        return traced(found)
    return found


def _end(given: Given) -> float:
    return float(given["a"])


def _scalar_start(given: Given) -> float:
    bracket = given.get("bracket")
    return float(given["x0"] if bracket is None else bracket[0])


def _vector_start(given: Given) -> np.ndarray:
    return np.atleast_1d(np.asarray(given["x0"], float)).ravel()


def _start(given: Given) -> Any:
    x0 = np.asarray(given["x0"])
    return (x0 if x0.dtype.kind in "fc" else x0.astype(float))[()]


for _bracketing in (optimize.brentq, optimize.brenth, optimize.ridder, optimize.bisect, optimize.toms748):
    _translated(_bracketing, _end)
_translated(optimize.root_scalar, _scalar_start, "fprime", "fprime2")
_translated(optimize.newton, _start, "fprime", "fprime2")
_translated(optimize.root, _vector_start, "jac")
_translated(optimize.fsolve, _vector_start, "fprime")
_translated(optimize.fixed_point, _start, fixed_point=True)
