"""Products of a derivative matrix with seeds: all colors in one batch of an engine's pushforward, pullback or hvp."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from diffiface.adapter import NUMPY, Backend, FlatFunction, Leaves
from diffiface.arrays import family_of
from diffiface.operators.cascade import engine_method
from diffiface.sparse.entries import Entries

_BATCH_BYTES = 256 * 2**20
"""The memory one batch of seeds may take when the engine names no chunk size."""

Product = Literal["pushforward", "pullback", "hvp"]
"""What a product is made by: the matrix times a vector, its transpose times a vector, or a Hessian times a vector."""

_PLACES = {"pushforward": 1, "pullback": 1, "hvp": 2}
"""Where in an operator's results the products are."""

Layout = Sequence[tuple[tuple[int, ...], np.dtype]]
"""Shape and dtype of each leaf."""


class Products:
    """Computes `seeds @ matrix.T` (or `seeds @ matrix`, by pullbacks) in batches of equal size.

    Args:
        operator: "pushforward", "pullback" or "hvp".
        run: that operator as the engine has prepared it, `run(xs, seeds, contexts)`.
        seeds: an array of shape `(products, entries of all leaves)`.
        layout: the leaves the seeds are like.
        like: an array whose family the seeds take.
        chunk_size: the most seeds in a batch; None for what memory allows.
    """

    def __init__(
        self,
        operator: Product,
        run: Callable[..., tuple[Any, ...]],
        seeds: np.ndarray,
        layout: Layout,
        like: Any,
        chunk_size: int | None,
    ):
        self._operator: Product = operator
        self._run, self._count = run, len(seeds)
        count = max(self._count, 1)  # (a batch of nothing still computes f's value)
        most = chunk_size or max(1, _BATCH_BYTES // max(8 * seeds.shape[1], 1))
        batches = math.ceil(count / most)
        size = math.ceil(count / batches)
        # Batches of one size: a compiled engine compiles once. What is missing in the last one is zero.
        padded = np.zeros((batches * size, seeds.shape[1]), seeds.dtype)
        padded[: self._count] = seeds
        self._batches = [_leaves(padded[b * size : (b + 1) * size], layout, like) for b in range(batches)]

    def alone(self) -> Products:
        """Return the same without what the operator gives before the products, where the engine can leave that out."""
        only = getattr(self._run, "only", None)
        if only is None:
            return self
        twin = copy.copy(self)
        twin._run = only((_PLACES[self._operator],))
        return twin

    def entries(self, readings: np.ndarray) -> Entries | None:
        """Return the entries of a single leaf's products that stand at those places, if they are one batch; else None."""
        if len(self._batches) > 1 or not self._count:
            return None
        return Entries(self._run, self._batches[0], _PLACES[self._operator], readings)

    def __call__(self, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], np.ndarray, Any]:
        """Return what the operator gives before the products, the products (one row for each seed), and aux."""
        if len(self._batches) == 1 and self._count:  # nearly always
            *head, products, aux = self._run(xs, self._batches[0], contexts)
            return tuple(head), joined(products), aux
        head, aux, parts = (), None, []
        for batch in self._batches:
            *head, products, aux = self._run(xs, batch, contexts)
            parts.append(joined(products))
        together = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return tuple(head), together[: self._count], aux


def output_layout(backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves) -> Layout:
    """Return shape and dtype of each leaf of y, from one run of f."""
    if getattr(f, "native_to", None) is None and all(isinstance(x, np.ndarray) for x in xs):
        ys, _ = f(NUMPY, [np.array(x) for x in xs], contexts)
        return layout_of([np.asarray(y) for y in ys])
    found: list[tuple[tuple[int, ...], np.dtype]] = []
    if backend.supplies("pushforward"):
        nothing = _leaves(np.zeros((1, sum(math.prod(x.shape) for x in xs))), layout_of(xs), xs[0])
        return layout_of(engine_method(backend, "pushforward")(f, xs, nothing, contexts)[0])

    def cotangents(outputs: Sequence[tuple[tuple[int, ...], Any]]) -> Leaves:
        found.extend((tuple(shape), np.dtype(dtype)) for shape, dtype in outputs)
        return [np.zeros((1, *shape), dtype) for shape, dtype in outputs]

    engine_method(backend, "pullback")(f, xs, cotangents, contexts)
    return found


def joined(leaves: Leaves) -> np.ndarray:
    """Return a batch of leaves as one array: a row for each member, all entries in C order."""
    if len(leaves) == 1:
        array = as_numpy(leaves[0])
        return array if array.ndim == 2 else array.reshape(array.shape[0], math.prod(array.shape[1:]))
    arrays = [as_numpy(leaf) for leaf in leaves]
    flat = [a.reshape(a.shape[0], math.prod(a.shape[1:])) for a in arrays]
    return np.concatenate(flat, axis=1)


def as_numpy(leaf: Any) -> np.ndarray:
    """Return a leaf of any family as a NumPy array."""
    if isinstance(leaf, (np.ndarray, np.generic, float, complex)):
        return np.asarray(leaf)
    family = family_of(leaf)
    return np.asarray(leaf if family is None else family.to_numpy(leaf))


def layout_of(leaves: Leaves) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Return shape and dtype of each leaf."""
    return [(tuple(leaf.shape), as_numpy(leaf).dtype) for leaf in leaves]


def _leaves(seeds: np.ndarray, layout: Layout, like: Any) -> tuple[Any, ...]:
    leaves, start = [], 0
    for shape, dtype in layout:
        stop = start + math.prod(shape)
        part = seeds[:, start:stop]
        part = np.real(part) if dtype.kind != "c" else part
        leaf = np.array(part, dtype, order="C").reshape(len(seeds), *shape)
        family = None if isinstance(like, np.ndarray) else family_of(like)
        leaves.append(leaf if family is None else family.from_numpy(leaf, like))
        start = stop
    return tuple(leaves)
