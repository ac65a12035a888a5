"""second_derivative: of anything by one number, twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.operators.cascade import derivation
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare
from diffiface.second_order.backend import derivative_of_derivative
from diffiface.second_order.pairs import pair_of

SECOND_DERIVATIVE = Operator(
    "second_derivative",
    parts=("y", "y", "y"),
    variants={"value_derivative_and_second_derivative": (0, 1, 2), "second_derivative": (2,)},
    scalar_x=True,
    fills_output=False,
)


@derivation("second_derivative")
def derive_second_derivative(
    backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
) -> tuple[Leaves, Leaves, Leaves, Any]:
    """The derivative of the derivative, by the engine's best pair."""
    return derivative_of_derivative(*pair_of(backend), f, xs, contexts)


def value_derivative_and_second_derivative(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return f's value and its first and second derivative by a scalar x.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, a NumPy scalar or a 0-d array.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_second_derivative` returned, to skip all work that need be done only once.
        out: `(dy, ddy)`: arrays like y to write the derivatives into (None for one that is not wanted there).
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
    Returns:
        `(y, dy, ddy)`: all shaped like y.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.value_derivative_and_second_derivative(lambda t: t**3, "forward", 2.0)
    (np.float64(8.0), np.float64(12.0), np.float64(12.0))
    """
    return evaluate(
        SECOND_DERIVATIVE,
        "value_derivative_and_second_derivative",
        f,
        backend,
        (x, *contexts),
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
    )


def second_derivative(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the second derivative of f by a scalar x.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, a NumPy scalar or a 0-d array.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_second_derivative` returned, to skip all work that need be done only once.
        out: an array like y to write the result into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
    Returns:
        The second derivative, shaped like y.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.second_derivative(lambda t: t**3, "reverse", 2.0)
    np.float64(12.0)
    """
    return evaluate(
        SECOND_DERIVATIVE,
        "second_derivative",
        f,
        backend,
        (x, *contexts),
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
    )


def prepare_second_derivative(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> Prep:
    """Do once what `second_derivative` need do only once, for arguments like these.

    The other arguments are as for `second_derivative`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `second_derivative` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_second_derivative(lambda t: t**3, "reverse", 1.0)
    >>> prep.second_derivative(2.0)
    np.float64(12.0)
    """
    return prepare(SECOND_DERIVATIVE, f, backend, (x, *contexts), argnums=argnums, has_aux=has_aux, strict=strict)
