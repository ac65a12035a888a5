"""Axes that broadcasting, reductions and the tangents' leading axis bring or take away."""

from __future__ import annotations

from typing import Any

from diffiface.adapter import Primitives


def align(p: Primitives, tangent: Any, ndim: int) -> Any:
    """Give a tangent `(batch, *shape)` the rank `1 + ndim`, so that it broadcasts against values of rank `ndim`."""
    shape = p.shape(tangent)
    missing = ndim + 1 - len(shape)
    if missing <= 0:
        return tangent
    return p.reshape(tangent, shape=(shape[0], *(1,) * missing, *shape[1:]))


def unbroadcast(p: Primitives, cotangent: Any, shape: tuple[int, ...]) -> Any:
    """Sum a cotangent over the axes along which an operand of this shape was broadcast."""
    full = p.shape(cotangent)
    if full == shape:
        return cotangent
    added = len(full) - len(shape)
    stretched = tuple(added + i for i, n in enumerate(shape) if n == 1 and full[added + i] != 1)
    reduced = p.sum(cotangent, axis=(*range(added), *stretched), keepdims=False)
    return p.reshape(reduced, shape=shape) if stretched else reduced


def keep_reduced_axes(p: Primitives, y: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """Reshape the result of reducing an array of this shape, so that it broadcasts against that array."""
    return p.reshape(y, shape=tuple(1 if i in axis else n for i, n in enumerate(shape)))


def along(axis: int, part: Any) -> tuple[Any, ...]:
    """Write the index that applies `part` to one axis."""
    return (*(slice(None),) * axis, part)


def flip(p: Primitives, x: Any, axis: int) -> Any:
    """Reverse the order along one axis."""
    return p.getitem(x, index=along(axis, slice(None, None, -1)))


def matrix_transpose(p: Primitives, x: Any) -> Any:
    """Exchange the last two axes."""
    ndim = len(p.shape(x))
    return p.transpose(x, axes=(*range(ndim - 2), ndim - 1, ndim - 2))


def last_axes(p: Primitives, x: Any) -> tuple[int, int]:
    """Name the last two axes by their non-negative numbers."""
    ndim = len(p.shape(x))
    return ndim - 2, ndim - 1
