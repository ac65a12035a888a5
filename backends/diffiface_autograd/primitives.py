"""The primitives in autograd: mostly `autograd.numpy`, which is NumPy with boxes."""

# autograd.numpy is filled when it is imported, which type checkers cannot see.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import autograd.numpy as anp
import autograd.scipy.special as asp
import numpy as np
from autograd.extend import Box
from autograd.numpy.numpy_boxes import ArrayBox

from diffiface.adapter import NUMPY, CustomCall, Primitives
from diffiface_autograd import custom_calls, rules
from diffiface_autograd.arrays import plain
from diffiface_autograd.arrays import private as _private
from diffiface_autograd.host_call import host_call
from diffiface_autograd.linear_algebra import LinearAlgebra


def _of_one(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, x: function(x if type(x) is ArrayBox else _private(x))


def _of_two(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, x, y: function(
        x if type(x) is ArrayBox else _private(x), y if type(y) is ArrayBox else _private(y)
    )


def _untraced(name: str) -> Callable[..., Any]:
    """A primitive without derivative: NumPy's, on the numbers inside the boxes."""
    definition = getattr(NUMPY, name)
    return staticmethod(lambda *operands, **parameters: definition(*map(plain, operands), **parameters))


_FLOAT64, _BOOL = np.dtype(np.float64), np.dtype(bool)


def _mean(
    p: AutogradPrimitives, a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """NumPy's mean where autograd has its derivative: of all elements or along one axis."""
    if not isinstance(a, Box) or dtype is not None or where is not True:
        return NotImplemented
    return anp.mean(a, axis=axis, keepdims=bool(keepdims)) if axis is None or type(axis) is int else NotImplemented


class AutogradPrimitives(LinearAlgebra, Primitives):
    """Boxes as the dress sees them."""

    engine = "autograd"
    traced_type = ArrayBox
    traced_inexact = True
    composites: ClassVar[dict[str, Callable[..., Any]]] = {"numpy.mean": _mean}

    def __init__(self, outer: Primitives, level: int):
        self.accepts = (outer, *outer.accepts) if isinstance(outer, AutogradPrimitives) else ()
        self._level = level

    # ---- functions with derivative rules of their own

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return custom_calls.custom_call(self, call, operands)

    # ---- questions about a value

    def dtype(self, value: Any) -> np.dtype:
        if type(value) is ArrayBox:  # asked for every operation
            inner = value._value
            if type(inner) is np.ndarray:
                return inner.dtype
            if type(inner) is np.float64:
                return _FLOAT64
        value = plain(value)
        return value.dtype if isinstance(value, (np.ndarray, np.generic)) else np.asarray(value).dtype

    def shape(self, value: Any) -> tuple[int, ...]:
        if type(value) is ArrayBox:
            inner = value._value
            if type(inner) is np.ndarray:
                return inner.shape
            if type(inner) is np.float64:
                return ()
        return np.shape(plain(value))

    def rank(self, value: Any) -> int:
        if type(value) is ArrayBox and type(value._value) is np.ndarray:
            return value._value.ndim
        return np.ndim(plain(value))

    def primal(self, value: Any) -> Any:
        return plain(value)

    def laid_out(self, value: Any) -> np.ndarray | None:
        return super().laid_out(plain(value))

    def lower(self, value: Any) -> Any:
        return value._value if isinstance(value, Box) and value._trace == self._level else value

    # ---- elementwise

    negative = _of_one(anp.negative)
    absolute = _of_one(anp.abs)
    square = _of_one(anp.square)
    sqrt = _of_one(anp.sqrt)
    cbrt = _of_one(rules.cbrt)
    reciprocal = _of_one(anp.reciprocal)
    exp = _of_one(anp.exp)
    exp2 = _of_one(anp.exp2)
    expm1 = _of_one(anp.expm1)
    log = _of_one(anp.log)
    log2 = _of_one(anp.log2)
    log10 = _of_one(anp.log10)
    log1p = _of_one(anp.log1p)
    sin = _of_one(anp.sin)
    cos = _of_one(anp.cos)
    tan = _of_one(anp.tan)
    arcsin = _of_one(anp.arcsin)
    arccos = _of_one(anp.arccos)
    arctan = _of_one(anp.arctan)
    sinh = _of_one(anp.sinh)
    cosh = _of_one(anp.cosh)
    tanh = _of_one(anp.tanh)
    arcsinh = _of_one(anp.arcsinh)
    arccosh = _of_one(anp.arccosh)
    arctanh = _of_one(anp.arctanh)
    conjugate = _of_one(anp.conj)
    real = _of_one(anp.real)
    imag = _of_one(anp.imag)
    sign = _untraced("sign")
    floor = _untraced("floor")
    ceil = _untraced("ceil")
    trunc = _untraced("trunc")
    rint = _untraced("rint")
    isnan = _untraced("isnan")
    isinf = _untraced("isinf")
    isfinite = _untraced("isfinite")
    logical_not = _untraced("logical_not")
    invert = _untraced("invert")

    add = _of_two(anp.add)
    subtract = _of_two(anp.subtract)
    multiply = _of_two(anp.multiply)
    divide = _of_two(anp.divide)
    maximum = _of_two(anp.maximum)
    minimum = _of_two(anp.minimum)
    arctan2 = _of_two(anp.arctan2)
    hypot = _of_two(rules.hypot)
    logaddexp = _of_two(anp.logaddexp)
    power = _of_two(anp.power)
    remainder = _of_two(anp.remainder)
    floor_divide = _untraced("floor_divide")
    equal = _untraced("equal")
    not_equal = _untraced("not_equal")
    less = _untraced("less")
    less_equal = _untraced("less_equal")
    greater = _untraced("greater")
    greater_equal = _untraced("greater_equal")
    logical_and = _untraced("logical_and")
    logical_or = _untraced("logical_or")
    logical_xor = _untraced("logical_xor")
    bitwise_and = _untraced("bitwise_and")
    bitwise_or = _untraced("bitwise_or")
    bitwise_xor = _untraced("bitwise_xor")

    # ---- special functions

    erf = _of_one(asp.erf)
    erfc = _of_one(asp.erfc)
    expit = _of_one(asp.expit)
    log_expit = _of_one(rules.log_expit)
    gammaln = _of_one(asp.gammaln)
    digamma = _of_one(asp.digamma)
    ndtr = _of_one(rules.ndtr)
    log_ndtr = _of_one(rules.log_ndtr)
    xlogy = _of_two(rules.xlogy)

    def polygamma(self, x: Any, *, order: int) -> Any:
        return asp.polygamma(order, _private(x))

    def special(self, *arguments: Any, function: str) -> Any:
        return self.host_call("special", *arguments, function=function)

    def host_call(self, name: str, *arguments: Any, **parameters: Any) -> Any:
        return host_call(self, name, arguments, parameters)

    # ---- selection and conversion

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        condition = (
            condition.copy()
            if type(condition) is np.ndarray and condition.dtype is _BOOL
            else (np.array(plain(condition), bool))
        )
        shape = condition.shape
        if not ((type(x) is float or self.shape(x) == shape) and (type(y) is float or self.shape(y) == shape)):
            # autograd's rule for where does not sum over the axes along which x or y is broadcast.
            shape = np.broadcast_shapes(shape, self.shape(x), self.shape(y))
            x, y = (self.broadcast_to(v, shape=shape) if isinstance(v, Box) and v.shape != shape else v for v in (x, y))
        return anp.where(
            condition, x if type(x) is ArrayBox else _private(x), y if type(y) is ArrayBox else _private(y)
        )

    def astype(self, x: Any, *, dtype: np.dtype) -> Any:
        dtype = np.dtype(dtype)
        if not isinstance(x, Box) or dtype.kind in "biu":  # autograd would pass a derivative through integers
            return NUMPY.astype(plain(x), dtype=dtype)
        return (anp.real(x) if dtype.kind != "c" else x).astype(dtype)

    # ---- reductions

    def sum(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return anp.sum(x, axis=axis, keepdims=keepdims)

    def max(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return anp.max(_private(x), axis=axis, keepdims=keepdims)

    def min(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return anp.min(_private(x), axis=axis, keepdims=keepdims)

    any = _untraced("any")
    all = _untraced("all")
    argmax = _untraced("argmax")
    argmin = _untraced("argmin")
    argsort = _untraced("argsort")
    searchsorted = _untraced("searchsorted")

    def prod(self, x: Any, *, axis: int, keepdims: bool) -> Any:
        return rules.prod(x, axis, keepdims) if isinstance(x, Box) else NUMPY.prod(x, axis=axis, keepdims=keepdims)

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return anp.cumsum(x, axis=axis)

    def cumprod(self, x: Any, *, axis: int) -> Any:
        return rules.cumprod(x, axis) if isinstance(x, Box) else NUMPY.cumprod(x, axis=axis)

    # ---- shape

    def reshape(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return anp.reshape(x, shape)

    def transpose(self, x: Any, *, axes: tuple[int, ...]) -> Any:
        return anp.transpose(x, axes)

    def broadcast_to(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return rules.broadcast_to(x, shape)

    def concatenate(self, arrays: list[Any], *, axis: int) -> Any:
        return anp.concatenate(list(map(_private, arrays)), axis=axis)

    def stack(self, arrays: list[Any], *, axis: int) -> Any:
        return rules.stack(axis, *map(_private, arrays))

    # ---- indexing

    def getitem(self, x: Any, *, index: Any) -> Any:
        if type(index) is int and isinstance(x, Box):  # the commonest index, without a look at it
            return x[index]
        return (x if isinstance(x, Box) else np.array(x))[_plain_index(index)]

    def setitem(self, x: Any, value: Any, *, index: Any) -> Any:
        index = _plain_index(index)
        return rules.setitem(_private(x), self._written(x, value, index), index)

    def add_at(self, x: Any, value: Any, *, index: Any) -> Any:
        index = _plain_index(index)
        return rules.add_at(_private(x), self._written(x, value, index), index)

    def _written(self, x: Any, value: Any, index: Any) -> Any:
        """The value without leading axes of length 1 beyond those of the place it goes to."""
        value, shape = _private(value), self.shape(value)
        extra = len(shape) - np.ndim(np.broadcast_to(np.empty(()), self.shape(x))[index])
        return anp.reshape(value, shape[extra:]) if extra > 0 and set(shape[:extra]) == {1} else value

    # ---- contraction

    matmul = _of_two(anp.matmul)

    def einsum(self, arrays: list[Any], *, subscripts: str) -> Any:
        return anp.einsum(subscripts, *map(_private, arrays))


def _plain_index(index: Any) -> Any:
    """An index without boxes, whose arrays the caller cannot change afterwards."""
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    return _private(plain(index))
