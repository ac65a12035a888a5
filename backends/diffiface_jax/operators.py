"""The operators as transformations of a flat JAX function: the same code runs eagerly and under jit.

Each takes `flat` (see `FlatCall`), the leaves of x, perhaps seeds, and the chunk size, and returns the
engine method's results as JAX values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffiface.adapter import Cotangents, FlatCall, FlatFunction, Leaves, Primitives
from diffiface_jax.failures import Failures
from diffiface_jax.primitives import JAXPrimitives


def flat_call(f: FlatFunction, outer: Primitives, contexts: Leaves, failures: Failures | None = None) -> FlatCall:
    """Return one run of f as a JAX function, `flat(*xs) -> (ys, arrays in aux)`, as JAX's has_aux wants it."""
    return FlatCall(f, lambda: JAXPrimitives(outer, failures), contexts, lambda y: jnp.asarray(np.array(y)))


def _size(leaves: Sequence[Any]) -> int:
    return sum(math.prod(leaf.shape) for leaf in leaves)


def _like(seed: Any, leaf: Any) -> Any:
    """A batch of seeds in the dtype of the leaf they belong to; of a complex one only the real part can pair."""
    seed = jnp.asarray(seed)
    if jnp.iscomplexobj(seed) and not jnp.iscomplexobj(leaf):
        seed = jnp.real(seed)
    return seed.astype(leaf.dtype)


def _linearized(flat: Callable[..., Any], xs: Leaves) -> tuple[Any, Callable[..., Any], Any]:
    return jax.linearize(flat, *xs, has_aux=True)


def _adjoint(flat: Callable[..., Any], xs: Leaves) -> tuple[Any, Callable[..., Any], Any]:
    """Return ys, the pullback for the inner product Re(conj(a) b) (JAX's own does not conjugate), and aux."""
    ys, transposed, aux = jax.vjp(flat, *xs, has_aux=True)

    def pull(*cotangents: Any) -> tuple[Any, ...]:
        return tuple(map(jnp.conjugate, transposed(tuple(map(jnp.conjugate, cotangents)))))

    return ys, pull, aux


def _along_basis(linear: Callable[..., Any], leaves: Sequence[Any], chunk_size: int | None) -> list[Any]:
    """Apply a linear map to every unit vector of the leaves together; results get a leading axis of that length."""
    total = _size(leaves)
    parts = []
    for start in range(0, max(total, 1), chunk_size or max(total, 1)):
        stop = min(total, start + (chunk_size or total))
        batch, offset = [], 0
        for leaf in leaves:
            size = math.prod(leaf.shape)
            rows = jnp.eye(stop - start, size, k=start - offset, dtype=leaf.dtype)
            batch.append(rows.reshape(stop - start, *leaf.shape))
            offset += size
        parts.append(jax.vmap(linear)(*batch))
    return parts[0] if len(parts) == 1 else [jnp.concatenate(column) for column in zip(*parts, strict=True)]


def _split(stacked: Any, leaves: Sequence[Any], axis: int) -> list[Any]:
    """Cut the axis of unit vectors into the axes of the leaves they belong to."""
    blocks, offset = [], 0
    before, after = stacked.shape[:axis], stacked.shape[axis + 1 :]
    for leaf in leaves:
        size = math.prod(leaf.shape)
        block = jax.lax.slice_in_dim(stacked, offset, offset + size, axis=axis)
        blocks.append(block.reshape(*before, *leaf.shape, *after))
        offset += size
    return blocks


