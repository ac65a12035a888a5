"""The primitives on NumPy arrays, spelled for speed: what our engines compute on where nothing is being traced below.

The numbers are those of `NUMPY`. Only the way in is shorter: operators, because a ufunc called on a NumPy scalar
costs ten times the operator; array methods and `reduce`, because NumPy's functions of that name are Python wrappers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import NUMPY
from diffiface_native.einsum import einsum


def _of_two(operation: Callable[[Any, Any], Any], ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    def spelled(a: Any, b: Any) -> Any:
        # A Python complex and a NumPy scalar, which is a Python float too, give a Python complex by the operator.
        return ufunc(a, b) if type(a) is complex or type(b) is complex else operation(a, b)

    return spelled


def _divide(a: Any, b: Any) -> Any:
    if type(a) is complex or type(b) is complex:
        return np.divide(a, b)
    try:
        return a / b
    except ZeroDivisionError:  # two Python numbers
        return np.divide(a, b)


def _power(x: Any, n: Any) -> Any:
    # Python's own powers of negative numbers are complex, and NumPy's operator turns some exponents into square roots.
    if isinstance(n, int) and n == 2:
        return x * x
    return np.power(x, n)


def _square(x: Any) -> Any:
    return x * x


def _sum(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def _max(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims)


def _min(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims)


def _getitem(x: Any, *, index: Any) -> Any:
    return x[index] if type(x) is np.ndarray else np.asarray(x)[index]


def _reshape(x: Any, *, shape: tuple[int, ...]) -> Any:
    return x.reshape(shape) if type(x) is np.ndarray else np.reshape(x, shape)


def _transpose(x: Any, *, axes: tuple[int, ...]) -> Any:
    return x.transpose(axes) if type(x) is np.ndarray else np.transpose(x, axes)


class Ground(type(NUMPY)):
    """`NUMPY` with shorter ways in."""

    accepts = (NUMPY,)

    add = staticmethod(_of_two(operator.add, np.add))
    subtract = staticmethod(_of_two(operator.sub, np.subtract))
    multiply = staticmethod(_of_two(operator.mul, np.multiply))
    negative = staticmethod(operator.neg)
    absolute = staticmethod(abs)
    divide = staticmethod(_divide)
    power = staticmethod(_power)
    square = staticmethod(_square)
    where = staticmethod(np.where)
    sum = staticmethod(_sum)
    max = staticmethod(_max)
    min = staticmethod(_min)
    getitem = staticmethod(_getitem)
    reshape = staticmethod(_reshape)
    transpose = staticmethod(_transpose)
    einsum = staticmethod(einsum)

    def dtype(self, value: Any) -> np.dtype:
        try:
            return value.dtype
        except AttributeError:
            return np.asarray(value).dtype

    def shape(self, value: Any) -> tuple[int, ...]:
        try:
            return value.shape
        except AttributeError:
            return np.shape(value)


GROUND = Ground()
