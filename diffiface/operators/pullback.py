"""pullback (vector-Jacobian product, VJP): how a cotangent of y comes back to x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, current_trace
from diffiface.operators.cascade import basis, chunks, derivation, dtypes_of, engine_method, fresh, shapes_of, size_of
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Prep, Strict, evaluate, prepare

PULLBACK = Operator(
    "pullback",
    parts=("y", "batch of x"),
    variants={"value_and_pullback": (0, 1), "pullback": (1,), "value_and_vjp": (0, 1), "vjp": (1,)},
    seeds="cotangents",
)


def real_inner(p: Any, a: Any, b: Any, axis: tuple[int, ...]) -> Any:
    """The real inner product Re(conj(a) b), summed over `axis`."""
    if "c" in (p.dtype(a).kind, p.dtype(b).kind):
        return p.sum(p.real(p.multiply(p.conjugate(a), b)), axis=axis, keepdims=False)
    return p.sum(p.multiply(a, b), axis=axis, keepdims=False)


@derivation("pullback")
def derive_pullback(
    backend: Backend, f: FlatFunction, xs: Leaves, cotangents: Any, contexts: Leaves
) -> tuple[Leaves, Leaves, Any]:
    """From pushforwards: along every unit vector (and i times it, for complex x), paired with the cotangents."""
    p = current_trace()
    pushforward = engine_method(backend, "pushforward")
    shapes, dtypes = shapes_of(p, xs), dtypes_of(p, xs)
    ys: Leaves = ()
    aux: Any = None
    given: Any = None
    units: list[complex] = [1.0, 1j] if any(dtype.kind == "c" for dtype in dtypes) else [1.0]
    columns: dict[complex, list[Any]] = {unit: [] for unit in units}
    for start, stop in chunks(backend, shapes) if sum(map(size_of, shapes)) else [(0, 0)]:
        for unit in units:
            tangents = basis(shapes, dtypes, start, stop)
            if unit != 1.0:  # a real leaf has no imaginary direction: it moves along zero
                tangents = tuple(t * unit if t.dtype.kind == "c" else t * 0 for t in tangents)
            ys, tys, aux = pushforward(f, xs, tangents, contexts)
            if given is None:
                given = cotangents([(p.shape(y), p.dtype(y)) for y in ys]) if callable(cotangents) else cotangents
            total = None
            for ty, cotangent in zip(tys, given, strict=True):
                shape, batch = p.shape(ty), p.shape(cotangent)[0]
                paired = real_inner(
                    p,
                    p.reshape(ty, shape=(1, *shape)),
                    p.reshape(cotangent, shape=(batch, 1, *shape[1:])),
                    axis=tuple(range(2, 1 + len(shape))),
                )
                total = paired if total is None else p.add(total, paired)
            columns[unit].append(total)
    joined = {unit: p.concatenate(parts, axis=1) for unit, parts in columns.items()}
    txs, offset = [], 0
    for shape, dtype in zip(shapes, dtypes, strict=True):
        index = (slice(None), slice(offset, offset + size_of(shape)))
        tx = p.getitem(joined[1.0], index=index)
        if dtype.kind == "c":
            tx = p.add(tx, p.multiply(1j, p.getitem(joined[1j], index=index)))
        batch = p.shape(tx)[0]
        txs.append(fresh(p.astype(p.reshape(tx, shape=(batch, *shape)), dtype=dtype)))
        offset += size_of(shape)
    return ys, txs, aux


def value_and_pullback(
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
    """Return f's value and the pullback of a cotangent (or several).

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        t: the cotangent, like y; or a tuple of cotangents, computed as one batch.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_pullback` returned, to skip all work that need be done only once.
        out: an array like x (a tuple of them for several cotangents) to write the cotangent of x into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the value.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        `(y, tx)`: y and the cotangent of x, shaped like x; for a tuple of cotangents `tx` is a tuple.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.
    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.2.

    >>> import numpy as np, diffiface as di
    >>> di.value_and_pullback(lambda x: x**2, "reverse", np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    (array([1., 4.]), array([2., 4.]))
    """
    return evaluate(
        PULLBACK,
        "value_and_pullback",
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


def pullback(
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
    """Return the pullback of a cotangent (or several): the vector-Jacobian product.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`).
        x: a float, an array (float or complex; integers become float64), or a pytree of them.
        t: the cotangent, like y; or a tuple of cotangents, computed as one batch.
        contexts: further arguments of f: constants, passed as they are, or `di.Cache` scratch arrays.
        prep: what `prepare_pullback` returned, to skip all work that need be done only once.
        out: an array like x (a tuple of them for several cotangents) to write the result into.
        argnums: which argument(s) of f to differentiate; for a tuple, x and the result are tuples.
        has_aux: f returns `(y, aux)`; aux comes back beside the result.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it; it is overwritten with f(x).
    Returns:
        The cotangent of x, shaped like x; for a tuple of cotangents a tuple. For complex numbers it is the
        adjoint for the inner product Re(conj(a) b).
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it. MissingBackendError: it is not installed.
        PreparationMismatchError: prep was made for other arguments.
    Source: Griewank & Walther, Evaluating Derivatives (2008), section 3.2.

    >>> import numpy as np, diffiface as di
    >>> di.pullback(np.cumsum, "reverse", np.zeros(3), np.ones(3))
    array([3., 2., 1.])
    """
    return evaluate(
        PULLBACK, "pullback", f, backend, (x, *contexts), t, prep=prep, out=out, argnums=argnums, has_aux=has_aux, y=y
    )


def prepare_pullback(
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
    """Do once what `pullback` need do only once, for arguments like these.

    The other arguments are as for `pullback`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A `Prep`, to be passed as `prep=` or used by its bound calls.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `pullback` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_pullback(np.cumsum, "reverse", np.zeros(3), np.ones(3))
    >>> prep.pullback(np.ones(3), np.array([0.0, 0.0, 1.0]))
    array([1., 1., 1.])
    """
    return prepare(PULLBACK, f, backend, (x, *contexts), t, argnums=argnums, has_aux=has_aux, strict=strict, y=y)


vjp = pullback
value_and_vjp = value_and_pullback
prepare_vjp = prepare_pullback
