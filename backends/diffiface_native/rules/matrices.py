"""What the rules of linear algebra share. Matrices are the last two axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import matrix_transpose
from diffiface_native.rules.rule import is_complex


def conjugate(p: Primitives, x: Any) -> Any:
    """Conjugate what is complex.

    Cotangents go without conjugation (df = Re(cotangent * dx)); the textbook adjoints of functions that are not
    holomorphic come with it (df = Re(conj(cotangent) * dx)). So a rule conjugates at its entry and at its exit.
    """
    return p.conjugate(x) if is_complex(p, x) else x


def adjoint(p: Primitives, x: Any) -> Any:
    """Return the conjugate transpose."""
    return matrix_transpose(p, conjugate(p, x))


def symmetrised(p: Primitives, x: Any) -> Any:
    """Return the Hermitian part."""
    return p.multiply(0.5, p.add(x, adjoint(p, x)))


def product(p: Primitives, *factors: Any) -> Any:
    """Multiply matrices from left to right."""
    result = factors[0]
    for factor in factors[1:]:
        result = p.matmul(result, factor)
    return result


def as_row(p: Primitives, v: Any) -> Any:
    """Make vectors rows: multiplied with a matrix they scale its columns."""
    shape = p.shape(v)
    return p.reshape(v, shape=(*shape[:-1], 1, shape[-1]))


def as_column(p: Primitives, v: Any) -> Any:
    """Make vectors columns: multiplied with a matrix they scale its rows."""
    return p.reshape(v, shape=(*p.shape(v), 1))


def as_matrices(p: Primitives, numbers: Any) -> Any:
    """Append two axes of length one."""
    return p.reshape(numbers, shape=(*p.shape(numbers), 1, 1))


def diagonal(p: Primitives, x: Any) -> Any:
    """Return the diagonals of square matrices."""
    n = np.arange(p.shape(x)[-1])
    return p.getitem(x, index=(Ellipsis, n, n))


def on_diagonal(p: Primitives, v: Any) -> Any:
    """Return diagonal matrices."""
    return p.multiply(as_row(p, v), np.eye(p.shape(v)[-1], dtype=p.dtype(v)))


def masked(p: Primitives, x: Any, mask: np.ndarray) -> Any:
    """Multiply by a matrix of plain numbers without changing the dtype."""
    return p.multiply(x, mask.astype(p.dtype(x)))


def lower_part(p: Primitives, x: Any, diagonal: int = 0) -> Any:
    """Return the triangle below a diagonal, zeros above."""
    return masked(p, x, np.tril(np.ones(p.shape(x)[-2:]), diagonal))


def upper_part(p: Primitives, x: Any, diagonal: int = 0) -> Any:
    """Return the triangle above a diagonal, zeros below."""
    return masked(p, x, np.triu(np.ones(p.shape(x)[-2:]), diagonal))


def columns(p: Primitives, x: Any, start: int, stop: int) -> Any:
    """Return some columns."""
    return p.getitem(x, index=(Ellipsis, slice(start, stop)))


def rows(p: Primitives, x: Any, start: int, stop: int) -> Any:
    """Return some rows."""
    return p.getitem(x, index=(Ellipsis, slice(start, stop), slice(None)))


def inverse_or_zero(p: Primitives, x: Any) -> Any:
    """Return 1/x, and 0 where x is 0."""
    zero = p.equal(x, 0)
    return p.where(zero, 0.0, p.reciprocal(p.where(zero, 1.0, x)))


def imaginary_diagonal(p: Primitives, x: Any) -> Any:
    """Return the matrix whose diagonal is that of x without its real part, and the rest zero."""
    return on_diagonal(p, p.multiply(1j, p.imag(diagonal(p, x))))


def beside(p: Primitives, *blocks: Any) -> Any:
    """Put matrices side by side."""
    return p.concatenate(list(blocks), axis=len(p.shape(blocks[0])) - 1)


def above(p: Primitives, *blocks: Any) -> Any:
    """Put matrices one above the other."""
    return p.concatenate(list(blocks), axis=len(p.shape(blocks[0])) - 2)


def padded(p: Primitives, x: Any, row_count: int, column_count: int, top: int = 0, left: int = 0) -> Any:
    """Put matrices into larger ones of zeros."""
    shape = p.shape(x)
    zeros = np.zeros((*shape[:-2], row_count, column_count), dtype=p.dtype(x))
    place = (Ellipsis, slice(top, top + shape[-2]), slice(left, left + shape[-1]))
    return p.setitem(zeros, x, index=place)
