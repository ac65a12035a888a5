"""Functions that select: by condition, by position, by mask."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array
from diffiface.numpy_api.conversion import array_in, raw_in, trace_of
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.joining import diagflat
from diffiface.numpy_api.functions.raw import axis_of, cast, flat, ndim, refuse, result_type, size, take, with_axis
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.numpy_api.table import dressed_function, numpy_function
from diffiface.numpy_api.views import diagonal_index
from diffiface.primitives import Primitives

_BOOL = np.dtype(bool)
_ABSENT: Any = object()

# ---- by condition


@numpy_function(np.where, arrays=3)
def where(p: Primitives, condition: Any, x: Any = _ABSENT, y: Any = _ABSENT, /) -> Any:
    if y is _ABSENT:
        if x is not _ABSENT:
            raise ValueError("either both or neither of x and y should be given")
        return nonzero(p, condition)
    dtype = condition.dtype if type(condition) is np.ndarray else p.dtype(condition)
    if dtype is not _BOOL and dtype != _BOOL:  # (the first question is the shorter one)
        condition = p.not_equal(condition, 0)
    return p.where(condition, x, y)


@numpy_function(np.select, arrays=0)
def select(p: Primitives, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    choices = [array_in(choice, p) for choice in choicelist]
    dtype = result_type(p, *choices, default)
    result = default
    for condition, choice in zip(reversed(list(condlist)), reversed(choices), strict=True):
        result = p.where(array_in(condition, p), choice, result)
    return cast(p, result, dtype)


@dressed_function(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = as_dressed(x)
    conditions = [condlist] if np.ndim(condlist[0]) == 0 and np.ndim(x) else list(condlist)
    pieces = list(funclist)
    if len(pieces) == len(conditions) + 1:  # the last one is for where no condition holds
        conditions.append(np.logical_not(functools.reduce(np.logical_or, conditions)))
    if len(pieces) != len(conditions):
        raise ValueError(f"with {len(conditions)} condition(s), either {len(conditions)} functions are expected")
    result: Any = np.zeros_like(x)
    for condition, piece in zip(conditions, pieces, strict=True):
        live = isinstance(x, Array) and trace_of(condition) is None
        if callable(piece) and live:
            mask = np.asarray(condition, bool)
            if mask.any():
                result[mask] = piece(x[mask], *args, **kw)
        else:
            values: Any = piece(x, *args, **kw) if callable(piece) else piece
            result = np.where(condition, values, result)
    return result


@numpy_function(np.choose)
def choose(p: Primitives, a: Any, choices: Any, mode: str = "raise") -> Any:
    items = (
        [array_in(choice, p) for choice in choices]
        if isinstance(choices, (list, tuple))
        else list(p.getitem(choices, index=i) for i in range(p.shape(choices)[0]))
    )
    count = len(items)
    if mode == "raise":
        positions = known(p, a, "numpy.choose with mode='raise'")
        if positions.size and not (0 <= positions.min() and positions.max() < count):
            raise ValueError("invalid entry in choice array")
    elif mode == "wrap":
        a = p.remainder(a, count)
    elif mode == "clip":
        a = p.minimum(p.maximum(a, 0), count - 1)
    else:
        refuse(p, "choose", "mode", mode)
    result = items[0]
    for i, item in enumerate(items[1:], start=1):
        result = p.where(p.equal(a, i), item, result)
    shape = np.broadcast_shapes(tuple(p.shape(a)), *[tuple(p.shape(i)) for i in items])
    return result if tuple(p.shape(result)) == shape else p.broadcast_to(result, shape=shape)


# ---- by what is true: the result's shape depends on values, which must be known


@numpy_function(np.nonzero, kind="zero derivative")
def nonzero(p: Primitives, a: Any) -> tuple[np.ndarray, ...]:
    return np.nonzero(known(p, a, "numpy.nonzero (or np.where with one argument)"))


@numpy_function(np.flatnonzero, kind="zero derivative")
def flatnonzero(p: Primitives, a: Any) -> np.ndarray:
    return np.flatnonzero(known(p, a, "numpy.flatnonzero"))


@numpy_function(np.argwhere, kind="zero derivative")
def argwhere(p: Primitives, a: Any) -> np.ndarray:
    return np.argwhere(known(p, a, "numpy.argwhere"))


@numpy_function(np.compress, arrays=2)
def compress(p: Primitives, condition: Any, a: Any, axis: int | None = None) -> Any:
    kept = np.flatnonzero(known(p, condition, "numpy.compress"))
    return take(p, flat(p, a), 0, kept) if axis is None else take(p, a, axis_of(p, a, axis), kept)


@numpy_function(np.extract, arrays=2)
def extract(p: Primitives, condition: Any, arr: Any) -> Any:
    return compress(p, flat(p, condition), arr)


# ---- by position


@numpy_function(np.take, arrays=2)
def take_(p: Primitives, a: Any, indices: Any, axis: int | None = None, mode: str | None = "raise") -> Any:
    a, axis = with_axis(p, a, axis)
    length = p.shape(a)[axis]
    if mode == "wrap":
        indices = p.remainder(indices, length)
    elif mode == "clip":
        indices = p.minimum(p.maximum(indices, 0), length - 1)
    elif mode not in ("raise", None):
        refuse(p, "take", "mode", mode)
    elif isinstance(indices, (int, np.ndarray, np.generic)):
        places = np.asarray(indices)
        if places.size and not (-length <= places.min() and places.max() < length):
            raise IndexError(f"index {places.max()} is out of bounds for axis {axis} with size {length}")
        indices = places
    return take(p, a, axis, indices)


@numpy_function(np.take_along_axis, arrays=2)
def take_along_axis(p: Primitives, arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None:
        return p.getitem(flat(p, arr), index=indices)
    axis = axis_of(p, arr, axis)
    return p.getitem(arr, index=index_along(p, indices, axis))


def index_along(p: Primitives, indices: Any, axis: int) -> tuple[Any, ...]:
    """Return the index that takes, at each place, the element that `indices` names along one axis."""
    shape = tuple(p.shape(indices))
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape)])
    grid[axis] = indices
    return tuple(grid)


@dressed_function(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    if not isinstance(arr, Array):
        p = values._p
        unsupported(p, "numpy.put_along_axis into a plain NumPy array", "make it with np.zeros_like(x)")
    if axis is None:
        arr.flat[indices] = values
    else:
        p = arr._p
        arr[index_along(p, raw_in(indices, p), axis_of(p, arr._read(), axis))] = values


@numpy_function(np.ix_, arrays=0, kind="structural")
def ix_(p: Primitives, *args: Any) -> Any:
    return np.ix_(*[known(p, array_in(a, p), "numpy.ix_") for a in args])


@numpy_function(np.ravel_multi_index, arrays=0, kind="zero derivative")
def ravel_multi_index(p: Primitives, multi_index: Any, dims: Any, mode: Any = "raise", order: Any = "C") -> Any:
    return np.ravel_multi_index(_integers(p, multi_index, "ravel_multi_index"), dims, mode, order)


@numpy_function(np.unravel_index, arrays=0, kind="zero derivative")
def unravel_index(p: Primitives, indices: Any, shape: Any, order: Any = "C") -> Any:
    return np.unravel_index(_integers(p, indices, "unravel_index"), shape, order)


def _integers(p: Primitives, values: Any, function: str) -> Any:
    if isinstance(values, tuple):
        return tuple(_integers(p, value, function) for value in values)
    return known(p, array_in(values, p), f"numpy.{function}")


@numpy_function(np.lib.stride_tricks.sliding_window_view, note="A copy, not a view; writeable=True is refused.")
def sliding_window_view(
    p: Primitives, x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    if writeable:
        refuse(p, "lib.stride_tricks.sliding_window_view", "writeable", writeable)
    # Where each element comes from is what NumPy makes of the positions themselves.
    shape = tuple(p.shape(x))
    places = np.lib.stride_tricks.sliding_window_view(np.arange(size(p, x)).reshape(shape), window_shape, axis)
    return p.getitem(flat(p, x), index=np.array(places))


@dressed_function(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    arr = np.moveaxis(as_dressed(arr), axis, -1)
    outer = arr.shape[:-1]
    results = [as_dressed(func1d(arr[place], *args, **kwargs)) for place in np.ndindex(*outer)]
    joined = np.stack(results)
    axis = axis % arr.ndim
    return np.moveaxis(
        joined.reshape(outer + joined.shape[1:]),
        list(range(len(outer), len(outer) + joined.ndim - 1)),
        list(range(axis, axis + joined.ndim - 1)),
    )


@dressed_function(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    result = as_dressed(a)
    for axis in np.atleast_1d(axes):
        reduced = func(result, int(axis))
        result = reduced if reduced.ndim == result.ndim else np.expand_dims(reduced, int(axis))
    return result


@numpy_function(np.diag)
def diag(p: Primitives, v: Any, k: int = 0) -> Any:
    if ndim(p, v) == 1:
        return diagflat(p, v, k)
    if ndim(p, v) != 2:
        raise ValueError("Input must be 1- or 2-d.")
    return p.getitem(v, index=diagonal_index(p.shape(v), k))
