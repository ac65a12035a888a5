"""numpy.linalg."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.functions.raw import axes_of, cast, flat, inexact, ndim, refuse
from diffiface.numpy_api.functions.reductions import sum_
from diffiface.numpy_api.table import numpy_function
from diffiface.numpy_api.views import diagonal_index
from diffiface.primitives import Primitives

# NumPy's own result types, whose classes have no public names.
_SlogdetResult: Any = type(np.linalg.slogdet(np.eye(1)))
_EighResult: Any = type(np.linalg.eigh(np.eye(1)))


def _square(p: Primitives, a: Any) -> Any:
    shape = tuple(p.shape(a))
    if len(shape) < 2:
        raise np.linalg.LinAlgError(f"{len(shape)}-dimensional array given. Array must be at least two-dimensional")
    if shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return inexact(p, a)


def _swapped(p: Primitives, a: Any) -> Any:
    """Return the matrix transpose."""
    rank = ndim(p, a)
    return p.transpose(a, axes=(*range(rank - 2), rank - 1, rank - 2))


@numpy_function(np.linalg.solve, arrays=2)
def solve(p: Primitives, a: Any, b: Any) -> Any:
    a, b = _square(p, a), inexact(p, b)
    if ndim(p, b) > 1:
        return p.solve(a, b)
    solution = p.solve(a, p.reshape(b, shape=(*p.shape(b), 1)))
    return p.reshape(solution, shape=tuple(p.shape(solution))[:-1])


@numpy_function(np.linalg.inv)
def inv(p: Primitives, a: Any) -> Any:
    return p.inv(_square(p, a))


@numpy_function(np.linalg.det)
def det(p: Primitives, a: Any) -> Any:
    return p.det(_square(p, a))


@numpy_function(np.linalg.slogdet)
def slogdet(p: Primitives, a: Any) -> Any:
    return _SlogdetResult(*p.slogdet(_square(p, a)))


@numpy_function(np.linalg.cholesky)
def cholesky(p: Primitives, a: Any, /, *, upper: bool = False) -> Any:
    a = _square(p, a)
    if not upper:
        return p.cholesky(a)
    factor = _swapped(p, p.cholesky(_swapped(p, a)))
    return factor


@numpy_function(np.linalg.eigh)
def eigh(p: Primitives, a: Any, UPLO: str = "L") -> Any:
    a = _square(p, a)
    if UPLO.upper() == "U":
        a = _swapped(p, p.conjugate(a) if p.dtype(a).kind == "c" else a)
    elif UPLO.upper() != "L":
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return _EighResult(*p.eigh(a))


@numpy_function(np.linalg.eigvalsh)
def eigvalsh(p: Primitives, a: Any, UPLO: str = "L") -> Any:
    return eigh(p, a, UPLO).eigenvalues


@numpy_function(np.linalg.matrix_power)
def matrix_power(p: Primitives, a: Any, n: int) -> Any:
    a = _square(p, a)
    if n == 0:
        return p.broadcast_to(np.eye(p.shape(a)[-1], dtype=p.dtype(a)), shape=tuple(p.shape(a)))
    if n < 0:
        a, n = p.inv(a), -n
    result = None
    while n:
        if n % 2:
            result = a if result is None else p.matmul(result, a)
        n //= 2
        a = p.matmul(a, a) if n else a
    return result


# ---- traces


@numpy_function(np.trace)
def trace(p: Primitives, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    rank = ndim(p, a)
    i, j = axis1 % rank, axis2 % rank
    order = (*(k for k in range(rank) if k not in (i, j)), i, j)
    a = a if order == tuple(range(rank)) else p.transpose(a, axes=order)
    return _trace_of_last(p, a, offset, dtype)


@numpy_function(np.linalg.trace)
def linalg_trace(p: Primitives, x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return _trace_of_last(p, x, offset, dtype)


def _trace_of_last(p: Primitives, a: Any, offset: int, dtype: Any) -> Any:
    return sum_(p, p.getitem(a, index=diagonal_index(p.shape(a), offset)), -1, dtype)


# ---- norms


def _magnitude(p: Primitives, x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return the square root of the sum of squares."""
    squares = p.square(x)
    if p.dtype(x).kind == "c":
        squares = p.add(p.square(p.real(x)), p.square(p.imag(x)))
    return p.sqrt(p.sum(squares, axis=axes, keepdims=keepdims))


def _vector_norm(p: Primitives, x: Any, axes: tuple[int, ...], order: Any, keepdims: bool) -> Any:
    if order is None or order == 2:
        return _magnitude(p, x, axes, keepdims)
    size = p.absolute(x)
    if order == np.inf:
        return p.max(size, axis=axes, keepdims=keepdims)
    if order == -np.inf:
        return p.min(size, axis=axes, keepdims=keepdims)
    if order == 0:
        return cast(p, p.sum(p.not_equal(x, 0), axis=axes, keepdims=keepdims), p.dtype(size))
    if order == 1:
        return p.sum(size, axis=axes, keepdims=keepdims)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    return p.power(p.sum(p.power(size, order), axis=axes, keepdims=keepdims), 1.0 / order)


def _matrix_norm(p: Primitives, x: Any, axes: tuple[int, ...], order: Any, keepdims: bool) -> Any:
    if order in (None, "fro", "f"):
        return _magnitude(p, x, axes, keepdims)
    if order not in (1, -1, np.inf, -np.inf):
        refuse(p, "linalg.norm", "ord", order)
    rows, columns = axes
    summed, extreme = (rows, columns) if abs(order) == 1 else (columns, rows)
    sums = p.sum(p.absolute(x), axis=(summed,), keepdims=True)
    result = (p.max if order > 0 else p.min)(sums, axis=(extreme,), keepdims=True)
    if keepdims:
        return result
    return p.reshape(result, shape=tuple(n for i, n in enumerate(p.shape(x)) if i not in axes))


@numpy_function(np.linalg.norm)
def norm(p: Primitives, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = inexact(p, x)
    rank = ndim(p, x)
    if axis is None and ord is None:
        result = _magnitude(p, flat(p, x) if rank else p.reshape(x, shape=(1,)), (0,), False)
        return p.reshape(result, shape=(1,) * rank) if keepdims else result
    axes = axes_of(p, x, axis)
    if len(axes) == 1:
        return _vector_norm(p, x, axes, ord, keepdims)
    if len(axes) == 2:
        return _matrix_norm(p, x, axes, ord, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


@numpy_function(np.linalg.vector_norm)
def vector_norm(p: Primitives, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x = inexact(p, x)
    if axis is None:
        result = _vector_norm(p, flat(p, x), (0,), ord, False)
        return p.reshape(result, shape=(1,) * ndim(p, x)) if keepdims else result
    return _vector_norm(p, x, axes_of(p, x, axis), ord, keepdims)


@numpy_function(np.linalg.matrix_norm)
def matrix_norm(p: Primitives, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    rank = ndim(p, x)
    return _matrix_norm(p, inexact(p, x), (rank - 2, rank - 1), ord, keepdims)
