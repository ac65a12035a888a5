"""Rules of the primitives that only rearrange entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import align, along, unbroadcast
from diffiface_native.rules.rule import NaryRule, UnaryRule


def _reshape_jvp(p: Primitives, t: Any, y: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    return p.reshape(t, shape=(p.shape(t)[0], *p.shape(y)))


def _reshape_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    return p.reshape(ct, shape=p.shape(x))


def _transpose_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axes: tuple[int, ...]) -> Any:
    return p.transpose(t, axes=(0, *(a + 1 for a in axes)))


def _transpose_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axes: tuple[int, ...]) -> Any:
    return p.transpose(ct, axes=tuple(axes.index(i) for i in range(len(axes))))


def _broadcast_to_jvp(p: Primitives, t: Any, y: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    return p.broadcast_to(align(p, t, len(shape)), shape=(p.shape(t)[0], *shape))


def _broadcast_to_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    return unbroadcast(p, ct, p.shape(x))


def _with_zeros(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any]) -> list[Any]:
    batch = next(p.shape(t)[0] for t in tangents if t is not None)
    return [
        np.zeros((batch, *p.shape(x)), dtype=p.dtype(y)) if t is None else t
        for t, x in zip(tangents, arrays, strict=True)
    ]


def _concatenate_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], *, axis: int) -> Any:
    return p.concatenate(_with_zeros(p, tangents, y, arrays), axis=axis + 1)


def _concatenate_vjp(
    p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool], *, axis: int
) -> list[Any]:
    cotangents, start = [], 0
    for x, want in zip(arrays, wanted, strict=True):
        stop = start + p.shape(x)[axis]
        cotangents.append(p.getitem(ct, index=along(axis, slice(start, stop))) if want else None)
        start = stop
    return cotangents


def _stack_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], *, axis: int) -> Any:
    return p.stack(_with_zeros(p, tangents, y, arrays), axis=axis + 1)


def _stack_vjp(
    p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool], *, axis: int
) -> list[Any]:
    return [p.getitem(ct, index=along(axis, i)) if want else None for i, want in enumerate(wanted)]


UNARY: dict[str, UnaryRule] = {
    "reshape": UnaryRule(_reshape_jvp, _reshape_vjp),
    "transpose": UnaryRule(_transpose_jvp, _transpose_vjp),
    "broadcast_to": UnaryRule(_broadcast_to_jvp, _broadcast_to_vjp),
}

NARY: dict[str, NaryRule] = {
    "concatenate": NaryRule(_concatenate_jvp, _concatenate_vjp, takes_list=True),
    "stack": NaryRule(_stack_jvp, _stack_vjp, takes_list=True),
}
