"""Rules of matrix factorisations, on stacks of matrices.

cholesky and eigh read one triangle; their derivatives are those of the symmetrised argument. Vectors turn as little as
they can: within the space of equal singular values, and within a complement that only `full_matrices` or `complete`
ask for, they do not turn at all; eigenvectors of equal eigenvalues have no derivative (NaN). Eigenvectors keep their length, and complex vectors
keep their phase where the equation leaves it free.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import matrix_transpose
from diffiface_native.rules.matrices import (
    above,
    adjoint,
    as_column,
    as_row,
    beside,
    columns,
    conjugate,
    diagonal,
    imaginary_diagonal,
    inverse_or_zero,
    lower_part,
    masked,
    on_diagonal,
    padded,
    product,
    rows,
    symmetrised,
    upper_part,
)
from diffiface_native.rules.rule import UnaryRule, is_complex, total

# ---- cholesky


def _lower_half(p: Primitives, x: Any) -> Any:
    """Take the lower triangle and half the diagonal: the inverse of `L -> L + L^H` on lower triangles."""
    n = p.shape(x)[-1]
    return masked(p, x, np.tril(np.ones((n, n))) - 0.5 * np.eye(n))


def _cholesky_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    half_solved = adjoint(p, p.triangular_solve(y, symmetrised(p, t), lower=True, unit_diagonal=False))
    return p.matmul(y, _lower_half(p, p.triangular_solve(y, half_solved, lower=True, unit_diagonal=False)))


def _cholesky_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    upper = adjoint(p, y)
    inner = _lower_half(p, p.matmul(upper, conjugate(p, ct)))
    half_solved = adjoint(p, p.triangular_solve(upper, inner, lower=False, unit_diagonal=False))
    full = p.triangular_solve(upper, half_solved, lower=False, unit_diagonal=False)
    return conjugate(p, symmetrised(p, full))


# ---- lu: with the rows in their new order all is holomorphic, so there is no conjugate in it


def _unit_lower_solve(p: Primitives, l: Any, x: Any) -> Any:  # noqa: E741
    return p.triangular_solve(l, x, lower=True, unit_diagonal=True)


def _solve_upper_from_right(p: Primitives, x: Any, u: Any) -> Any:
    """Return `x u^-1`."""
    solved = p.triangular_solve(matrix_transpose(p, u), matrix_transpose(p, x), lower=True, unit_diagonal=False)
    return matrix_transpose(p, solved)


def _lu_jvp(p: Primitives, t: Any, y: Any, x: Any) -> tuple[Any, Any, Any]:
    permutation, lower, upper = y
    m, n = p.shape(x)[-2:]
    k = min(m, n)
    t = p.matmul(matrix_transpose(p, permutation), t)
    square_l, square_u = rows(p, lower, 0, k), columns(p, upper, 0, k)
    square_t = columns(p, rows(p, t, 0, k), 0, k)
    inner = _solve_upper_from_right(p, _unit_lower_solve(p, square_l, square_t), square_u)
    t_lower = p.matmul(square_l, lower_part(p, inner, -1))
    t_upper = p.matmul(upper_part(p, inner), square_u)
    if m > k:
        below = p.subtract(rows(p, t, k, m), p.matmul(rows(p, lower, k, m), t_upper))
        t_lower = above(p, t_lower, _solve_upper_from_right(p, below, square_u))
    if n > k:
        right = p.subtract(columns(p, t, k, n), p.matmul(t_lower, columns(p, upper, k, n)))
        t_upper = beside(p, t_upper, _unit_lower_solve(p, square_l, right))
    batch = p.shape(t)[:1]
    return np.zeros((*batch, *p.shape(permutation)), p.dtype(permutation)), t_lower, t_upper


def _lu_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    permutation, lower, upper = y
    _, ct_lower, ct_upper = ct
    m, n = p.shape(x)[-2:]
    k = min(m, n)
    ct_lower = np.zeros(p.shape(lower), p.dtype(lower)) if ct_lower is None else ct_lower
    ct_upper = np.zeros(p.shape(upper), p.dtype(upper)) if ct_upper is None else ct_upper
    square_l, square_u = rows(p, lower, 0, k), columns(p, upper, 0, k)
    l_transposed, u_transposed = matrix_transpose(p, square_l), matrix_transpose(p, square_u)
    ct_l, ct_u = rows(p, ct_lower, 0, k), columns(p, ct_upper, 0, k)

    def solve_l(z: Any) -> Any:
        """Return `l^-T z`."""
        return p.triangular_solve(l_transposed, z, lower=False, unit_diagonal=True)

    def solve_u(z: Any) -> Any:
        """Return `z u^-T`."""
        solved = p.triangular_solve(square_u, matrix_transpose(p, z), lower=False, unit_diagonal=False)
        return matrix_transpose(p, solved)

    rest = None
    if m > k:
        rest = solve_u(rows(p, ct_lower, k, m))
        ct_u = p.subtract(ct_u, p.matmul(matrix_transpose(p, rows(p, lower, k, m)), rest))
    if n > k:
        rest = solve_l(columns(p, ct_upper, k, n))
        ct_l = p.subtract(ct_l, p.matmul(rest, matrix_transpose(p, columns(p, upper, k, n))))
    inner = p.add(lower_part(p, p.matmul(l_transposed, ct_l), -1), upper_part(p, p.matmul(ct_u, u_transposed)))
    result = solve_l(solve_u(inner))
    if rest is not None:
        result = above(p, result, rest) if m > k else beside(p, result, rest)
    return p.matmul(permutation, result)


# ---- qr: of matrices with at least as many rows as columns


def _qr_jvp(p: Primitives, t: Any, y: Any, x: Any, *, complete: bool) -> tuple[Any, Any]:
    q, r = y
    m, n = p.shape(x)[-2:]
    q_full = q
    q, r = columns(p, q, 0, n), rows(p, r, 0, n)
    solved = _solve_upper_from_right(p, t, r)  # dA r^-1
    inner = p.matmul(adjoint(p, q), solved)
    strict = lower_part(p, inner, -1)
    skew = p.subtract(strict, adjoint(p, strict))
    if is_complex(p, x):
        skew = p.add(skew, imaginary_diagonal(p, inner))
    change = p.subtract(inner, skew)  # the tangent of r, times r^-1
    t_q = p.subtract(solved, p.matmul(q, change))
    t_r = p.matmul(change, r)
    if complete and m > n:
        rest = columns(p, q_full, n, m)
        t_rest = p.negative(p.matmul(q, p.matmul(adjoint(p, solved), rest)))
        return beside(p, t_q, t_rest), padded(p, t_r, m, n)
    return t_q, t_r


def _qr_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, complete: bool) -> Any:
    q_full, r = y
    m, n = p.shape(x)[-2:]
    q, r = columns(p, q_full, 0, n), rows(p, r, 0, n)
    ct_q, ct_r = (None if c is None else conjugate(p, c) for c in ct)
    terms = []
    balance = []
    if ct_r is not None:
        balance.append(p.matmul(rows(p, ct_r, 0, n), adjoint(p, r)))
    if ct_q is not None:
        ct_first = columns(p, ct_q, 0, n)
        terms.append(ct_first)
        balance.append(p.negative(p.matmul(adjoint(p, q), ct_first)))
        if complete and m > n:
            rest, ct_rest = columns(p, q_full, n, m), columns(p, ct_q, n, m)
            terms.append(p.negative(product(p, rest, p.matmul(adjoint(p, ct_rest), q))))
    inner = total(p, balance)
    strict = upper_part(p, inner, 1)
    inner = total(p, [strict, adjoint(p, strict), on_diagonal(p, p.real(diagonal(p, inner)))])
    terms.append(p.matmul(q, inner))
    solved = p.triangular_solve(r, adjoint(p, total(p, terms)), lower=False, unit_diagonal=False)
    return conjugate(p, adjoint(p, solved))


# ---- eigenvalues of Hermitian matrices


def _gaps(p: Primitives, values: Any) -> Any:
    """Return the matrix of `values[j] - values[i]`."""
    return p.subtract(as_row(p, values), as_column(p, values))


def _turned(p: Primitives, inner: Any, values: Any) -> Any:
    """Divide by the gaps between eigenvalues: NaN where vectors of equal ones would have to turn, 0 on the diagonal.

    Between equal eigenvalues the vectors are not differentiable, and to let them stand still would give a function
    that does not depend on their choice (a projector) a wrong derivative without a word.
    """
    gaps = _gaps(p, values)
    equal = p.equal(gaps, 0)
    stays = p.logical_or(p.equal(inner, 0), np.eye(p.shape(values)[-1], dtype=bool))
    turned = p.divide(inner, p.where(equal, 1.0, gaps))
    return p.where(p.logical_and(equal, stays), 0.0, p.where(equal, np.nan, turned))


def _eigh_jvp(p: Primitives, t: Any, y: Any, x: Any, *, upper: bool = False) -> tuple[Any, Any]:
    values, vectors = y
    inner = product(p, adjoint(p, vectors), symmetrised(p, t), vectors)
    return p.real(diagonal(p, inner)), p.matmul(vectors, _turned(p, inner, values))


def _eigh_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, upper: bool = False) -> Any:
    values, vectors = y
    ct_values, ct_vectors = ct
    terms = []
    if ct_values is not None:
        terms.append(p.multiply(vectors, as_row(p, ct_values)))
    if ct_vectors is not None:
        turn = p.matmul(adjoint(p, vectors), conjugate(p, ct_vectors))
        terms.append(p.matmul(vectors, _turned(p, turn, values)))
    return conjugate(p, symmetrised(p, p.matmul(total(p, terms), adjoint(p, vectors))))


# ---- eigenvalues of any matrices: complex, with vectors of length one


def _eig_jvp(p: Primitives, t: Any, y: Any, x: Any) -> tuple[Any, Any]:
    values, vectors = y
    inner = p.solve(vectors, p.matmul(t, vectors))
    rotation = p.multiply(inner, inverse_or_zero(p, _gaps(p, values)))
    turned = p.matmul(vectors, rotation)
    axis = len(p.shape(turned)) - 2
    lengthening = p.real(p.sum(p.multiply(p.conjugate(vectors), turned), axis=(axis,), keepdims=True))
    return diagonal(p, inner), p.subtract(turned, p.multiply(vectors, lengthening))


def _eig_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    values, vectors = y
    ct_values, ct_vectors = ct
    vectors_adjoint = adjoint(p, vectors)
    terms = []
    if ct_values is not None:
        terms.append(on_diagonal(p, p.conjugate(ct_values)))
    if ct_vectors is not None:
        pulled = p.matmul(vectors_adjoint, p.conjugate(ct_vectors))
        lengths = as_row(p, p.real(diagonal(p, pulled)))
        turn = p.subtract(pulled, p.multiply(p.matmul(vectors_adjoint, vectors), lengths))
        terms.append(p.multiply(turn, p.conjugate(inverse_or_zero(p, _gaps(p, values)))))
    return p.conjugate(p.solve(vectors_adjoint, p.matmul(total(p, terms), vectors_adjoint)))


# ---- singular values


def _inverse_square_gaps(p: Primitives, s: Any) -> Any:
    """Return 1 / (s[j]^2 - s[i]^2), and 0 where the two are equal."""
    return inverse_or_zero(p, p.multiply(_gaps(p, s), p.add(as_row(p, s), as_column(p, s))))


def _svd_jvp(p: Primitives, t: Any, y: Any, x: Any, *, full_matrices: bool) -> tuple[Any, Any, Any]:
    u_full, s, vh_full = y
    v_full = adjoint(p, vh_full)
    k = p.shape(s)[-1]
    u, v = columns(p, u_full, 0, k), columns(p, v_full, 0, k)
    inverse = as_row(p, inverse_or_zero(p, s))
    t_v, t_adjoint_u = p.matmul(t, v), p.matmul(adjoint(p, t), u)
    inner = p.matmul(adjoint(p, u), t_v)
    gaps = _inverse_square_gaps(p, s)
    right, left = p.multiply(inner, as_row(p, s)), p.multiply(inner, as_column(p, s))
    turn_u = p.multiply(gaps, p.add(right, adjoint(p, right)))
    turn_v = p.multiply(gaps, p.add(left, adjoint(p, left)))
    if is_complex(p, x):  # the common phase of a pair of vectors is free: it is given to u
        turn_u = p.add(turn_u, p.multiply(imaginary_diagonal(p, inner), inverse))
    leaving_u = p.multiply(p.subtract(t_v, p.matmul(u, inner)), inverse)
    leaving_v = p.multiply(p.subtract(t_adjoint_u, p.matmul(v, adjoint(p, inner))), inverse)
    tangents = []
    for full, first, turn, leaving in ((u_full, u, turn_u, leaving_u), (v_full, v, turn_v, leaving_v)):
        tangent = p.add(p.matmul(first, turn), leaving)
        count = p.shape(full)[-1]
        if count > k:
            rest = columns(p, full, k, count)
            tangent = beside(p, tangent, p.negative(p.matmul(first, p.matmul(adjoint(p, leaving), rest))))
        tangents.append(tangent)
    return tangents[0], p.real(diagonal(p, inner)), adjoint(p, tangents[1])


def _svd_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, full_matrices: bool) -> Any:
    u_full, s, vh_full = y
    ct_u, ct_s, ct_vh = ct
    v_full = adjoint(p, vh_full)
    k = p.shape(s)[-1]
    u, v = columns(p, u_full, 0, k), columns(p, v_full, 0, k)
    inverse = as_row(p, inverse_or_zero(p, s))
    gaps = _inverse_square_gaps(p, s)
    terms = []  # of the cotangent
    inners = []  # of the cotangent between u and v
    if ct_s is not None:
        inners.append(on_diagonal(p, ct_s))
    if ct_u is not None:
        inner, leaving = _svd_vjp_of_vectors(p, conjugate(p, ct_u), u_full, k, inverse)
        turn = p.multiply(gaps, inner)
        inners.append(p.multiply(p.add(turn, adjoint(p, turn)), as_row(p, s)))
        if is_complex(p, x):
            inners.append(p.multiply(imaginary_diagonal(p, inner), inverse))
        terms.append(p.matmul(leaving, adjoint(p, v)))
    if ct_vh is not None:
        inner, leaving = _svd_vjp_of_vectors(p, matrix_transpose(p, ct_vh), v_full, k, inverse)
        turn = p.multiply(gaps, inner)
        inners.append(p.multiply(p.add(turn, adjoint(p, turn)), as_column(p, s)))
        terms.append(p.matmul(u, adjoint(p, leaving)))
    terms.append(product(p, u, total(p, inners), adjoint(p, v)))
    return conjugate(p, total(p, terms))


def _svd_vjp_of_vectors(p: Primitives, ct: Any, full: Any, k: int, inverse: Any) -> tuple[Any, Any]:
    """Split the cotangent of u (or v) into that of the turn among the vectors, and that of leaving their space."""
    first, ct_first = columns(p, full, 0, k), columns(p, ct, 0, k)
    inner = p.matmul(adjoint(p, first), ct_first)
    leaving = p.subtract(ct_first, p.matmul(first, inner))
    count = p.shape(full)[-1]
    if count > k:
        rest, ct_rest = columns(p, full, k, count), columns(p, ct, k, count)
        leaving = p.subtract(leaving, p.matmul(rest, p.matmul(adjoint(p, ct_rest), first)))
    return inner, p.multiply(leaving, inverse)


def _svdvals_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    u, _, vh = p.svd(x, full_matrices=False)
    return p.real(diagonal(p, product(p, adjoint(p, u), t, adjoint(p, vh))))


def _svdvals_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    u, _, vh = p.svd(x, full_matrices=False)
    return conjugate(p, p.matmul(p.multiply(u, as_row(p, ct)), vh))


UNARY: dict[str, UnaryRule] = {
    "cholesky": UnaryRule(_cholesky_jvp, _cholesky_vjp),
    "lu": UnaryRule(_lu_jvp, _lu_vjp),
    "qr": UnaryRule(_qr_jvp, _qr_vjp),
    "eigh": UnaryRule(_eigh_jvp, _eigh_vjp),
    "eig": UnaryRule(_eig_jvp, _eig_vjp),
    "svd": UnaryRule(_svd_jvp, _svd_vjp),
    "svdvals": UnaryRule(_svdvals_jvp, _svdvals_vjp),
}
