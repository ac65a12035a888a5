"""Rules of equations, inverses, determinants and functions of matrices, on stacks of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import align, last_axes, matrix_transpose, unbroadcast
from diffiface_native.rules.matrices import adjoint, as_matrices, conjugate, lower_part, product, upper_part
from diffiface_native.rules.rule import NaryRule, UnaryRule, is_complex, total

# ---- equations


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


def _triangle(p: Primitives, x: Any, lower: bool, unit_diagonal: bool) -> Any:
    """Return the triangle that triangular_solve reads."""
    return lower_part(p, x, -1 if unit_diagonal else 0) if lower else upper_part(p, x, 1 if unit_diagonal else 0)


def _triangular_solve_jvp(
    p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], *, lower: bool, unit_diagonal: bool
) -> Any:
    (a, _), (ta, tb) = arrays, tangents
    ndim = len(p.shape(y))
    terms = []
    if ta is not None:
        terms.append(p.negative(p.matmul(align(p, _triangle(p, ta, lower, unit_diagonal), ndim), y)))
    if tb is not None:
        terms.append(align(p, tb, ndim))
    return p.triangular_solve(a, total(p, terms), lower=lower, unit_diagonal=unit_diagonal)


def _triangular_solve_vjp(
    p: Primitives,
    ct: Any,
    y: Any,
    arrays: Sequence[Any],
    wanted: Sequence[bool],
    *,
    lower: bool,
    unit_diagonal: bool,
) -> tuple[Any, Any]:
    a, b = arrays
    ct_b = p.triangular_solve(matrix_transpose(p, a), ct, lower=not lower, unit_diagonal=unit_diagonal)
    ct_a = None
    if wanted[0]:
        full = p.negative(p.matmul(ct_b, matrix_transpose(p, y)))
        ct_a = unbroadcast(p, _triangle(p, full, lower, unit_diagonal), p.shape(a))
    return ct_a, unbroadcast(p, ct_b, p.shape(b)) if wanted[1] else None


def _sylvester_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any]) -> Any:
    (a, b, _), (ta, tb, tq) = arrays, tangents
    ndim = len(p.shape(y))
    terms = []
    if ta is not None:
        terms.append(p.negative(p.matmul(align(p, ta, ndim), y)))
    if tb is not None:
        terms.append(p.negative(p.matmul(y, align(p, tb, ndim))))
    if tq is not None:
        terms.append(align(p, tq, ndim))
    return p.sylvester(a, b, total(p, terms))


def _sylvester_vjp(p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
    a, b, _ = arrays
    ct_q = p.sylvester(matrix_transpose(p, a), matrix_transpose(p, b), ct)
    transposed = matrix_transpose(p, y)
    cotangents = [
        p.negative(p.matmul(ct_q, transposed)) if wanted[0] else None,
        p.negative(p.matmul(transposed, ct_q)) if wanted[1] else None,
        ct_q if wanted[2] else None,
    ]
    return [c if c is None else unbroadcast(p, c, p.shape(x)) for c, x in zip(cotangents, arrays, strict=True)]


# ---- inverses


def _inv_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    return p.negative(product(p, y, t, y))


def _inv_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    transposed = matrix_transpose(p, y)
    return p.negative(product(p, transposed, ct, transposed))


def _without_range(p: Primitives, x: Any, left: Any, right: Any) -> Any:
    """Return `(I - left right) x`."""
    return p.subtract(x, product(p, left, p.matmul(right, x)))


# Golub and Pereyra's derivative of the pseudo-inverse, which holds as long as the rank does not change.


def _pinv_jvp(p: Primitives, t: Any, y: Any, x: Any, *, rtol: Any, hermitian: bool) -> Any:
    y_adjoint = adjoint(p, y)
    t_adjoint = adjoint(p, t)
    inner = product(p, y, y_adjoint, t_adjoint)
    terms = [
        p.negative(product(p, y, t, y)),
        p.subtract(inner, product(p, p.matmul(inner, x), y)),
        _without_range(p, product(p, t_adjoint, p.matmul(y_adjoint, y)), y, x),
    ]
    return total(p, terms)


def _pinv_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, rtol: Any, hermitian: bool) -> Any:
    y_adjoint = adjoint(p, y)
    ct = conjugate(p, ct)
    ct_adjoint = adjoint(p, ct)
    outer = product(p, y_adjoint, y, ct_adjoint)
    terms = [
        p.negative(product(p, y_adjoint, ct, y_adjoint)),
        _without_range(p, product(p, ct_adjoint, p.matmul(y, y_adjoint)), x, y),
        p.subtract(outer, product(p, p.matmul(outer, y), x)),
    ]
    return conjugate(p, total(p, terms))


# ---- determinants


def _inverse_transpose(p: Primitives, x: Any) -> Any:
    return matrix_transpose(p, p.inv(x))


def _trace_of_solution(p: Primitives, t: Any, x: Any) -> Any:
    """Compute trace(x^-1 t), the tangent of log det x, of shape `(batch, ...)`."""
    return p.sum(p.multiply(t, _inverse_transpose(p, x)), axis=last_axes(p, t), keepdims=False)


def _det_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    # By cofactors, which singular matrices have too.
    return p.sum(p.multiply(t, p.cofactors(x)), axis=last_axes(p, t), keepdims=False)


def _det_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    return p.multiply(as_matrices(p, ct), p.cofactors(x))


def _cofactors_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    inverse = _inverse_transpose(p, x)
    grown = p.multiply(as_matrices(p, p.sum(p.multiply(t, inverse), axis=last_axes(p, t), keepdims=False)), y)
    return p.subtract(grown, product(p, y, matrix_transpose(p, t), inverse))


def _cofactors_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    inverse = _inverse_transpose(p, x)
    grown = p.multiply(as_matrices(p, p.sum(p.multiply(ct, y), axis=last_axes(p, ct), keepdims=False)), inverse)
    return p.subtract(grown, product(p, inverse, matrix_transpose(p, ct), y))


def _slogdet_jvp(p: Primitives, t: Any, y: Any, x: Any) -> tuple[Any, Any]:
    trace = _trace_of_solution(p, t, x)
    if is_complex(p, x):
        return p.multiply(p.multiply(y[0], 1j), p.imag(trace)), p.real(trace)
    return p.multiply(trace, 0.0), trace


def _slogdet_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    ct_sign, ct_log = ct
    terms = []
    if ct_log is not None:
        terms.append(ct_log)
    if ct_sign is not None and is_complex(p, x):
        turn = p.real(p.multiply(ct_sign, p.multiply(y[0], 1j)))
        terms.append(p.multiply(turn, -1j))
    if not terms:
        return np.zeros(p.shape(x), dtype=p.dtype(x))
    return p.multiply(as_matrices(p, total(p, terms)), _inverse_transpose(p, x))


# ---- functions of matrices


def _frechet(p: Primitives, name: str, x: Any, direction: Any) -> Any:
    """Return the derivative of a function of matrices: f([[x, e], [0, x]]) = [[f(x), Df(x) e], [0, f(x)]]."""
    shape = p.shape(direction)
    n = shape[-1]
    x = p.broadcast_to(x, shape=shape)
    zeros = np.zeros(shape, dtype=p.dtype(direction))
    axis = len(shape) - 1
    top = p.concatenate([x, direction], axis=axis)
    bottom = p.concatenate([zeros, x], axis=axis)
    y = getattr(p, name)(p.concatenate([top, bottom], axis=axis - 1))
    return p.getitem(y, index=(Ellipsis, slice(0, n), slice(n, 2 * n)))


def _matrix_function_rule(name: str) -> UnaryRule:
    def jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
        return _frechet(p, name, x, t)

    def vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
        return _frechet(p, name, matrix_transpose(p, x), ct)

    return UnaryRule(jvp, vjp)


def _sqrtm_rule() -> UnaryRule:
    """`y y = x`, hence `y dy + dy y = dx`."""

    def jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
        return p.sylvester(y, y, t)

    def vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
        transposed = matrix_transpose(p, y)
        return p.sylvester(transposed, transposed, ct)

    return UnaryRule(jvp, vjp)


UNARY: dict[str, UnaryRule] = {
    "inv": UnaryRule(_inv_jvp, _inv_vjp),
    "pinv": UnaryRule(_pinv_jvp, _pinv_vjp),
    "det": UnaryRule(_det_jvp, _det_vjp),
    "cofactors": UnaryRule(_cofactors_jvp, _cofactors_vjp),
    "slogdet": UnaryRule(_slogdet_jvp, _slogdet_vjp),
    "expm": _matrix_function_rule("expm"),
    "logm": _matrix_function_rule("logm"),
    "sqrtm": _sqrtm_rule(),
}

NARY: dict[str, NaryRule] = {
    "solve": NaryRule(_solve_jvp, _solve_vjp),
    "triangular_solve": NaryRule(_triangular_solve_jvp, _triangular_solve_vjp),
    "sylvester": NaryRule(_sylvester_jvp, _sylvester_vjp),
}
