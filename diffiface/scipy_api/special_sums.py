"""logsumexp, softmax and log_softmax, shifted by the largest entry as SciPy does, so that nothing overflows."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.numpy_api.functions.raw import axes_of, inexact
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


def _shift(p: Primitives, a: Any, axes: tuple[int, ...]) -> Any:
    """Return the largest entries, 0 where they are infinite: a constant that no result depends on.

    As a primal (a plain number) where it is known, so that its derivative, which cancels, is not computed.
    """
    plain = p.primal(a)
    source = a if plain is None else plain
    q: Any = p
    if not axes or 0 in p.shape(a):
        return 0.0
    largest = q.max(p.real(source), axis=axes, keepdims=True)
    return q.where(q.isfinite(largest), largest, 0.0)


@numpy_function(special.logsumexp)
def logsumexp(
    p: Primitives, a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    a = inexact(p, a)
    if b is not None:
        shape = np.broadcast_shapes(p.shape(a), p.shape(b))
        a = p.broadcast_to(a, shape=shape)
        b = inexact(p, b)
        # Terms without weight must not decide the shift, nor give 0 * inf.
        used = p.not_equal(b, 0)
        a = p.where(used, a, -np.inf)
    axes = axes_of(p, a, axis)
    shift = _shift(p, a, axes)
    terms = p.exp(p.subtract(a, shift))
    if b is not None:
        terms = p.multiply(b, terms)
    total = p.sum(terms, axis=axes, keepdims=True)
    complex_valued = p.dtype(total).kind == "c"
    if return_sign or (b is not None and not complex_valued):
        sign = _sign(p, total)
        size = p.absolute(total)
    else:
        sign, size = None, total
    result = p.add(p.log(size), shift)
    if not return_sign and sign is not None:
        result = p.where(p.less(sign, 0), np.nan, result)
    results = [result, sign] if return_sign else [result]
    if not keepdims:
        shape = tuple(n for i, n in enumerate(p.shape(result)) if i not in axes)
        results = [p.reshape(r, shape=shape) for r in results]
    return tuple(results) if return_sign else results[0]


def _sign(p: Primitives, total: Any) -> Any:
    if p.dtype(total).kind != "c":
        return p.sign(total)
    size = p.absolute(total)
    return p.divide(total, p.where(p.equal(size, 0), 1.0, size))


@numpy_function(special.softmax)
def softmax(p: Primitives, x: Any, axis: Any = None) -> Any:
    x = inexact(p, x)
    axes = axes_of(p, x, axis)
    terms = p.exp(p.subtract(x, _shift(p, x, axes)))
    return p.divide(terms, p.sum(terms, axis=axes, keepdims=True))


@numpy_function(special.log_softmax)
def log_softmax(p: Primitives, x: Any, axis: Any = None) -> Any:
    x = inexact(p, x)
    axes = axes_of(p, x, axis)
    shifted = p.subtract(x, _shift(p, x, axes))
    return p.subtract(shifted, p.log(p.sum(p.exp(shifted), axis=axes, keepdims=True)))
