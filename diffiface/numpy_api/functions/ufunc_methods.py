"""`reduce`, `accumulate`, `reduceat` and `at` of ufuncs: quick ways where there are any, else element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.raw import along, axes_of, axis_of, cast, flat, size, take
from diffiface.numpy_api.functions.running import cumprod, cumsum
from diffiface.numpy_api.table import UFUNC_METHODS, UFUNCS, ufunc_method
from diffiface.primitives import Primitives

# ---- accumulate


@ufunc_method(np.add, "accumulate")
def add_accumulate(p: Primitives, a: Any, *, axis: int, dtype: Any = None) -> Any:
    return cumsum(p, a, axis, dtype)


@ufunc_method(np.multiply, "accumulate")
def multiply_accumulate(p: Primitives, a: Any, *, axis: int, dtype: Any = None) -> Any:
    return cumprod(p, a, axis, dtype)


def _by_doubling(ufunc: np.ufunc) -> Callable[..., Any]:
    def accumulate(p: Primitives, a: Any, *, axis: int, dtype: Any = None) -> Any:
        # The operation is associative, so doubling the distance needs only log2(n) steps.
        a = cast(p, a, dtype)
        axis = axis_of(p, a, axis)
        length, distance = p.shape(a)[axis], 1
        while distance < length:
            head = p.getitem(a, index=along(axis, slice(None, distance)))
            later = p.getitem(a, index=along(axis, slice(distance, None)))
            earlier = p.getitem(a, index=along(axis, slice(None, -distance)))
            a = p.concatenate([head, UFUNCS[ufunc].translation(p, earlier, later)], axis=axis)
            distance *= 2
        return a

    return accumulate


for _ufunc in (np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.logical_and, np.logical_or):
    ufunc_method(_ufunc, "accumulate")(_by_doubling(_ufunc))


def _one_after_another(ufunc: np.ufunc) -> Callable[..., Any]:
    def accumulate(p: Primitives, a: Any, *, axis: int, dtype: Any = None) -> Any:
        a = cast(p, a, dtype)
        axis = axis_of(p, a, axis)
        results = []
        for i in range(p.shape(a)[axis]):
            row = take(p, a, axis, i)
            results.append(UFUNCS[ufunc].translation(p, results[-1], row) if results else row)
        return p.stack(results, axis=axis) if results else a

    return accumulate


# ---- reduce


@ufunc_method(np.logaddexp, "reduce")
def logaddexp_reduce(
    p: Primitives, a: Any, *, axis: Any, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    if where is not True:
        a = p.where(where, a, -np.inf)
    axes = axes_of(p, a, axis)
    largest = p.max(a, axis=axes, keepdims=True)
    largest = p.where(p.isfinite(largest), largest, 0.0)
    total = p.log(p.sum(p.exp(p.subtract(a, largest)), axis=axes, keepdims=True))
    result = p.add(total, largest)
    if not keepdims:
        result = p.reshape(result, shape=tuple(n for i, n in enumerate(p.shape(a)) if i not in axes))
    return result if initial is None else p.logaddexp(result, initial)


def _fold(ufunc: np.ufunc) -> Callable[..., Any]:
    name = ufunc.__name__

    def reduce(
        p: Primitives,
        a: Any,
        *,
        axis: Any,
        dtype: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        operation = UFUNCS[ufunc].translation
        shape = tuple(p.shape(a))
        axes = axes_of(p, a, axis)
        if len(axes) > 1 and ufunc.identity is None and ufunc not in (np.fmax, np.fmin):
            raise ValueError(f"reduction operation '{name}' is not reorderable, so at most one axis may be specified")
        rows = _rows(p, cast(p, a, dtype), axes)
        kept = [True] * len(rows) if where is True else _rows(p, p.broadcast_to(where, shape=shape), axes)
        result = ufunc.identity if initial is None and (not rows or where is not True) else initial
        if result is None and (not rows or where is not True):
            raise ValueError(f"reduction operation '{name}' does not have an identity, so 'initial' must be given")
        for row, keep in zip(rows, kept, strict=True):
            further = row if result is None else operation(p, result, row)
            result = further if keep is True else p.where(keep, further, result)
        rest = tuple(n for i, n in enumerate(shape) if i not in axes)
        if not rows:
            return np.full(rest, result, p.dtype(a))
        return p.reshape(result, shape=tuple(1 if i in axes else n for i, n in enumerate(shape)) if keepdims else rest)

    return reduce


def _rows(p: Primitives, a: Any, axes: tuple[int, ...]) -> list[Any]:
    """Return the parts of an array over which a reduction along some axes runs, in order."""
    shape = tuple(p.shape(a))
    kept = tuple(i for i in range(len(shape)) if i not in axes)
    if axes + kept != tuple(range(len(shape))):
        a = p.transpose(a, axes=axes + kept)
    count = int(np.prod([shape[i] for i in axes], dtype=np.int64))
    a = p.reshape(a, shape=(count, *(shape[i] for i in kept)))
    return [p.getitem(a, index=i) for i in range(count)]


# ---- reduceat: one reduction per pair of neighbouring indices


@ufunc_method(np.add, "reduceat")
def add_reduceat(p: Primitives, a: Any, indices: Any, *, axis: int, dtype: Any = None) -> Any:
    a = cast(p, a, dtype)
    axis = axis_of(p, a, axis)
    segments = _segments(p, indices, p.shape(a)[axis])
    places = np.concatenate([np.arange(start, stop) for start, stop in segments])
    owners = np.repeat(np.arange(len(segments)), [stop - start for start, stop in segments])
    shape = tuple(len(segments) if i == axis else n for i, n in enumerate(p.shape(a)))
    return p.add_at(np.zeros(shape, p.dtype(a)), take(p, a, axis, places), index=along(axis, owners))


def _segments(p: Primitives, indices: Any, length: int) -> list[tuple[int, int]]:
    """Return the range that each index opens: up to the next index, or of one element where the next is no later."""
    starts = [int(i) for i in np.atleast_1d(known(p, indices, "ufunc.reduceat"))]
    for start in starts:
        if not 0 <= start < length:
            raise IndexError(f"index {start} out-of-bounds in reduceat [0, {length})")
    return [(i, j if j > i else i + 1) for i, j in zip(starts, [*starts[1:], length], strict=True)]


def _reduce_segments(ufunc: np.ufunc) -> Callable[..., Any]:
    def reduceat(p: Primitives, a: Any, indices: Any, *, axis: int, dtype: Any = None) -> Any:
        a = cast(p, a, dtype)
        axis = axis_of(p, a, axis)
        reduce = UFUNC_METHODS[ufunc, "reduce"]
        segments = _segments(p, indices, p.shape(a)[axis])
        return p.stack([reduce(p, take(p, a, axis, slice(*ends)), axis=axis) for ends in segments], axis=axis)

    return reduceat


# ---- at: unbuffered, so that an index that comes again meets the result of its first time


@ufunc_method(np.add, "at")
def add_at(p: Primitives, a: Any, index: Any, values: Any) -> Any:
    return p.add_at(a, values, index=index)


@ufunc_method(np.subtract, "at")
def subtract_at(p: Primitives, a: Any, index: Any, values: Any) -> Any:
    return p.add_at(a, p.negative(values), index=index)


def _in_turns(ufunc: np.ufunc) -> Callable[..., Any]:
    def at(p: Primitives, a: Any, index: Any, *others: Any) -> Any:
        places = np.arange(size(p, a)).reshape(p.shape(a))[index]
        values = [p.reshape(_broadcast(p, v, places.shape), shape=(places.size,)) for v in others]
        elements = flat(p, a)
        for turn in _turns(places.ravel()):
            targets = places.ravel()[turn]
            operands = [p.getitem(v, index=turn) for v in values]
            changed = UFUNCS[ufunc].translation(p, p.getitem(elements, index=targets), *operands)
            elements = p.setitem(elements, cast(p, changed, p.dtype(a)), index=targets)
        return p.reshape(elements, shape=tuple(p.shape(a)))

    return at


def _broadcast(p: Primitives, value: Any, shape: tuple[int, ...]) -> Any:
    value = np.asarray(value) if isinstance(value, (bool, int, float, complex)) else value
    return value if tuple(p.shape(value)) == shape else p.broadcast_to(value, shape=shape)


def _turns(places: np.ndarray) -> list[np.ndarray]:
    """Return positions in groups in which no place comes twice: first all first occurrences, and so on."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.searchsorted(ordered, ordered, side="left")
    occurrence = np.empty(len(places), int)
    occurrence[order] = np.arange(len(places)) - first
    return [np.flatnonzero(occurrence == n) for n in range(occurrence.max(initial=-1) + 1)]


# ---- every other ufunc

for _ufunc in list(UFUNCS):
    if _ufunc.nout == 1 and _ufunc.signature is None:
        UFUNC_METHODS.setdefault((_ufunc, "at"), _in_turns(_ufunc))
        if _ufunc.nin == 2:
            UFUNC_METHODS.setdefault((_ufunc, "reduce"), _fold(_ufunc))
            UFUNC_METHODS.setdefault((_ufunc, "accumulate"), _one_after_another(_ufunc))
            UFUNC_METHODS.setdefault((_ufunc, "reduceat"), _reduce_segments(_ufunc))
