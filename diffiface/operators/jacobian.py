"""jacobian: of every entry of y by every entry of x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, current_trace
from diffiface.operators.cascade import (
    along_basis,
    basis,
    chunks,
    derivation,
    dtypes_of,
    engine_method,
    fresh,
    shapes_of,
    size_of,
)
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare
from diffiface.primitives import Primitives

JACOBIAN = Operator(
    "jacobian",
    parts=("y", "y by x"),
    variants={"value_and_jacobian": (0, 1), "jacobian": (1,)},
)


@derivation("jacobian")
def derive_jacobian(
    backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
) -> tuple[Leaves, list[list[Any]], Any]:
    """Columns from pushforwards of the basis of x, else rows from pullbacks of the basis of y."""
    by = _by_columns if backend.supplies("pushforward") else _by_rows
    return by(backend, f, xs, contexts)


def _by_columns(backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[list[Any]], Any]:
    p = current_trace()
    shapes, dtypes = shapes_of(p, xs), dtypes_of(p, xs)
    ys, aux, batches = (), None, []
    for start, stop in list(chunks(backend, shapes)) or [(0, 0)]:
        ys, tys, aux = engine_method(backend, "pushforward")(f, xs, basis(shapes, dtypes, start, stop), contexts)
        batches.append(tys)
    return ys, [along_basis(p, [batch[i] for batch in batches], p.shape(y), shapes) for i, y in enumerate(ys)], aux


def _by_rows(backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[list[Any]], Any]:
    p = current_trace()
    pullback = engine_method(backend, "pullback")
    pieces: list[tuple[int, int]] = []
    outputs: list[Any] = []

    def first_piece(found: Any) -> Leaves:
        # How many rows there are is known once f has run; one run serves when they fit in one batch.
        outputs[:] = found
        pieces[:] = list(chunks(backend, [shape for shape, _ in found])) or [(0, 0)]
        return basis([shape for shape, _ in found], [dtype for _, dtype in found], *pieces[0])

    ys, txs, aux = pullback(f, xs, first_piece, contexts)
    batches = [txs]
    y_shapes, y_dtypes = [shape for shape, _ in outputs], [np.dtype(dtype) for _, dtype in outputs]
    for start, stop in pieces[1:]:
        batches.append(pullback(f, xs, basis(y_shapes, y_dtypes, start, stop), contexts)[1])
    imaginary = []
    if any(dtype.kind == "c" for dtype in y_dtypes) and any(dtype.kind != "c" for dtype in dtypes_of(p, xs)):
        # To a real x a pullback brings back the real part only; what i times a unit vector brings is the rest.
        for start, stop in pieces:
            units = basis(y_shapes, y_dtypes, start, stop)
            units = [unit * (1j if dtype.kind == "c" else 0) for unit, dtype in zip(units, y_dtypes, strict=True)]
            imaginary.append(pullback(f, xs, units, contexts)[1])
    rows: list[list[Any]] = [[] for _ in ys]
    for j, x in enumerate(xs):
        stacked = _joined(p, [batch[j] for batch in batches])
        if p.dtype(stacked).kind == "c":  # a pullback is the adjoint, a row of the Jacobian is not conjugated
            stacked = p.conjugate(stacked)
        elif imaginary:
            stacked = p.add(stacked, p.multiply(1j, _joined(p, [batch[j] for batch in imaginary])))
        offset = 0
        for i, shape in enumerate(y_shapes):
            part = p.getitem(stacked, index=slice(offset, offset + size_of(shape)))
            if imaginary and y_dtypes[i].kind != "c" and p.dtype(x).kind != "c":
                part = p.real(part)
            rows[i].append(fresh(p.reshape(part, shape=(*shape, *p.shape(x)))))
            offset += size_of(shape)
    return ys, rows, aux


def _joined(p: Primitives, batches: list[Any]) -> Any:
    return batches[0] if len(batches) == 1 else p.concatenate(batches, axis=0)


def value_and_jacobian(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return f's value and its Jacobian.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_jacobian` returned, to skip all work that need be done only once.
        out: an array of shape `y.shape + x.shape` to write the Jacobian into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        `(y, jacobian)`: the Jacobian has shape `y.shape + x.shape`.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> y, J = di.value_and_jacobian(lambda x: x[:1] * x[1:], "reverse", np.array([2.0, 3.0]))
    >>> y, J
    (array([6.]), array([[3., 2.]]))
    """
    return evaluate(
        JACOBIAN,
        "value_and_jacobian",
        f,
        backend,
        (x, *contexts),
        prep=prep,
        out=out,
        argnums=argnums,
        has_aux=has_aux,
        y=y,
    )


def jacobian(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: Prep | None = None,
    out: Any = None,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> Any:
    """Return the Jacobian.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_jacobian` returned, to skip all work that need be done only once.
        out: an array of shape `y.shape + x.shape` to write the result into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        An array of shape `y.shape + x.shape`. For pytrees y's structure of x's structures of such arrays.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> di.jacobian(lambda x: x**2, "forward", np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return evaluate(
        JACOBIAN, "jacobian", f, backend, (x, *contexts), prep=prep, out=out, argnums=argnums, has_aux=has_aux, y=y
    )


def prepare_jacobian(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> Prep:
    """Do once what `jacobian` need do only once, for arguments like these.

    The other arguments are as for `jacobian`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `jacobian` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_jacobian(lambda x: x**2, "forward", np.zeros(2))
    >>> prep.jacobian(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return prepare(JACOBIAN, f, backend, (x, *contexts), argnums=argnums, has_aux=has_aux, strict=strict, y=y)
