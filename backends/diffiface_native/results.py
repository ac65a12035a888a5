"""What leaves an engine: new arrays that alias nothing, in the shape and dtype promised."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.adapter import Primitives


def value_result(p: Primitives, value: Any) -> Any:
    """Return an output: a new array on the ground level, the raw value on any other."""
    return np.array(value, order="C") if _is_plain(value) else value


def derivative_result(p: Primitives, value: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Return a derivative, broadcast to `shape` and converted to `dtype` (a real one takes the real part)."""
    if dtype.kind != "c" and p.dtype(value).kind == "c":
        value = p.real(value)
    if type(value) is np.ndarray and value.dtype == dtype and value.shape == shape:
        return value.copy()
    if _is_plain(value):
        result = np.empty(shape, dtype)
        result[...] = value
        return result
    if p.shape(value) != shape:
        value = p.broadcast_to(value, shape=shape)
    return value if p.dtype(value) == dtype else p.astype(value, dtype=dtype)


def derivative_dtype(p: Primitives, value: Any) -> np.dtype:
    """Return the dtype of an output's derivative: its own, or float64 where it is no inexact number."""
    dtype = p.dtype(value)
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, int, float, complex))
