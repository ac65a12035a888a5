"""iminuit: a cost function with gradient and Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffiface.adapter import Backend
from diffiface.interop.for_scipy.scalar import ScalarCallables


def minuit_arguments(f: Callable[..., Any], x: Any, backend: str | Backend, *contexts: Any) -> dict[str, Any]:
    """Return the keyword arguments with which `iminuit.Minuit` knows a function and its derivatives.

    Args:
        f: `f(x, *contexts)`, the cost: a scalar.
        x: an array or a pytree like those f will get.
        backend: an engine's name or object.
        contexts: further arguments of f: the data.
    Returns:
        `fcn`, `grad` and `hessian`, all of one vector. Minuit wants function and start by position:
        `Minuit(arguments.pop("fcn"), start, **arguments)`.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.

    >>> import numpy as np, diffiface as di
    >>> arguments = di.interop.minuit_arguments(lambda x: np.sum(np.cosh(x)), np.zeros(2), "reverse")
    >>> arguments["fcn"](np.zeros(2)), arguments["grad"](np.zeros(2))
    (2.0, array([0., 0.]))
    """
    callables = ScalarCallables(f, x, backend, contexts)
    return {"fcn": callables.fun, "grad": callables.jac, "hessian": callables.dense_hess}
