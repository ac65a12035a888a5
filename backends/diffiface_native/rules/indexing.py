"""Rules of reading and writing by index. An index is static: it is never differentiated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import unbroadcast
from diffiface_native.rules.rule import NaryRule, UnaryRule

_BASIC_PARTS = (int, slice, type(None), type(Ellipsis), np.integer)


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _is_advanced(part: Any) -> bool:
    return isinstance(part, bool) or not isinstance(part, _BASIC_PARTS)


def repeats_entries(p: Primitives, index: Any) -> bool:
    """Say whether an index may name an entry twice: integer arrays may, slices and masks do not."""
    kind = type(index)
    if kind is int or kind is slice:
        return False
    return any(_is_advanced(part) and p.dtype(part).kind != "b" for part in _parts(index))


def _moves_axes(index: Any) -> bool:
    """Say whether NumPy puts the axes of the index arrays first, because other parts stand between them."""
    parts = _parts(index)
    if not any(_is_advanced(part) for part in parts):
        return False
    places = [i for i, part in enumerate(parts) if _is_advanced(part) or isinstance(part, (int, np.integer))]
    return places[-1] - places[0] + 1 != len(places)


def _positions(p: Primitives, shape: tuple[int, ...], index: Any) -> Any:
    """Return the flat positions that an index reads in an array of this shape."""
    return p.getitem(np.arange(math.prod(shape)).reshape(shape), index=index)


def _indexed_shape(p: Primitives, shape: tuple[int, ...], index: Any) -> tuple[int, ...]:
    # An array of indices may be a value of p's that is not known yet: only its shape matters.
    parts = tuple(
        np.zeros(p.shape(part), np.intp) if _is_advanced(part) and p.dtype(part).kind != "b" else part
        for part in _parts(index)
    )
    return np.broadcast_to(False, shape)[parts].shape


def _batched(p: Primitives, t: Any, shape: tuple[int, ...], index: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a tangent and an index whose entries `(batch, *indexed shape)` are those of `index` in each tangent."""
    if _moves_axes(index):
        # Behind a leading slice the axes of the index arrays would come before the batch axis: count flat instead.
        flat = p.reshape(t, shape=(p.shape(t)[0], math.prod(shape)))
        return flat, (slice(None), _positions(p, shape, index))
    return t, (slice(None), *_parts(index))


def _getitem_jvp(p: Primitives, t: Any, y: Any, x: Any, *, index: Any) -> Any:
    batched, batched_index = _batched(p, t, p.shape(x), index)
    return p.getitem(batched, index=batched_index)


def _getitem_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, index: Any) -> Any:
    zeros = np.zeros(p.shape(x), dtype=p.dtype(ct))
    write = p.add_at if repeats_entries(p, index) else p.setitem
    return write(zeros, ct, index=index)


def _value_tangent(p: Primitives, t: Any, value: Any, indexed_ndim: int) -> Any:
    """Give the tangent of a written value the rank of the entries it is written to, behind the batch axis."""
    shape = p.shape(value)
    padded = (1,) * (indexed_ndim - len(shape)) + shape[max(0, len(shape) - indexed_ndim) :]
    return p.reshape(t, shape=(p.shape(t)[0], *padded))


def _value_cotangent(p: Primitives, ct: Any, value: Any) -> Any:
    """Sum the cotangent of the written entries to the shape of the value that was broadcast to them."""
    shape, full = p.shape(value), p.shape(ct)
    if len(shape) > len(full):
        ct = p.reshape(ct, shape=(1,) * (len(shape) - len(full)) + full)
    return unbroadcast(p, ct, shape)


def _write_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], index: Any, write: Any) -> Any:
    (x, value), (tx, tv) = arrays, tangents
    shape = p.shape(x)
    if tx is None:
        tx = np.zeros((p.shape(tv)[0], *shape), dtype=p.dtype(y))
    entries = 0.0 if tv is None else _value_tangent(p, tv, value, len(_indexed_shape(p, shape, index)))
    batched, batched_index = _batched(p, tx, shape, index)
    written = write(batched, entries, index=batched_index)
    return p.reshape(written, shape=p.shape(tx)) if batched is not tx else written


def _last_writes(p: Primitives, shape: tuple[int, ...], index: Any) -> Any:
    """Mark the written entries that no later one overwrites; None where all are known to stay."""
    if not repeats_entries(p, index):
        return None
    indexed_shape = _indexed_shape(p, shape, index)
    order = np.arange(math.prod(indexed_shape)).reshape(indexed_shape)
    writer = p.setitem(np.zeros(shape, dtype=np.intp), order, index=index)
    stays = p.equal(p.getitem(writer, index=index), order)
    return None if isinstance(stays, np.ndarray) and stays.all() else stays


def _setitem_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], *, index: Any) -> Any:
    return _write_jvp(p, tangents, y, arrays, index, p.setitem)


def _setitem_vjp(
    p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool], *, index: Any
) -> tuple[Any, Any]:
    x, value = arrays
    ct_x = p.setitem(ct, 0.0, index=index) if wanted[0] else None
    if not wanted[1]:
        return ct_x, None
    entries = p.getitem(ct, index=index)
    stays = _last_writes(p, p.shape(x), index)
    if stays is not None:
        entries = p.where(stays, entries, 0.0)
    return ct_x, _value_cotangent(p, entries, value)


def _add_at_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], *, index: Any) -> Any:
    return _write_jvp(p, tangents, y, arrays, index, p.add_at)


def _add_at_vjp(
    p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool], *, index: Any
) -> tuple[Any, Any]:
    return ct, _value_cotangent(p, p.getitem(ct, index=index), arrays[1]) if wanted[1] else None


UNARY: dict[str, UnaryRule] = {"getitem": UnaryRule(_getitem_jvp, _getitem_vjp)}

NARY: dict[str, NaryRule] = {
    "setitem": NaryRule(_setitem_jvp, _setitem_vjp),
    "add_at": NaryRule(_add_at_jvp, _add_at_vjp),
}
