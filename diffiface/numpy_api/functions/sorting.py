"""Sorting, partitioning, and the positions of extremes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.indexing import index_along
from diffiface.numpy_api.functions.raw import axis_of, cast, flat, ndim, refuse
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives

_KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")


def index_of_order(p: Primitives, order: Any, axis: int) -> Any:
    """Return the index that puts an array in the order that argsort found along one axis."""
    return order if ndim(p, order) == 1 else index_along(p, order, axis)


def _settled(p: Primitives, a: Any, axis: int | None) -> tuple[Any, int]:
    """Return a value and the axis to sort along (all elements where the axis is None)."""
    return (flat(p, a), 0) if axis is None else (a, axis_of(p, a, axis))


def _sorting_positions(p: Primitives, a: Any, axis: int, kind: str | None, order: Any, function: str) -> Any:
    if kind not in _KINDS:
        refuse(p, function, "kind", kind)
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if p.dtype(a).kind == "c":  # by real parts, and where they are equal by imaginary parts
        return lexsort(p, [p.imag(a), p.real(a)], axis)
    return p.argsort(a, axis=axis)


@numpy_function(np.sort)
def sort(
    p: Primitives,
    a: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    *,
    stable: bool | None = None,
) -> Any:
    a, axis = _settled(p, a, axis)
    positions = _sorting_positions(p, a, axis, kind, order, "sort")
    return p.getitem(a, index=index_of_order(p, positions, axis))


@numpy_function(np.argsort, kind="zero derivative")
def argsort(
    p: Primitives,
    a: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    *,
    stable: bool | None = None,
) -> Any:
    if ndim(p, a) == 0 and axis in (-1, 0):  # np.argsort takes a number, np.sort does not
        return np.zeros(1, np.intp)
    a, axis = _settled(p, a, axis)
    return _sorting_positions(p, a, axis, kind, order, "argsort")


@numpy_function(np.sort_complex)
def sort_complex(p: Primitives, a: Any) -> Any:
    ordered = sort(p, a)
    return ordered if p.dtype(ordered).kind == "c" else cast(p, ordered, np.complex128)


@numpy_function(np.lexsort, arrays=0, kind="zero derivative")
def lexsort(p: Primitives, keys: Any, axis: int = -1) -> Any:
    if not isinstance(keys, (list, tuple)):
        keys = [p.getitem(keys, index=i) for i in range(p.shape(keys)[0])]
    # A stable sort by each key in turn: the last one decides, those before it among equals.
    arrays = [array_in(key, p) for key in keys]
    if not arrays:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    axis = axis_of(p, arrays[0], axis)
    order = p.argsort(arrays[0], axis=axis)
    for key in arrays[1:]:
        further = p.argsort(p.getitem(key, index=index_of_order(p, order, axis)), axis=axis)
        order = p.getitem(order, index=index_of_order(p, further, axis))
    return order


# ---- partitions


def _partition_positions(p: Primitives, a: Any, kth: Any, axis: int, kind: Any) -> Any:
    # NumPy promises no order on either side of the kth element, but code may rest on the one it gives. Where the
    # values are not known (under jit) the sorted order is as good a partition.
    values = p.primal(a)
    return p.argsort(a, axis=axis) if values is None else np.argpartition(np.asarray(values), kth, axis, kind)


@numpy_function(np.partition)
def partition(
    p: Primitives, a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: None = None
) -> Any:
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    a, axis = _settled(p, a, axis)
    return p.getitem(a, index=index_of_order(p, _partition_positions(p, a, kth, axis, kind), axis))


@numpy_function(np.argpartition, kind="zero derivative")
def argpartition(
    p: Primitives, a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: None = None
) -> Any:
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    a, axis = _settled(p, a, axis)
    return _partition_positions(p, a, kth, axis, kind)


# ---- positions of extremes


def _extreme_position(primitive: str) -> Callable[..., Any]:
    def extreme_position(p: Primitives, a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
        shape = list(p.shape(a))
        if axis is None:
            a, place, shape = flat(p, a), 0, [1] * len(shape)
        else:
            place = axis_of(p, a, axis)
            shape[place] = 1
        positions = getattr(p, primitive)(a, axis=place)
        return p.reshape(positions, shape=tuple(shape)) if keepdims else positions

    return extreme_position


argmax = numpy_function(np.argmax, kind="zero derivative")(_extreme_position("argmax"))
argmin = numpy_function(np.argmin, kind="zero derivative")(_extreme_position("argmin"))
