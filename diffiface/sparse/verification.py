"""Does a pattern tell the truth? One product of the dense derivative with a random vector shows what it leaves out."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.errors import DiffifaceError, SparsityPatternError
from diffiface.operators.cascade import engine_method
from diffiface.sparse.pattern import SparsityPattern
from diffiface.sparse.products import Layout, Product, Products, layout_of

_MOST_DENSE = 20_000
"""Of matrices up to this size whole rows are computed to name what is missing."""


def random_vector(size: int) -> np.ndarray:
    """Return a vector that hides nothing: no entry is small, and no two patterns of entries cancel but by chance."""
    random = np.random.default_rng(20240917)
    return random.uniform(0.5, 1.5, size) * random.choice([-1.0, 1.0], size)


def wrong_lines(
    pattern: SparsityPattern,
    values: np.ndarray,
    vector: np.ndarray,
    expected: np.ndarray,
    transposed: bool,
    noise: float | None,
) -> np.ndarray:
    """Return the rows (columns, if transposed) of the sparse matrix whose product with a vector is not the expected one.

    `noise` is None for an exact engine; for one that approximates, the size of an entry that may be no more than the
    error of a zero. What is not finite says nothing and is passed over.
    """
    from scipy.sparse import csr_array

    matrix = csr_array((values, pattern.indices, pattern.indptr), shape=pattern.shape)
    matrix, sizes = (matrix.T, abs(matrix).T) if transposed else (matrix, abs(matrix))
    with np.errstate(all="ignore"):
        found, scale = matrix @ vector, sizes @ np.abs(vector) + np.abs(expected)
        single = np.result_type(values, expected).itemsize <= 4 or np.result_type(values, expected) == np.complex64
        largest = scale[np.isfinite(scale)].max(initial=0.0)
        if noise is None:
            allowed = (1e-3 * scale + 1e-6 * largest) if single else (1e-7 * scale + 1e-13 * largest)
        else:
            allowed = 1e-2 * scale + 1e-4 * largest + noise
        return np.flatnonzero(np.abs(found - expected) > allowed)


def dense_product(
    backend: Backend,
    product: Product,
    f: FlatFunction,
    xs: Leaves,
    contexts: Leaves,
    vectors: np.ndarray,
    layout: Layout,
) -> np.ndarray:
    """Return the dense derivative times each of some vectors, by the engine without any preparation."""
    method = engine_method(backend, product)
    products = Products(product, partial(method, f), vectors, layout, xs[0], backend.chunk_size)
    result = products(xs, contexts)[1]
    return np.conj(result) if product == "pullback" else result


def missing_error(
    backend: Backend,
    product: Product,
    f: FlatFunction,
    xs: Leaves,
    contexts: Leaves,
    pattern: SparsityPattern,
    lines: np.ndarray,
    y_layout: Layout,
) -> SparsityPatternError:
    """Build the error about a pattern that leaves out entries in these rows (columns, for pullbacks)."""
    what = "columns" if product == "pullback" else "rows"
    shown = [int(line) for line in lines[:3]]
    problem = (
        f"the sparsity pattern ({pattern.origin}, {pattern.shape[0]}x{pattern.shape[1]}) leaves out entries that are "
        f"not zero, in {len(lines)} {what}: {', '.join(map(str, shown))}{', …' if len(lines) > 3 else ''}"
    )
    if max(pattern.shape) <= _MOST_DENSE:
        entries = _missing_entries(backend, product, f, xs, contexts, pattern, shown, y_layout)
        if entries:
            problem += "; the entries " + ", ".join(f"({i}, {j}) = {value:.3g}" for i, j, value in entries[:8])
    return SparsityPatternError(
        problem,
        engine=backend.name,
        fix="correct the pattern, or let it be found: detector='auto' (detector='dense' to see it at one x)",
    )


def _missing_entries(
    backend: Backend,
    product: Product,
    f: FlatFunction,
    xs: Leaves,
    contexts: Leaves,
    pattern: SparsityPattern,
    lines: list[int],
    y_layout: Layout,
) -> list[tuple[int, int, Any]]:
    """Compute some whole lines of the matrix and return the entries that the pattern lacks."""
    # A row comes from a pullback (of a symmetric matrix from an hvp), a column from a pushforward.
    across: Product = {"pushforward": "pullback", "pullback": "pushforward", "hvp": "hvp"}[product]  # type: ignore[assignment]
    layout = y_layout if across == "pullback" else layout_of(xs)
    units = np.zeros((len(lines), sum(math.prod(shape) for shape, _ in layout)))
    units[np.arange(len(lines)), lines] = 1
    try:
        dense = dense_product(backend, across, f, xs, contexts, units, layout)
    except DiffifaceError:  # the engine has no way across; the lines are named all the same
        return []
    matrix = pattern.matrix().T.tocsr() if product == "pullback" else pattern.matrix()
    entries = []
    for line, values in zip(lines, dense, strict=True):
        lacking = np.setdiff1d(np.flatnonzero(values), matrix.indices[matrix.indptr[line] : matrix.indptr[line + 1]])
        for other in lacking[np.argsort(-np.abs(values[lacking]), kind="stable")]:
            place = (int(other), line) if product == "pullback" else (line, int(other))
            entries.append((*place, values[other].item()))
    return entries
