"""numpy.linalg's factorisations: eigenvalues, singular values, QR, Cholesky."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.functions.matrices import adjoint, as_square, beside, from_triangle, matrix, real_if_real
from diffiface.numpy_api.functions.raw import refuse
from diffiface.numpy_api.table import available, numpy_function
from diffiface.primitives import Primitives

# NumPy's own result types, whose classes have no public names.
_EighResult: Any = type(np.linalg.eigh(np.eye(1)))
_EigResult: Any = type(np.linalg.eig(np.eye(1)))
_SVDResult: Any = type(np.linalg.svd(np.eye(1)))
_QRResult: Any = type(np.linalg.qr(np.eye(1)))


@numpy_function(np.linalg.cholesky, note="reads one triangle: entries of the other have derivative zero")
def cholesky(p: Primitives, a: Any, /, *, upper: bool = False) -> Any:
    a = as_square(p, a)
    factor = p.cholesky(from_triangle(p, a, not upper, True))
    return adjoint(p, factor) if upper else factor


# ---- eigenvalues


@numpy_function(np.linalg.eigh, note="reads one triangle: entries of the other have derivative zero")
def eigh(p: Primitives, a: Any, UPLO: str = "L") -> Any:
    a = as_square(p, a)
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    upper = UPLO.upper() == "U"
    # NumPy reads one triangle. Written out, so that every engine gives the derivative of what NumPy computes,
    # whatever it takes for granted of a symmetric argument.
    return _EighResult(*p.eigh(from_triangle(p, a, not upper, True), upper=upper))


@numpy_function(np.linalg.eigvalsh, note="reads one triangle: entries of the other have derivative zero")
def eigvalsh(p: Primitives, a: Any, UPLO: str = "L") -> Any:
    return eigh(p, a, UPLO).eigenvalues


@numpy_function(np.linalg.eig, note="real where all eigenvalues are real and known to be, as in NumPy")
def eig(p: Primitives, a: Any) -> Any:
    a = as_square(p, a)
    values, vectors = p.eig(a)
    return _EigResult(*real_if_real(p, a, values, values, vectors))


@numpy_function(np.linalg.eigvals, note="real where all eigenvalues are real and known to be, as in NumPy")
def eigvals(p: Primitives, a: Any) -> Any:
    return eig(p, a).eigenvalues


# ---- singular values


@numpy_function(np.linalg.svd)
def svd(p: Primitives, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = matrix(p, a)
    if hermitian:
        return _hermitian_svd(p, as_square(p, a), compute_uv)
    if not compute_uv:
        return p.svdvals(a)
    return _SVDResult(*p.svd(a, full_matrices=full_matrices))


@numpy_function(*available(np.linalg, "svdvals"))
def svdvals(p: Primitives, x: Any, /) -> Any:
    return p.svdvals(matrix(p, x))


def _hermitian_svd(p: Primitives, a: Any, compute_uv: bool) -> Any:
    """Take the eigenvalues by size; their signs go to one of the factors."""
    values, vectors = p.eigh(a)
    sizes = p.absolute(values)
    descending = p.argsort(p.negative(sizes), axis=len(p.shape(values)) - 1)
    outer = np.indices(p.shape(values), sparse=True)[:-1]
    s = p.getitem(sizes, index=(*outer, descending))
    if not compute_uv:
        return s
    # Columns are rows of the transpose, so that one index of the stack and one of the column suffices.
    rows = p.getitem(adjoint(p, vectors), index=(*outer, descending))
    signs = p.sign(p.getitem(values, index=(*outer, descending)))
    return _SVDResult(adjoint(p, rows), s, p.multiply(rows, p.reshape(signs, shape=(*p.shape(signs), 1))))


# ---- qr


def qr_factors(p: Primitives, a: Any, complete: bool) -> tuple[Any, Any]:
    """Factorise matrices of any shape: of wide ones the first columns, which q and r take the others from."""
    m, n = p.shape(a)[-2:]
    if m >= n:
        return p.qr(a, complete=complete)
    q, r = p.qr(p.getitem(a, index=(Ellipsis, slice(0, m))), complete=False)
    rest = p.getitem(a, index=(Ellipsis, slice(m, n)))
    return q, beside(p, r, p.matmul(adjoint(p, q), rest))


@numpy_function(np.linalg.qr)
def qr(p: Primitives, a: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        if mode in ("raw", "full", "f", "economic", "e"):
            refuse(p, "linalg.qr", "mode", mode)
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = qr_factors(p, matrix(p, a), mode == "complete")
    return r if mode == "r" else _QRResult(q, r)
