"""The operators, from Enzyme's two modes: along one tangent or cotangent at a time, since Enzyme has no batches.

Each takes `flat` (a function `flat(*xs) -> (ys, aux)`), the leaves of x, perhaps seeds, and the mode, and returns the
engine method's results as JAX values. All of it runs under jit, which reverse mode needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from diffiface.adapter import Leaves, Mode
from diffiface_enzyme.programs import Program

Flat = Callable[..., tuple[tuple[Any, ...], list[Any]]]


def _like(seeds: Leaves, leaves: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(jnp.asarray(seed).astype(leaf.dtype) for seed, leaf in zip(seeds, leaves, strict=True))


def _basis(leaves: Sequence[Any]) -> tuple[Any, ...]:
    """Every unit vector of the leaves together: one array per leaf, with a leading axis."""
    sizes = [math.prod(leaf.shape) for leaf in leaves]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(
        jnp.eye(sum(sizes), size, k=-start, dtype=leaf.dtype).reshape(sum(sizes), *leaf.shape)
        for leaf, size, start in zip(leaves, sizes, starts, strict=True)
    )


def _each(function: Callable[..., Any], batch: tuple[Any, ...]) -> Any:
    """Apply a function to one member of a batch after the other, in a loop of the compiled program."""
    if batch[0].shape[0] == 1:  # (a loop that runs once is still a loop to Enzyme, if it differentiates it)
        return jax.tree.map(lambda y: y[None], function(tuple(seed[0] for seed in batch)))
    if batch[0].shape[0] == 0:  # (Enzyme divides by the length of the loop)
        one = jax.eval_shape(function, tuple(jax.ShapeDtypeStruct(seed.shape[1:], seed.dtype) for seed in batch))
        return jax.tree.map(lambda y: jnp.zeros((0, *y.shape), y.dtype), one)
    return jax.lax.map(function, batch)


def _push(program: Program, xs: Leaves, tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Push a batch of tangents forward by Enzyme."""
    return _each(lambda t: program.push(xs, t), tangents)


def _pull(program: Program, xs: Leaves, cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Pull a batch of cotangents back by Enzyme."""
    return _each(lambda c: program.pull(xs, c), cotangents)


def _product(seeds: Sequence[Any], lines: Sequence[Any]) -> Any:
    """Pair every member of a batch with every line (row or column) of a Jacobian: shape (batch, lines)."""
    products = [
        seed.reshape(seed.shape[0], -1) @ line.reshape(line.shape[0], -1).T
        for seed, line in zip(seeds, lines, strict=True)
    ]
    return sum(products[1:], start=products[0])


def _split(flat: Any, leaves: Sequence[Any], axis: int) -> list[Any]:
    """Cut an axis over all entries of the leaves together into the axes of each leaf."""
    axis %= flat.ndim
    blocks, start = [], 0
    for leaf in leaves:
        size = math.prod(leaf.shape)
        block = jax.lax.slice_in_dim(flat, start, start + size, axis=axis)
        blocks.append(block.reshape(*flat.shape[:axis], *leaf.shape, *flat.shape[axis + 1 :]))
        start += size
    return blocks


def pushforward(flat: Flat, xs: Leaves, tangents: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Push a batch of tangents forward; in reverse mode, or where forward goes wrong, pair them with the rows of the Jacobian."""
    program = Program(flat, xs)
    ys, aux = program(*xs)
    tangents = _like(tangents, xs)
    if mode is Mode.REVERSE or not program.pushes:
        return ys, _like(_split(_product(tangents, _pull(program, xs, _basis(ys))), ys, -1), ys), aux
    return ys, _push(program, xs, tangents), aux


def pullback(flat: Flat, xs: Leaves, cotangents: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Pull a batch of cotangents back; in forward mode alone, pair them with the columns of the Jacobian."""
    program = Program(flat, xs)
    ys, aux = program(*xs)
    cotangents = _like(cotangents, ys)
    if mode is Mode.FORWARD and program.pushes:
        return ys, _like(_split(_product(cotangents, _push(program, xs, _basis(xs))), xs, -1), xs), aux
    return ys, _pull(program, xs, cotangents), aux


def derivative(flat: Flat, xs: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Push 1 forward."""
    ys, tys, aux = pushforward(flat, xs, [jnp.ones((1, *xs[0].shape), xs[0].dtype)], mode)
    return ys, [ty[0] for ty in tys], aux


def gradient(flat: Flat, xs: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Pull 1 back."""
    (y,), txs, aux = pullback(flat, xs, [jnp.ones(1)], mode)
    return y, [tx[0] for tx in txs], aux


def jacobian(flat: Flat, xs: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Go along the basis of x or of y, whichever is smaller, or as the mode says."""
    program = Program(flat, xs)
    ys, aux = program(*xs)
    entries_x, entries_y = (sum(math.prod(leaf.shape) for leaf in leaves) for leaves in (xs, ys))
    if program.pushes and (mode is Mode.FORWARD or (mode is Mode.BOTH and entries_x <= entries_y)):
        columns = _push(program, xs, _basis(xs))
        blocks = [_split(jnp.moveaxis(column, 0, -1), xs, -1) for column in columns]
    else:
        by_x = [_split(row, ys, 0) for row in _pull(program, xs, _basis(ys))]
        blocks = [list(row) for row in zip(*by_x, strict=True)]
    # A derivative has x's precision whatever f computed in.
    return ys, [list(_like(row, xs)) for row in blocks], aux


def _derivative_of(flat: Flat, mode: Mode) -> Flat:
    def along(*xs: Any) -> tuple[tuple[Any, ...], list[Any]]:
        ys, dys, aux = derivative(flat, xs, mode)
        return (*ys, *dys), aux

    return along


def _gradient_of(flat: Flat, mode: Mode) -> Flat:
    def ascent(*xs: Any) -> tuple[tuple[Any, ...], list[Any]]:
        y, gradients, aux = gradient(flat, xs, mode)
        return (y, *gradients), aux

    return ascent


def second_derivative(flat: Flat, xs: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Differentiate the derivative, by Enzyme both times."""
    both, slopes, aux = derivative(_derivative_of(flat, mode), xs, mode)
    count = len(both) // 2
    return both[:count], both[count:], slopes[count:], aux


def hvp(flat: Flat, xs: Leaves, tangents: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Push a batch of tangents through the gradient; pull them back where it is a reverse derivative itself.

    The Hessian is symmetric, so both are the same, and Enzyme's forward over reverse is wrong where f has indices.
    """
    if mode is not Mode.FORWARD:
        nothing = jnp.zeros(tangents[0].shape[0])
        (y, *gradients), products, aux = pullback(_gradient_of(flat, mode), xs, [nothing, *tangents], mode)
        return y, gradients, products, aux
    (y, *gradients), (_, *products), aux = pushforward(_gradient_of(flat, mode), xs, tangents, mode)
    return y, gradients, products, aux


def hessian(flat: Flat, xs: Leaves, mode: Mode) -> tuple[Any, ...]:
    """Take the Jacobian of the gradient."""
    # (y rides along; its row is the gradient once more)
    (y, *gradients), (_, *rows), aux = jacobian(_gradient_of(flat, mode), xs, mode)
    return y, gradients, rows, aux


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
