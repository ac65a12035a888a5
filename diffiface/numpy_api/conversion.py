"""From dressed values to raw ones: traces found among arguments, arguments as an operation of a trace takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from diffiface.errors import UnsupportedOperationError, user_line
from diffiface.numpy_api.dressed import Dressed
from diffiface.primitives import Primitives
from diffiface.tracing import innermost

_NUMBERS = frozenset({bool, int, float, complex, np.bool_, np.float64, np.float32, np.int64, np.complex128})


def undress(value: Any) -> Any:
    """Return the raw value behind a dressed one, through nested lists, tuples and dicts, object arrays included."""
    if isinstance(value, Dressed):
        return value._read()
    if isinstance(value, (list, tuple)):
        items = [undress(item) for item in value]
        return getattr(value, "_make", type(value))(items)
    if isinstance(value, dict):
        return {key: undress(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.char == "O":
        p = trace_of(value)
        return value if p is None else _stacked(value, p)
    return value


def trace_of(value: Any) -> Primitives | None:
    """Return the innermost trace among dressed values (through nested lists, tuples, dicts and object arrays)."""
    return trace_among((value,), None)


def trace_among(values: Iterable[Any], p: Primitives | None) -> Primitives | None:
    """Return the innermost of `p` and the traces of the dressed values."""
    for value in values:
        kind = type(value)
        if isinstance(value, Dressed):
            value._read()  # a view follows its root into another trace
            q = value._p
            if q is not p:
                p = q if p is None else innermost(p, q)
        elif kind is np.ndarray:
            if value.dtype.char == "O":
                p = trace_among(value.flat, p)
        elif isinstance(value, (list, tuple)):
            p = trace_among(value, p)
        elif kind is dict:
            p = trace_among(value.values(), p)
    return p


def raw_in(value: Any, p: Primitives) -> Any:
    """Return any argument with raw values in the place of dressed ones, for operations of the trace `p`."""
    kind = type(value)
    if isinstance(value, Dressed):
        return value._read()
    if kind in _NUMBERS or value is None:
        return value
    if kind is np.ndarray:
        return _stacked(value, p) if value.dtype.char == "O" else value
    if isinstance(value, (list, tuple)):
        items = [raw_in(item, p) for item in value]
        return getattr(value, "_make", type(value))(items)
    if kind is dict:
        return {key: raw_in(item, p) for key, item in value.items()}
    # (Beside the values of p there may be those of the traces outside, which are its constants.)
    if isinstance(value, np.ndarray):
        refuse_other_arithmetic(value, p)
    if hasattr(value, "__array__") and not isinstance(
        value, (p.traced_type, *[q.traced_type for q in p.accepts], type)
    ):
        return np.asarray(value)  # pandas and the like
    return value


def refuse_other_arithmetic(value: np.ndarray, p: Primitives) -> None:
    """Refuse kinds of NumPy arrays whose operators mean something else than an array's, rather than compute another f."""
    found = other_arithmetic(value)
    if found is not None:
        kind, fix = found
        raise UnsupportedOperationError(
            f"{kind} met a value that is being differentiated, which is an ordinary array: the result would be another",
            engine=p.engine,
            where=user_line(),
            fix=fix,
        )


def other_arithmetic(value: np.ndarray) -> tuple[str, str] | None:
    """Say what kind of array it is, and what to use instead, where operators on it are not those of `np.ndarray`."""
    if isinstance(value, np.ma.MaskedArray):
        return "a masked array", "use the entries that count, a.compressed(), or np.where(mask, 0.0, a.filled(0.0))"
    if isinstance(value, np.matrix):
        return "a numpy.matrix", "use an array: np.asarray(a)"
    return None


def raw_operand(value: Any, p: Primitives) -> tuple[Primitives, Any]:
    """Return the trace in which a value of `p` meets another operand, and that operand (or NotImplemented)."""
    kind = type(value)
    if kind in _NUMBERS or (kind is np.ndarray and value.dtype.char != "O"):
        return p, value
    if isinstance(value, Dressed):
        raw = value._read()
        return (p if value._p is p else innermost(p, value._p)), raw
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
        p = trace_among((value,), p) or p
        return p, raw_in(value, p)
    if isinstance(value, (list, tuple)):
        p = trace_among(value, p) or p
        return p, array_in(value, p)
    if isinstance(value, (p.traced_type, int, float, complex)):
        return p, value
    return p, NotImplemented


def array_in(value: Any, p: Primitives) -> Any:
    """Return an array-like argument as one raw value: nested lists become arrays (numbers stay numbers)."""
    raw = raw_in(value, p)
    return _array_of_list(raw, p) if isinstance(raw, (list, tuple)) else raw


def _array_of_list(items: Any, p: Primitives) -> Any:
    arrays = [_array_of_list(i, p) if isinstance(i, (list, tuple)) else i for i in items]
    if all(isinstance(a, (bool, int, float, complex, np.ndarray, np.generic)) for a in arrays):
        return np.asarray(arrays)
    arrays = [np.asarray(a) if isinstance(a, (bool, int, float, complex)) else a for a in arrays]
    other = next((a for a in arrays if a is None or isinstance(a, (str, bytes))), arrays)
    if other is not arrays:
        raise UnsupportedOperationError(
            f"an array of objects, {other!r:.20} among them, cannot hold values that are being differentiated",
            engine=p.engine,
            where=user_line(),
            fix="use a list or a dict for what is not a number, and arrays for numbers",
        )
    if len({tuple(p.shape(a)) for a in arrays}) > 1:
        raise ValueError("setting an array element with a sequence. The requested array has an inhomogeneous shape")
    return p.stack(arrays, axis=0)


def _stacked(objects: np.ndarray, p: Primitives) -> Any:
    """Return one raw array for an object array, which NumPy makes of a list of dressed values."""
    if objects.ndim == 0:
        return raw_in(objects.item(), p)
    if not objects.size:
        return np.zeros(objects.shape)
    flat = array_in(objects.ravel().tolist(), p)
    return flat if objects.ndim == 1 else p.reshape(flat, shape=objects.shape)


def raw_index(index: Any, p: Primitives) -> tuple[Primitives, Any]:
    """Return an index with plain or raw values in the place of dressed ones, and the trace that can use it."""
    if type(index) is tuple:
        parts = []
        for part in index:
            p, part = raw_index(part, p)
            parts.append(part)
        return p, tuple(parts)
    if isinstance(index, Dressed):
        raw = index._read()
        if index.dtype.kind not in "biu":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        p = innermost(p, index._p)
        constant = p.concrete(raw)
        return p, raw if constant is None else constant
    if isinstance(index, (list, np.ndarray)) and trace_of(index) is not None:
        p = trace_among((index,), p) or p
        return p, array_in(index, p)
    return p, index
