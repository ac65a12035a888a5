"""scipy.linalg: equations and factorisations. Loaded when SciPy's linear algebra has been.

`overwrite_*`, `check_finite` and `lapack_driver` change no number that is right, so they are taken and not used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as linalg

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.functions import linear_algebra as numpy_linalg
from diffiface.numpy_api.functions.factorizations import qr_factors
from diffiface.numpy_api.functions.matrices import (
    adjoint,
    as_columns,
    as_given,
    as_square,
    from_triangle,
    matrix,
    plain_int,
    real_if_real,
    swapped,
    triangle,
)
from diffiface.numpy_api.functions.raw import cast, ndim
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives
from diffiface.scipy_api import linalg_matrices as linalg_matrices


def _refuse(p: Primitives, function: str, keyword: str, value: Any, fix: str) -> None:
    unsupported(p, f"scipy.linalg.{function} with {keyword}={value!r:.40} is not translated", fix)


# ---- equations


_HERMITIAN = {"her": True, "hermitian": True, "sym": False, "symmetric": False}


@numpy_function(linalg.solve, arrays=2)
def solve(
    p: Primitives,
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    a = as_square(p, a)
    b, was_vector = as_columns(p, b)
    if assume_a in ("pos", "positive definite"):
        x = _cholesky_solve(p, _cholesky_factor(p, a, lower), b, lower)
    else:
        if assume_a in _HERMITIAN:
            a = from_triangle(p, a, lower, _HERMITIAN[assume_a])
        elif assume_a in ("lower triangular", "upper triangular"):
            a = triangle(p, a, assume_a.startswith("lower"))
        x = p.solve(swapped(p, a) if transposed else a, b)
    return as_given(p, x, was_vector)


_TRANS = {"N": 0, "T": 1, "C": 2}


def _triangular(p: Primitives, a: Any, b: Any, trans: Any, lower: bool, unit_diagonal: bool = False) -> Any:
    trans = _TRANS.get(trans, trans)
    if trans not in (0, 1, 2):
        raise ValueError(f"trans={trans!r} is not 0, 1 or 2")
    if trans:
        a, lower = (adjoint(p, a) if trans == 2 else swapped(p, a)), not lower
    return p.triangular_solve(a, b, lower=bool(lower), unit_diagonal=bool(unit_diagonal))


@numpy_function(linalg.solve_triangular, arrays=2)
def solve_triangular(
    p: Primitives,
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    b, was_vector = as_columns(p, b)
    return as_given(p, _triangular(p, as_square(p, a), b, trans, lower, unit_diagonal), was_vector)


@numpy_function(linalg.inv)
def inv(
    p: Primitives,
    a: Any,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: str | None = None,
    lower: bool = False,
) -> Any:
    a = as_square(p, a)
    if assume_a in ("pos", "positive definite"):
        a = from_triangle(p, a, lower, hermitian=True)
    elif assume_a in _HERMITIAN:
        a = from_triangle(p, a, lower, _HERMITIAN[assume_a])
    elif assume_a in ("lower triangular", "upper triangular"):
        a = triangle(p, a, assume_a.startswith("lower"))
    return p.inv(a)


@numpy_function(linalg.det)
def det(p: Primitives, a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return p.det(as_square(p, a))


@numpy_function(linalg.pinv)
def pinv(
    p: Primitives, a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True
) -> Any:
    if atol:
        _refuse(p, "pinv", "atol", atol, "give rtol=, relative to the largest singular value")
    a = matrix(p, a)
    if rtol is None:
        rtol = 0.0 if atol is not None else numpy_linalg.default_rtol(p, a)
    inverse = p.pinv(a, rtol=rtol, hermitian=False)
    return (inverse, numpy_linalg.matrix_rank(p, a, rtol=rtol)) if return_rank else inverse


@numpy_function(linalg.pinvh)
def pinvh(
    p: Primitives,
    a: Any,
    atol: Any = None,
    rtol: Any = None,
    lower: bool = True,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    a = from_triangle(p, as_square(p, a), lower, hermitian=True)
    return pinv(p, a, atol=atol, rtol=rtol, return_rank=return_rank)


@numpy_function(linalg.lstsq, arrays=2, note="the solution is the pseudo-inverse times b; the rank is a plain number")
def lstsq(
    p: Primitives,
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: str | None = None,
) -> Any:
    a = matrix(p, a)
    cond = float(np.finfo(p.dtype(a)).eps) if cond is None else cond
    x, residuals, rank, s = numpy_linalg.least_squares(p, a, b, cond)
    if ndim(p, b) == 1 and p.shape(residuals) == (1,):
        residuals = p.reshape(residuals, shape=())
    return x, residuals, rank, None if lapack_driver == "gelsy" else s


@numpy_function(linalg.norm)
def norm(
    p: Primitives, a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    return numpy_linalg.norm(p, a, ord, axis, keepdims)


# ---- Cholesky


def _cholesky_factor(p: Primitives, a: Any, lower: bool) -> Any:
    factor = p.cholesky(from_triangle(p, a, lower, True))
    return factor if lower else adjoint(p, factor)


def _cholesky_solve(p: Primitives, factor: Any, b: Any, lower: bool) -> Any:
    return _triangular(p, factor, _triangular(p, factor, b, 0 if lower else 2, lower), 2 if lower else 0, lower)


@numpy_function(linalg.cholesky, note="reads one triangle: entries of the other have derivative zero")
def cholesky(p: Primitives, a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return _cholesky_factor(p, as_square(p, a), lower)


@numpy_function(linalg.cho_factor, note="reads one triangle: entries of the other have derivative zero")
def cho_factor(p: Primitives, a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    a = as_square(p, a)
    # SciPy leaves what it was given in the triangle that it does not use.
    unused = triangle(p, a, not lower, 1 if lower else -1)
    return p.add(_cholesky_factor(p, a, lower), unused), lower


@numpy_function(linalg.cho_solve, arrays=0)
def cho_solve(p: Primitives, c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    factor, lower = c_and_lower
    b, was_vector = as_columns(p, array_in(b, p))
    return as_given(p, _cholesky_solve(p, as_square(p, array_in(factor, p)), b, lower), was_vector)


# ---- LU


@numpy_function(linalg.lu)
def lu(
    p: Primitives,
    a: Any,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
) -> Any:
    permutation, lower, upper = p.lu(matrix(p, a))
    if permute_l:
        return p.matmul(permutation, lower), upper
    if p_indices:
        permutation = plain_int(p, cast(p, p.argmax(permutation, axis=ndim(p, permutation) - 1), np.int32))
    return permutation, lower, upper


@numpy_function(linalg.lu_factor)
def lu_factor(p: Primitives, a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    a = matrix(p, a)
    _, lower, upper = p.lu(a)
    m, n = p.shape(a)[-2:]
    strict = triangle(p, lower, True, -1)
    if n > m:
        strict = p.concatenate([strict, np.zeros((*p.shape(a)[:-1], n - m), p.dtype(a))], axis=ndim(p, a) - 1)
    elif m > n:
        upper = p.concatenate([upper, np.zeros((*p.shape(a)[:-2], m - n, n), p.dtype(a))], axis=ndim(p, a) - 2)
    return p.add(strict, upper), p.lu_pivots(a)


@numpy_function(linalg.lu_solve, arrays=0)
def lu_solve(
    p: Primitives,
    lu_and_piv: Any,
    b: Any,
    trans: Any = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    packed, pivots = lu_and_piv
    packed = as_square(p, array_in(packed, p))
    b, was_vector = as_columns(p, array_in(b, p))
    order = p.pivots_to_permutation(pivots)
    stack = np.indices(p.shape(order), sparse=True)[:-1]
    outer = np.broadcast_shapes(tuple(p.shape(packed))[:-2], tuple(p.shape(b))[:-2])
    if tuple(p.shape(b))[:-2] != outer:
        b = p.broadcast_to(b, shape=(*outer, *tuple(p.shape(b))[-2:]))
    if trans:
        x = _triangular(p, packed, b, trans, False)
        x = _triangular(p, packed, x, trans, True, unit_diagonal=True)
        x = p.getitem(x, index=(*stack, p.argsort(order, axis=ndim(p, order) - 1)))
    else:
        x = p.getitem(b, index=(*stack, order))
        x = _triangular(p, packed, x, 0, True, unit_diagonal=True)
        x = _triangular(p, packed, x, 0, False)
    return as_given(p, x, was_vector)


# ---- QR, singular values, polar


@numpy_function(linalg.qr)
def qr(
    p: Primitives,
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    if pivoting:
        _refuse(p, "qr", "pivoting", pivoting, "leave out pivoting=, and permute the columns yourself")
    if mode == "raw":
        _refuse(p, "qr", "mode", mode, "use mode='full', 'economic' or 'r'")
    if mode not in ("full", "economic", "r"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    a = matrix(p, a)
    q, r = qr_factors(p, a, complete=mode != "economic")
    return (r,) if mode == "r" else (q, r)


@numpy_function(linalg.svd)
def svd(
    p: Primitives,
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    a = matrix(p, a)
    return p.svd(a, full_matrices=full_matrices) if compute_uv else p.svdvals(a)


@numpy_function(linalg.svdvals)
def svdvals(p: Primitives, a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return p.svdvals(matrix(p, a))


@numpy_function(linalg.polar)
def polar(p: Primitives, a: Any, side: str = "right") -> Any:
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    u, s, vh = p.svd(matrix(p, a), full_matrices=False)
    row = p.reshape(s, shape=(*p.shape(s)[:-1], 1, p.shape(s)[-1]))
    vectors = adjoint(p, vh) if side == "right" else u
    return p.matmul(u, vh), p.matmul(p.multiply(vectors, row), adjoint(p, vectors))


# ---- eigenvalues


@numpy_function(linalg.eigh, note="reads one triangle: entries of the other have derivative zero")
def eigh(
    p: Primitives,
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    if subset_by_value is not None:
        _refuse(p, "eigh", "subset_by_value", subset_by_value, "select eigenvalues by an index or a mask")
    if type != 1:
        _refuse(p, "eigh", "type", type, "write the problem as a @ v = w * b @ v")
    a = from_triangle(p, as_square(p, a), lower, True)
    if b is None:
        values, vectors = p.eigh(a, upper=not lower)
    else:
        factor = _cholesky_factor(p, as_square(p, array_in(b, p)), lower)
        factor = factor if lower else adjoint(p, factor)
        inner = adjoint(p, _triangular(p, factor, adjoint(p, _triangular(p, factor, a, 0, True)), 0, True))
        values, vectors = p.eigh(inner)
        vectors = _triangular(p, factor, vectors, 2, True)
    if subset_by_index is not None:
        first, last = subset_by_index
        values, vectors = (p.getitem(x, index=(Ellipsis, slice(first, last + 1))) for x in (values, vectors))
    return values if eigvals_only else (values, vectors)


@numpy_function(linalg.eigvalsh, note="reads one triangle: entries of the other have derivative zero")
def eigvalsh(
    p: Primitives,
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    return eigh(
        p,
        a,
        b,
        lower=lower,
        eigvals_only=True,
        type=type,
        subset_by_index=subset_by_index,
        subset_by_value=subset_by_value,
    )


@numpy_function(linalg.eig)
def eig(
    p: Primitives,
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    if left:
        _refuse(p, "eig", "left", left, "take the eigenvectors of the conjugate transpose")
    if homogeneous_eigvals:
        _refuse(p, "eig", "homogeneous_eigvals", homogeneous_eigvals, "leave it out")
    a = as_square(p, a)
    if b is not None:
        a = p.solve(as_square(p, array_in(b, p)), a)
    values, vectors = p.eig(a)
    return (values, *real_if_real(p, a, values, vectors)) if right else values


@numpy_function(linalg.eigvals)
def eigvals(
    p: Primitives,
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    return eig(p, a, b, right=False, homogeneous_eigvals=homogeneous_eigvals)
