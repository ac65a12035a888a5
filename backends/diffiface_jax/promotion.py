"""Values in the dtypes that NumPy's promotion gives them, as JAX takes them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

_PYTHON_NUMBERS = (float, int, complex)
_WEAK = {"f": float, "i": int, "c": complex}


@functools.cache
def loop_dtypes(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    """Return the dtypes in which a NumPy ufunc would compute, inputs first."""
    return ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))


def kind_of(value: Any) -> Any:
    """What NumPy's promotion looks at: a dtype, or the type of a Python number, which yields to any dtype."""
    if type(value) in _PYTHON_NUMBERS:
        return type(value)
    dtype = dtype_of(value)
    # Under jit a Python number that is a constant of f arrives as a weakly typed tracer.
    return _WEAK.get(dtype.kind, dtype) if isinstance(value, Tracer) and value.weak_type else dtype


def dtype_of(value: Any) -> np.dtype:
    """Return the NumPy dtype of any value."""
    return np.dtype(value.dtype) if hasattr(value, "dtype") else np.asarray(value).dtype


def cast(value: Any, dtype: np.dtype) -> Any:
    """Return a JAX value, or a private NumPy copy: JAX may read a constant long after f has changed it."""
    if isinstance(value, jax.Array):
        return value if value.dtype == dtype else value.astype(dtype)
    return np.array(value, dtype)


def kept(value: Any) -> Any:
    """Return a value that f cannot change any more, in its own dtype."""
    return cast(value, dtype_of(value))


def promoted(values: Iterable[Any]) -> list[Any]:
    """Return values in their common dtype."""
    values = list(values)
    kinds = map(kind_of, values)
    dtype = np.result_type(*(kind(0) if isinstance(kind, type) else kind for kind in kinds))
    return [cast(value, dtype) for value in values]
