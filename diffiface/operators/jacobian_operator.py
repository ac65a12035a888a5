"""jacobian_operator: the Jacobian as a SciPy linear operator, of which no entry is ever computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from diffiface.adapter import Backend, Leaves
from diffiface.errors import UnsupportedOperationError
from diffiface.operators.call import Call
from diffiface.operators.jacobian import JACOBIAN
from diffiface.operators.linear_operator import LinearOperatorPrep, VectorLayout, linear_operator
from diffiface.operators.preparation import Strict
from diffiface.operators.prepared_engine import engine_run
from diffiface.second_order.backend import SecondOrder
from diffiface.second_order.push_by_pullback import pushing

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

_NAME = "jacobian_operator"


def jacobian_operator(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    prep: LinearOperatorPrep | None = None,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
) -> LinearOperator:
    """Return the Jacobian of f at x as a `scipy.sparse.linalg.LinearOperator`.

    A product with a vector is one pushforward, one with the adjoint one pullback; matrices go in batches of columns. So
    each costs a small multiple of f, on engines that differentiate (by finite differences the adjoint costs as many
    evaluations as x has entries). Rows and columns are the entries of y and x, leaf after leaf, each in C order.

    Args:
        f: `f(x, *contexts) -> y`, any y.
        backend: an engine's name (`"reverse"`, `"jax"`, …) or object (`di.backend("jax", jit=False)`). An engine that
            goes in one direction only is helped out by its companion (`"forward"` by `"reverse"` and vice versa).
        x: a float, an array (float or complex; integers become float64), or a pytree of them. It is copied.
        contexts: further arguments of f: constants, passed as they are at each product, or `di.Cache` scratch arrays.
        prep: what `prepare_jacobian_operator` returned, to skip all work that need be done only once.
        y: an array of y's shape, for a function `f(y, x, *contexts)` that fills it. (It is not written to here.)
        argnums: which argument(s) of f to differentiate.
        has_aux: f returns `(y, aux)`; aux is not used.
    Returns:
        A linear operator of shape `(y.size, x.size)` with `matvec`, `rmatvec`, `matmat` and `rmatmat`. For complex x, f is
        taken to be holomorphic, and `rmatvec` multiplies by the conjugate transpose.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        UnsupportedOperationError: the engine cannot do it, or y is real and x complex.
        PreparationMismatchError: prep was made for other arguments.

    >>> import numpy as np, diffiface as di
    >>> J = di.jacobian_operator(np.cumsum, "reverse", np.zeros(3))
    >>> J @ np.array([1.0, 1.0, 1.0]), J.T @ np.array([1.0, 0.0, 1.0])
    (array([1., 2., 3.]), array([2., 1., 1.]))
    """
    if prep is None:
        options = {"argnums": argnums, "has_aux": has_aux, "y": y}
        prep = LinearOperatorPrep(_NAME, JACOBIAN, _make, f, backend, (x, *contexts), check_value=False, **options)
    else:
        prep.check_owner(_NAME, f, backend)
    return prep.at(x, *contexts)


def prepare_jacobian_operator(
    f: Callable[..., Any],
    backend: str | Backend,
    x: Any,
    *contexts: Any,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    strict: Strict = True,
) -> LinearOperatorPrep:
    """Do once what `jacobian_operator` need do only once, for arguments like these.

    The other arguments are as for `jacobian_operator`: their values do not matter, their dtypes, shapes and structure do.

    Args:
        strict: what a call with other kinds of arguments does: True raises `PreparationMismatchError`,
            "reprepare" prepares again, False does not look.
    Returns:
        A preparation, to be passed as `prep=` or used by its bound call `prep.jacobian_operator(x, *contexts)`.
    Raises:
        TracingMismatchError: f gives another value when traced than in plain NumPy; and what `jacobian_operator` raises.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_jacobian_operator(lambda x: x**2, "forward", np.zeros(2))
    >>> prep.jacobian_operator(np.array([1.0, 2.0])) @ np.ones(2)
    array([2., 4.])
    """
    options = {"argnums": argnums, "has_aux": has_aux, "y": y}
    return LinearOperatorPrep(_NAME, JACOBIAN, _make, f, backend, (x, *contexts), strict=strict, **options)


def _directions(backend: Backend) -> tuple[Backend, Backend]:
    """Return the engines for pushforwards and for pullbacks: the one named, or its companion for what it lacks."""
    engine = backend.engines[1] if isinstance(backend, SecondOrder) else backend
    companion = engine.companion() or engine
    pusher = engine if engine.supplies("pushforward") else pushing(companion)
    return pusher, engine if engine.supplies("pullback") else companion


def _make(call: Call) -> Callable[[Call], LinearOperator]:
    """Prepare both directions at a call's x; return the function that gives the operator at another."""
    pusher, puller = _directions(call.backend)
    push = engine_run(pusher, "pushforward", call.function, call.xs, call.contexts)
    pull = engine_run(puller, "pullback", call.function, call.xs, call.contexts)
    x_layout = VectorLayout.of(call.xs)
    nowhere = x_layout.split(np.zeros((1, x_layout.size)))
    ys, _, _ = push(call.xs, nowhere, call.contexts)
    y_layout = VectorLayout.of(ys)
    if x_layout.any_complex and y_layout.any_real:
        raise UnsupportedOperationError(
            "the derivative of a real function of complex numbers is no complex linear operator",
            engine=call.backend.name,
            fix="write f as a function of the real and imaginary parts: x = {'re': ..., 'im': ...}",
        )
    shape, dtype = (y_layout.size, x_layout.size), np.result_type(x_layout.dtype, y_layout.dtype)

    def at(call: Call) -> LinearOperator:
        xs, contexts = call.xs, call.contexts

        def forward(rows: np.ndarray) -> np.ndarray:
            def along(vectors: np.ndarray) -> np.ndarray:
                return y_layout.join(push(xs, x_layout.split(vectors), contexts)[1])

            if np.iscomplexobj(rows) and x_layout.any_real:
                # A real leaf moves along a complex tangent in two steps.
                return along(rows) + 1j * along(np.where(x_layout.real_entries, np.imag(rows), 0))
            return along(rows)

        def adjoint(rows: np.ndarray) -> np.ndarray:
            def back(vectors: np.ndarray) -> Leaves:
                return pull(xs, y_layout.split(vectors), contexts)[1]

            found = x_layout.join(back(rows))
            if x_layout.any_real and (np.iscomplexobj(rows) or y_layout.any_complex):
                # To a real leaf only the real part comes back, so the imaginary part is asked for by itself.
                imaginary = np.real(x_layout.join(back(-1j * rows)))
                found = found + 1j * np.where(x_layout.real_entries, imaginary, 0)
            return found

        return linear_operator(shape, dtype, forward, adjoint)

    return at
