"""numpy.linalg."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from diffiface.numpy_api.functions.matrices import as_columns, as_given, as_square, matrix, plain_int
from diffiface.numpy_api.functions.raw import axes_of, cast, flat, inexact, ndim, size
from diffiface.numpy_api.functions.reductions import sum_
from diffiface.numpy_api.table import numpy_function
from diffiface.numpy_api.views import diagonal_index
from diffiface.primitives import Primitives

# NumPy's own result type, whose class has no public name.
_SlogdetResult: Any = type(np.linalg.slogdet(np.eye(1)))


@numpy_function(np.linalg.solve, arrays=2)
def solve(p: Primitives, a: Any, b: Any) -> Any:
    b, was_vector = as_columns(p, b)
    return as_given(p, p.solve(as_square(p, a), b), was_vector)


@numpy_function(np.linalg.inv)
def inv(p: Primitives, a: Any) -> Any:
    return p.inv(as_square(p, a))


@numpy_function(np.linalg.det)
def det(p: Primitives, a: Any) -> Any:
    return p.det(as_square(p, a))


@numpy_function(np.linalg.slogdet)
def slogdet(p: Primitives, a: Any) -> Any:
    return _SlogdetResult(*p.slogdet(as_square(p, a)))


@numpy_function(np.linalg.pinv)
def pinv(p: Primitives, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    a = matrix(p, a)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else default_rtol(p, a) if rtol is None else rtol
    return p.pinv(a, rtol=rcond, hermitian=hermitian)


def default_rtol(p: Primitives, a: Any) -> float:
    return max(p.shape(a)[-2:]) * float(np.finfo(p.dtype(a)).eps)


@numpy_function(
    np.linalg.lstsq, arrays=2, note="the solution is the pseudo-inverse times b; the rank is a plain number"
)
def lstsq(p: Primitives, a: Any, b: Any, rcond: Any = None) -> Any:
    a = matrix(p, a)
    if rcond is None:
        rcond = default_rtol(p, a)
    elif rcond == -1:
        rcond = float(np.finfo(p.dtype(a)).eps)
    x, residuals, rank, s = least_squares(p, a, b, rcond)
    return x, residuals, cast(p, rank, np.int32), s


def least_squares(p: Primitives, a: Any, b: Any, rcond: float) -> tuple[Any, Any, Any, Any]:
    """Return the solution, the sums of squared residuals, the rank and the singular values."""
    b, was_vector = as_columns(p, b)
    x = p.matmul(p.pinv(a, rtol=rcond, hermitian=False), b)
    s = p.svdvals(a)
    m, n = p.shape(a)[-2:]
    largest = p.getitem(s, index=slice(0, 1))
    rank = plain_int(p, p.sum(p.greater(s, p.multiply(largest, rcond)), axis=(0,), keepdims=False))
    # Whether there are residuals depends on the rank. Where it is not known yet (under jit) it is taken to be full.
    full_rank = rank == n if isinstance(rank, np.generic) else True
    if m > n and full_rank:
        error = p.absolute(p.subtract(b, p.matmul(a, x)))
        residuals = p.sum(p.square(error), axis=(0,), keepdims=False)
    else:
        residuals = np.zeros(0, np.finfo(p.dtype(x)).dtype)
    return as_given(p, x, was_vector), residuals, rank, s


@numpy_function(np.linalg.cond)
def cond(primitives: Primitives, x: Any, /, p: Any = None) -> Any:
    p, order = primitives, p  # NumPy calls the order p
    x = matrix(p, x)
    if order in (None, 2, -2):
        s = p.svdvals(x)
        largest, smallest = (p.getitem(s, index=(Ellipsis, i)) for i in (0, -1))
        return p.divide(smallest, largest) if order == -2 else p.divide(largest, smallest)
    x = as_square(p, x)
    axes = (ndim(p, x) - 2, ndim(p, x) - 1)
    return p.multiply(*(_matrix_norm(p, a, axes, order, False) for a in (x, p.inv(x))))


@numpy_function(np.linalg.matrix_rank, kind="zero derivative")
def matrix_rank(p: Primitives, A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    A = inexact(p, A)
    if ndim(p, A) < 2:
        return plain_int(p, cast(p, p.any(p.not_equal(A, 0), axis=axes_of(p, A, None), keepdims=False), np.int64))
    if tol is not None and rtol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    s = p.absolute(p.eigh(A)[0]) if hermitian else p.svdvals(A)
    last = ndim(p, s) - 1
    if tol is None:
        factor = default_rtol(p, A) if rtol is None else np.asarray(rtol)[..., np.newaxis]
        tol = p.multiply(p.max(s, axis=(last,), keepdims=True), factor)
    else:
        tol = np.asarray(tol)[..., np.newaxis]
    return plain_int(p, p.sum(p.greater(s, tol), axis=(last,), keepdims=False))


@numpy_function(np.linalg.tensorinv)
def tensorinv(p: Primitives, a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = tuple(p.shape(a))
    flat_inverse = p.inv(as_square(p, p.reshape(inexact(p, a), shape=(math.prod(shape[:ind]), math.prod(shape[ind:])))))
    return p.reshape(flat_inverse, shape=shape[ind:] + shape[:ind])


@numpy_function(np.linalg.tensorsolve, arrays=2)
def tensorsolve(p: Primitives, a: Any, b: Any, axes: Any = None) -> Any:
    a, b = inexact(p, a), inexact(p, b)
    rank = ndim(p, a)
    if axes is not None:
        moved = tuple(k % rank for k in axes)
        a = p.transpose(a, axes=(*(k for k in range(rank) if k not in moved), *moved))
    shape = tuple(p.shape(a))[-(rank - ndim(p, b)) :]
    count = math.prod(shape)
    square = as_square(p, p.reshape(a, shape=(size(p, a) // max(count, 1), count)))
    return p.reshape(p.solve(square, p.reshape(b, shape=(count, 1))), shape=shape)


@numpy_function(np.linalg.matrix_power)
def matrix_power(p: Primitives, a: Any, n: int) -> Any:
    a = as_square(p, a)
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
    rows, columns = axes
    if order in (2, -2, "nuc"):
        rest = tuple(i for i in range(ndim(p, x)) if i not in axes)
        s = p.svdvals(p.transpose(x, axes=(*rest, *axes)))
        last = (ndim(p, s) - 1,)
        result = (p.sum if order == "nuc" else p.max if order == 2 else p.min)(s, axis=last, keepdims=False)
        return p.reshape(result, shape=_kept(p, x, axes)) if keepdims else result
    if order not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    summed, extreme = (rows, columns) if abs(order) == 1 else (columns, rows)
    sums = p.sum(p.absolute(x), axis=(summed,), keepdims=True)
    result = (p.max if order > 0 else p.min)(sums, axis=(extreme,), keepdims=True)
    if keepdims:
        return result
    return p.reshape(result, shape=tuple(n for i, n in enumerate(p.shape(x)) if i not in axes))


def _kept(p: Primitives, x: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape with some axes of length one."""
    return tuple(1 if i in axes else n for i, n in enumerate(p.shape(x)))


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
