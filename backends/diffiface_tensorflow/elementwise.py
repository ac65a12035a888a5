"""Entrywise functions in TensorFlow, with NumPy's promotion of dtypes, and the constants that meet tensors.

For dtypes that TensorFlow has no kernel for (small integers in most functions, complex numbers in some) the primitive
is computed by NumPy.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import Primitives
from diffiface_tensorflow.arrays import numpy_dtype, tensor_of, tf_dtype

_PYTHON_NUMBERS = (float, int, complex)
REAL = frozenset(map(np.dtype, ("float32", "float64")))
_COMPLEX = frozenset(map(np.dtype, ("complex64", "complex128")))
_BOOL = frozenset({np.dtype(bool)})
_INTEGERS = frozenset(map(np.dtype, ("int32", "int64")))
INEXACT = REAL | _COMPLEX
ARITHMETIC = INEXACT | _INTEGERS
_ORDERED = REAL | _INTEGERS


@functools.cache
def _loop_dtypes(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    return ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))


def dtype_of(value: Any) -> np.dtype:
    """Return the NumPy dtype of any value."""
    if isinstance(value, tf.Tensor):
        return numpy_dtype(value)
    return value.dtype if isinstance(value, (np.ndarray, np.generic)) else np.asarray(value).dtype


def kind_of(value: Any) -> Any:
    """What NumPy's promotion looks at: a dtype, or the type of a Python number, which yields to any dtype."""
    return type(value) if type(value) in _PYTHON_NUMBERS else dtype_of(value)


def cast(value: Any, dtype: np.dtype) -> Any:
    """Return a tensor of this dtype."""
    if isinstance(value, tf.Tensor):
        return value if numpy_dtype(value) == dtype else tf.cast(value, tf_dtype(dtype))
    return tensor_of(np.asarray(value).astype(dtype, copy=False))


def tensor(value: Any) -> Any:
    """Return any value as a tensor of its own dtype."""
    return value if isinstance(value, tf.Tensor) else tensor_of(np.asarray(value))


def promoted(values: Any) -> list[Any]:
    """Return values as tensors of their common dtype."""
    dtype = np.result_type(*(v if type(v) in _PYTHON_NUMBERS else dtype_of(v) for v in values))
    return [cast(value, dtype) for value in values]


def unary(
    function: Callable[..., Any], ufunc: np.ufunc, dtypes: frozenset[np.dtype] = INEXACT, name: str | None = None
) -> Callable[..., Any]:
    """Wrap a function of TensorFlow's so that it computes in the dtype that the NumPy ufunc would use.

    `dtypes` are those it can compute in; `name` is the primitive's, if it is promoted as another ufunc is.
    """
    name = name or ufunc.__name__

    def primitive(self: Primitives, x: Any) -> Any:
        dtype, output = _loop_dtypes(ufunc, (kind_of(x),))
        if dtype not in dtypes:
            return self.host_call(name, x)  # type: ignore[misc]
        return cast(function(cast(x, dtype)), output)

    return primitive


def _binary(function: Callable[..., Any], ufunc: np.ufunc, dtypes: frozenset[np.dtype] = INEXACT) -> Callable[..., Any]:
    """As `unary`, for two operands."""
    name = ufunc.__name__

    def primitive(self: Primitives, x: Any, y: Any) -> Any:
        first, second, output = _loop_dtypes(ufunc, (kind_of(x), kind_of(y)))
        if first not in dtypes:
            return self.host_call(name, x, y)  # type: ignore[misc]
        return cast(function(cast(x, first), cast(y, second)), output)

    return primitive


