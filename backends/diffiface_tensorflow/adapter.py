"""TensorFlow behind the front end's engine contract."""

# pyright: reportMissingImports=false

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import (
    Backend,
    FlatFunction,
    InputError,
    Leaves,
    MethodsByName,
    current_trace,
    result_parts,
)
from diffiface_tensorflow.arrays import FAMILY, array_of, tensor_of
from diffiface_tensorflow.compiled import CompiledOperator
from diffiface_tensorflow.operators import OPERATORS, SEEDED, FlatCall


@dataclass(frozen=True, repr=False)
class TensorFlow(MethodsByName, Backend):
    """TensorFlow: eager as TensorFlow itself is, any order of derivative by reverse over reverse."""

    name = "tensorflow"
    family = "tensorflow"

    compile: bool | str = False
    """Whether a prepared operator is a `tf.function`: "xla" if that is to be compiled by XLA, too. Then f must not branch
    on values."""
    device: str | None = None
    """Where NumPy arrays are computed with: "cpu", "gpu:1", ...; tensors stay on the device they are on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.compile, bool) and self.compile != "xla":
            raise InputError(
                f"compile={self.compile!r} is not known", engine=self.name, fix="compile is False, True or 'xla'"
            )
        if self.device is not None:
            _device_named(self.device)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        if not self.compile:
            return None
        compiled = CompiledOperator(operator, f, self.chunk_size, self.compile == "xla")

        def run(xs: Leaves, contexts: Leaves, seeds: Any = None) -> tuple[Any, ...]:
            if _is_nested(xs):  # the graph that is being written down, or the tape that follows x, must see all of it
                return self._run(operator, f, xs, contexts, seeds)
            with self._placed(xs):
                values, aux = compiled(list(map(_leaf, xs)), () if seeds is None else seeds, contexts)
            return *_finished(operator, values, xs), aux

        if operator in SEEDED:
            return lambda xs, seeds, contexts: run(xs, contexts, seeds)
        return run

    # (Called in a user's tf.function: AutoGraph, which rewrites everything that is called there, is to end here.)
    @tf.autograph.experimental.do_not_convert
    def _run(self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Any = None) -> tuple[Any, ...]:
        with self._placed(xs):
            flat = FlatCall(f, current_trace(), contexts)
            # (A copy is a leaf of its own for this derivative, and still connected for the outer one.)
            leaves = [tf.identity(_leaf(x)) for x in xs]
            values = OPERATORS[operator](flat, leaves, *([] if seeds is None else [seeds]), self.chunk_size)
        return *(values if _is_nested(xs) else _finished(operator, values, xs)), flat.aux

    def _placed(self, xs: Leaves) -> contextlib.AbstractContextManager[Any]:
        """Make the device of x, or the chosen one, that of everything which is on none yet, in this thread."""
        for x in xs:
            if FAMILY.owns(x):
                return tf.device(x.device) if x.device else contextlib.nullcontext()
        return contextlib.nullcontext() if self.device is None else tf.device(_device_named(self.device))


def _leaf(x: Any) -> Any:
    return tf.convert_to_tensor(x) if FAMILY.owns(x) else tensor_of(np.asarray(x))


def _is_nested(xs: Leaves) -> bool:
    """Whether TensorFlow is differentiating around this call, or writing down a graph."""
    return (
        current_trace().engine == "tensorflow"
        or not tf.executing_eagerly()
        or any(FAMILY.owns(x) and FAMILY.is_traced(x) for x in xs)
    )


def _finished(operator: str, values: Any, xs: Leaves) -> list[Any]:
    """Hand results back in x's family: NumPy copies, or tensors if x has any."""
    has_tensors = any(map(FAMILY.owns, xs))
    return [_by_leaf(value, part, xs, has_tensors) for value, part in zip(values, result_parts(operator), strict=True)]


def _by_leaf(value: Any, part: str, xs: Leaves, has_tensors: bool) -> Any:
    if part.endswith(" by x"):
        return [_by_leaf(row, "x", xs, has_tensors) for row in value]
    if part in ("x", "batch of x"):
        return [v if FAMILY.owns(x) else array_of(v) for v, x in zip(value, xs, strict=True)]
    if isinstance(value, (list, tuple)):
        return [_by_leaf(v, "y", xs, has_tensors) for v in value]
    return value if has_tensors else array_of(value)


def _device_named(name: str) -> str:
    """Return TensorFlow's name of the device called "cpu", "gpu" (the first of its kind), or "gpu:1".

    Raises `InputError` if there is none: TensorFlow would take another one without a word.
    """
    known = {device.name.removeprefix("/device:").lower(): device.name for device in tf.config.list_logical_devices()}
    wanted = name.lower() if isinstance(name, str) else ""
    found = known.get(wanted) or known.get(f"{wanted}:0")
    if found is None:
        raise InputError(
            f"device={name!r} is none of TensorFlow's devices here",
            engine="tensorflow",
            fix=f"there are: {', '.join(known)}",
        )
    return found
