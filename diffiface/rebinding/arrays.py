"""NumPy's functions that make arrays: while f is traced, arrays of floats they make can hold traced values.

Such an array is dressed (`Array` over `NUMPY`): it holds plain numbers, and joins a trace when a traced value is
written into it. Without a running trace, and for arrays of integers, booleans or objects, NumPy's own result is returned.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array, Scalar, dress
from diffiface.numpy_api.conversion import trace_of, undress
from diffiface.numpy_api.dispatch import call
from diffiface.numpy_api.table import FUNCTIONS, available
from diffiface.primitives import NUMPY
from diffiface.rebinding.rebound import rebinds, rebound
from diffiface.rebinding.substitutes import find_dressed, substitute
from diffiface.tracing import running


def writable(result: Any) -> Any:
    """Dress new arrays of floats; leave everything else as it is."""
    if type(result) is np.ndarray:
        return Array(result, NUMPY) if result.dtype.kind in "fc" and result.ndim else result
    if type(result) in (tuple, list):
        return type(result)(map(writable, result))
    return result


def plain_constants(value: Any) -> Any:
    """Return a value with the dressed arrays in it that hold plain numbers undressed, for code that is no part of f."""
    kind = type(value)
    if kind is Array or kind is Scalar:
        return value._read() if value._p is NUMPY else value
    if kind is tuple or kind is list:
        return kind(map(plain_constants, value))
    return {key: plain_constants(item) for key, item in value.items()} if kind is dict else value


def _making(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what replaces a function whose result is always a new array."""

    @functools.wraps(function)
    def make(*args: Any, **keywords: Any) -> Any:
        dressed = find_dressed(args)
        if dressed is None and keywords:
            dressed = find_dressed(keywords)
        if dressed is not None:
            keywords.pop("like", None)
            return call(dressed, function, args, keywords)
        return writable(function(*args, **keywords)) if running.traces else function(*args, **keywords)

    return make


def _converting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what replaces a function that returns its argument where that is an array: then nothing new is made."""
    make = _making(function)

    @functools.wraps(function)
    def convert(*args: Any, **keywords: Any) -> Any:
        given = args[0] if args else keywords.get("a")
        if isinstance(given, (list, tuple, int, float, complex)) or find_dressed((given, keywords)) is not None:
            return make(*args, **keywords)
        return function(*args, **keywords)

    return convert


_NEW = (
    "array zeros ones empty full zeros_like ones_like empty_like full_like copy arange linspace logspace geomspace "
    "eye identity tri diag diagflat tril triu vander tile repeat concatenate concat stack hstack vstack dstack "
    "column_stack block append insert delete pad kron outer meshgrid fromfunction"
).split()
_CONVERTED = "asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite require".split()

for _function in available(np, *_NEW):
    substitute(_function, _making(_function))
for _function in available(np, *_CONVERTED):
    substitute(_function, _converting(_function))


@substitute(np.fromiter)
@functools.wraps(np.fromiter)
def fromiter(iter: Any, dtype: Any, count: int = -1, *, like: Any = None) -> Any:
    """`np.fromiter`, of traced values too."""
    items = [item for item, _ in zip(iter, range(count), strict=False)] if count >= 0 else [*iter]
    if len(items) < count:
        raise ValueError(f"iterator too short: Expected {count} but iterator had only {len(items)} items.")
    dressed = find_dressed(items)
    if dressed is not None and np.dtype(dtype).kind in "fc":
        return call(dressed, np.array, (items,), {"dtype": dtype})
    made = np.fromiter(items, dtype, count)
    return writable(made) if running.traces else made


# ---- arrays by indexing an object: np.r_, np.c_, np.mgrid


class _Joined:
    """`np.r_` and `np.c_`."""

    def __init__(self, original: Any, columns: bool):
        self._original, self._columns = original, columns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if find_dressed(parts) is None or any(isinstance(part, str) for part in parts):
            made = self._original[key]
            return writable(made) if running.traces else made
        arrays = [np.r_[part] if isinstance(part, slice) else part for part in parts]
        p = trace_of(arrays)
        assert p is not None
        dressed = [dress(undress(array), p) if isinstance(array, (list, tuple)) else array for array in arrays]
        if self._columns:
            dressed = [np.reshape(a, (1, 1) if not np.ndim(a) else (-1, 1)) if np.ndim(a) < 2 else a for a in dressed]
        else:
            rank = max(1, *map(np.ndim, dressed))
            dressed = [np.reshape(a, (1,) * (rank - np.ndim(a)) + np.shape(a)) for a in dressed]
        return np.concatenate(dressed, axis=-1 if self._columns else 0)


class _Grid:
    """`np.mgrid` and `np.ogrid`."""

    def __init__(self, original: Any):
        self._original = original

    def __getitem__(self, key: Any) -> Any:
        made = self._original[key]
        return writable(made) if running.traces else made


substitute(np.r_, _Joined(np.r_, columns=False))
substitute(np.c_, _Joined(np.c_, columns=True))
substitute(np.mgrid, _Grid(np.mgrid))
substitute(np.ogrid, _Grid(np.ogrid))


# ---- np.vectorize


@substitute(np.vectorize)
class Vectorize(np.vectorize):
    """`np.vectorize` whose results may be traced."""

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if not running.traces or self.signature is not None:
            return super().__call__(*args, **keywords)
        results = np.vectorize(self.pyfunc, otypes=None, excluded=self.excluded)(*args, **keywords)
        several = isinstance(results, tuple)
        dressed = []
        for position, result in enumerate(results if several else (results,)):
            p = trace_of(result)
            made = result if p is None else dress(undress(result), p)
            dressed.append(made.astype(self.otypes[position]) if self.otypes else made)
        return tuple(dressed) if several else dressed[0]


@rebinds(np.vectorize)
def rebound_vectorize(vectorized: np.vectorize) -> Any:
    """Rebind the function of a `np.vectorize` object."""
    function = rebound(vectorized.pyfunc)
    return Vectorize(
        function, vectorized.otypes, vectorized.__doc__, vectorized.excluded, vectorized.cache, vectorized.signature
    )


assert np.array in FUNCTIONS  # what is called with dressed arguments above must be translated
