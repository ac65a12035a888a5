"""Primitives differentiated by our rule: mostly those TensorFlow lacks, NumPy's definition as a call on the host.

A call is a `tf.custom_gradient`, whose gradient is made of TensorFlow's operations and so has derivatives too.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import PRIMITIVES, Primitives, UnsupportedOperationError, nested_rules
from diffiface_tensorflow.arrays import array_of, is_watched, numpy_dtype, tensor_of, tf_dtype


def host_call(
    p: Primitives,
    name: str,
    arguments: tuple[Any, ...],
    parameters: dict[str, Any],
    inside: Callable[..., Any] | None = None,
) -> Any:
    """Compute a primitive by its NumPy definition, or `inside` TensorFlow, and differentiate it by our rule."""
    operands = Operands.of(p, arguments)

    def value(*tensors: Any) -> tuple[Any, ...]:
        if inside is not None:
            return (inside(*operands.complete(map(tf.stop_gradient, tensors))),)
        return _on_host(p, name, operands.complete(tensors), parameters)

    def pull(tensors: Sequence[Any], ys: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        complete = operands.complete(tensors)
        pulled = nested_rules.pull_primitive(p, name, complete, parameters, operands.positions, cotangents)
        return [pulled[i] for i in operands.positions]

    if PRIMITIVES[name].derivative == "smooth":
        ys = operands.ruled(value, pull)
    else:
        ys = value(*operands.watched)
    return ys[0] if len(ys) == 1 else ys


@dataclass(frozen=True)
class Operands:
    """The operands of a call: those that a derivative may be followed through, and the others, which are constants."""

    constants: tuple[Any, ...]
    """The operands, and None in the places of the watched ones."""
    positions: tuple[int, ...]
    watched: tuple[Any, ...]

    @classmethod
    def of(cls, p: Primitives, values: Sequence[Any]) -> Operands:
        """Take the watched tensors out of the operands."""
        positions = tuple(i for i, v in enumerate(values) if isinstance(v, tf.Tensor) and _may_be_watched(p, v))
        # The gradient reads constants after f may have changed them.
        constants = tuple(
            None if i in positions else np.array(v) if isinstance(v, np.ndarray) else v for i, v in enumerate(values)
        )
        return cls(constants, positions, tuple(values[i] for i in positions))

    def complete(self, tensors: Any) -> list[Any]:
        """Put the watched tensors, or what stands for them, into their places."""
        values = list(self.constants)
        for i, tensor in zip(self.positions, tensors, strict=True):
            values[i] = tensor
        return values

    def ruled(
        self,
        value: Callable[..., tuple[Any, ...]],
        pull: Callable[[Sequence[Any], Sequence[Any], Sequence[Any]], Sequence[Any]],
    ) -> tuple[Any, ...]:
        """Return `value(*watched)`, differentiated by `pull(watched, ys, cotangents)`."""
        if not self.watched:
            return value()
        dtypes = [tensor.dtype for tensor in self.watched]
        # What the rule makes of ys has a derivative by the operands, too, so these are the ys that the tapes know.
        ys: list[Any] = []

        @tf.custom_gradient
        def call(*tensors: Any) -> Any:
            def gradient(*cotangents: Any) -> list[Any]:
                pulled = pull(tensors, ys, cotangents)
                return [_tensor(ct, dtype) for ct, dtype in zip(pulled, dtypes, strict=True)]

            return list(value(*tensors)), gradient

        ys[:] = call(*self.watched)
        return tuple(ys)


def _may_be_watched(p: Primitives, tensor: Any) -> bool:
    """Whether a derivative may be asked for by a tensor.

    In a `tf.function` of the user's one never knows: TensorFlow differentiates the graph when all of it is there.
    """
    symbolic = tf.is_symbolic_tensor(tensor) and not getattr(p, "in_own_graph", False)
    return is_watched(tensor) or (symbolic and (tensor.dtype.is_floating or tensor.dtype.is_complex))


def on_host(
    p: Primitives,
    run: Callable[[Sequence[Any]], Sequence[np.ndarray]],
    describe: Callable[[Sequence[Any]], Sequence[tuple[tuple[int, ...], np.dtype]]],
    operands: Sequence[Any],
    what: str,
) -> tuple[Any, ...]:
    """Return the values of a function of NumPy arrays: now, or whenever the graph being written down runs.

    `describe` says their shapes and dtypes from arrays and `(shape, dtype)` of what is not known yet.
    """
    symbolic = [i for i, v in enumerate(operands) if isinstance(v, tf.Tensor) and tf.is_symbolic_tensor(v)]
    known = [array_of(v) if isinstance(v, tf.Tensor) and i not in symbolic else v for i, v in enumerate(operands)]
    if not symbolic:
        return tuple(tensor_of(np.asarray(y)) for y in run(known))
    shown = list(known)
    for i in symbolic:
        shown[i] = (tuple(operands[i].shape), numpy_dtype(operands[i]))
    if getattr(p, "in_xla", False):
        raise UnsupportedOperationError(
            f"{what} is computed by NumPy, which what XLA compiles cannot call",
            engine="tensorflow",
            fix="use compile=True, or the engine 'jax'",
        )
    outputs = describe(shown)

    def call(*arrays: np.ndarray) -> list[np.ndarray]:
        complete = list(known)
        for i, array in zip(symbolic, arrays, strict=True):
            complete[i] = np.array(array)
        ys = run(complete)
        for y, (shape, _) in zip(ys, outputs, strict=True):
            if np.shape(y) != tuple(shape):
                raise UnsupportedOperationError(
                    f"{what} gave an array of shape {np.shape(y)}, where {tuple(shape)} was found beforehand",
                    engine="tensorflow",
                    fix="in a tf.function shapes must not depend on values",
                )
        return [np.asarray(y, dtype) for y, (_, dtype) in zip(ys, outputs, strict=True)]

    dtypes = [tf_dtype(np.dtype(dtype)) for _, dtype in outputs]
    ys = tf.numpy_function(call, [operands[i] for i in symbolic], dtypes, stateful=False)
    return tuple(tf.ensure_shape(y, shape) for y, (shape, _) in zip(ys, outputs, strict=True))


def _on_host(p: Primitives, name: str, operands: Sequence[Any], parameters: dict[str, Any]) -> tuple[Any, ...]:
    return on_host(
        p,
        lambda arrays: nested_rules.on_host(name, arrays, parameters),
        lambda shown: nested_rules.describe_outputs(name, shown, parameters),
        operands,
        parameters.get("function", name),
    )


def _tensor(derivative: Any, dtype: Any) -> Any:
    """A cotangent as a tensor of this dtype."""
    tensor = derivative if isinstance(derivative, tf.Tensor) else tensor_of(np.asarray(derivative))
    if tensor.dtype.is_complex and not dtype.is_complex:
        tensor = tf.math.real(tensor)
    return tf.cast(tensor, dtype)
