"""hessian_operator: the Hessian as a SciPy linear operator, of which no entry is ever computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.operators.call import Call
from diffiface.operators.hessian import HESSIAN
from diffiface.operators.linear_operator import LinearOperatorPrep, VectorLayout, linear_operator
from diffiface.operators.preparation import Strict
from diffiface.operators.prepared_engine import engine_run

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

_NAME = "hessian_operator"


def hessian_operator(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: LinearOperatorPrep | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> LinearOperator:
    """Return the Hessian of a scalar f at x as a `scipy.sparse.linalg.LinearOperator`.

    A product with a vector is one Hessian-vector product, which costs a small multiple of f on engines that
    differentiate; matrices go in batches of columns. Rows and columns are the entries of x, leaf after leaf, in C order.

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        backend: an engine's name (`"reverse"`, `"jax"`, …), an engine (`di.backend("jax", jit=False)`), or a pair of them
            (`di.SecondOrder("forward", "reverse")`).
        x: a float, an array of floats (integers become float64), or a pytree of them. It is copied.
        contexts: further arguments of f: constants, passed as they are at each product, or `di.Cache` scratch arrays.
        prep: what `prepare_hessian_operator` returned, to skip all work that need be done only once.
        argnums: which argument(s) of f to differentiate.
        has_aux: f returns `(y, aux)`; aux is not used.
    Returns:
        A linear operator of shape `(x.size, x.size)` with `matvec`, `rmatvec`, `matmat` and `rmatmat`; it is symmetric.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it, or x is complex.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> H = di.hessian_operator(lambda x: np.sum(x**4), "reverse", np.array([1.0, 2.0]))
    >>> H @ np.ones(2)
    array([12., 48.])
    """
    if prep is None:
        options = {"argnums": argnums, "has_aux": has_aux}
        prep = LinearOperatorPrep(_NAME, HESSIAN, _make, f, backend, (x, *contexts), check_value=False, **options)
    else:
        prep.check_owner(_NAME, f, backend)
    return prep.at(x, *contexts)


def prepare_hessian_operator(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> LinearOperatorPrep:
    """Do once what `hessian_operator` need do only once, for arguments like these.

    The other arguments are as for `hessian_operator`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A preparation, to be passed as `prep=` or used by its bound call `prep.hessian_operator(x, *contexts)`.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `hessian_operator` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_hessian_operator(lambda x: np.sum(x**4), "forward", np.zeros(2))
    >>> prep.hessian_operator(np.array([1.0, 2.0])) @ np.ones(2)
    array([12., 48.])
    """
    options = {"argnums": argnums, "has_aux": has_aux}
    return LinearOperatorPrep(_NAME, HESSIAN, _make, f, backend, (x, *contexts), strict=strict, **options)


def _make(call: Call) -> Callable[[Call], LinearOperator]:
    """Prepare the Hessian-vector product at a call's x; return the function that gives the operator at another."""
    run = engine_run(call.backend, "hvp", call.function, call.xs, call.contexts)
    layout = VectorLayout.of(call.xs)
    shape = (layout.size, layout.size)
    run(call.xs, layout.split(np.zeros((1, layout.size))), call.contexts)  # what is wrong with f is said now

    def at(call: Call) -> LinearOperator:
        def along(rows: np.ndarray) -> np.ndarray:
            return layout.join(run(call.xs, layout.split(rows), call.contexts)[2])

        def product(rows: np.ndarray) -> np.ndarray:
            return along(np.real(rows)) + 1j * along(np.imag(rows)) if np.iscomplexobj(rows) else along(rows)

        return linear_operator(shape, layout.dtype, product, product)

    return at
