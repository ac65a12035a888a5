"""pushforward (Jacobian-vector product, JVP): how y moves when x moves along a tangent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, current_trace
from diffiface.operators.cascade import derivation, engine_method
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare

PUSHFORWARD = Operator(
    "pushforward",
    parts=("y", "batch of y"),
    variants={"value_and_pushforward": (0, 1), "pushforward": (1,), "value_and_jvp": (0, 1), "jvp": (1,)},
    seeds="tangents",
)


@derivation("pushforward")
def derive_pushforward(
    backend: Backend, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
) -> tuple[Leaves, Leaves, Any]:
    """From pullbacks: the rows of the Jacobian, each times the tangent."""
    p = current_trace()
    ys, rows, aux = engine_method(backend, "jacobian")(f, xs, contexts)
    tys = []
    for y, row in zip(ys, rows, strict=True):
        rank, total = len(p.shape(y)), None
        for block, batch, x in zip(row, tangents, xs, strict=True):
            axes = tuple(range(1, 1 + len(p.shape(x))))
            flat = p.reshape(batch, shape=(p.shape(batch)[0], *(1,) * rank, *p.shape(x)))
            product = p.multiply(block, flat)
            if p.dtype(product).kind == "c" and p.dtype(y).kind != "c":
                product = p.real(product)  # dy = Re(J dx) for a real y
            moved = p.sum(product, axis=tuple(rank + a for a in axes), keepdims=False)
            total = moved if total is None else p.add(total, moved)
        if p.dtype(y).kind in "fc" and p.dtype(total) != p.dtype(y):  # a tangent of y is like y, a row like x
            total = p.astype(total, dtype=p.dtype(y))
        tys.append(total)
    return ys, tys, aux


def value_and_pushforward(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    t: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return f's value and its derivative along a tangent (or several).

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        t: the tangent, like x; or a tuple of tangents, computed as one batch.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_pushforward` returned, to skip all work that need be done only once.
        out: an array like y (a tuple of them for several tangents) to write the tangent of y into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        `(y, ty)`: y and the tangent of y, shaped like y; for a tuple of tangents `ty` is a tuple.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.
    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.1.

    >>> import numpy as np, diffiface as di
    >>> di.value_and_pushforward(lambda x: x**2, "forward", np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    (array([1., 4.]), array([2., 0.]))
    """
    return evaluate(
        PUSHFORWARD,
        "value_and_pushforward",
        f,
        backend,
        (x, *contexts),
        t,
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
        y=y,
    )


def pushforward(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    t: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the derivative of f along a tangent (or several): the Jacobian-vector product.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        t: the tangent, like x; or a tuple of tangents, computed as one batch.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_pushforward` returned, to skip all work that need be done only once.
        out: an array like y (a tuple of them for several tangents) to write the result into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        The tangent of y, shaped like y; for a tuple of tangents a tuple.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.
    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.1.

    >>> import numpy as np, diffiface as di
    >>> di.pushforward(np.sin, "forward", 0.0, 2.0)
    np.float64(2.0)
    """
    return evaluate(
        PUSHFORWARD,
        "pushforward",
        f,
        backend,
        (x, *contexts),
        t,
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
        y=y,
    )


def prepare_pushforward(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    t: Any,
    *contexts: Any,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> Prep:
    """Do once what `pushforward` need do only once, for arguments like these.

    The other arguments are as for `pushforward`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `pushforward` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_pushforward(np.sin, "forward", 0.0, 1.0)
    >>> prep.pushforward(0.0, 2.0)
    np.float64(2.0)
    """
    return prepare(PUSHFORWARD, f, backend, (x, *contexts), t, argnums=argnums, has_aux=has_aux, strict=strict, y=y)


jvp = pushforward
value_and_jvp = value_and_pushforward
prepare_jvp = prepare_pushforward
