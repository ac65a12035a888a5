"""Weighted means and covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.joining import at_least
from diffiface.numpy_api.functions.raw import axes_of, cast, inexact, ndim, size
from diffiface.numpy_api.functions.reductions import mean, sum_
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.average)
def average(
    p: Primitives, a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    a = inexact(p, a)
    if weights is None:
        result = mean(p, a, axis, keepdims=keepdims)
        total: Any = np.asarray(size(p, a, axes_of(p, a, axis)), p.dtype(result))
    else:
        weights = array_in(weights, p)
        if tuple(p.shape(weights)) != tuple(p.shape(a)):
            axes = axes_of(p, a, axis)
            if tuple(p.shape(weights)) != tuple(p.shape(a)[i] for i in axes):
                raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
            weights = p.reshape(weights, shape=tuple(n if i in axes else 1 for i, n in enumerate(p.shape(a))))
            weights = p.broadcast_to(weights, shape=tuple(p.shape(a)))
        total = sum_(p, weights, axis, keepdims=keepdims)
        result = p.divide(sum_(p, p.multiply(a, weights), axis, keepdims=keepdims), total)
    return (result, p.broadcast_to(total, shape=tuple(p.shape(result)))) if returned else result


@numpy_function(np.cov, arrays=2)
def cov(
    p: Primitives,
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
) -> Any:
    rows = _variables(p, m, rowvar)
    if y is not None:
        rows = p.concatenate([rows, _variables(p, y, rowvar)], axis=0)
    count = p.shape(rows)[1]
    deviation = p.subtract(rows, mean(p, rows, 1, keepdims=True))
    transposed = p.transpose(deviation, axes=(1, 0))
    if p.dtype(deviation).kind == "c":
        transposed = p.conjugate(transposed)
    matrix = p.divide(p.matmul(deviation, transposed), count - ((0 if bias else 1) if ddof is None else ddof))
    n = p.shape(rows)[0]
    return matrix if n > 1 else p.reshape(matrix, shape=())


def _variables(p: Primitives, m: Any, rowvar: bool) -> Any:
    if ndim(p, m) > 2:
        raise ValueError("m has more than 2 dimensions")
    rows = at_least(p, cast(p, m, np.result_type(p.dtype(m), np.float64)), 2)
    return rows if rowvar or p.shape(rows)[0] == 1 else p.transpose(rows, axes=(1, 0))


@numpy_function(np.corrcoef, arrays=2)
def corrcoef(p: Primitives, x: Any, y: Any = None, rowvar: bool = True) -> Any:
    matrix = cov(p, x, y, rowvar)
    if ndim(p, matrix) == 0:
        return p.divide(matrix, matrix)
    steps = np.arange(p.shape(matrix)[0])
    deviation = p.sqrt(p.real(p.getitem(matrix, index=(steps, steps))))
    scale = p.multiply(p.reshape(deviation, shape=(len(steps), 1)), deviation)
    return p.divide(matrix, scale)
