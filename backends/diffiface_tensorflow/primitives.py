"""The primitives in TensorFlow, with NumPy's promotion of dtypes and NumPy's meaning of every index."""

# pyright: reportMissingImports=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from diffiface.adapter import CustomCall, Primitives
from diffiface_tensorflow import custom_calls
from diffiface_tensorflow.arrays import array_of, is_watched, numpy_dtype, tensor_of
from diffiface_tensorflow.elementwise import ARITHMETIC, INEXACT, Elementwise, cast, dtype_of, promoted, tensor
from diffiface_tensorflow.fourier import Fourier
from diffiface_tensorflow.linear_algebra import LinearAlgebra
from diffiface_tensorflow.special import SpecialFunctions

_MOST_AXES = 7
"""How many axes TensorFlow's slices (and their derivatives) may have; beyond, entries are gathered one by one."""


class TensorFlowPrimitives(Elementwise, SpecialFunctions, LinearAlgebra, Fourier, Primitives):
    """Tensors as the dress sees them."""

    engine = "tensorflow"
    traced_type = tf.Tensor

    def __init__(self, outer: Primitives, graph: Literal["", "graph", "xla"] = ""):
        """Trace inside `outer`; `graph` says that a preparation of ours writes a graph down, and for whom."""
        self.in_own_graph = bool(graph)
        self.in_xla = graph == "xla"  # which cannot call NumPy
        self.accepts = (outer, *outer.accepts) if isinstance(outer, TensorFlowPrimitives) else ()

    # ---- functions with derivative rules of their own

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return custom_calls.custom_call(self, call, operands)

    def call_out(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return custom_calls.call_out(self, call, operands)

    # ---- questions about a value

    def dtype(self, value: Any) -> np.dtype:
        return dtype_of(value)

    def shape(self, value: Any) -> tuple[int, ...]:
        shape: Any = value.shape if isinstance(value, tf.Tensor) else np.shape(value)
        return tuple(shape)

    def concrete(self, value: Any) -> np.ndarray | None:
        if isinstance(value, tf.Tensor):
            return None if tf.is_symbolic_tensor(value) or is_watched(value) else array_of(value)
        return super().concrete(value)

    def primal(self, value: Any) -> Any:
        if isinstance(value, tf.Tensor):
            return None if tf.is_symbolic_tensor(value) else array_of(value)
        return super().concrete(value)

    # ---- reductions

    def sum(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return tf.reduce_sum(_accumulated(x, "sum"), axis=axis, keepdims=keepdims)

    def max(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return _extreme(tf.reduce_max, -math.inf, tensor(x), axis, keepdims)

    def min(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return _extreme(tf.reduce_min, math.inf, tensor(x), axis, keepdims)

    def any(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return tf.reduce_any(cast(x, np.dtype(bool)), axis=axis, keepdims=keepdims)

    def all(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return tf.reduce_all(cast(x, np.dtype(bool)), axis=axis, keepdims=keepdims)

    def prod(self, x: Any, *, axis: int, keepdims: bool) -> Any:
        # By halves: TensorFlow's derivative divides by the entries the second time, and they may be zero.
        x = _axis_first(_accumulated(x, "prod"), axis)
        while x.shape[0] > 1:
            half = x.shape[0] // 2
            product = x[:half] * x[half : 2 * half]
            x = tf.concat([product, x[2 * half :]], axis=0) if x.shape[0] % 2 else product
        if x.shape[0] == 0:
            x = tf.ones((1, *x.shape[1:]), x.dtype)
        return _axis_back(x, axis) if keepdims else x[0]

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return tf.cumsum(_accumulated(x, "cumsum"), axis=axis)

    def cumprod(self, x: Any, *, axis: int) -> Any:
        # By what stands 1, 2, 4, ... places before: TensorFlow's derivative divides by the entries.
        x, distance = _axis_first(_accumulated(x, "cumprod"), axis), 1
        while distance < x.shape[0]:
            x = tf.concat([x[:distance], x[distance:] * x[:-distance]], axis=0)
            distance *= 2
        return _axis_back(x, axis)

    # ---- shape

    def reshape(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return tf.reshape(tensor(x), shape)

    def transpose(self, x: Any, *, axes: tuple[int, ...]) -> Any:
        return tf.transpose(tensor(x), axes)

    def broadcast_to(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return tf.broadcast_to(tensor(x), shape)

    def concatenate(self, arrays: list[Any], *, axis: int) -> Any:
        return tf.concat(promoted(arrays), axis=axis)

    def stack(self, arrays: list[Any], *, axis: int) -> Any:
        return tf.stack(promoted(arrays), axis=axis)

    # ---- indexing

    def getitem(self, x: Any, *, index: Any) -> Any:
        x = tensor(x)
        parts = index if isinstance(index, tuple) else (index,)
        if len(x.shape) + sum(p is None for p in parts) <= _MOST_AXES and all(map(_is_basic, parts)):
            return x[tuple(int(p) if isinstance(p, np.integer) else p for p in _within(parts, x.shape))]
        return tf.gather(tf.reshape(x, (-1,)), _positions(x.shape, index))

    def setitem(self, x: Any, value: Any, *, index: Any) -> Any:
        x, places, values = self._written(x, value, index)
        # Of several writes to one place the last one counts, and only it has a derivative.
        last = places.size - 1 - np.unique(places[::-1], return_index=True)[1]
        if last.size < places.size:
            places, values = places[last], tf.gather(values, last)
        flat = tf.tensor_scatter_nd_update(tf.reshape(x, (-1,)), places[:, None], values)
        return tf.reshape(flat, x.shape)

    def add_at(self, x: Any, value: Any, *, index: Any) -> Any:
        x, places, values = self._written(x, value, index)
        flat = tf.tensor_scatter_nd_add(tf.reshape(x, (-1,)), places[:, None], values)
        return tf.reshape(flat, x.shape)

    def _written(self, x: Any, value: Any, index: Any) -> tuple[Any, np.ndarray, Any]:
        """Return x, the places an index names in x laid out flat, and the values written there, one after another."""
        x = tensor(x)
        places = np.asarray(_positions(x.shape, index))
        value = self.astype(value, dtype=numpy_dtype(x))
        extra = len(value.shape) - places.ndim
        if extra > 0 and set(value.shape[:extra]) == {1}:
            value = tf.reshape(value, value.shape[extra:])
        return x, places.reshape(-1), tf.reshape(tf.broadcast_to(value, places.shape), (-1,))

    # ---- contraction

    def matmul(self, x: Any, y: Any) -> Any:
        x, y = promoted((x, y))
        if numpy_dtype(x) not in ARITHMETIC:
            return self.host_call("matmul", x, y)
        from_left, from_right = len(x.shape) == 1, len(y.shape) == 1
        product = tf.matmul(x[None, :] if from_left else x, y[:, None] if from_right else y)
        if from_left:
            product = tf.squeeze(product, axis=-1 if from_right else -2)
        return tf.squeeze(product, axis=-1) if from_right else product

    def einsum(self, arrays: list[Any], *, subscripts: str) -> Any:
        arrays = promoted(arrays)
        if numpy_dtype(arrays[0]) not in ARITHMETIC:
            return tensor_of(np.einsum(subscripts, *map(array_of, arrays)))
        return tf.einsum(subscripts, *arrays)


def _accumulated(x: Any, name: str) -> Any:
    """Return what is added up or multiplied: small integers in 64 bits, as NumPy does."""
    dtype = dtype_of(x)
    return tensor(x) if dtype in INEXACT else cast(x, getattr(np.empty(0, dtype), name)().dtype)


def _extreme(reduce: Callable[..., Any], worst: float, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Return the largest or smallest entries; complex numbers are ordered by real part, then by imaginary part."""
    if not x.dtype.is_complex:
        return reduce(x, axis=axis, keepdims=keepdims)
    values = tf.stop_gradient(x)
    real, imaginary = tf.math.real(values), tf.math.imag(values)
    found = real == reduce(real, axis=axis, keepdims=True)
    among = tf.where(found, imaginary, tf.constant(worst, imaginary.dtype))
    found &= imaginary == reduce(among, axis=axis, keepdims=True)
    # Equal ones share the derivative, as they do in TensorFlow's reduce_max.
    total = tf.reduce_sum(tf.where(found, x, tf.zeros_like(x)), axis=axis, keepdims=keepdims)
    return total / tf.reduce_sum(tf.cast(found, x.dtype), axis=axis, keepdims=keepdims)


def _axis_first(x: Any, axis: int) -> Any:
    others = [i for i in range(len(x.shape)) if i != axis]
    return tf.transpose(x, [axis, *others]) if axis else x


def _axis_back(x: Any, axis: int) -> Any:
    order = list(range(1, len(x.shape)))
    order.insert(axis, 0)
    return tf.transpose(x, order) if axis else x


def _is_basic(part: Any) -> bool:
    """Whether a part of an index is an integer, a slice, an ellipsis or a new axis."""
    return part is None or part is Ellipsis or type(part) is int or isinstance(part, (np.integer, slice))


def _within(parts: tuple[Any, ...], shape: Any) -> tuple[Any, ...]:
    """Return a basic index, after making sure that it lies within the shape: TensorFlow clips, or names no axis."""
    np.broadcast_to(np.empty(()), tuple(shape))[parts]
    return parts


def _positions(shape: Any, index: Any) -> np.ndarray:
    """Return the places in the flattened array that an index names, as NumPy understands it."""
    parts = index if isinstance(index, tuple) else (index,)
    plain = tuple(array_of(p) if isinstance(p, tf.Tensor) else p for p in parts)
    return np.arange(math.prod(shape)).reshape(tuple(shape))[plain]
