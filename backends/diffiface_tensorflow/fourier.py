"""Fourier transforms in TensorFlow, which has them along the last axis."""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from diffiface.adapter import Primitives
from diffiface_tensorflow.elementwise import tensor


def _along(function: Callable[[Any], Any], x: Any, axis: int) -> Any:
    rank = len(x.shape)
    order = [*range(rank)]
    order[axis], order[-1] = order[-1], order[axis]  # (an exchange, so that it is its own inverse)
    return tf.transpose(function(tf.transpose(x, order)), order) if axis != rank - 1 else function(x)


def _complex(x: Any) -> Any:
    x = tensor(x)
    if x.dtype.is_complex:
        return x
    return tf.cast(x, tf.complex64 if x.dtype == tf.float32 else tf.complex128)


def _real(x: Any) -> Any:
    x = tensor(x)
    return x if x.dtype in (tf.float32, tf.float64) else tf.cast(x, tf.float64)


class Fourier(Primitives):
    """The primitives of Fourier transforms."""

    def fft(self, x: Any, *, axis: int) -> Any:
        return _along(tf.signal.fft, _complex(x), axis)

    def ifft(self, x: Any, *, axis: int) -> Any:
        return _along(tf.signal.ifft, _complex(x), axis)

    def rfft(self, x: Any, *, axis: int) -> Any:
        return _along(tf.signal.rfft, _real(x), axis)

    def irfft(self, x: Any, *, axis: int, n: int) -> Any:
        return _along(lambda x: tf.signal.irfft(x, [n]), _complex(x), axis)
