"""optimagic: a function of a pytree of parameters, with derivatives of the same tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.interop.for_scipy.residual import ResidualCallables
from diffiface.interop.for_scipy.scalar import ScalarCallables
from diffiface.optional_packages import need


def optimagic_arguments(
    f: Callable[..., Any], params: Any, backend: str | Backend, *contexts: Any, least_squares: bool = False
) -> dict[str, Any]:
    """Return the keyword arguments with which `optimagic.minimize` knows a function and its derivative.

    Args:
        f: `f(params, *contexts)`: a scalar, or with `least_squares` a vector of residuals.
        params: a number, an array or a pytree of them (dicts, lists, tuples) like those f will get.
        backend: an engine's name or object.
        contexts: further arguments of f: the data.
        least_squares: whether f returns residuals, whose sum of squares is minimised.
    Returns:
        `fun`, `jac` and `fun_and_jac`: `optimagic.minimize(params=..., algorithm="scipy_lbfgsb", **arguments)`.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        MissingBackendError: `least_squares`, and optimagic is not installed.

    >>> import numpy as np, diffiface as di
    >>> arguments = di.interop.optimagic_arguments(lambda p: p["a"] * np.sum(p["b"]), {"a": 2.0, "b": np.ones(2)}, "reverse")
    >>> arguments["jac"]({"a": 2.0, "b": np.ones(2)})
    {'a': np.float64(2.0), 'b': array([2., 2.])}
    """
    if least_squares:
        return _residuals(ResidualCallables(f, params, backend, contexts))
    callables = ScalarCallables(f, params, backend, contexts)
    vector, tree = callables.vector.vector, callables.vector.tree

    def fun(params: Any) -> float:
        return callables.fun(vector(params))

    def jac(params: Any) -> Any:
        return tree(callables.jac(vector(params)))

    def fun_and_jac(params: Any) -> tuple[float, Any]:
        return fun(params), jac(params)

    return {"fun": fun, "jac": jac, "fun_and_jac": fun_and_jac}


def _residuals(callables: ResidualCallables) -> dict[str, Any]:
    need("least_squares=True", "optimagic", install="optimagic")
    import optimagic  # pyright: ignore[reportMissingImports]

    vector = callables.vector.vector

    @optimagic.mark.least_squares
    def fun(params: Any) -> np.ndarray:
        return callables.fun(vector(params))

    @optimagic.mark.least_squares
    def jac(params: Any) -> Any:
        return callables.vector.columns(callables.dense_jac(vector(params)))

    @optimagic.mark.least_squares
    def fun_and_jac(params: Any) -> tuple[np.ndarray, Any]:
        return fun(params), jac(params)

    return {"fun": fun, "jac": jac, "fun_and_jac": fun_and_jac}
