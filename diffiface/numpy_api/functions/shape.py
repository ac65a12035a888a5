"""Functions that give views in NumPy: the same elements, seen in another shape or order."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffiface.numpy_api.array import Array, Scalar, dress
from diffiface.numpy_api.conversion import array_in, trace_among
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.table import available, dressed_function
from diffiface.numpy_api.views import Broadcast, Diagonal, ImaginaryPart, RealPart, Subscript, Transpose

# ---- the argument as an Array


def as_dressed(a: Any) -> Any:
    """Return an array-like with dressed values in it as one dressed value (plain arrays as they are)."""
    if isinstance(a, Dressed):
        return a
    p = trace_among((a,), None)
    return np.asarray(a) if p is None else dress(array_in(a, p), p)


def as_array(a: Any) -> Array:
    """Return an array-like as a dressed array of rank 1 or more."""
    a = as_dressed(a)
    return reshape(a, (1,)) if type(a) is Scalar else a


def _viewing(function: Callable[..., Any], translation: Callable[..., Any]) -> None:
    """Enter a translation of a function whose first argument may also be plain (another argument being dressed)."""

    def on_any(*args: Any, **keywords: Any) -> Any:
        if args:
            args = (as_dressed(args[0]), *args[1:])
            if not isinstance(args[0], Dressed):
                return function(*args, **keywords)
        return translation(*args, **keywords)

    on_any.__wrapped__ = translation  # type: ignore[attr-defined]
    dressed_function(function)(on_any)


# ---- reshaping


def _settled_shape(a: Dressed, shape: Any) -> tuple[int, ...]:
    lengths = [int(n) for n in (shape if isinstance(shape, (tuple, list)) else (shape,))]
    if lengths.count(-1) > 1:
        raise ValueError("can only specify one unknown dimension")
    known = math.prod(n for n in lengths if n != -1)
    if -1 in lengths:
        lengths[lengths.index(-1)] = a.size // known if known else 0
    if math.prod(lengths) != a.size:
        raise ValueError(f"cannot reshape array of size {a.size} into shape {tuple(lengths)}")
    return tuple(lengths)


def _order(a: Dressed, order: str | None, function: str) -> str:
    if order not in ("C", "F", None):
        unsupported(a._p, f"numpy.{function} with order={order!r} is not translated", "use order='C' or order='F'")
    return order or "C"


def reshape(a: Any, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Any:
    shape = _settled_shape(a, shape)
    a = a if copy is not True else a.__copy__()
    if _order(a, order, "reshape") == "F":
        return transpose(transpose(a)._reshaped(shape[::-1]))
    return a._reshaped(shape) if type(a) is Array else dress(a._p.reshape(a._value, shape=shape), a._p)


def ravel(a: Any, order: str = "C") -> Any:
    if _order(a, order, "ravel") == "F":
        return ravel(transpose(a))
    return a._raveled() if type(a) is Array else flatten(a)


def flatten(a: Any, order: str = "C") -> Any:
    """Return all elements as a new array (`ndarray.flatten`)."""
    a = a if _order(a, order, "flatten") == "C" else transpose(a)
    return dress(a._p.reshape(a._read(), shape=(a.size,)), a._p)


def squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        axes = tuple(i for i, n in enumerate(a.shape) if n == 1)
    else:
        if not a.ndim and axis in (0, -1):  # as NumPy has it
            return a
        axes = normalize_axis_tuple(axis, a.ndim)
        if any(a.shape[i] != 1 for i in axes):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return a._viewed(Subscript(tuple(0 if i in axes else slice(None) for i in range(a.ndim)))) if axes else a


def expand_dims(a: Any, axis: Any) -> Any:
    axes = normalize_axis_tuple(axis, a.ndim + (len(axis) if isinstance(axis, (tuple, list)) else 1))
    rest = iter(a.shape)
    rank = a.ndim + len(axes)
    return reshape(a, tuple(1 if i in axes else next(rest) for i in range(rank)))


def _at_least(a: Any, rank: int) -> Any:
    a = as_dressed(a)
    if a.ndim >= rank:
        return a
    if rank == 3:  # NumPy puts a row in the middle: (N,) becomes (1, N, 1), (M, N) becomes (M, N, 1)
        shape = {0: (1, 1, 1), 1: (1, *a.shape, 1), 2: (*a.shape, 1)}[a.ndim]
    else:
        shape = (1,) * (rank - a.ndim) + tuple(a.shape)
    return np.reshape(a, shape)


for _rank, _function in enumerate((np.atleast_1d, np.atleast_2d, np.atleast_3d), start=1):

    def _at_least_rank(*arrays: Any, rank: int = _rank) -> Any:
        results = tuple(_at_least(a, rank) for a in arrays)
        return results[0] if len(results) == 1 else results

    dressed_function(_function)(_at_least_rank)


# ---- axes in another order


def transpose(a: Any, axes: Any = None) -> Any:
    rank = a.ndim
    order = tuple(range(rank))[::-1] if axes is None else normalize_axis_tuple(axes, rank)
    if len(order) != rank:
        raise ValueError("axes don't match array")
    return a._viewed(Transpose(order)) if rank > 1 else _same(a)


def _same(a: Any) -> Any:
    """Return a view of the whole (a new object, as NumPy returns)."""
    return a if type(a) is Scalar else a._viewed(Subscript(Ellipsis))


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    i, j = normalize_axis_index(axis1, a.ndim), normalize_axis_index(axis2, a.ndim)
    order = list(range(a.ndim))
    order[i], order[j] = j, i
    return transpose(a, order)


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    source, destination = normalize_axis_tuple(source, a.ndim), normalize_axis_tuple(destination, a.ndim)
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [i for i in range(a.ndim) if i not in source]
    for to, of in sorted(zip(destination, source, strict=True)):
        order.insert(to, of)
    return transpose(a, order)


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis = normalize_axis_index(axis, a.ndim)
    start = normalize_axis_index(start, a.ndim + 1)
    return moveaxis(a, axis, start - 1 if axis < start else start)


def matrix_transpose(x: Any, /) -> Any:
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return swapaxes(x, -1, -2)


def flip(m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else normalize_axis_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]


def fliplr(m: Any) -> Any:
    return flip(m, 1)


def flipud(m: Any) -> Any:
    return flip(m, 0)


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    first, second = normalize_axis_tuple(axes, m.ndim)
    quarter = k % 4
    if quarter == 0:
        return _same(m)
    if quarter == 2:
        return flip(m, (first, second))
    if quarter == 1:
        return swapaxes(flip(m, second), first, second)
    return flip(swapaxes(m, first, second), second)


# ---- parts


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return moveaxis(a, (axis1, axis2), (-2, -1))._viewed(Diagonal(offset))


def real(val: Any) -> Any:
    if val.dtype.kind != "c":
        return val
    return val._viewed(RealPart()) if type(val) is Array else dress(val._p.real(val._value), val._p)


def imag(val: Any) -> Any:
    if val.dtype.kind == "c":
        return val._viewed(ImaginaryPart()) if type(val) is Array else dress(val._p.imag(val._value), val._p)
    return dress(np.zeros(val.shape, val.dtype)[()], val._p)


def broadcast_to(array: Any, shape: Any) -> Any:
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    np.broadcast_to(np.empty(array.shape, bool), shape)  # NumPy's own complaint about shapes that do not fit
    return as_array(array)._viewed(Broadcast(tuple(int(n) for n in shape))) if shape else array


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    if isinstance(indices_or_sections, (int, np.integer)) and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    axis = normalize_axis_index(axis, ary.ndim)
    whole = (slice(None),) * axis
    # NumPy itself divides the range; only the borders are needed.
    parts = np.array_split(np.arange(ary.shape[axis]), indices_or_sections)
    lengths = [len(part) for part in parts]
    if isinstance(indices_or_sections, (int, np.integer)):
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    else:
        starts = np.concatenate([[0], np.asarray(indices_or_sections, int)])
    return [
        ary[(*whole, slice(int(start) if n else 0, int(start) + n if n else 0))]
        for start, n in zip(_positive(starts, ary.shape[axis]), lengths, strict=True)
    ]


def _positive(starts: np.ndarray, length: int) -> np.ndarray:
    return np.where(starts < 0, starts + length, starts)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return split(ary, indices_or_sections, 0)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return split(ary, indices_or_sections, 2)


for _function, _translation in {
    np.reshape: reshape,
    np.ravel: ravel,
    np.squeeze: squeeze,
    np.expand_dims: expand_dims,
    np.transpose: transpose,
    np.swapaxes: swapaxes,
    np.moveaxis: moveaxis,
    np.rollaxis: rollaxis,
    np.matrix_transpose: matrix_transpose,
    np.linalg.matrix_transpose: matrix_transpose,
    np.flip: flip,
    np.fliplr: fliplr,
    np.flipud: flipud,
    np.rot90: rot90,
    np.diagonal: diagonal,
    np.real: real,
    np.imag: imag,
    np.broadcast_to: broadcast_to,
    np.split: split,
    np.array_split: array_split,
    np.hsplit: hsplit,
    np.vsplit: vsplit,
    np.dsplit: dsplit,
}.items():
    _viewing(_function, _translation)


@dressed_function(np.linalg.diagonal)
def linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return diagonal(as_array(x), offset, -2, -1)


@dressed_function(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> tuple[Any, ...]:
    arrays = [as_dressed(a) for a in args]
    shape = np.broadcast_shapes(*[a.shape for a in arrays])
    return tuple(a if tuple(a.shape) == shape else np.broadcast_to(a, shape) for a in arrays)


@dressed_function(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    count = len(xi)
    grids = []
    for i, x in enumerate(xi):
        place = 1 - i if indexing == "xy" and i < 2 and count > 1 else i
        grids.append(np.reshape(as_dressed(x), tuple(-1 if j == place else 1 for j in range(count))))
    if not sparse:
        grids = list(broadcast_arrays(*grids))
    return tuple(np.copy(g) for g in grids) if copy else tuple(grids)


@dressed_function(np.copy)
def copy_(a: Any, order: str = "K", subok: bool = False) -> Any:
    a = as_dressed(a)
    return a.__copy__() if isinstance(a, Dressed) else np.array(a)


@dressed_function(*available(np, "unstack"))
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    return tuple(moveaxis(as_dressed(x), axis, 0))
