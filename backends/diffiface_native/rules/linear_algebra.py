"""Rules of linear algebra on stacks of matrices.

cholesky and eigh read the lower triangle; their derivatives are those of the symmetrised argument. Where eigenvalues
coincide exactly, the rotation within their space is undefined and counts as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Primitives, UnsupportedOperationError
from diffiface_native.rules.broadcasting import align, last_axes, matrix_transpose, unbroadcast
from diffiface_native.rules.rule import NaryRule, UnaryRule, is_complex, total


def _as_matrices(p: Primitives, numbers: Any) -> Any:
    """Append two axes of length one."""
    return p.reshape(numbers, shape=(*p.shape(numbers), 1, 1))


def _symmetrised(p: Primitives, x: Any) -> Any:
    return p.multiply(0.5, p.add(x, matrix_transpose(p, x)))


def _refuse_complex(p: Primitives, x: Any, name: str) -> None:
    if is_complex(p, x):
        raise UnsupportedOperationError(
            f"the derivative of {name} of complex matrices is not available",
            fix="write the Hermitian matrix as a real symmetric one of twice the size",
        )


def _solve_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any]) -> Any:
    (a, _), (ta, tb) = arrays, tangents
    ndim = len(p.shape(y))
    terms = []
    if ta is not None:
        terms.append(p.negative(p.matmul(align(p, ta, ndim), y)))
    if tb is not None:
        terms.append(align(p, tb, ndim))
    return p.solve(a, total(p, terms))


def _solve_vjp(p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool]) -> tuple[Any, Any]:
    a, b = arrays
    ct_b = p.solve(matrix_transpose(p, a), ct)
    ct_a = None
    if wanted[0]:
        ct_a = unbroadcast(p, p.negative(p.matmul(ct_b, matrix_transpose(p, y))), p.shape(a))
    return ct_a, unbroadcast(p, ct_b, p.shape(b)) if wanted[1] else None


def _inv_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    return p.negative(p.matmul(p.matmul(y, t), y))


def _inv_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    transposed = matrix_transpose(p, y)
    return p.negative(p.matmul(p.matmul(transposed, ct), transposed))


def _inverse_transpose(p: Primitives, x: Any) -> Any:
    return matrix_transpose(p, p.inv(x))


def _trace_of_solution(p: Primitives, t: Any, x: Any) -> Any:
    """Compute trace(x^-1 t), the tangent of log det x, of shape `(batch, ...)`."""
    return p.sum(p.multiply(t, _inverse_transpose(p, x)), axis=last_axes(p, t), keepdims=False)


def _det_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    return p.multiply(_trace_of_solution(p, t, x), y)


def _det_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    return p.multiply(_as_matrices(p, p.multiply(ct, y)), _inverse_transpose(p, x))


def _slogdet_jvp(p: Primitives, t: Any, y: Any, x: Any) -> tuple[Any, Any]:
    trace = _trace_of_solution(p, t, x)
    if is_complex(p, x):
        return p.multiply(p.multiply(1j, y[0]), p.imag(trace)), p.real(trace)
    return p.multiply(trace, 0.0), trace


def _slogdet_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    ct_sign, ct_log = ct
    terms = []
    if ct_log is not None:
        terms.append(ct_log)
    if ct_sign is not None and is_complex(p, x):
        turn = p.real(p.multiply(ct_sign, p.multiply(1j, y[0])))
        terms.append(p.multiply(-1j, turn))
    if not terms:
        return np.zeros(p.shape(x), dtype=p.dtype(x))
    return p.multiply(_as_matrices(p, total(p, terms)), _inverse_transpose(p, x))


def _lower_half(p: Primitives, x: Any) -> Any:
    """Take the lower triangle and half the diagonal: the inverse of `L -> L + L^T` on lower triangles."""
    n = p.shape(x)[-1]
    mask = np.tril(np.ones((n, n))) - 0.5 * np.eye(n)
    return p.multiply(x, mask.astype(p.dtype(x)))


def _cholesky_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    _refuse_complex(p, x, "cholesky")
    half_solved = matrix_transpose(p, p.solve(y, _symmetrised(p, t)))
    return p.matmul(y, _lower_half(p, p.solve(y, half_solved)))


def _cholesky_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    _refuse_complex(p, x, "cholesky")
    transposed = matrix_transpose(p, y)
    half_solved = matrix_transpose(p, p.solve(transposed, _lower_half(p, p.matmul(transposed, ct))))
    return _symmetrised(p, p.solve(transposed, half_solved))


def _inverse_gaps(p: Primitives, values: Any) -> Any:
    """Return F with F[i, j] = 1 / (values[j] - values[i]), and 0 where the two are equal."""
    shape = p.shape(values)
    row = p.reshape(values, shape=(*shape[:-1], 1, shape[-1]))
    gaps = p.subtract(row, p.reshape(values, shape=(*shape, 1)))
    equal = p.equal(gaps, 0)
    return p.where(equal, 0.0, p.reciprocal(p.where(equal, 1.0, gaps)))


def _eigh_jvp(p: Primitives, t: Any, y: Any, x: Any) -> tuple[Any, Any]:
    _refuse_complex(p, x, "eigh")
    values, vectors = y
    product = p.matmul(_symmetrised(p, t), vectors)
    t_values = p.sum(p.multiply(product, vectors), axis=(len(p.shape(product)) - 2,), keepdims=False)
    rotation = p.multiply(p.matmul(matrix_transpose(p, vectors), product), _inverse_gaps(p, values))
    return t_values, p.matmul(vectors, rotation)


def _eigh_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    _refuse_complex(p, x, "eigh")
    values, vectors = y
    ct_values, ct_vectors = ct
    transposed = matrix_transpose(p, vectors)
    terms = []
    if ct_values is not None:
        shape = p.shape(ct_values)
        terms.append(p.multiply(vectors, p.reshape(ct_values, shape=(*shape[:-1], 1, shape[-1]))))
    if ct_vectors is not None:
        terms.append(p.matmul(vectors, p.multiply(p.matmul(transposed, ct_vectors), _inverse_gaps(p, values))))
    return _symmetrised(p, p.matmul(total(p, terms), transposed))


UNARY: dict[str, UnaryRule] = {
    "inv": UnaryRule(_inv_jvp, _inv_vjp),
    "det": UnaryRule(_det_jvp, _det_vjp),
    "slogdet": UnaryRule(_slogdet_jvp, _slogdet_vjp),
    "cholesky": UnaryRule(_cholesky_jvp, _cholesky_vjp),
    "eigh": UnaryRule(_eigh_jvp, _eigh_vjp),
}

NARY: dict[str, NaryRule] = {"solve": NaryRule(_solve_jvp, _solve_vjp)}
