"""Convolutions and correlations of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.functions.raw import ndim
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


def _full_convolution(p: Primitives, a: Any, v: Any) -> Any:
    """Return the full convolution of two vectors: row i of their outer product, shifted by i, summed over rows."""
    if p.shape(a)[0] > p.shape(v)[0]:
        a, v = v, a
    n, m = p.shape(a)[0], p.shape(v)[0]
    products = p.multiply(p.reshape(a, shape=(n, 1)), v)
    padded = p.concatenate([products, np.zeros((n, n), p.dtype(products))], axis=1)
    # Rows one element shorter than those they were written in: each starts one place further on.
    skewed = p.getitem(p.reshape(padded, shape=(n * (m + n),)), index=slice(0, n * (m + n - 1)))
    return p.sum(p.reshape(skewed, shape=(n, m + n - 1)), axis=(0,), keepdims=False)


def _part_of(p: Primitives, full: Any, n: int, m: int, mode: str, function: str) -> Any:
    longer, shorter = max(n, m), min(n, m)
    if mode == "full":
        return full
    if mode == "same":
        start = (shorter - 1) // 2
        return p.getitem(full, index=slice(start, start + longer))
    if mode == "valid":
        return p.getitem(full, index=slice(shorter - 1, longer))
    raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r}) in numpy.{function}")


@numpy_function(np.convolve, arrays=2)
def convolve(p: Primitives, a: Any, v: Any, mode: str = "full") -> Any:
    a, v = (p.reshape(w, shape=(1,)) if ndim(p, w) == 0 else w for w in (a, v))
    return _part_of(p, _full_convolution(p, a, v), p.shape(a)[0], p.shape(v)[0], mode, "convolve")


@numpy_function(np.correlate, arrays=2)
def correlate(p: Primitives, a: Any, v: Any, mode: str = "valid") -> Any:
    reverse = p.getitem(p.conjugate(v) if p.dtype(v).kind == "c" else v, index=slice(None, None, -1))
    n, m = p.shape(a)[0], p.shape(v)[0]
    full = _full_convolution(p, a, reverse)
    if mode == "same" and n < m:  # NumPy swaps the operands and reverses the result
        return p.getitem(full, index=slice(n // 2, n // 2 + m))
    return _part_of(p, full, n, m, mode, "correlate")
