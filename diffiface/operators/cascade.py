"""How every operator follows from one primitive: the pieces the derivations share.

Each operator's file holds its own derivation; here is who calls which (an engine's own method, else the
derivation), and the basis vectors and contractions they use. All array work goes through the primitives
of the running trace, so that derived operators nest like native ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from diffiface.adapter import ENGINE_METHODS, Backend, Leaves
from diffiface.primitives import Primitives

_BATCH_BYTES = 64 * 2**20
"""The memory one batch of basis vectors may take when the engine names no chunk size."""

DERIVATIONS: dict[str, Callable[..., tuple[Any, ...]]] = {}
"""Operator name → `derive(backend, f, xs, [seeds,] contexts)`; filled by the operators' own files."""


def derivation(operator: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the way to derive `operator` from an engine's other methods (a decorator)."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        DERIVATIONS[operator] = function
        return function

    return register


def engine_method(backend: Backend, operator: str) -> Callable[..., tuple[Any, ...]]:
    """Return the engine's own method for an operator, or the derivation bound to the engine."""
    if backend.supplies(operator):
        return getattr(backend, ENGINE_METHODS[operator])
    return partial(DERIVATIONS[operator], backend)


def size_of(shape: Sequence[int]) -> int:
    return math.prod(shape)


def chunks(backend: Backend, shapes: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, int]]:
    """Split the basis of all leaves together into batches of at most the engine's chunk size."""
    total = sum(map(size_of, shapes))
    size = backend.chunk_size or max(1, _BATCH_BYTES // max(8 * total, 1))
    for start in range(0, total, size):
        yield start, min(start + size, total)


def basis(
    shapes: Sequence[tuple[int, ...]], dtypes: Sequence[np.dtype], start: int = 0, stop: int | None = None
) -> tuple[np.ndarray, ...]:
    """Return unit vectors number `start` to `stop` of all leaves together, one batch per leaf."""
    stop = sum(map(size_of, shapes)) if stop is None else stop
    batches, offset = [], 0
    for shape, dtype in zip(shapes, dtypes, strict=True):
        batch = np.zeros((stop - start, size_of(shape)), dtype)
        first, last = max(start, offset), min(stop, offset + size_of(shape))
        rows = np.arange(first, last)
        batch[rows - start, rows - offset] = 1
        batches.append(batch.reshape(stop - start, *shape))
        offset += size_of(shape)
    return tuple(batches)


def along_basis(
    p: Primitives, batches: Sequence[Any], leaf_shape: tuple[int, ...], shapes: Sequence[tuple[int, ...]]
) -> list[Any]:
    """Turn results along all unit vectors into derivatives by leaf.

    `batches` holds chunks of shape `(chunk, *leaf_shape)`; the result has one array of shape
    `leaf_shape + shape` for each of `shapes`, the leaves the unit vectors belong to.
    """
    if not batches:
        return [np.zeros((*leaf_shape, *shape)) for shape in shapes]
    stacked = batches[0] if len(batches) == 1 else p.concatenate(list(batches), axis=0)
    rank = len(leaf_shape)
    columns = p.transpose(stacked, axes=(*range(1, rank + 1), 0))
    derivatives, offset = [], 0
    for shape in shapes:
        size = size_of(shape)
        part = p.getitem(columns, index=(Ellipsis, slice(offset, offset + size)))
        derivatives.append(fresh(p.reshape(part, shape=(*leaf_shape, *shape))))
        offset += size
    return derivatives


def fresh(array: Any) -> Any:
    """Return a NumPy view as an array of its own; everything else as it is."""
    if isinstance(array, np.ndarray) and (array.base is not None or not array.flags.c_contiguous):
        return array.copy(order="C")
    return array


def first(p: Primitives, batch: Any) -> Any:
    """Take the only member of a batch of one."""
    return fresh(p.getitem(batch, index=0))


def shapes_of(p: Primitives, leaves: Leaves) -> list[tuple[int, ...]]:
    return [p.shape(leaf) for leaf in leaves]


def dtypes_of(p: Primitives, leaves: Leaves) -> list[np.dtype]:
    return [p.dtype(leaf) for leaf in leaves]
