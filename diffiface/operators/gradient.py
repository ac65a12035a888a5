"""gradient: of a scalar by everything in x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, current_trace
from diffiface.operators.cascade import derivation, engine_method, first
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare

GRADIENT = Operator(
    "gradient",
    parts=("y", "x"),
    variants={"value_and_gradient": (0, 1), "gradient": (1,)},
    output="scalar",
    fills_output=False,
)


@derivation("gradient")
def derive_gradient(backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
    """The pullback of 1."""
    p = current_trace()

    def ones(outputs: Any) -> Leaves:
        return [np.ones((1, *shape), dtype) for shape, dtype in outputs]

    ys, txs, aux = engine_method(backend, "pullback")(f, xs, ones, contexts)
    return ys[0], [first(p, tx) for tx in txs], aux


def value_and_gradient(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return f's value and its gradient.

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_gradient` returned, to skip all work that need be done only once.
        out: an array (or pytree) like x to write the gradient into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
    Returns:
        `(y, gradient)`: the gradient has x's structure, shapes and dtypes.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.value_and_gradient(lambda x: np.sum(x**2), "reverse", np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    return evaluate(
        GRADIENT, "value_and_gradient", f, backend, (x, *contexts), prep=prep, out=out, argnums=argnums, has_aux=has_aux
    )


def gradient(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the gradient of a scalar function.

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_gradient` returned, to skip all work that need be done only once.
        out: an array (or pytree) like x to write the result into; that object is what is returned.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
    Returns:
        The gradient, with x's structure, shapes and dtypes. For complex x it is the direction of steepest
        ascent (|z|**2 has gradient 2z).
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.gradient(lambda x: np.sum(x**2), "reverse", np.array([1.0, 2.0]))
    array([2., 4.])
    >>> di.gradient(lambda m, k: k * m["a"] * m["b"], "reverse", {"a": 2.0, "b": 3.0}, 10.0)
    {'a': np.float64(30.0), 'b': np.float64(20.0)}
    """
    return evaluate(
        GRADIENT, "gradient", f, backend, (x, *contexts), prep=prep, out=out, argnums=argnums, has_aux=has_aux
    )


def prepare_gradient(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> Prep:
    """Do once what `gradient` need do only once, for arguments like these.

    The other arguments are as for `gradient`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `gradient` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_gradient(lambda x: np.sum(x**2), "reverse", np.zeros(2))
    >>> prep.gradient(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return prepare(GRADIENT, f, backend, (x, *contexts), argnums=argnums, has_aux=has_aux, strict=strict)
