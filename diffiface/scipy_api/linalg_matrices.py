"""scipy.linalg: equations for matrices, functions of matrices, matrices with a structure.

`overwrite_*`, `check_finite` and `lapack_driver` change no number that is right, so they are taken and not used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as linalg

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.functions.matrices import (
    adjoint,
    as_columns,
    as_given,
    as_square,
    conjugate,
    from_triangle,
    matrix,
)
from diffiface.numpy_api.functions.raw import inexact, ndim
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives

# ---- matrix equations


@numpy_function(linalg.solve_sylvester, arrays=3)
def solve_sylvester(p: Primitives, a: Any, b: Any, q: Any) -> Any:
    return p.sylvester(as_square(p, a), as_square(p, b), matrix(p, q))


@numpy_function(linalg.solve_continuous_lyapunov, arrays=2)
def solve_continuous_lyapunov(p: Primitives, a: Any, q: Any) -> Any:
    a = as_square(p, a)
    return p.sylvester(a, adjoint(p, a), as_square(p, q))


@numpy_function(linalg.solve_discrete_lyapunov, arrays=2)
def solve_discrete_lyapunov(p: Primitives, a: Any, q: Any, method: str | None = None) -> Any:
    a, q = as_square(p, a), as_square(p, q)
    n = p.shape(a)[-1]
    if method not in (None, "direct", "bilinear"):
        raise ValueError(f"Unknown solver {method}")
    if method == "direct" or (method is None and n < 10):
        system = p.subtract(np.eye(n * n, dtype=p.dtype(a)), _kron(p, a, conjugate(p, a)))
        return p.reshape(p.solve(system, p.reshape(q, shape=(n * n, 1))), shape=(n, n))
    identity = np.eye(n, dtype=p.dtype(a))
    transposed = adjoint(p, a)
    inverse = p.inv(p.add(transposed, identity))
    b = p.matmul(p.subtract(transposed, identity), inverse)
    c = p.multiply(2.0, p.matmul(p.matmul(p.inv(p.add(a, identity)), q), inverse))
    return p.sylvester(adjoint(p, b), b, p.negative(c))


def _kron(p: Primitives, a: Any, b: Any) -> Any:
    n = p.shape(a)[-1]
    outer = p.multiply(p.reshape(a, shape=(n, 1, n, 1)), p.reshape(b, shape=(1, n, 1, n)))
    return p.reshape(outer, shape=(n * n, n * n))


# ---- functions of matrices


@numpy_function(linalg.expm)
def expm(p: Primitives, A: Any) -> Any:
    return p.expm(as_square(p, A))


@numpy_function(linalg.logm)
def logm(p: Primitives, A: Any) -> Any:
    return p.logm(as_square(p, A))


@numpy_function(linalg.sqrtm)
def sqrtm(p: Primitives, A: Any) -> Any:
    return p.sqrtm(as_square(p, A))


def _even_and_odd(p: Primitives, A: Any) -> tuple[Any, Any]:
    """Return cosh and sinh."""
    grown, shrunk = p.expm(A), p.expm(p.negative(A))
    return p.multiply(0.5, p.add(grown, shrunk)), p.multiply(0.5, p.subtract(grown, shrunk))


def _cosine_and_sine(p: Primitives, A: Any) -> tuple[Any, Any]:
    turned = p.multiply(1j, A)
    if p.dtype(A).kind != "c":
        rotation = p.expm(turned)
        return p.real(rotation), p.imag(rotation)
    cosine, sine = _even_and_odd(p, turned)
    return cosine, p.multiply(-1j, sine)


@numpy_function(linalg.cosm)
def cosm(p: Primitives, A: Any) -> Any:
    return _cosine_and_sine(p, as_square(p, A))[0]


@numpy_function(linalg.sinm)
def sinm(p: Primitives, A: Any) -> Any:
    return _cosine_and_sine(p, as_square(p, A))[1]


@numpy_function(linalg.tanm)
def tanm(p: Primitives, A: Any) -> Any:
    return p.solve(*_cosine_and_sine(p, as_square(p, A)))


@numpy_function(linalg.coshm)
def coshm(p: Primitives, A: Any) -> Any:
    return _even_and_odd(p, as_square(p, A))[0]


@numpy_function(linalg.sinhm)
def sinhm(p: Primitives, A: Any) -> Any:
    return _even_and_odd(p, as_square(p, A))[1]


@numpy_function(linalg.tanhm)
def tanhm(p: Primitives, A: Any) -> Any:
    return p.solve(*_even_and_odd(p, as_square(p, A)))


# ---- matrices made of vectors and blocks


def _vector(p: Primitives, c: Any) -> Any:
    if ndim(p, c) > 1:
        unsupported(p, "a stack of vectors is not translated here", "give one vector at a time")
    return c if ndim(p, c) else p.reshape(c, shape=(1,))


def _toeplitz(p: Primitives, c: Any, r: Any) -> Any:
    c = _vector(p, c)
    r = conjugate(p, c) if r is None else _vector(p, r)
    m, n = p.shape(c)[0], p.shape(r)[0]
    if n == 0 or m == 0:
        return np.zeros((m, n), np.result_type(p.dtype(c), p.dtype(r)))
    # The diagonals from the lowest to the highest.
    entries = p.concatenate([p.getitem(c, index=slice(None, None, -1)), p.getitem(r, index=slice(1, None))], axis=0)
    return p.getitem(entries, index=np.arange(n) - np.arange(m)[:, None] + m - 1)


@numpy_function(linalg.toeplitz)
def toeplitz(p: Primitives, c: Any, r: Any = None) -> Any:
    return _toeplitz(p, c, None if r is None else array_in(r, p))


@numpy_function(linalg.circulant)
def circulant(p: Primitives, c: Any) -> Any:
    c = _vector(p, c)
    n = np.arange(p.shape(c)[0])
    return p.getitem(c, index=(n[:, None] - n) % max(len(n), 1))


@numpy_function(linalg.hankel)
def hankel(p: Primitives, c: Any, r: Any = None) -> Any:
    c = _vector(p, c)
    m = p.shape(c)[0]
    r = np.zeros(m, p.dtype(c)) if r is None else _vector(p, array_in(r, p))
    entries = p.concatenate([c, p.getitem(r, index=slice(1, None))], axis=0)
    return p.getitem(entries, index=np.arange(m)[:, None] + np.arange(p.shape(r)[0]))


@numpy_function(linalg.block_diag, arrays=0)
def block_diag(p: Primitives, *arrs: Any) -> Any:
    blocks = [array_in(a, p) for a in arrs]
    if any(ndim(p, a) > 2 for a in blocks):
        unsupported(p, "scipy.linalg.block_diag of stacks of matrices is not translated", "give one matrix at a time")
    blocks = [a if ndim(p, a) == 2 else p.reshape(a, shape=(1, p.shape(a)[0] if ndim(p, a) else 1)) for a in blocks]
    heights, widths = (sum(p.shape(a)[i] for a in blocks) for i in (0, 1))
    result = np.zeros((heights, widths), np.result_type(*(p.dtype(a) for a in blocks)) if blocks else float)
    top = left = 0
    for a in blocks:
        height, width = p.shape(a)
        result = p.setitem(result, a, index=(slice(top, top + height), slice(left, left + width)))
        top, left = top + height, left + width
    return result


# ---- structured equations, solved as dense ones


def _of_diagonals(p: Primitives, ab: Any, lowest: int, highest: int) -> Any:
    """Return the matrix whose diagonals are the rows of `ab`, from the highest one down."""
    n = p.shape(ab)[-1]
    i, j = np.indices((n, n))
    inside = (j - i <= highest) & (i - j <= lowest)
    rows = np.where(inside, highest + i - j, 0)
    return p.where(inside, p.getitem(ab, index=(rows, j)), np.zeros((), p.dtype(ab)))


@numpy_function(linalg.solve_banded, arrays=0, note="solved as a dense system")
def solve_banded(
    p: Primitives,
    l_and_u: tuple[int, int],
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    lowest, highest = l_and_u
    ab = matrix(p, array_in(ab, p))
    if lowest + highest + 1 != p.shape(ab)[0]:
        raise ValueError("invalid values for the number of lower and upper diagonals: l+u+1 does not equal ab.shape[0]")
    b, was_vector = as_columns(p, array_in(b, p))
    return as_given(p, p.solve(_of_diagonals(p, ab, lowest, highest), b), was_vector)


@numpy_function(linalg.solveh_banded, arrays=2, note="solved as a dense system")
def solveh_banded(
    p: Primitives,
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Any:
    ab = matrix(p, ab)
    b, was_vector = as_columns(p, b)
    count = p.shape(ab)[0] - 1
    half = _of_diagonals(p, ab, count, 0) if lower else _of_diagonals(p, ab, 0, count)
    return as_given(p, p.solve(from_triangle(p, half, lower, hermitian=True), b), was_vector)


def _toeplitz_of(p: Primitives, c_or_cr: Any) -> Any:
    if isinstance(c_or_cr, tuple):
        c, r = (array_in(x, p) for x in c_or_cr)
        return _toeplitz(p, inexact(p, c), inexact(p, r))
    return _toeplitz(p, inexact(p, array_in(c_or_cr, p)), None)


@numpy_function(linalg.solve_toeplitz, arrays=0, note="solved as a dense system")
def solve_toeplitz(p: Primitives, c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    b, was_vector = as_columns(p, array_in(b, p))
    return as_given(p, p.solve(_toeplitz_of(p, c_or_cr), b), was_vector)


@numpy_function(linalg.matmul_toeplitz, arrays=0, note="multiplied as a dense matrix")
def matmul_toeplitz(p: Primitives, c_or_cr: Any, x: Any, check_finite: bool = False, workers: int | None = None) -> Any:
    return p.matmul(_toeplitz_of(p, c_or_cr), array_in(x, p))
