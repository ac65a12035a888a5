"""What the translations share: axes settled, slices along an axis, plain values asked for."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffiface.numpy_api.dispatch import unsupported
from diffiface.primitives import Primitives

_ALL_AXES = tuple(tuple(range(rank)) for rank in range(65))  # NumPy's arrays have at most 64


def ndim(p: Primitives, a: Any) -> int:
    """Return the rank of a raw value."""
    return p.rank(a)


def shape_of(p: Primitives, a: Any) -> tuple[int, ...]:
    """Return the shape of a raw value, by its own word where that is quick: reductions ask at every call."""
    return a.shape if p.quick_attributes and type(a) is p.traced_type else p.shape(a)


def axes_of(p: Primitives, a: Any, axis: Any) -> tuple[int, ...]:
    """Return `axis` (None, a number or several) as a tuple of non-negative axes."""
    rank = len(shape_of(p, a))
    if axis is None:
        return _ALL_AXES[rank]
    if type(axis) is int and 0 <= axis < rank:
        return (axis,)
    if not rank and axis in (0, -1):  # NumPy's reductions take a number for an array of one axis
        return ()
    return normalize_axis_tuple(axis, rank)


def axis_of(p: Primitives, a: Any, axis: Any) -> int:
    """Return one axis as a non-negative number."""
    return normalize_axis_index(axis, p.rank(a))


def flat(p: Primitives, a: Any) -> Any:
    """Return all elements in C order. Shape `(size,)`."""
    return a if ndim(p, a) == 1 else p.reshape(a, shape=(size(p, a),))


def with_axis(p: Primitives, a: Any, axis: Any) -> tuple[Any, int]:
    """Return an array and a non-negative axis: for None, and for a number (which NumPy takes so), all elements."""
    if axis is None or (axis in (0, -1) and not ndim(p, a)):
        return flat(p, a), 0
    return a, axis_of(p, a, axis)


def size(p: Primitives, a: Any, axes: tuple[int, ...] | None = None) -> int:
    """Return the number of elements, of the whole or along some axes."""
    shape = shape_of(p, a)
    return math.prod(shape if axes is None else [shape[axis] for axis in axes])


def along(axis: int, index: Any) -> tuple[Any, ...]:
    """Return the index that takes `index` along one axis."""
    return (slice(None),) * axis + (index,)


def take(p: Primitives, a: Any, axis: int, index: Any) -> Any:
    """Return `a[..., index, ...]` along one axis."""
    return p.getitem(a, index=along(axis, index))


def inexact(p: Primitives, a: Any) -> Any:
    """Return a value as floats: integers and booleans become float64, as in np.mean or np.exp."""
    if p.traced_inexact and type(a) is p.traced_type:
        return a
    return p.astype(a, dtype=np.dtype(np.float64)) if p.dtype(a).kind in "biu" else a


def result_type(p: Primitives, *values: Any) -> np.dtype:
    """Return the dtype that NumPy's promotion gives (Python numbers count as weak)."""
    return np.result_type(*[v if isinstance(v, (bool, int, float, complex)) else p.dtype(v) for v in values])


def cast(p: Primitives, a: Any, dtype: Any) -> Any:
    """Return a value in another dtype (None: as it is)."""
    return a if dtype is None or p.dtype(a) == np.dtype(dtype) else p.astype(a, dtype=np.dtype(dtype))


def refuse(p: Primitives, function: str, keyword: str, value: Any) -> NoReturn:
    """Refuse a value of an argument."""
    unsupported(p, f"numpy.{function} with {keyword}={value!r:.40} is not translated", f"choose another {keyword}=")
