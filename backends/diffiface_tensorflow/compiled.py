"""A prepared operator inside a `tf.function`: one graph for each set of constants that are no tensors."""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import NUMPY, Cotangents, FlatFunction, Leaves
from diffiface_tensorflow.arrays import numpy_dtype, tensor_of
from diffiface_tensorflow.operators import OPERATORS, SEEDED, FlatCall, rebuilt_aux

_TRACED_NUMBERS = (float, complex, np.floating, np.complexfloating)


class CompiledOperator:
    """One operator of one function: called with tensors xs, its seeds and the contexts, it gives tensors and aux."""

    def __init__(self, operator: str, f: FlatFunction, chunk_size: int | None, xla: bool):
        self.operator, self.f, self.chunk_size, self.xla = operator, f, chunk_size, xla
        self._graphs: dict[Any, _Graph] = {}

    def __call__(self, xs: Leaves, seeds: Cotangents, contexts: Leaves) -> tuple[list[Any], Any]:
        mask = tuple(map(_is_traced_argument, contexts))
        traced = [_tensor(c) for c, is_traced in zip(contexts, mask, strict=True) if is_traced]
        static = [c for c, is_traced in zip(contexts, mask, strict=True) if not is_traced]
        key = (len(xs), mask, *map(_static_key, static))
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._graphs[key] = _Graph(self, mask, static)
        return graph(xs, traced, seeds)


class _Graph:
    """The `tf.function` for one set of static constants (kept alive here: unhashable ones are known by identity)."""

    def __init__(self, compiled: CompiledOperator, mask: tuple[bool, ...], static: list[Any]):
        self._f, self._mask, self._static = compiled.f, mask, static
        self._rest: tuple[Any, list[Any]] | None = None
        self._outputs: list[tuple[tuple[int, ...], np.dtype]] | None = None
        operator: Callable[..., Any] = OPERATORS[compiled.operator]
        takes_seeds, chunk_size = compiled.operator in SEEDED, compiled.chunk_size

        def run(xs: list[Any], traced: list[Any], seeds: list[Any]) -> tuple[list[Any], list[Any]]:
            flat = self._flat(traced)
            values = operator(flat, [tf.identity(x) for x in xs], *([seeds] if takes_seeds else []), chunk_size)
            tensors, self._rest = flat.split_aux()
            return list(values), tensors

        # A function written in TensorFlow may branch on tensors: AutoGraph turns that into operations of the graph.
        self._function = tf.function(run, autograph=False, jit_compile=compiled.xla or None)

    def _flat(self, traced: Leaves) -> FlatCall:
        arguments, constants = iter(traced), iter(self._static)
        contexts = tuple(next(arguments if is_traced else constants) for is_traced in self._mask)
        return FlatCall(self._f, NUMPY, contexts)

    def __call__(self, xs: Leaves, traced: list[Any], seeds: Cotangents) -> tuple[list[Any], Any]:
        if callable(seeds):
            seeds = seeds(self._outputs_of(xs, traced))
        values, tensors = self._function(list(xs), traced, list(map(_tensor, seeds)))
        return values, rebuilt_aux(tensors, self._rest)

    def _outputs_of(self, xs: Leaves, traced: list[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Return the shapes and dtypes of y's leaves, for cotangents that are made from them."""
        if self._outputs is None:
            shapes = tf.function(lambda xs, traced: self._flat(traced)(*xs), autograph=False)
            ys = shapes.get_concrete_function(list(xs), traced).structured_outputs
            self._outputs = [(tuple(y.shape), numpy_dtype(y)) for y in ys]
        return self._outputs


def _is_traced_argument(context: Any) -> bool:
    """Whether a constant enters the graph as an argument, so that its value may change without another graph."""
    if isinstance(context, np.ndarray):
        return context.dtype.kind in "fciub"
    return isinstance(context, (*_TRACED_NUMBERS, tf.Tensor))


def _static_key(context: Any) -> Any:
    # 1, 1.0 and True are equal but not the same argument of f.
    try:
        hash(context)
    except TypeError:
        return id(context)
    return type(context), context


def _tensor(value: Any) -> Any:
    return value if isinstance(value, tf.Tensor) else tensor_of(np.asarray(value))
