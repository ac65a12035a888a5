"""Large intermediate arrays used again from call to call, for a prepared function that runs eagerly.

A new array of 128 KiB or more costs more than the arithmetic on it: the operating system hands out its pages one
fault at a time and takes them back when it is freed. A preparation therefore keeps the arrays it made. One is free
again when nobody but this store refers to it, so whatever f or the caller still holds (results, aux, views) is never
written to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from sys import getrefcount
from typing import Any

import numpy as np

from diffiface_native.ground import GROUND, Ground

LARGE = 64 * 1024
"""From how many bytes on an array is worth keeping."""

_KEPT_BYTES = 256 * 2**20
"""How much memory one thread's store may keep; beyond it arrays are made and dropped as usual."""

_PROBES = 8
"""How many kept arrays are looked at, in turn, before another is made."""

_ELEMENTWISE_OF_ONE = (
    "negative absolute square sqrt cbrt reciprocal exp expm1 log log1p sin cos tan arcsin arccos arctan sinh cosh tanh"
).split()
_ELEMENTWISE_OF_TWO = "add subtract multiply divide maximum minimum".split()


class _Store(threading.local):
    """One thread's arrays, by shape and dtype."""

    def __init__(self) -> None:
        self.arrays: dict[tuple[tuple[int, ...], np.dtype], list[np.ndarray]] = {}
        self.cursors: dict[tuple[tuple[int, ...], np.dtype], int] = {}
        self.bytes = 0

    def take(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array that nobody refers to, with whatever is in it."""
        key = (shape, dtype)
        arrays = self.arrays.setdefault(key, [])
        # In a fixed order first, so that a short computation stays in the few arrays that are in the processor's cache.
        for array in arrays[:_PROBES]:
            if getrefcount(array) == _UNUSED:
                return array
        cursor = self.cursors.get(key, 0)
        for _ in range(min(_PROBES, len(arrays) - _PROBES)):
            cursor = (cursor + 1) % len(arrays)
            array = arrays[cursor]
            if getrefcount(array) == _UNUSED:
                self.cursors[key] = cursor
                return array
        array = np.empty(shape, dtype)
        if self.bytes + array.nbytes <= _KEPT_BYTES:
            self.bytes += array.nbytes
            self.cursors[key] = len(arrays)
            arrays.append(array)
        return array


def _count_of_unused() -> int:
    """Count the references to an array that only a list, a local name and this very question hold."""
    arrays = [np.empty(0)]
    array = arrays[0]
    return getrefcount(array)


_UNUSED = _count_of_unused()


class RecyclingGround(Ground):
    """The ground level with results written into kept arrays where they are large."""

    accepts = (*GROUND.accepts, GROUND)

    def __init__(self) -> None:
        self.store = store = _Store()
        for name in _ELEMENTWISE_OF_ONE:
            setattr(self, name, _of_one(store, getattr(np, name), getattr(GROUND, name)))
        for name in _ELEMENTWISE_OF_TWO:
            setattr(self, name, _of_two(store, getattr(np, name), getattr(GROUND, name)))
        self.matmul = _matmul(store)


def _of_one(store: _Store, ufunc: np.ufunc, plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    machine_code = _machine_code(ufunc.__name__)

    def operation(x: Any) -> Any:
        if type(x) is np.ndarray and x.nbytes >= LARGE and x.dtype.kind == "f" and x.flags.c_contiguous:
            out = store.take(x.shape, x.dtype)
            if machine_code is not None and x.dtype == np.float64 and machine_code()(x, out):
                return out
            return ufunc(x, out=out)
        return plain(x)

    return operation


def _machine_code(name: str) -> Callable[[], Callable[[Any, Any], bool]] | None:
    """Return what makes (at its first call) our own loop for a function, if there is one and llvmlite is there."""
    if find_spec("llvmlite") is None:
        return None
    from diffiface_native.compiled.whole_arrays import WHOLE_ARRAYS, over_whole_arrays

    return partial(over_whole_arrays, name) if name in WHOLE_ARRAYS else None


def _of_two(store: _Store, ufunc: np.ufunc, plain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def operation(x: Any, y: Any) -> Any:
        if not (_may_be_large(x, y) and _in_c_order(x) and _in_c_order(y)):
            return plain(x, y)
        shape, dtype = np.broadcast(x, y).shape, np.result_type(x, y)
        size = dtype.itemsize
        for length in shape:
            size *= length
        if size < LARGE or dtype.kind != "f":
            return plain(x, y)
        return ufunc(x, y, out=store.take(shape, dtype))

    return operation


def _in_c_order(x: Any) -> bool:
    # NumPy lays a result out as its operands are, and f may see that (`ravel` of it is a view or a copy).
    return type(x) is not np.ndarray or x.flags.c_contiguous


def _may_be_large(x: Any, y: Any) -> bool:
    """Say whether the result of two operands can be large: where one is, or where they stretch each other."""
    if type(x) is not np.ndarray:
        return type(y) is np.ndarray and y.nbytes >= LARGE
    if x.nbytes >= LARGE:
        return True
    return type(y) is np.ndarray and (y.nbytes >= LARGE or (x.shape != y.shape and x.nbytes * y.size >= LARGE))


def _matmul(store: _Store) -> Callable[[Any, Any], Any]:
    def matmul(x: Any, y: Any) -> Any:
        if x.ndim == y.ndim == 2 and x.dtype is y.dtype and x.dtype.kind == "f":
            shape = (x.shape[0], y.shape[1])
            if shape[0] * shape[1] * x.dtype.itemsize >= LARGE and x.shape[1] == y.shape[0]:
                return np.matmul(x, y, out=store.take(shape, x.dtype))
        return np.matmul(x, y)

    return matmul
