"""Patterns from the numbers: the dense derivative at one x, a batch of columns at a time, compared with a threshold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.operators.cascade import basis, chunks, engine_method
from diffiface.sparse.pattern import SparsityPattern
from diffiface.sparse.products import Product, Products, joined, layout_of, output_layout


def dense_jacobian_pattern(
    backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves, tolerance: float
) -> SparsityPattern:
    """Return where the Jacobian at x is not zero: columns by pushforwards, or rows by pullbacks."""
    if backend.supplies("pushforward"):
        columns = _lines(backend, "pushforward", f, xs, contexts)
        return _pattern(columns, tolerance, transpose=True, width=_size(xs))
    layout = output_layout(backend, f, xs, contexts)

    def rows() -> Iterator[np.ndarray]:
        shapes = [shape for shape, _ in layout]
        for start, stop in chunks(backend, shapes):
            seeds = basis(shapes, [dtype for _, dtype in layout], start, stop)
            yield joined(engine_method(backend, "pullback")(f, xs, seeds, contexts)[1])

    return _pattern(rows(), tolerance, transpose=False, width=_size(xs))


def dense_hessian_pattern(
    backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves, tolerance: float
) -> SparsityPattern:
    """Return where the Hessian at x is not zero."""
    rows = _lines(backend, "hvp", f, xs, contexts)
    return _pattern(rows, tolerance, transpose=False, width=_size(xs)).symmetric()


def _lines(backend: Backend, operator: Product, f: FlatFunction, xs: Leaves, contexts: Leaves) -> Iterator[np.ndarray]:
    """Compute the products with the basis of x, a batch at a time."""
    layout, size = layout_of(xs), _size(xs)
    run = partial(engine_method(backend, operator), f)
    for start, stop in list(chunks(backend, [shape for shape, _ in layout])) or [(0, 0)]:
        seeds = np.zeros((stop - start, size))
        seeds[np.arange(stop - start), np.arange(start, stop)] = 1
        products = Products(operator, run, seeds, layout, xs[0], max(stop - start, 1))
        yield products(xs, contexts)[1]


def _pattern(lines: Iterator[np.ndarray], tolerance: float, transpose: bool, width: int) -> SparsityPattern:
    from scipy.sparse import csr_array, vstack

    # NaN counts as an entry: what is unknown may be anything.
    blocks = [csr_array(~(np.abs(block) <= tolerance)) for block in lines]
    matrix = csr_array(vstack(blocks)) if blocks else csr_array((0, width), dtype=bool)
    return SparsityPattern.of(matrix.T if transpose else matrix, "dense", "local")


def _size(leaves: Leaves) -> int:
    return sum(math.prod(leaf.shape) for leaf in leaves)
