"""What a value simply is: rules that are tried on every primitive before it is written to the graph.

Each takes the arguments of its primitive and returns what they amount to (a Value, or a primitive to record
instead), or None. Only rules that give the same numbers are here, NaN and infinity included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface_native.recorded.graph import Value, index_is_basic, is_zero

Rewrite = tuple[str, tuple[Any, ...], dict[str, Any]]
Rule = Callable[..., "Value | Rewrite | None"]


def _is_number(constant: Any, number: float) -> bool:
    return not isinstance(constant, Value) and np.ndim(constant) == 0 and bool(constant == number)


def _unchanged_by(constant: Any, value: Any) -> bool:
    """Say whether arithmetic with a scalar constant leaves a Value's dtype as it is."""
    return type(value) is Value and np.result_type(_promoting(constant), value.dtype) == value.dtype


def _promoting(constant: Any) -> Any:
    # Python numbers are weak in NumPy's promotion, everything else counts with its dtype.
    return constant if type(constant) in (int, float, complex) else np.asarray(constant).dtype


def _multiply(a: Any, b: Any) -> Value | None:
    if _is_number(a, 1) and _unchanged_by(a, b):
        return b
    if _is_number(b, 1) and _unchanged_by(b, a):
        return a
    return None


def _divide(a: Any, b: Any) -> Value | None:
    inexact = type(a) is Value and a.dtype.kind in "fc"
    return a if inexact and _is_number(b, 1) and _unchanged_by(b, a) else None


def _negative(x: Any) -> Value | None:
    return x.arguments[0] if x.operation == "negative" else None


def _scattered(value: Any) -> bool:
    """Say whether a value is zeros but for what was written to a basic index."""
    return (
        type(value) is Value
        and value.operation == "setitem"
        and is_zero(value.arguments[0])
        and index_is_basic(value.parameters["index"])
    )


def _add(a: Any, b: Any) -> Rewrite | None:
    # The cotangent of a slice is zeros with a few entries written; adding it is adding to those entries.
    if not (type(a) is Value and type(b) is Value and a.shape == b.shape and a.dtype == b.dtype):
        return None
    if b.operation == "negative":
        return "subtract", (a, b.arguments[0]), {}
    if a.operation == "negative":
        return "subtract", (b, a.arguments[0]), {}
    if _scattered(b):
        return "add_at", (a, b.arguments[1]), b.parameters
    if _scattered(a):
        return "add_at", (b, a.arguments[1]), a.parameters
    return None


def _reshape(x: Any, *, shape: tuple[int, ...]) -> Value | Rewrite | None:
    if x.shape == shape:
        return x
    return ("reshape", x.arguments, {"shape": shape}) if x.operation == "reshape" else None


def _broadcast_to(x: Any, *, shape: tuple[int, ...]) -> Value | None:
    return x if x.shape == shape else None


def _reduction(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Value | None:
    return x if axis == () and x.dtype.kind == "f" else None


def _transpose(x: Any, *, axes: tuple[int, ...]) -> Value | Rewrite | None:
    if axes == tuple(range(len(axes))):
        return x
    if x.operation == "transpose":
        earlier = x.parameters["axes"]
        return "transpose", x.arguments, {"axes": tuple(earlier[i] for i in axes)}
    return None


def _astype(x: Any, *, dtype: Any) -> Value | None:
    return x if x.dtype == dtype else None


def _real(x: Any) -> Value | None:
    return x if x.dtype.kind == "f" else None


RULES: dict[str, Rule] = {
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "add": _add,
    "reshape": _reshape,
    "broadcast_to": _broadcast_to,
    "sum": _reduction,
    "max": _reduction,
    "min": _reduction,
    "transpose": _transpose,
    "astype": _astype,
    "real": _real,
    "conjugate": _real,
}
