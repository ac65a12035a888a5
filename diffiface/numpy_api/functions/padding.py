"""np.pad, with all of its modes."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.moments import mean
from diffiface.numpy_api.functions.order_statistics import median
from diffiface.numpy_api.functions.raw import cast, ndim, take
from diffiface.numpy_api.functions.reductions import max_, min_
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives

_STATISTICS = {"maximum": max_, "minimum": min_, "mean": mean, "median": median}
_KEYWORDS = {
    "constant": {"constant_values"},
    "linear_ramp": {"end_values"},
    "reflect": {"reflect_type"},
    "symmetric": {"reflect_type"},
    "edge": set(),
    "wrap": set(),
    "empty": set(),
    **{mode: {"stat_length"} for mode in _STATISTICS},
}


@numpy_function(np.pad)
def pad(
    p: Primitives,
    array: Any,
    pad_width: Any,
    mode: Any = "constant",
    *,
    constant_values: Any = None,
    end_values: Any = None,
    stat_length: Any = None,
    reflect_type: Any = None,
) -> Any:
    rank = ndim(p, array)
    widths = _widths(pad_width, rank)
    given = {
        "constant_values": constant_values,
        "end_values": end_values,
        "stat_length": stat_length,
        "reflect_type": reflect_type,
    }
    if callable(mode):
        return _by_function(p, array, widths, mode)
    if mode not in _KEYWORDS:
        raise ValueError(f"mode '{mode}' is not supported")
    for keyword in {name for name, value in given.items() if value is not None} - _KEYWORDS[mode]:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {{'{keyword}'}}")
    lengths = np.broadcast_to(np.asarray(stat_length), (rank, 2)) if stat_length is not None else None
    for axis, (before, after) in enumerate(widths.tolist()):
        if before == after == 0:
            continue
        if mode in ("constant", "empty"):
            ends = _pairs(p, 0 if constant_values is None else constant_values, axis)
            sides = [_layers(p, array, axis, n, end) for n, end in zip((before, after), ends, strict=True)]
        elif mode == "linear_ramp":
            ends = _pairs(p, 0 if end_values is None else end_values, axis)
            sides = [_ramp(p, array, axis, before, ends[0], 0), _ramp(p, array, axis, after, ends[1], -1)]
        elif mode in _STATISTICS:
            length = p.shape(array)[axis]
            stats = (length, length) if lengths is None else (int(n) for n in lengths[axis])
            sides = [
                _statistic(p, array, axis, width, mode, min(n, length), first)
                for width, n, first in zip((before, after), stats, (True, False), strict=True)
            ]
        elif reflect_type == "odd":
            array = _reflected_oddly(p, array, axis, before, after, mode)
            continue
        else:
            # Where each element comes from is what NumPy makes of the positions themselves.
            places = np.pad(np.arange(p.shape(array)[axis]), (before, after), mode=mode)
            array = take(p, array, axis, places)
            continue
        array = p.concatenate([sides[0], array, sides[1]], axis=axis)
    return array


def _widths(pad_width: Any, rank: int) -> np.ndarray:
    if isinstance(pad_width, dict):
        widths = np.zeros((rank, 2), int)
        for axis, width in pad_width.items():
            widths[axis] = width
        return widths
    widths = np.broadcast_to(np.asarray(pad_width), (rank, 2))
    if widths.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    if widths.min(initial=0) < 0:
        raise ValueError("index can't contain negative values")
    return widths


def _pairs(p: Primitives, values: Any, axis: int) -> tuple[Any, Any]:
    """Return the values for the two ends of an axis, given as `c`, `(before, after)` or one such pair per axis."""
    values = array_in(values, p)
    shape = tuple(p.shape(values))
    if not shape:
        return values, values
    row = values if len(shape) == 1 else p.getitem(values, index=axis if shape[0] > 1 else 0)
    return p.getitem(row, index=0), p.getitem(row, index=1 if p.shape(row)[0] > 1 else 0)


def _layers(p: Primitives, a: Any, axis: int, width: int, value: Any) -> Any:
    """Return `width` layers of a value, which is a number or one layer."""
    shape = tuple(width if i == axis else n for i, n in enumerate(p.shape(a)))
    value = np.asarray(value) if isinstance(value, (bool, int, float, complex)) else value
    return p.broadcast_to(cast(p, value, p.dtype(a)), shape=shape)


def _ramp(p: Primitives, a: Any, axis: int, width: int, end: Any, edge: int) -> Any:
    layer = take(p, a, axis, slice(0, 1) if edge == 0 else slice(-1, None))
    fractions = np.arange(width) / max(width, 1)  # 0 at the far end
    fractions = (fractions if edge == 0 else fractions[::-1]).astype(p.dtype(p.real(a)))
    fractions = fractions.reshape(tuple(width if i == axis else 1 for i in range(ndim(p, a))))
    return cast(p, p.add(end, p.multiply(fractions, p.subtract(layer, end))), p.dtype(a))


def _statistic(p: Primitives, a: Any, axis: int, width: int, mode: str, length: int, first: bool) -> Any:
    if length == 0:
        raise ValueError(f"stat_length of 0 yields no value for padding in mode '{mode}'")
    part = take(p, a, axis, slice(0, length) if first else slice(p.shape(a)[axis] - length, None))
    return _layers(p, a, axis, width, _STATISTICS[mode](p, part, axis, keepdims=True))


def _reflected_oddly(p: Primitives, a: Any, axis: int, before: int, after: int, mode: str) -> Any:
    """Return the array continued by its point reflection at each edge, as often as the widths need it."""
    skipped = 1 if mode == "reflect" else 0  # whether the edge itself is left out of the reflection
    length = p.shape(a)[axis]
    if length == 1 and skipped:
        return _layers(p, a, axis, before + 1 + after, a)
    period = length - skipped
    while before or after:
        size = p.shape(a)[axis]
        whole = (size - skipped) // period * period  # whole copies of the original only
        parts = [a]
        for last, width in ((False, before), (True, after)):
            count = min(width, whole)
            edge = take(p, a, axis, slice(size - 1, size) if last else slice(0, 1))
            stop = size - skipped if last else skipped + count
            mirrored = take(p, a, axis, np.arange(stop - count, stop)[::-1])
            parts.insert(len(parts) if last else 0, p.subtract(p.multiply(2, edge), mirrored))
        before, after = max(before - whole, 0), max(after - whole, 0)
        a = p.concatenate(parts, axis=axis)
    return a


def _by_function(p: Primitives, a: Any, widths: np.ndarray, function: Any) -> Any:
    from diffiface.numpy_api.array import Array, dress

    rank = ndim(p, a)
    padded: Any = pad(p, a, widths)
    for axis in range(rank):
        lanes = p.transpose(padded, axes=(*(i for i in range(rank) if i != axis), axis))
        outer = tuple(p.shape(lanes))[:-1]
        for place in np.ndindex(*outer):
            lane: Any = dress(p.getitem(lanes, index=place), p)
            assert isinstance(lane, Array)
            function(lane, tuple(widths[axis].tolist()), axis, {})  # writes into the lane
            lanes = p.setitem(lanes, lane._read(), index=place)
        back = list(range(rank - 1))
        back.insert(axis, rank - 1)
        padded = p.transpose(lanes, axes=tuple(back))
    return padded
