"""Functions with derivative rules of their own, in TensorFlow: on tapes of every order, eager and in graphs.

Values come from a call on the host with NumPy arrays; the rules run on tensors, so that they can be differentiated.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import CustomCall, Primitives
from diffiface_tensorflow.arrays import tensor_of
from diffiface_tensorflow.host_call import Operands, on_host


def custom_call(p: Primitives, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a call, to be differentiated by its rules."""
    split = Operands.of(p, operands)

    def value(*tensors: Any) -> tuple[Any, ...]:
        complete = split.complete(map(tf.stop_gradient, tensors))
        # What can be traced becomes part of a graph; a value that is known is computed as NumPy does.
        ys = call_out(p, call, complete) if tf.executing_eagerly() else call.value(p, complete)
        ys = [y if isinstance(y, tf.Tensor) else tensor_of(np.asarray(y)) for y in ys]
        return tuple(map(_in_single_precision, ys) if _is_narrow(operands) else ys)

    def pull(tensors: Sequence[Any], ys: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        return call.pull(p, split.complete(tensors), ys, split.positions, cotangents)

    return split.ruled(value, pull)


def call_out(p: Primitives, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a Python function, called with NumPy arrays."""
    return on_host(p, call.on_host, call.outputs, operands, call.name)


def _is_narrow(operands: Sequence[Any]) -> bool:
    inexact = [o for o in operands if isinstance(o, tf.Tensor) and (o.dtype.is_floating or o.dtype.is_complex)]
    return bool(inexact) and all(o.dtype in (tf.float32, tf.complex64) for o in inexact)


def _in_single_precision(y: Any) -> Any:
    """Keep single precision where every tensor given was in it, as TensorFlow's own functions do."""
    narrow = {tf.float64: tf.float32, tf.complex128: tf.complex64}.get(y.dtype)
    return y if narrow is None else tf.cast(y, narrow)
