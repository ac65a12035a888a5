"""hvp (Hessian-vector product): how the gradient moves when x moves along a tangent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.operators.cascade import derivation
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare
from diffiface.second_order import hvp_modes
from diffiface.second_order.pairs import pair_of

HVP = Operator(
    "hvp",
    parts=("y", "x", "batch of x"),
    variants={"value_gradient_and_hvp": (0, 1, 2), "gradient_and_hvp": (1, 2), "hvp": (2,)},
    seeds="tangents",
    output="scalar",
    fills_output=False,
)


@derivation("hvp")
def derive_hvp(
    backend: Backend, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
) -> tuple[Any, Leaves, Leaves, Any]:
    """By the engine's best pair: the pushforward of the gradient, or the pullback of it, the Hessian being symmetric."""
    outer, inner = pair_of(backend)
    return hvp_modes.hvp(hvp_modes.choose_mode(outer, inner), outer, inner, f, xs, tangents, contexts)


def value_gradient_and_hvp(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    t: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return f's value, its gradient, and the Hessian times a tangent (or several).

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        t: the tangent, like x; or a tuple of tangents, computed as one batch.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_hvp` returned, to skip all work that need be done only once.
        out: `(gradient, hvp)`: arrays like x to write the results into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
    Returns:
        `(y, gradient, hvp)`: the last two like x; for a tuple of tangents `hvp` is a tuple.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.value_gradient_and_hvp(lambda x: np.sum(x**3), "reverse", np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    (np.float64(9.0), array([ 3., 12.]), array([6., 0.]))
    """
    return evaluate(
        HVP,
        "value_gradient_and_hvp",
        f,
        backend,
        (x, *contexts),
        t,
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
    )


def gradient_and_hvp(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    t: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the gradient, and the Hessian times a tangent (or several).

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        t: the tangent, like x; or a tuple of tangents, computed as one batch.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_hvp` returned, to skip all work that need be done only once.
        out: `(gradient, hvp)`: arrays like x to write the results into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the results.
    Returns:
        `(gradient, hvp)`: both like x; for a tuple of tangents `hvp` is a tuple.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.gradient_and_hvp(lambda x: np.sum(x**3), "reverse", np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    (array([ 3., 12.]), array([6., 0.]))
    """
    return evaluate(
        HVP, "gradient_and_hvp", f, backend, (x, *contexts), t, prep=prep, out=out, argnums=argnums, has_aux=has_aux
    )


def hvp(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    t: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the Hessian times a tangent (or several), without forming the Hessian.

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        t: the tangent, like x; or a tuple of tangents, computed as one batch.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_hvp` returned, to skip all work that need be done only once.
        out: an array like x (a tuple of them for several tangents) to write the result into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
    Returns:
        The product, like x; for a tuple of tangents a tuple.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.
    Source: Pearlmutter, Fast exact multiplication by the Hessian (1994).

    >>> import numpy as np, diffiface as di
    >>> di.hvp(lambda x: np.sum(x**3), "reverse", np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return evaluate(HVP, "hvp", f, backend, (x, *contexts), t, prep=prep, out=out, argnums=argnums, has_aux=has_aux)


def prepare_hvp(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    t: Any,
    *contexts: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> Prep:
    """Do once what `hvp` need do only once, for arguments like these.

    The other arguments are as for `hvp`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `hvp` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_hvp(lambda x: np.sum(x**3), "reverse", np.zeros(2), np.zeros(2))
    >>> prep.hvp(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return prepare(HVP, f, backend, (x, *contexts), t, argnums=argnums, has_aux=has_aux, strict=strict)