def pushforward(flat: FlatCall, xs: Leaves, tangents: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    """Push a batch of tangents forward."""
    ys, push, aux = _linearized(flat, xs)
    return ys, jax.vmap(push)(*map(_like, tangents, xs)), aux


def pullback(flat: FlatCall, xs: Leaves, cotangents: Cotangents, chunk_size: int | None) -> tuple[Any, ...]:
    """Pull a batch of cotangents back."""
    ys, pull, aux = _adjoint(flat, xs)
    if callable(cotangents):
        cotangents = cotangents([(y.shape, np.dtype(y.dtype)) for y in ys])
    return ys, jax.vmap(pull)(*map(_like, cotangents, ys)), aux


def derivative(flat: FlatCall, xs: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    """Push 1 forward."""
    ys, push, aux = _linearized(flat, xs)
    return ys, push(jnp.ones_like(xs[0])), aux


def gradient(flat: FlatCall, xs: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    """Pull 1 back."""
    (y,), pull, aux = _adjoint(flat, xs)
    return y, pull(jnp.ones_like(y)), aux


def jacobian(flat: FlatCall, xs: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    """Go along the basis of x or of y, whichever is smaller."""
    ys, pull, aux = _adjoint(flat, xs)
    complex_xs, complex_ys = (any(map(jnp.iscomplexobj, leaves)) for leaves in (xs, ys))
    # From the real to the complex numbers the adjoint along the basis knows only the real part, and vice versa.
    forward = _size(xs) <= _size(ys) if complex_xs == complex_ys else complex_ys
    if forward:
        # Under jit the transposed program above is never used and removed.
        ys, push, aux = _linearized(flat, xs)
        columns = [jnp.moveaxis(ty, 0, -1) for ty in _along_basis(push, xs, chunk_size)]
        rows = [_split(column, xs, column.ndim - 1) for column in columns]
    else:
        # A pullback is the adjoint; a row of the Jacobian is not conjugated.
        stacked = [jnp.conjugate(tx) for tx in _along_basis(pull, ys, chunk_size)]
        rows = [list(row) for row in zip(*(_split(tx, ys, 0) for tx in stacked), strict=True)]
    return ys, [[_as_derivative(block, x) for block, x in zip(row, xs, strict=True)] for row in rows], aux


def _as_derivative(block: Any, x: Any) -> Any:
    """A derivative has x's precision whatever f computed in."""
    return block.astype(np.result_type(x.dtype, np.complex64) if jnp.iscomplexobj(block) else x.dtype)


def second_derivative(flat: FlatCall, xs: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    """Push 1 forward, and 1 again through that."""

    def value_and_derivative(x: Any) -> tuple[Any, Any]:
        ys, push, aux = _linearized(flat, (x,))
        return (ys, push(jnp.ones_like(x))), aux

    (ys, dys), push, aux = _linearized(value_and_derivative, xs)
    return ys, dys, push(jnp.ones_like(xs[0]))[1], aux


def _linearized_gradient(flat: FlatCall, xs: Leaves) -> tuple[Any, Any, Callable[..., Any], Any]:
    """Return y, the gradient, the linear map of a tangent to its Hessian-vector product, and aux."""

    def value_and_gradient(*xs: Any) -> tuple[Any, Any]:
        (y,), pull, aux = _adjoint(flat, xs)
        return (y, pull(jnp.ones_like(y))), aux

    (y, gradients), push, aux = _linearized(value_and_gradient, xs)
    return y, gradients, lambda *tangents: push(*tangents)[1], aux


def hvp(flat: FlatCall, xs: Leaves, tangents: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    """Push a batch of tangents forward through the gradient."""
    y, gradients, push, aux = _linearized_gradient(flat, xs)
    return y, gradients, jax.vmap(push)(*map(_like, tangents, xs)), aux


def hessian(flat: FlatCall, xs: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    """Push the basis of x forward through the gradient."""
    y, gradients, push, aux = _linearized_gradient(flat, xs)
    columns = [jnp.moveaxis(column, 0, -1) for column in _along_basis(push, xs, chunk_size)]
    return y, gradients, [_split(column, xs, column.ndim - 1) for column in columns], aux


OPERATORS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "pushforward": pushforward,
    "pullback": pullback,
    "derivative": derivative,
    "gradient": gradient,
    "jacobian": jacobian,
    "second_derivative": second_derivative,
    "hvp": hvp,
    "hessian": hessian,
}

SEEDED = frozenset({"pushforward", "pullback", "hvp"})
"""The operators that take a batch of tangents or cotangents after xs."""
