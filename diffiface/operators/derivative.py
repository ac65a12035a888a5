"""derivative: of anything by one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, current_trace
from diffiface.operators.cascade import derivation, dtypes_of, engine_method, first
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare
from diffiface.second_order.nth_derivative import of_order

DERIVATIVE = Operator(
    "derivative",
    parts=("y", "y"),
    variants={"value_and_derivative": (0, 1), "derivative": (1,)},
    scalar_x=True,
)


@derivation("derivative")
def derive_derivative(backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
    """The pushforward of 1; from pullbacks the one column of the Jacobian."""
    p = current_trace()
    if backend.supplies("pushforward"):
        ones = (np.ones(1, dtypes_of(p, xs)[0]),)
        ys, tys, aux = engine_method(backend, "pushforward")(f, xs, ones, contexts)
        return ys, [first(p, ty) for ty in tys], aux
    ys, rows, aux = engine_method(backend, "jacobian")(f, xs, contexts)
    return ys, [row[0] for row in rows], aux


def value_and_derivative(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    order: int = 1,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return f's value and its derivative by a scalar x.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, a NumPy scalar or a 0-d array.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_derivative` returned, to skip all work that need be done only once.
        out: an array like y to write the derivative into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
        order: 1, or 2 and more for the derivative of the derivative and so on.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        `(y, dy)`: both shaped like y, dy being the derivative of that order.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> y, dy = di.value_and_derivative(lambda t: np.stack([t, t**2]), "forward", 3.0)
    >>> y, dy
    (array([3., 9.]), array([1., 6.]))
    """
    return evaluate(
        DERIVATIVE,
        "value_and_derivative",
        f,
        of_order(backend, order),
        (x, *contexts),
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
        y=y,
    )


def derivative(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    order: int = 1,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the derivative of f by a scalar x.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, a NumPy scalar or a 0-d array.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_derivative` returned, to skip all work that need be done only once.
        out: an array like y to write the result into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
        order: 1, or 2 and more for the derivative of the derivative and so on.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        The derivative of that order, shaped like y.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.derivative(np.exp, "reverse", 0.0)
    np.float64(1.0)
    >>> di.derivative(lambda t: t**5, "forward", 2.0, order=3)
    np.float64(240.0)
    """
    return evaluate(
        DERIVATIVE,
        "derivative",
        f,
        of_order(backend, order),
        (x, *contexts),
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
        y=y,
    )


def prepare_derivative(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    order: int = 1,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> Prep:
    """Do once what `derivative` need do only once, for arguments like these.

    The other arguments are as for `derivative`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        order: the order of the derivative, which the calls of this preparation have, too.
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `derivative` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_derivative(np.exp, "reverse", 1.0)
    >>> prep.derivative(0.0)
    np.float64(1.0)
    """
    backend = of_order(backend, order)
    return prepare(DERIVATIVE, f, backend, (x, *contexts), argnums=argnums, has_aux=has_aux, strict=strict, y=y)
