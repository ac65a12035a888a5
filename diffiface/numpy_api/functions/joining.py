"""Functions that put arrays together, repeat, shift or pad them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.raw import axis_of, cast, flat, ndim, refuse, size, take
from diffiface.numpy_api.table import numpy_function
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


@numpy_function(np.vstack, arrays=0)
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


@numpy_function(np.pad, arrays=1)
def pad(
    p: Primitives,
    array: Any,
    pad_width: Any,
    mode: Any = "constant",
    *,
    constant_values: Any = 0,
    reflect_type: str = "even",
) -> Any:
    rank = ndim(p, array)
    if isinstance(pad_width, dict):
        widths = np.zeros((rank, 2), int)
        for axis, width in pad_width.items():
            widths[axis] = width
    else:
        widths = np.broadcast_to(np.asarray(pad_width, int), (rank, 2))
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        refuse(p, "pad", "mode", mode)
    if reflect_type != "even":
        refuse(p, "pad", "reflect_type", reflect_type)
    for axis, (before, after) in enumerate(widths):
        length = p.shape(array)[axis]
        if before == after == 0:
            continue
        if mode == "constant":
            parts = _constant_parts(p, array, axis, (int(before), int(after)), constant_values)
            array = p.concatenate(parts, axis=axis)
        else:
            # Where each element comes from is what NumPy makes of the positions themselves.
            array = take(p, array, axis, np.pad(np.arange(length), (before, after), mode=mode))
    return array


def _constant_parts(p: Primitives, a: Any, axis: int, widths: tuple[int, int], constants: Any) -> list[Any]:
    constants = array_in(constants, p)
    shape = tuple(p.shape(constants))
    parts = [a]
    for side, width in enumerate(widths):
        constant = constants
        if shape:
            row = constants if len(shape) == 1 else p.getitem(constants, index=axis if shape[0] > 1 else 0)
            constant = p.getitem(row, index=side if p.shape(row)[0] > 1 else 0)
        size = tuple(width if i == axis else n for i, n in enumerate(p.shape(a)))
        filled = p.broadcast_to(cast(p, constant, p.dtype(a)), shape=size)
        if width:
            parts.insert(0 if side == 0 else len(parts), filled)
    return parts


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
    if ndim(p, arr) != 1:
        refuse(p, "insert", "axis", axis)
    length = p.shape(arr)[0]
    values = array_in(values, p)
    # At one place any number of values goes in, at several places one value each.
    count = size(p, values) if np.ndim(obj) == 0 else len(np.insert(np.arange(length), obj, 0)) - length
    values = cast(p, p.broadcast_to(values, shape=(count,)), p.dtype(arr))
    places = np.insert(np.arange(length), obj, np.arange(length, length + count))
    return p.getitem(p.concatenate([arr, values], axis=0), index=places)


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
