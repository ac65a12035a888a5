"""Rules of matmul and einsum."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import align, matrix_transpose, unbroadcast
from diffiface_native.rules.rule import NaryRule, total


def _as_row(p: Primitives, v: Any) -> Any:
    shape = p.shape(v)
    return p.reshape(v, shape=(*shape[:-1], 1, shape[-1]))


def _as_column(p: Primitives, v: Any) -> Any:
    return p.reshape(v, shape=(*p.shape(v), 1))


def _as_matrix(p: Primitives, x: Any) -> Any:
    """Flatten all axes but the last."""
    shape = p.shape(x)
    return p.reshape(x, shape=(math.prod(shape[:-1]), shape[-1]))


def _matmul_jvp_left(p: Primitives, t: Any, y: Any, a: Any, b: Any) -> Any:
    a_ndim, b_ndim = len(p.shape(a)), len(p.shape(b))
    if a_ndim > 1:
        return p.matmul(align(p, t, max(a_ndim, b_ndim)), b)
    if b_ndim <= 2:
        return p.matmul(t, b)
    rows = p.matmul(align(p, _as_row(p, t), b_ndim), b)
    return p.reshape(rows, shape=(p.shape(t)[0], *p.shape(y)))


def _matmul_jvp_right(p: Primitives, t: Any, y: Any, a: Any, b: Any) -> Any:
    a_ndim, b_ndim = len(p.shape(a)), len(p.shape(b))
    if b_ndim > 1:
        return p.matmul(a, align(p, t, max(a_ndim, b_ndim)))
    if a_ndim == 1:
        return p.matmul(t, a)
    if a_ndim == 2:
        return p.matmul(t, matrix_transpose(p, a))
    columns = p.matmul(a, align(p, _as_column(p, t), a_ndim))
    return p.reshape(columns, shape=(p.shape(t)[0], *p.shape(y)))


def _matmul_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any]) -> Any:
    (a, b), (ta, tb) = arrays, tangents
    terms = []
    if ta is not None:
        terms.append(_matmul_jvp_left(p, ta, y, a, b))
    if tb is not None:
        terms.append(_matmul_jvp_right(p, tb, y, a, b))
    return total(p, terms)


def matmul_vjp_left(p: Primitives, ct: Any, a: Any, b: Any) -> Any:
    """Return the cotangent of the left operand."""
    a_shape, b_shape = p.shape(a), p.shape(b)
    if len(b_shape) == 1:
        return p.multiply(ct, b) if len(a_shape) == 1 else p.multiply(_as_column(p, ct), b)
    if len(a_shape) == 1:
        if len(b_shape) == 2:
            return p.matmul(b, ct)
        return unbroadcast(p, p.reshape(p.matmul(b, _as_column(p, ct)), shape=b_shape[:-1]), a_shape)
    return unbroadcast(p, p.matmul(ct, matrix_transpose(p, b)), a_shape)


def matmul_vjp_right(p: Primitives, ct: Any, a: Any, b: Any) -> Any:
    """Return the cotangent of the right operand."""
    a_shape, b_shape = p.shape(a), p.shape(b)
    if len(a_shape) == 1:
        return p.multiply(ct, a) if len(b_shape) == 1 else p.multiply(_as_row(p, ct), _as_column(p, a))
    if len(b_shape) == 1:
        if len(a_shape) == 2:
            return p.matmul(ct, a)
        return p.matmul(p.reshape(ct, shape=(math.prod(a_shape[:-1]),)), _as_matrix(p, a))
    if len(b_shape) == 2:
        # One large product, instead of a stack of small ones that is summed afterwards.
        return p.matmul(matrix_transpose(p, _as_matrix(p, a)), _as_matrix(p, ct))
    return unbroadcast(p, p.matmul(matrix_transpose(p, a), ct), b_shape)


def _matmul_vjp(p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool]) -> tuple[Any, Any]:
    a, b = arrays
    return (
        matmul_vjp_left(p, ct, a, b) if wanted[0] else None,
        matmul_vjp_right(p, ct, a, b) if wanted[1] else None,
    )


def _split_subscripts(subscripts: str) -> tuple[list[str], str]:
    operands, output = subscripts.split("->")
    return operands.split(","), output


def _einsum_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], *, subscripts: str) -> Any:
    operands, output = _split_subscripts(subscripts)
    batch = next(letter for letter in string.ascii_letters if letter not in subscripts)
    terms = []
    for i, t in enumerate(tangents):
        if t is not None:
            inputs = ",".join([*operands[:i], batch + operands[i], *operands[i + 1 :]])
            terms.append(p.einsum([*arrays[:i], t, *arrays[i + 1 :]], subscripts=f"{inputs}->{batch}{output}"))
    return total(p, terms)


def _einsum_vjp(
    p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool], *, subscripts: str
) -> list[Any]:
    operands, output = _split_subscripts(subscripts)
    cotangents: list[Any] = []
    for i, want in enumerate(wanted):
        if not want:
            cotangents.append(None)
            continue
        inputs = ",".join([output, *operands[:i], *operands[i + 1 :]])
        full = p.einsum([ct, *arrays[:i], *arrays[i + 1 :]], subscripts=f"{inputs}->{operands[i]}")
        cotangents.append(unbroadcast(p, full, p.shape(arrays[i])))
    return cotangents


NARY: dict[str, NaryRule] = {
    "matmul": NaryRule(_matmul_jvp, _matmul_vjp),
    "einsum": NaryRule(_einsum_jvp, _einsum_vjp, takes_list=True),
}