def _without_derivative(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without its (zero) derivative, so that the result counts as a plain number."""
    return lambda *operands: function(*map(tf.stop_gradient, operands))


def _cbrt(x: Any) -> Any:
    return tf.sign(x) * tf.abs(x) ** (1 / 3)


def _exp2(x: Any) -> Any:
    return tf.pow(tf.constant(2, x.dtype), x)


def _log2(x: Any) -> Any:
    return tf.math.log(x) / tf.constant(math.log(2), x.dtype)


def _log10(x: Any) -> Any:
    return tf.math.log(x) / tf.constant(math.log(10), x.dtype)


def _trunc(x: Any) -> Any:
    return tf.where(x < 0, tf.math.ceil(x), tf.math.floor(x))


def _shared(larger: Callable[..., Any]) -> Callable[..., Any]:
    """The larger (or smaller) of two, equal ones sharing the derivative; NaN where either is."""

    def choose(x: Any, y: Any) -> Any:
        if not x.dtype.is_floating:
            return tf.where(larger(x, y), x, y)
        return tf.where(larger(x, y), x, tf.where(larger(y, x), y, x * 0.5 + y * 0.5))

    return choose


def _hypot(x: Any, y: Any) -> Any:
    return tf.abs(tf.complex(x, y))


def _logaddexp(x: Any, y: Any) -> Any:
    # The larger one outside, so that nothing is lost; either formula is smooth where both are equal.
    equal_infinities = (x == y) & tf.math.is_inf(x)
    difference = tf.where(equal_infinities, tf.zeros_like(x), x - y)
    return tf.where(x > y, x + tf.math.softplus(-difference), y + tf.math.softplus(difference))


@tf.custom_gradient
def _power(x: Any, y: Any) -> Any:
    """x to the power of y (of one shape). TensorFlow's own derivative at x = 0 is 0 * inf where y is 0, or 1 the second time."""
    z = tf.pow(x, y)

    def gradient(ct: Any) -> tuple[Any, Any]:
        one = tf.ones_like(y)
        slope = tf.where(y == 0, tf.zeros_like(x), y * _power(x, tf.where(y == 0, one, y - one)))
        defined = x != 0 if x.dtype.is_complex else x > 0
        logarithm = tf.where(defined, tf.math.log(tf.where(defined, x, tf.ones_like(x))), tf.zeros_like(x))
        return ct * tf.math.conj(slope), ct * tf.math.conj(_power(x, y) * logarithm)

    return z, gradient


def _power_broadcast(x: Any, y: Any) -> Any:
    if x.shape != y.shape:
        shape = np.broadcast_shapes(tuple(x.shape), tuple(y.shape))
        x, y = tf.broadcast_to(x, shape), tf.broadcast_to(y, shape)
    return _power(x, y)


_SMALL_POWERS: dict[int, Callable[[Any], Any]] = {
    1: tf.identity,
    2: tf.square,
    3: lambda x: x * tf.square(x),
    4: lambda x: tf.square(tf.square(x)),
}


class Elementwise(Primitives):
    """The entrywise primitives."""

    negative = unary(tf.negative, np.negative, ARITHMETIC)
    absolute = unary(tf.abs, np.absolute, ARITHMETIC)
    square = unary(tf.square, np.square, ARITHMETIC)
    sqrt = unary(tf.sqrt, np.sqrt)
    cbrt = unary(_cbrt, np.cbrt, REAL)
    reciprocal = unary(tf.math.reciprocal, np.reciprocal)
    exp = unary(tf.exp, np.exp)
    exp2 = unary(_exp2, np.exp2)
    expm1 = unary(tf.math.expm1, np.expm1)
    log = unary(tf.math.log, np.log)
    log2 = unary(_log2, np.log2)
    log10 = unary(_log10, np.log10)
    log1p = unary(tf.math.log1p, np.log1p, REAL)  # (of complex numbers near 0 it has four digits)
    sin = unary(tf.sin, np.sin)
    cos = unary(tf.cos, np.cos)
    tan = unary(tf.tan, np.tan)
    arcsin = unary(tf.asin, np.arcsin)
    arccos = unary(tf.acos, np.arccos)
    arctan = unary(tf.atan, np.arctan)
    sinh = unary(tf.sinh, np.sinh)
    cosh = unary(tf.cosh, np.cosh)
    tanh = unary(tf.tanh, np.tanh)
    arcsinh = unary(tf.asinh, np.arcsinh)
    arccosh = unary(tf.acosh, np.arccosh)
    arctanh = unary(tf.atanh, np.arctanh)
    conjugate = unary(tf.math.conj, np.conjugate)
    sign = unary(_without_derivative(tf.sign), np.sign, ARITHMETIC)
    floor = unary(_without_derivative(tf.floor), np.floor, REAL)
    ceil = unary(_without_derivative(tf.math.ceil), np.ceil, REAL)
    trunc = unary(_without_derivative(_trunc), np.trunc, REAL)
    rint = unary(_without_derivative(tf.math.rint), np.rint, REAL)
    isnan = unary(tf.math.is_nan, np.isnan, REAL)
    isinf = unary(tf.math.is_inf, np.isinf, REAL)
    isfinite = unary(tf.math.is_finite, np.isfinite, REAL)
    logical_not = unary(tf.logical_not, np.logical_not, _BOOL)
    invert = unary(tf.logical_not, np.invert, _BOOL)

    add = _binary(tf.add, np.add, ARITHMETIC)
    subtract = _binary(tf.subtract, np.subtract, ARITHMETIC)
    multiply = _binary(tf.multiply, np.multiply, ARITHMETIC)
    divide = _binary(tf.divide, np.divide)
    maximum = _binary(_shared(tf.greater), np.maximum, _ORDERED)
    minimum = _binary(_shared(tf.less), np.minimum, _ORDERED)
    arctan2 = _binary(tf.atan2, np.arctan2, REAL)
    hypot = _binary(_hypot, np.hypot, REAL)
    logaddexp = _binary(_logaddexp, np.logaddexp, REAL)
    remainder = _binary(tf.math.floormod, np.remainder, REAL)
    equal = _binary(tf.equal, np.equal, ARITHMETIC | _BOOL)
    not_equal = _binary(tf.not_equal, np.not_equal, ARITHMETIC | _BOOL)
    less = _binary(tf.less, np.less, _ORDERED)
    less_equal = _binary(tf.less_equal, np.less_equal, _ORDERED)
    greater = _binary(tf.greater, np.greater, _ORDERED)
    greater_equal = _binary(tf.greater_equal, np.greater_equal, _ORDERED)
    logical_and = _binary(tf.logical_and, np.logical_and, _BOOL)
    logical_or = _binary(tf.logical_or, np.logical_or, _BOOL)
    logical_xor = _binary(tf.math.logical_xor, np.logical_xor, _BOOL)
    bitwise_and = _binary(tf.logical_and, np.bitwise_and, _BOOL)
    bitwise_or = _binary(tf.logical_or, np.bitwise_or, _BOOL)
    bitwise_xor = _binary(tf.math.logical_xor, np.bitwise_xor, _BOOL)

    _general_power = _binary(_power_broadcast, np.power)

    def power(self, x: Any, y: Any) -> Any:
        # Products have derivatives of every order, at 0 too, and are faster.
        if type(y) is int and y in _SMALL_POWERS and isinstance(x, tf.Tensor) and numpy_dtype(x) in INEXACT:
            return _SMALL_POWERS[y](x)
        return self._general_power(x, y)

    def real(self, x: Any) -> Any:
        x = tensor(x)
        return tf.math.real(x) if x.dtype.is_complex else x

    def imag(self, x: Any) -> Any:
        x = tensor(x)
        return tf.math.imag(x) if x.dtype.is_complex else tf.stop_gradient(tf.zeros_like(x))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return tf.where(cast(condition, np.dtype(bool)), *promoted((x, y)))

    def astype(self, x: Any, *, dtype: np.dtype) -> Any:
        dtype = np.dtype(dtype)
        x = tensor(x)
        return cast(tf.math.real(x) if x.dtype.is_complex and dtype.kind != "c" else x, dtype)
