"""Functions that write into their first argument."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array, dress
from diffiface.numpy_api.conversion import trace_among
from diffiface.numpy_api.dispatch import store
from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.functions.arithmetic import replaced_nan
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.numpy_api.table import dressed_function


def _refuse_plain(target: Any, values: Any, name: str) -> None:
    """Raise unless `target` is dressed: a plain array cannot hold what is being differentiated."""
    if not isinstance(target, Array):
        p = trace_among((values,), None)
        assert p is not None
        store(None, None, p, name)


@dressed_function(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not isinstance(dst, Array) and isinstance(src, Dressed):
        value = src._read()
        constant = src._p.concrete(value)
        if constant is None:
            _refuse_plain(dst, src, "numpy.copyto (np.full_like, np.place and others call it)")
        np.copyto(dst, constant, casting=casting, where=where)  # type: ignore[arg-type]
        return
    _refuse_plain(dst, (src, where), "numpy.copyto")
    kept: Any = dst
    dst[...] = src if where is True else np.where(where, src, kept)


@dressed_function(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    _refuse_plain(a, val, "numpy.fill_diagonal")
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    if a.ndim == 2:
        # By NumPy's own account, through the elements in C order: a value may be as long as the diagonal or repeat.
        rows, columns = a.shape
        places = np.arange(0, rows * columns if wrap else min(rows, columns) * columns, columns + 1)
        a.flat[places] = _repeated(val, len(places))
    else:
        steps = np.arange(min(a.shape))
        a[(steps,) * a.ndim] = _repeated(val, len(steps))


@dressed_function(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    x = as_dressed(x)
    if not isinstance(x, Dressed):
        _refuse_plain(None, (nan, posinf, neginf), "numpy.nan_to_num of a plain array")
    p: Any = x._p
    finite = dress(replaced_nan(p, x._read(), nan, posinf, neginf), p)
    if copy or not isinstance(x, Array):
        return finite
    x[...] = finite
    return x


@dressed_function(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    _refuse_plain(a, v, "numpy.put")
    places = np.atleast_1d(np.asarray(ind)).ravel()
    if mode != "raise":
        places = np.arange(a.size).take(places, mode=mode)
    if np.size(v) == 0:  # nothing to write, which NumPy takes for nothing to do
        return
    a.flat[places] = _repeated(v, len(places))


@dressed_function(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    _refuse_plain(arr, vals, "numpy.place")
    places = np.flatnonzero(mask)
    arr.flat[places] = _repeated(vals, len(places))


@dressed_function(np.putmask)
def putmask(a: Any, /, mask: Any, values: Any) -> None:
    _refuse_plain(a, values, "numpy.putmask")
    places = np.flatnonzero(mask)
    values = as_dressed(values)
    a.flat[places] = values if values.ndim == 0 else values.ravel()[places % values.size]


def _repeated(values: Any, count: int) -> Any:
    """Return the values repeated until there are `count` of them (a number as it is)."""
    values = as_dressed(values)
    return values if values.ndim == 0 else values.ravel()[np.arange(count) % values.size]
