"""Rules of the reductions and the cumulative operations.

The entries that tie for max or min share equally. prod and cumprod never divide, so they are right with zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import along, flip, keep_reduced_axes
from diffiface_native.rules.rule import UnaryRule


def _shift(axis: tuple[int, ...]) -> tuple[int, ...]:
    """Number the axes as in a tangent, behind the batch axis."""
    return tuple(a + 1 for a in axis)


def _sum_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return p.sum(t, axis=_shift(axis), keepdims=keepdims)


def _sum_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    shape = p.shape(x)
    if keepdims or len(axis) == len(shape):
        return ct
    return keep_reduced_axes(p, ct, shape, axis)


def _extremum_weights(p: Primitives, y: Any, x: Any, axis: tuple[int, ...]) -> Any:
    attained = p.equal(x, keep_reduced_axes(p, y, p.shape(x), axis))
    weights = p.astype(attained, dtype=p.dtype(x))
    return p.divide(weights, p.sum(weights, axis=axis, keepdims=True))


def _extremum_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    weighted = p.multiply(t, _extremum_weights(p, y, x, axis))
    return p.sum(weighted, axis=_shift(axis), keepdims=keepdims)


def _extremum_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return p.multiply(keep_reduced_axes(p, ct, p.shape(x), axis), _extremum_weights(p, y, x, axis))


def _before(p: Primitives, x: Any, axis: int, first: float) -> Any:
    """Shift the entries by one along the axis: `first`, x[0], x[1], ..., without the last."""
    shape = p.shape(x)
    head = np.full((*shape[:axis], 1, *shape[axis + 1 :]), first, dtype=p.dtype(x))
    return p.getitem(p.concatenate([head, x], axis=axis), index=along(axis, slice(0, shape[axis])))


def _products_of_others(p: Primitives, x: Any, axis: int) -> Any:
    left = _before(p, p.cumprod(x, axis=axis), axis, 1.0)
    right = flip(p, _before(p, p.cumprod(flip(p, x, axis), axis=axis), axis, 1.0), axis)
    return p.multiply(left, right)


def _prod_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: int, keepdims: bool) -> Any:
    return p.sum(p.multiply(t, _products_of_others(p, x, axis)), axis=(axis + 1,), keepdims=keepdims)


def _prod_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: int, keepdims: bool) -> Any:
    return p.multiply(keep_reduced_axes(p, ct, p.shape(x), (axis,)), _products_of_others(p, x, axis))


def _linear_recurrence(p: Primitives, factors: Any, terms: Any, axis: int) -> Any:
    """Solve s[k] = factors[k] * s[k - 1] + terms[k] along an axis, s[-1] being 0, in log2(n) passes."""
    n = p.shape(terms)[axis]
    distance = 1
    while distance < n:
        head, tail, earlier = (along(axis, s) for s in (slice(distance), slice(distance, n), slice(n - distance)))
        carry = p.getitem(factors, index=tail)
        later_terms = p.add(p.getitem(terms, index=tail), p.multiply(carry, p.getitem(terms, index=earlier)))
        later_factors = p.multiply(carry, p.getitem(factors, index=earlier))
        terms = p.concatenate([p.getitem(terms, index=head), later_terms], axis=axis)
        factors = p.concatenate([p.getitem(factors, index=head), later_factors], axis=axis)
        distance *= 2
    return terms


def _cumprod_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: int) -> Any:
    factors = p.reshape(x, shape=(1, *p.shape(x)))
    return _linear_recurrence(p, factors, p.multiply(t, _before(p, y, axis, 1.0)), axis + 1)


def _cumprod_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: int) -> Any:
    factors = _before(p, flip(p, x, axis), axis, 0.0)
    carried = flip(p, _linear_recurrence(p, factors, flip(p, ct, axis), axis), axis)
    return p.multiply(carried, _before(p, y, axis, 1.0))


def _cumsum_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: int) -> Any:
    return flip(p, p.cumsum(flip(p, ct, axis), axis=axis), axis)


UNARY: dict[str, UnaryRule] = {
    "sum": UnaryRule(_sum_jvp, _sum_vjp),
    "max": UnaryRule(_extremum_jvp, _extremum_vjp),
    "min": UnaryRule(_extremum_jvp, _extremum_vjp),
    "prod": UnaryRule(_prod_jvp, _prod_vjp),
    "cumsum": UnaryRule(lambda p, t, y, x, *, axis: p.cumsum(t, axis=axis + 1), _cumsum_vjp),
    "cumprod": UnaryRule(_cumprod_jvp, _cumprod_vjp),
}
