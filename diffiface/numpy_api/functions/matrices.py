"""What the translations of linear algebra share. Matrices are the last two axes of raw values."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.functions.raw import inexact, ndim
from diffiface.primitives import Primitives


def matrix(p: Primitives, a: Any) -> Any:
    """Return a stack of matrices as floats."""
    if ndim(p, a) < 2:
        raise np.linalg.LinAlgError(f"{ndim(p, a)}-dimensional array given. Array must be at least two-dimensional")
    return inexact(p, a)


def as_square(p: Primitives, a: Any) -> Any:
    """Return a stack of square matrices as floats."""
    a = matrix(p, a)
    shape = p.shape(a)
    if shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return a


def swapped(p: Primitives, a: Any) -> Any:
    """Return the transpose."""
    rank = ndim(p, a)
    return p.transpose(a, axes=(*range(rank - 2), rank - 1, rank - 2))


def conjugate(p: Primitives, a: Any) -> Any:
    """Conjugate what is complex."""
    return p.conjugate(a) if p.dtype(a).kind == "c" else a


def adjoint(p: Primitives, a: Any) -> Any:
    """Return the conjugate transpose."""
    return swapped(p, conjugate(p, a))


def triangle(p: Primitives, a: Any, lower: bool, diagonal: int = 0) -> Any:
    """Return one triangle, zeros elsewhere (and in their place no NaN of the other triangle)."""
    ones = np.ones(p.shape(a)[-2:], bool)
    return p.where(np.tril(ones, diagonal) if lower else np.triu(ones, diagonal), a, np.zeros((), p.dtype(a)))


def from_triangle(p: Primitives, a: Any, lower: bool, hermitian: bool) -> Any:
    """Return the symmetric (or Hermitian) matrix whose other triangle is not read."""
    strict = triangle(p, a, lower, -1 if lower else 1)
    return p.add(triangle(p, a, lower), adjoint(p, strict) if hermitian else swapped(p, strict))


def beside(p: Primitives, *blocks: Any) -> Any:
    """Put matrices side by side."""
    return p.concatenate(list(blocks), axis=ndim(p, blocks[0]) - 1)


def as_columns(p: Primitives, b: Any) -> tuple[Any, bool]:
    """Return a right-hand side as a matrix, and whether it was a vector."""
    b = inexact(p, b)
    return (p.reshape(b, shape=(*p.shape(b), 1)), True) if ndim(p, b) == 1 else (b, False)


def as_given(p: Primitives, x: Any, was_vector: bool) -> Any:
    """Return a solution as a vector, if the right-hand side was one."""
    return p.reshape(x, shape=tuple(p.shape(x))[:-1]) if was_vector else x


def real_if_real(p: Primitives, a: Any, values: Any, *results: Any) -> tuple[Any, ...]:
    """Return complex results of a real matrix as real ones if all its eigenvalues are known to be real."""
    known = None if p.dtype(a).kind == "c" else p.primal(values)
    if known is None or np.any(np.imag(known)):
        return results
    return tuple(p.real(result) for result in results)


def plain_int(p: Primitives, count: Any) -> Any:
    """Return a whole number as NumPy's own where it is known."""
    known = p.primal(count)
    return count if known is None else np.asarray(known)[()]
