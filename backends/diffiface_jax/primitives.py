"""The primitives in JAX: jax.numpy with NumPy's promotion of dtypes and NumPy's errors for indices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from diffiface.adapter import CustomCall, Primitives, errors
from diffiface_jax import custom_calls
from diffiface_jax.failures import Failures, no_failures
from diffiface_jax.fourier import Fourier
from diffiface_jax.linear_algebra import LinearAlgebra
from diffiface_jax.matrix_functions import MatrixFunctions
from diffiface_jax.promotion import cast as _cast
from diffiface_jax.promotion import dtype_of as _dtype
from diffiface_jax.promotion import kind_of as _kind
from diffiface_jax.promotion import loop_dtypes as _loop_dtypes
from diffiface_jax.promotion import promoted as _promoted
from diffiface_jax.special import SpecialFunctions

_MANY_ELEMENT_OPERATIONS = 500
_HIGHEST = jax.lax.Precision.HIGHEST  # accelerators would otherwise multiply float32 matrices in fewer bits


def _elementwise(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """Wrap a JAX function so that it computes in the dtypes the NumPy ufunc would use."""

    def primitive(self: JAXPrimitives, *operands: Any) -> Any:
        *inputs, output = _loop_dtypes(ufunc, tuple(map(_kind, operands)))
        result = _cast(function(*map(_cast, operands, inputs)), output)
        if not result.shape:
            self.count_element_operation()
        return result

    return primitive


def _index(index: Any, shape: tuple[int, ...]) -> Any:
    """Return an index with private copies of its arrays, after NumPy has checked its bounds (JAX clamps silently)."""
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(np.array(part) if isinstance(part, (np.ndarray, list)) else part for part in parts)
    if not any(isinstance(part, Tracer) for part in parts):
        np.broadcast_to(np.empty(()), shape)[tuple(np.asarray(p) if isinstance(p, jax.Array) else p for p in parts)]
    return parts


def _own(x: Any) -> jax.Array:
    """Return a constant as an array of JAX; what is one already is left alone: eagerly every conversion costs its time."""
    return x if isinstance(x, jax.Array) else jnp.asarray(_cast(x, _dtype(x)))


class JAXPrimitives(LinearAlgebra, MatrixFunctions, Fourier, SpecialFunctions, Primitives):
    """JAX arrays and tracers as the dress sees them."""

    engine = "jax"
    traced_type = jax.Array  # tracers pass isinstance as well
    quick_attributes = True

    def __init__(self, outer: Primitives, failures: Failures | None = None):
        self.failures = getattr(outer, "failures", no_failures()) if failures is None else failures
        """What calls on the host raise is left here, for whoever runs the program."""
        self.accepts = (outer, *outer.accepts) if isinstance(outer, JAXPrimitives) else ()
        self._element_operations = 0

    def count_element_operation(self) -> None:
        """Warn while a loop over elements is still being traced: compiling what it unrolls to can take minutes."""
        self._element_operations += 1
        if self._element_operations == _MANY_ELEMENT_OPERATIONS:
            errors.warn_at_user_line(
                f"jax has traced {_MANY_ELEMENT_OPERATIONS} operations on single elements: it unrolls Python loops and "
                "compiles every step, which can take minutes. Write it with whole arrays, use 'reverse' or 'forward' "
                "(loops are no trouble there), or write the loop with jax.lax.scan in a function for JAX",
                errors.LongLoopWarning,
            )

    # ---- functions with derivative rules of their own

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return custom_calls.custom_call(self, call, operands)

    def call_out(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return custom_calls.call_out(self, call, operands)

    # ---- questions about a value

    def concrete(self, value: Any) -> np.ndarray | None:
        if isinstance(value, Tracer):
            return self.primal(value) if value.dtype.kind in "biu" else None
        return np.array(value) if isinstance(value, jax.Array) else super().concrete(value)

    def primal(self, value: Any) -> Any:
        if not isinstance(value, jax.Array):
            return super().concrete(value)
        try:
            return np.array(jax.lax.stop_gradient(value))
        except jax.errors.TracerArrayConversionError:  # under jit or vmap there is no number yet
            return None

    # ---- elementwise

    negative = _elementwise(jnp.negative, np.negative)
    absolute = _elementwise(jnp.absolute, np.absolute)
    square = _elementwise(jnp.square, np.square)
    sqrt = _elementwise(jnp.sqrt, np.sqrt)
    cbrt = _elementwise(jnp.cbrt, np.cbrt)
    reciprocal = _elementwise(jnp.reciprocal, np.reciprocal)
    exp = _elementwise(jnp.exp, np.exp)
    exp2 = _elementwise(jnp.exp2, np.exp2)
    expm1 = _elementwise(jnp.expm1, np.expm1)
    log = _elementwise(jnp.log, np.log)
    log2 = _elementwise(jnp.log2, np.log2)
    log10 = _elementwise(jnp.log10, np.log10)
    log1p = _elementwise(jnp.log1p, np.log1p)
    sin = _elementwise(jnp.sin, np.sin)
    cos = _elementwise(jnp.cos, np.cos)
    tan = _elementwise(jnp.tan, np.tan)
    arcsin = _elementwise(jnp.arcsin, np.arcsin)
    arccos = _elementwise(jnp.arccos, np.arccos)
    arctan = _elementwise(jnp.arctan, np.arctan)
    sinh = _elementwise(jnp.sinh, np.sinh)
    cosh = _elementwise(jnp.cosh, np.cosh)
    tanh = _elementwise(jnp.tanh, np.tanh)
    arcsinh = _elementwise(jnp.arcsinh, np.arcsinh)
    arccosh = _elementwise(jnp.arccosh, np.arccosh)
    arctanh = _elementwise(jnp.arctanh, np.arctanh)
    conjugate = _elementwise(jnp.conjugate, np.conjugate)
    sign = _elementwise(jnp.sign, np.sign)
    floor = _elementwise(jnp.floor, np.floor)
    ceil = _elementwise(jnp.ceil, np.ceil)
    trunc = _elementwise(jnp.trunc, np.trunc)
    rint = _elementwise(jnp.rint, np.rint)
    isnan = _elementwise(jnp.isnan, np.isnan)
    isinf = _elementwise(jnp.isinf, np.isinf)
    isfinite = _elementwise(jnp.isfinite, np.isfinite)
    logical_not = _elementwise(jnp.logical_not, np.logical_not)
    invert = _elementwise(jnp.invert, np.invert)

    add = _elementwise(jnp.add, np.add)
    subtract = _elementwise(jnp.subtract, np.subtract)
    multiply = _elementwise(jnp.multiply, np.multiply)
    divide = _elementwise(jnp.divide, np.divide)
    maximum = _elementwise(jnp.maximum, np.maximum)
    minimum = _elementwise(jnp.minimum, np.minimum)
    arctan2 = _elementwise(jnp.arctan2, np.arctan2)
    hypot = _elementwise(jnp.hypot, np.hypot)
    logaddexp = _elementwise(jnp.logaddexp, np.logaddexp)
    remainder = _elementwise(jnp.remainder, np.remainder)
    floor_divide = _elementwise(jnp.floor_divide, np.floor_divide)
    equal = _elementwise(jnp.equal, np.equal)
    not_equal = _elementwise(jnp.not_equal, np.not_equal)
    less = _elementwise(jnp.less, np.less)
    less_equal = _elementwise(jnp.less_equal, np.less_equal)
    greater = _elementwise(jnp.greater, np.greater)
    greater_equal = _elementwise(jnp.greater_equal, np.greater_equal)
    logical_and = _elementwise(jnp.logical_and, np.logical_and)
    logical_or = _elementwise(jnp.logical_or, np.logical_or)
    logical_xor = _elementwise(jnp.logical_xor, np.logical_xor)
    bitwise_and = _elementwise(jnp.bitwise_and, np.bitwise_and)
    bitwise_or = _elementwise(jnp.bitwise_or, np.bitwise_or)
    bitwise_xor = _elementwise(jnp.bitwise_xor, np.bitwise_xor)

    def power(self, x: Any, y: Any) -> Any:
        *inputs, output = _loop_dtypes(np.power, (_kind(x), _kind(y)))
        # A Python integer stays one: JAX then multiplies instead of taking logarithms.
        base, exponent = _cast(x, inputs[0]), y if type(y) is int else _cast(y, inputs[1])
        if isinstance(exponent, np.ndarray) and not exponent.all():
            # JAX's derivative of x ** 0.0 is 0 * x ** -1, which is no number at 0.
            return jnp.where(exponent == 0, 1, jnp.power(base, np.where(exponent == 0, 1, exponent))).astype(output)
        return _cast(jnp.power(base, exponent), output)

    # ---- selection and conversion

    def real(self, x: Any) -> Any:
        return jnp.real(_cast(x, _dtype(x)))

    def imag(self, x: Any) -> Any:
        return jnp.imag(_cast(x, _dtype(x)))

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return jnp.where(_cast(condition, np.dtype(bool)), *_promoted((x, y)))

    def astype(self, x: Any, *, dtype: np.dtype) -> Any:
        # Complex to real means the real part, in NumPy as here; JAX would warn.
        complex_to_real = _dtype(x).kind == "c" and np.dtype(dtype).kind != "c"
        return _cast(self.real(x) if complex_to_real else x, np.dtype(dtype))

    # ---- reductions

    def sum(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        dtype = np.empty(0, _dtype(x)).sum().dtype  # small integers add up in 64 bits
        return jnp.sum(_cast(x, dtype), axis=axis, keepdims=keepdims)

    def max(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return jnp.max(_cast(x, _dtype(x)), axis=axis, keepdims=keepdims)

    def min(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return jnp.min(_cast(x, _dtype(x)), axis=axis, keepdims=keepdims)

    def any(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return jnp.any(_cast(x, _dtype(x)), axis=axis, keepdims=keepdims)

    def all(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return jnp.all(_cast(x, _dtype(x)), axis=axis, keepdims=keepdims)

    def prod(self, x: Any, *, axis: int, keepdims: bool) -> Any:
        return jnp.prod(_cast(x, np.empty(0, _dtype(x)).prod().dtype), axis=axis, keepdims=keepdims)

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return jnp.cumsum(_cast(x, np.empty(0, _dtype(x)).cumsum().dtype), axis=axis)

    def cumprod(self, x: Any, *, axis: int) -> Any:
        return jnp.cumprod(_cast(x, np.empty(0, _dtype(x)).cumprod().dtype), axis=axis)

    def argmax(self, x: Any, *, axis: int) -> Any:
        return jnp.argmax(_cast(x, _dtype(x)), axis=axis)

    def argmin(self, x: Any, *, axis: int) -> Any:
        return jnp.argmin(_cast(x, _dtype(x)), axis=axis)

    def argsort(self, x: Any, *, axis: int) -> Any:
        return jnp.argsort(_cast(x, _dtype(x)), axis=axis, stable=True)

    def searchsorted(self, a: Any, v: Any, *, side: str) -> Any:
        return _cast(jnp.searchsorted(*_promoted((a, v)), side=side), np.dtype(np.intp))

    # ---- shape

    def reshape(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return jnp.reshape(_cast(x, _dtype(x)), shape)

    def transpose(self, x: Any, *, axes: tuple[int, ...]) -> Any:
        return jnp.transpose(_cast(x, _dtype(x)), axes)

    def broadcast_to(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return jnp.broadcast_to(_cast(x, _dtype(x)), shape)

    def concatenate(self, arrays: list[Any], *, axis: int) -> Any:
        return jnp.concatenate(_promoted(arrays), axis=axis)

    def stack(self, arrays: list[Any], *, axis: int) -> Any:
        return jnp.stack(_promoted(arrays), axis=axis)

    # ---- indexing

    def getitem(self, x: Any, *, index: Any) -> Any:
        x = _own(x)
        result = x[_index(index, x.shape)]
        if not result.shape:
            self.count_element_operation()
        return result

    def setitem(self, x: Any, value: Any, *, index: Any) -> Any:
        x = _own(x)
        index = _index(index, x.shape)
        return x.at[index].set(self._written(x, value, index))

    def add_at(self, x: Any, value: Any, *, index: Any) -> Any:
        x = _own(x)
        index = _index(index, x.shape)
        return x.at[index].add(self._written(x, value, index))

    def _written(self, x: Any, value: Any, index: Any) -> Any:
        """The value in x's dtype, without leading axes of length 1 beyond those of the place it goes to."""
        value = self.astype(value, dtype=_dtype(x))
        shape = jnp.shape(value)
        if not shape or shape[0] != 1:
            return value
        extra = len(shape) - len(jax.eval_shape(lambda array: array[index], x).shape)
        return jnp.reshape(value, shape[extra:]) if extra > 0 and set(shape[:extra]) == {1} else value

    # ---- contraction

    matmul = _elementwise(functools.partial(jnp.matmul, precision=_HIGHEST), np.matmul)

    def einsum(self, arrays: list[Any], *, subscripts: str) -> Any:
        return jnp.einsum(subscripts, *_promoted(arrays), precision=_HIGHEST)
