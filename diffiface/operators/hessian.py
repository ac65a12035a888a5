"""hessian: of a scalar by every pair of entries of x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffiface.adapter import Backend, FlatFunction, Leaves, current_trace
from diffiface.operators.cascade import along_basis, basis, chunks, derivation, dtypes_of, engine_method, shapes_of
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare

HESSIAN = Operator(
    "hessian",
    parts=("y", "x", "x by x"),
    variants={"value_gradient_and_hessian": (0, 1, 2), "hessian": (2,)},
    output="scalar",
    fills_output=False,
)


@derivation("hessian")
def derive_hessian(
    backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
) -> tuple[Any, Leaves, list[list[Any]], Any]:
    """The Hessian-vector products along the basis of x."""
    p = current_trace()
    shapes, dtypes = shapes_of(p, xs), dtypes_of(p, xs)
    y, gradients, aux, batches = None, (), None, []
    for start, stop in list(chunks(backend, shapes)) or [(0, 0)]:
        tangents = basis(shapes, dtypes, start, stop)
        y, gradients, products, aux = engine_method(backend, "hvp")(f, xs, tangents, contexts)
        batches.append(products)
    return (
        y,
        gradients,
        [along_basis(p, [batch[i] for batch in batches], shape, shapes) for i, shape in enumerate(shapes)],
        aux,
    )


def value_gradient_and_hessian(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return f's value, gradient and Hessian.

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_hessian` returned, to skip all work that need be done only once.
        out: `(gradient, hessian)`: arrays to write the results into (None for one that is not wanted there).
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
    Returns:
        `(y, gradient, hessian)`: the Hessian has shape `x.shape + x.shape`.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> y, g, H = di.value_gradient_and_hessian(lambda x: x[0] * x[1], "reverse", np.array([2.0, 3.0]))
    >>> y, g, H
    (np.float64(6.0), array([3., 2.]), array([[0., 1.],
           [1., 0.]]))
    """
    return evaluate(
        HESSIAN,
        "value_gradient_and_hessian",
        f,
        backend,
        (x, *contexts),
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
    )


def hessian(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the Hessian of a scalar function.

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_hessian` returned, to skip all work that need be done only once.
        out: an array of shape `x.shape + x.shape` to write the result into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
    Returns:
        An array of shape `x.shape + x.shape`. For pytrees x's structure of x's structures of such arrays.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.hessian(lambda x: x[0] * x[1], "reverse", np.array([2.0, 3.0]))
    array([[0., 1.],
           [1., 0.]])
    """
    return evaluate(
        HESSIAN, "hessian", f, backend, (x, *contexts), prep=prep, out=out, argnums=argnums, has_aux=has_aux
    )


def prepare_hessian(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> Prep:
    """Do once what `hessian` need do only once, for arguments like these.

    The other arguments are as for `hessian`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `hessian` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_hessian(lambda x: x[0] * x[1], "reverse", np.zeros(2))
    >>> prep.hessian(np.array([2.0, 3.0]))
    array([[0., 1.],
           [1., 0.]])
    """
    return prepare(HESSIAN, f, backend, (x, *contexts), argnums=argnums, has_aux=has_aux, strict=strict)
