"""Weighted means, covariances and correlations."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.joining import at_least
from diffiface.numpy_api.functions.moments import mean
from diffiface.numpy_api.functions.raw import axes_of, cast, inexact, ndim, size
from diffiface.numpy_api.functions.reductions import sum_
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
            # Their axes stand in the order in which `axis` names them.
            weights = p.transpose(weights, axes=tuple(int(i) for i in np.argsort(axes)))
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
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    if dtype is None:
        dtype = np.result_type(p.dtype(m), np.float64, *([] if y is None else [p.dtype(y)]))
    rows = _variables(p, m, rowvar, dtype, vector_is_row=True)
    if y is not None:
        rows = p.concatenate([rows, _variables(p, y, rowvar, dtype, vector_is_row=False)], axis=0)
    frequencies = _observation_weights(p, rows, fweights, "fweights")
    weights = aweights = _observation_weights(p, rows, aweights, "aweights")
    if frequencies is not None:
        weights = frequencies if aweights is None else p.multiply(frequencies, aweights)
    ddof = (0 if bias else 1) if ddof is None else ddof
    if weights is None:
        center: Any = mean(p, rows, 1, keepdims=True)
        freedom: Any = p.shape(rows)[1] - ddof
    else:
        center, total = average(p, rows, 1, weights, True, keepdims=True)
        freedom = total = p.getitem(total, index=(0, 0))
        if ddof != 0:
            lost = ddof
            if aweights is not None:
                lost = p.divide(p.multiply(ddof, sum_(p, p.multiply(weights, aweights))), total)
            freedom = p.subtract(total, lost)
    deviation = p.subtract(rows, center)
    weighted = deviation if weights is None else p.multiply(deviation, weights)
    transposed = p.transpose(weighted, axes=(1, 0))
    if p.dtype(deviation).kind == "c":
        transposed = p.conjugate(transposed)
    matrix = p.divide(p.matmul(deviation, transposed), freedom)
    return p.reshape(matrix, shape=()) if p.shape(rows)[0] == 1 else matrix


def _variables(p: Primitives, m: Any, rowvar: bool, dtype: Any, vector_is_row: bool) -> Any:
    """Return the observations with one variable per row."""
    if ndim(p, m) > 2:
        raise ValueError("m has more than 2 dimensions")
    rows = at_least(p, cast(p, m, dtype), 2)
    upright = ndim(p, m) == 1 if vector_is_row else p.shape(rows)[0] == 1
    return rows if rowvar or upright else p.transpose(rows, axes=(1, 0))


def _observation_weights(p: Primitives, rows: Any, weights: Any, name: str) -> Any:
    if weights is None:
        return None
    weights = cast(p, array_in(weights, p), np.float64)
    if ndim(p, weights) > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if p.shape(weights)[0] != p.shape(rows)[1]:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    values = p.primal(weights)
    if values is not None and np.any(np.asarray(values) < 0):
        raise ValueError(f"{name} cannot be negative")
    if name == "fweights" and values is not None and np.any(np.asarray(values) % 1):
        raise TypeError("fweights must be integer")
    return weights


@numpy_function(np.corrcoef, arrays=2)
def corrcoef(p: Primitives, x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    matrix = cov(p, x, y, rowvar, dtype=dtype)
    if ndim(p, matrix) == 0:
        return p.divide(matrix, matrix)
    steps = np.arange(p.shape(matrix)[0])
    deviation = p.sqrt(p.real(p.getitem(matrix, index=(steps, steps))))
    scale = p.multiply(p.reshape(deviation, shape=(len(steps), 1)), deviation)
    return p.divide(matrix, scale)
