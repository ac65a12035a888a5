"""Functions that put arrays together, repeat or shift them, take parts out or put parts in."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.raw import axis_of, cast, flat, ndim, size, take
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.numpy_api.table import available, dressed_function, numpy_function
from diffiface.primitives import Primitives


def _arrays(p: Primitives, items: Any) -> list[Any]:
    """Return the members of a sequence as raw arrays (an array is the sequence of its rows)."""
    if not isinstance(items, (list, tuple)):
        items = [p.getitem(items, index=i) for i in range(p.shape(items)[0])]
    members = [array_in(item, p) for item in items]
    return [np.asarray(m) if isinstance(m, (bool, int, float, complex)) else m for m in members]


def _join(p: Primitives, arrays: list[Any], axis: int) -> Any:
    rank = ndim(p, arrays[0])
    if rank == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    if any(ndim(p, a) != rank for a in arrays):
        raise ValueError("all the input array dimensions except for the concatenation axis must match exactly")
    return p.concatenate(arrays, axis=normalize_axis_index(axis, rank))


def at_least(p: Primitives, a: Any, rank: int) -> Any:
    """Return an array with axes of length 1 put in front until it has the rank."""
    shape = tuple(p.shape(a))
    return a if len(shape) >= rank else p.reshape(a, shape=(1,) * (rank - len(shape)) + shape)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # an old name of np.vstack, which warns when it is asked for
    _ROW_STACK = [f for f in available(np, "row_stack") if f is not np.vstack]


@numpy_function(np.concatenate, np.concat, arrays=0)
def concatenate(p: Primitives, arrays: Any, axis: int | None = 0, *, dtype: Any = None) -> Any:
    members = _arrays(p, arrays)
    if axis is None:
        members, axis = [flat(p, m) for m in members], 0
    return cast(p, _join(p, members, axis), dtype)


@numpy_function(np.stack, arrays=0)
def stack(p: Primitives, arrays: Any, axis: int = 0, *, dtype: Any = None) -> Any:
    members = _arrays(p, arrays)
    if not members:
        raise ValueError("need at least one array to stack")
    if len({tuple(p.shape(m)) for m in members}) > 1:
        raise ValueError("all input arrays must have the same shape")
    return cast(p, p.stack(members, axis=normalize_axis_index(axis, ndim(p, members[0]) + 1)), dtype)


@numpy_function(np.vstack, *_ROW_STACK, arrays=0)
def vstack(p: Primitives, tup: Any, *, dtype: Any = None) -> Any:
    return cast(p, _join(p, [at_least(p, a, 2) for a in _arrays(p, tup)], 0), dtype)


@numpy_function(np.hstack, arrays=0)
def hstack(p: Primitives, tup: Any, *, dtype: Any = None) -> Any:
    members = [at_least(p, a, 1) for a in _arrays(p, tup)]
    return cast(p, _join(p, members, 0 if ndim(p, members[0]) == 1 else 1), dtype)


@numpy_function(np.dstack, arrays=0)
def dstack(p: Primitives, tup: Any) -> Any:
    members = [at_least(p, a, 2) for a in _arrays(p, tup)]
    return _join(p, [p.reshape(a, shape=(*p.shape(a), 1)) if ndim(p, a) == 2 else a for a in members], 2)


@numpy_function(np.column_stack, arrays=0)
def column_stack(p: Primitives, tup: Any) -> Any:
    members = [at_least(p, a, 1) for a in _arrays(p, tup)]
    return _join(p, [p.reshape(a, shape=(*p.shape(a), 1)) if ndim(p, a) == 1 else a for a in members], 1)


@numpy_function(np.append, arrays=2)
def append(p: Primitives, arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        return _join(p, [flat(p, at_least(p, a, 1)) for a in (arr, values)], 0)
    return _join(p, [arr, values], axis)


@numpy_function(np.block, arrays=0)
def block(p: Primitives, arrays: Any) -> Any:
    depth = _depth(arrays)

    def members(part: Any) -> Any:
        return [members(item) for item in part] if isinstance(part, list) else _arrays(p, [part])[0]

    nested = members(arrays)
    rank = max(depth, *(ndim(p, leaf) for leaf in _leaves(nested)))

    def joined(part: Any, level: int) -> Any:
        if not isinstance(part, list):
            return at_least(p, part, rank)
        return _join(p, [joined(item, level - 1) for item in part], rank - level)

    return joined(nested, depth)


def _depth(part: Any) -> int:
    return 1 + max(map(_depth, part)) if isinstance(part, list) else 0


def _leaves(part: Any) -> list[Any]:
    return [leaf for item in part for leaf in _leaves(item)] if isinstance(part, list) else [part]


# ---- repeating and shifting


@numpy_function(np.tile)
def tile(p: Primitives, A: Any, reps: Any) -> Any:
    reps = tuple(int(n) for n in np.atleast_1d(reps))
    a = at_least(p, A, len(reps))
    reps = (1,) * (ndim(p, a) - len(reps)) + reps
    shape = tuple(p.shape(a))
    apart = p.reshape(a, shape=tuple(n for length in shape for n in (1, length)))
    repeated = p.broadcast_to(apart, shape=tuple(n for pair in zip(reps, shape, strict=True) for n in pair))
    return p.reshape(repeated, shape=tuple(r * n for r, n in zip(reps, shape, strict=True)))


@numpy_function(np.repeat)
def repeat(p: Primitives, a: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None:
        a, axis = flat(p, at_least(p, a, 1)), 0
    axis = axis_of(p, a, axis)
    return take(p, a, axis, np.repeat(np.arange(p.shape(a)[axis]), repeats))


@numpy_function(np.roll)
def roll(p: Primitives, a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        shape = tuple(p.shape(a))
        return p.reshape(roll(p, flat(p, at_least(p, a, 1)), int(np.sum(shift)), 0), shape=shape)
    axes = normalize_axis_tuple(axis, ndim(p, a), allow_duplicate=True)
    for i, distance in zip(axes, np.broadcast_to(shift, len(axes)), strict=True):
        length = p.shape(a)[i]
        cut = int(-distance) % length if length else 0
        if cut:
            a = p.concatenate([take(p, a, i, slice(cut, None)), take(p, a, i, slice(None, cut))], axis=i)
    return a


# ---- taking out and putting in


@numpy_function(np.delete)
def delete(p: Primitives, arr: Any, obj: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = flat(p, arr), 0
    axis = axis_of(p, arr, axis)
    return take(p, arr, axis, np.delete(np.arange(p.shape(arr)[axis]), obj))


@numpy_function(np.insert)
def insert(p: Primitives, arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = flat(p, arr), 0
    axis = axis_of(p, arr, axis)
    shape = tuple(p.shape(arr))
    length = shape[axis]
    values = cast(p, array_in(values, p), p.dtype(arr))
    obj = np.arange(length)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if obj.dtype == bool:
        obj = np.flatnonzero(obj)
    if obj.size == 1:
        # At one place any number of layers goes in ...
        values = at_least(p, values if ndim(p, values) else p.reshape(values, shape=(1,)), len(shape))
        if obj.ndim == 0:  # ... which `arr[:, 0, :] = values` has in the order of the remaining axes
            order = tuple(range(1, len(shape)))
            values = p.transpose(values, axes=(*order[:axis], 0, *order[axis:]))
        count = p.shape(values)[axis]
    else:
        count = obj.size
    values = p.broadcast_to(values, shape=(*shape[:axis], count, *shape[axis + 1 :]))
    # Where each layer comes from is what NumPy makes of their numbers.
    places = np.insert(np.arange(length), obj.item() if obj.size == 1 else obj, np.arange(length, length + count))
    return take(p, p.concatenate([arr, values], axis=axis), axis, places)


@dressed_function(np.trim_zeros, kind="structural", note="The values decide what is trimmed.")
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    filt = as_dressed(filt)
    if filt.ndim == 0:
        return filt
    places = np.nonzero(known(filt._p, filt._read(), "numpy.trim_zeros"))
    trim = trim.lower()
    if trim not in {"fb", "bf", "f", "b"}:
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    rank = filt.ndim
    axes = range(rank) if axis is None else normalize_axis_tuple(axis, rank)
    index = []
    for i in range(rank):
        start, stop = (int(places[i].min()), int(places[i].max()) + 1) if places[i].size else (0, 0)
        if places[i].size:
            start, stop = start if "f" in trim else 0, stop if "b" in trim else filt.shape[i]
        index.append(slice(start, stop) if i in axes else slice(None))
    return filt[tuple(index)]


@numpy_function(np.resize)
def resize(p: Primitives, a: Any, new_shape: Any) -> Any:
    count = size(p, a)
    places = np.resize(np.arange(count), new_shape)
    return p.getitem(flat(p, a), index=places) if count else np.zeros(places.shape, p.dtype(a))


# ---- triangles and diagonals


@numpy_function(np.tril)
def tril(p: Primitives, m: Any, k: int = 0) -> Any:
    m = at_least(p, m, 2) if ndim(p, m) == 0 else m
    return p.where(np.tri(*_last_two(p, m), k=k, dtype=bool), m, 0)


@numpy_function(np.triu)
def triu(p: Primitives, m: Any, k: int = 0) -> Any:
    return p.where(np.tri(*_last_two(p, m), k=k - 1, dtype=bool), 0, m)


def _last_two(p: Primitives, m: Any) -> tuple[int, int]:
    rows, columns = (*p.shape(m), *p.shape(m))[-2:] if ndim(p, m) == 1 else p.shape(m)[-2:]
    return rows, columns


@numpy_function(np.diagflat)
def diagflat(p: Primitives, v: Any, k: int = 0) -> Any:
    v = flat(p, at_least(p, v, 1))
    length = p.shape(v)[0]
    n = length + abs(k)
    steps = np.arange(length)
    return p.setitem(np.zeros((n, n), p.dtype(v)), v, index=(steps + max(0, -k), steps + max(0, k)))


@numpy_function(np.vander)
def vander(p: Primitives, x: Any, N: int | None = None, increasing: bool = False) -> Any:
    count = p.shape(x)[0] if N is None else N
    powers = np.ones((p.shape(x)[0], min(count, 1)), np.promote_types(p.dtype(x), np.int64))
    column = p.reshape(x, shape=(p.shape(x)[0], 1))
    columns = [powers]
    for _ in range(1, count):
        columns.append(p.multiply(columns[-1], column))
    return p.concatenate(columns if increasing else columns[::-1], axis=1)
