"""TensorFlow's tensors as a family, and how arrays and dtypes pass between NumPy and TensorFlow."""

# TensorFlow need not be installed where types are checked.
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf

# (no public function says whether a tape or an accumulator of this thread watches a tensor)
from tensorflow.python import pywrap_tfe

from diffiface.adapter import NUMPY, InputError, Primitives, TracedValueError, UnsupportedOperationError

_DTYPES = {
    name: getattr(tf, name)
    for name in (
        "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
    )
}
TF_DTYPE = {np.dtype(name): dtype for name, dtype in _DTYPES.items()}
NUMPY_DTYPE = {dtype: np.dtype(name) for name, dtype in _DTYPES.items()}


def tf_dtype(dtype: np.dtype) -> Any:
    """Return TensorFlow's counterpart of a NumPy dtype."""
    try:
        return TF_DTYPE[dtype]
    except KeyError:
        raise UnsupportedOperationError(
            f"TensorFlow has no counterpart of dtype {dtype}", engine="tensorflow", fix="use float64 or float32"
        ) from None


def numpy_dtype(tensor: Any) -> np.dtype:
    """Return the NumPy dtype of a tensor."""
    try:
        return NUMPY_DTYPE[tensor.dtype]
    except KeyError:
        raise UnsupportedOperationError(
            f"NumPy has no counterpart of TensorFlow's {tensor.dtype.name}",
            engine="tensorflow",
            fix="tf.cast it to float32 or float64",
        ) from None


def is_watched(tensor: Any) -> bool:
    """Whether a tape or a forward accumulator of this thread follows what is computed from a tensor."""
    return pywrap_tfe.TFE_Py_TapeSetPossibleGradientTypes([tensor]) != 0


def tensor_of(array: np.ndarray) -> Any:
    """Copy a NumPy array into a tensor (a constant of the graph, inside a `tf.function`)."""
    native = array.dtype if array.dtype.isnative else array.dtype.newbyteorder("=")
    # (TensorFlow may go on using the memory it is given, so it gets a copy that nobody else has.)
    return tf.convert_to_tensor(np.array(array, dtype=native, order="C"), tf_dtype(native))


def array_of(tensor: Any) -> np.ndarray:
    """Copy a tensor into a NumPy array in C order."""
    return np.array(tensor.numpy(), order="C")


class Family:
    """The array family of `tf.Tensor`; a `tf.Variable` is taken for its value."""

    name = "tensorflow"
    mutable = False

    def owns(self, value: Any) -> bool:
        """Say whether a value is a tensor or a variable."""
        return isinstance(value, (tf.Tensor, tf.Variable))

    def is_traced(self, value: Any) -> bool:
        """Say whether a value is being differentiated, or stands for one inside a `tf.function`."""
        tensor = tf.convert_to_tensor(value)
        return tf.is_symbolic_tensor(tensor) or is_watched(tensor)

    def dtype(self, value: Any) -> np.dtype:
        """Return the NumPy dtype of a tensor."""
        return numpy_dtype(value)

    def shape(self, value: Any) -> tuple[int, ...]:
        """Return the shape of a tensor, which must be known."""
        if not value.shape.is_fully_defined():
            raise InputError(
                f"a tensor of shape {value.shape}, which is not known, cannot be differentiated by",
                engine="tensorflow",
                fix="give the tf.function an input_signature with shapes, or tensor.set_shape(...)",
            )
        return tuple(value.shape)

    def to_numpy(self, value: Any) -> np.ndarray:
        """Copy a tensor to NumPy."""
        if tf.is_symbolic_tensor(value):
            raise TracedValueError(
                "a tensor inside a tf.function has no value yet",
                engine="tensorflow",
                fix="use the engine 'tensorflow' there, or call the operator outside the tf.function",
            )
        return array_of(value)

    def from_numpy(self, array: np.ndarray, like: Any = None) -> Any:
        """Copy a NumPy array to a tensor, on the device of `like`."""
        if isinstance(like, tf.Tensor) and like.device:
            with tf.device(like.device):
                return tensor_of(np.asarray(array))
        return tensor_of(np.asarray(array))

    def stack(self, arrays: Sequence[Any]) -> Any:
        """Stack tensors of one shape along a new leading axis."""
        return tf.stack(tuple(arrays))

    def converted(self, array: np.ndarray) -> Any:
        """Copy a NumPy array to a tensor as a program for TensorFlow would."""
        return tensor_of(array)

    def primitives(self, values: Sequence[Any]) -> Primitives:
        """Return what runs a NumPy function in a program written for this library."""
        from diffiface_tensorflow.primitives import TensorFlowPrimitives  # which imports this module

        return TensorFlowPrimitives(NUMPY)

    def computing(self) -> AbstractContextManager[None]:
        """Change nothing: tensors keep the precision they have."""
        return nullcontext()


FAMILY = Family()
