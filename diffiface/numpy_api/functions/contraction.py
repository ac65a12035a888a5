"""Products that sum over shared axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.arithmetic import vecdot
from diffiface.numpy_api.functions.raw import axis_of, flat, ndim
from diffiface.numpy_api.table import numpy_function, ufunc
from diffiface.primitives import Primitives


@ufunc(np.matmul)
def matmul(p: Primitives, a: Any, b: Any) -> Any:
    if not (getattr(a, "shape", ()) and getattr(b, "shape", ())):
        raise ValueError("matmul: Input operand does not have enough dimensions")
    return p.matmul(a, b)


@numpy_function(np.linalg.matmul, arrays=2)
def linalg_matmul(p: Primitives, x1: Any, x2: Any, /) -> Any:
    return matmul(p, x1, x2)


@numpy_function(np.dot, arrays=2)
def dot(p: Primitives, a: Any, b: Any) -> Any:
    if ndim(p, a) == 0 or ndim(p, b) == 0:
        return p.multiply(_strong(a), _strong(b))
    if ndim(p, b) == 1 or (ndim(p, a) <= 2 and ndim(p, b) == 2):
        return p.matmul(a, b)
    return tensordot(p, a, b, ((-1,), (-2,)))


def _strong(a: Any) -> Any:
    """Return a Python number as an array: np.dot and np.inner do not treat it as weak in promotion."""
    return np.asarray(a) if isinstance(a, (int, float, complex)) else a


@numpy_function(np.vdot, arrays=2)
def vdot(p: Primitives, a: Any, b: Any) -> Any:
    a = p.conjugate(a) if p.dtype(a).kind == "c" else a
    return p.matmul(_line(p, a), _line(p, b))


@numpy_function(np.inner, arrays=2)
def inner(p: Primitives, a: Any, b: Any) -> Any:
    if ndim(p, a) == 0 or ndim(p, b) == 0:
        return p.multiply(_strong(a), _strong(b))
    if ndim(p, b) == 1:
        return p.matmul(a, b)
    return tensordot(p, a, b, ((-1,), (-1,)))


@numpy_function(np.outer, np.linalg.outer, arrays=2)
def outer(p: Primitives, a: Any, b: Any) -> Any:
    a, b = _line(p, a), _line(p, b)
    return p.multiply(p.reshape(a, shape=(p.shape(a)[0], 1)), b)


def _line(p: Primitives, a: Any) -> Any:
    """Return all elements as a vector."""
    return flat(p, a) if ndim(p, a) else p.reshape(a, shape=(1,))


@numpy_function(np.tensordot, np.linalg.tensordot, arrays=2)
def tensordot(p: Primitives, a: Any, b: Any, axes: Any = 2) -> Any:
    rank_a, rank_b = ndim(p, a), ndim(p, b)
    if isinstance(axes, (int, np.integer)):
        summed_a, summed_b = tuple(range(rank_a - int(axes), rank_a)), tuple(range(int(axes)))
    else:
        summed_a, summed_b = normalize_axis_tuple(axes[0], rank_a), normalize_axis_tuple(axes[1], rank_b)
    shape_a, shape_b = tuple(p.shape(a)), tuple(p.shape(b))
    if [shape_a[i] for i in summed_a] != [shape_b[i] for i in summed_b]:
        raise ValueError("shape-mismatch for sum")
    kept_a = tuple(i for i in range(rank_a) if i not in summed_a)
    kept_b = tuple(i for i in range(rank_b) if i not in summed_b)
    rows = [shape_a[i] for i in kept_a]
    columns = [shape_b[i] for i in kept_b]
    length = int(np.prod([shape_a[i] for i in summed_a], dtype=np.int64))
    left = _matrix(p, a, kept_a + summed_a, (int(np.prod(rows, dtype=np.int64)), length))
    right = _matrix(p, b, summed_b + kept_b, (length, int(np.prod(columns, dtype=np.int64))))
    return p.reshape(p.matmul(left, right), shape=(*rows, *columns))


def _matrix(p: Primitives, a: Any, axes: tuple[int, ...], shape: tuple[int, int]) -> Any:
    """Return an array with its axes in another order, as a matrix."""
    a = a if axes == tuple(range(len(axes))) else p.transpose(a, axes=axes)
    return p.reshape(a, shape=shape)


@numpy_function(np.linalg.vecdot, arrays=2)
def linalg_vecdot(p: Primitives, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return vecdot(p, _last(p, x1, axis), _last(p, x2, axis))


def _last(p: Primitives, a: Any, axis: int) -> Any:
    """Return an array with one axis moved to the end."""
    rank, axis = ndim(p, a), axis_of(p, a, axis)
    order = (*(i for i in range(rank) if i != axis), axis)
    return a if axis == rank - 1 else p.transpose(a, axes=order)


@numpy_function(np.kron, arrays=2)
def kron(p: Primitives, a: Any, b: Any) -> Any:
    rank = max(ndim(p, a), ndim(p, b))
    shape_a = (1,) * (rank - ndim(p, a)) + tuple(p.shape(a))
    shape_b = (1,) * (rank - ndim(p, b)) + tuple(p.shape(b))
    a = p.reshape(a, shape=tuple(n for length in shape_a for n in (length, 1)))
    b = p.reshape(b, shape=tuple(n for length in shape_b for n in (1, length)))
    return p.reshape(p.multiply(a, b), shape=tuple(m * n for m, n in zip(shape_a, shape_b, strict=True)))


@numpy_function(np.cross, np.linalg.cross, arrays=2)
def cross(
    p: Primitives, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _last(p, a, axisa), _last(p, b, axisb)
    if p.shape(a)[-1] != 3 or p.shape(b)[-1] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    ax, ay, az = (p.getitem(a, index=(Ellipsis, i)) for i in range(3))
    bx, by, bz = (p.getitem(b, index=(Ellipsis, i)) for i in range(3))
    components = [
        p.subtract(p.multiply(ay, bz), p.multiply(az, by)),
        p.subtract(p.multiply(az, bx), p.multiply(ax, bz)),
        p.subtract(p.multiply(ax, by), p.multiply(ay, bx)),
    ]
    rank = ndim(p, components[0]) + 1
    return p.stack(components, axis=axisc % rank)


@numpy_function(np.linalg.multi_dot, arrays=0)
def multi_dot(p: Primitives, arrays: Any) -> Any:
    factors = [array_in(a, p) for a in arrays]
    if ndim(p, factors[-1]) == 1:  # from the right, so that no matrix is multiplied by a matrix
        result = factors[-1]
        for factor in reversed(factors[:-1]):
            result = p.matmul(factor, result)
        return result
    result = factors[0]
    for factor in factors[1:]:
        result = p.matmul(result, factor)
    return result
