"""A prepared operator as a graph: one `tf.function` for each set of shapes, and of constants that are no tensors."""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import (
    NUMPY,
    Cotangents,
    FlatFunction,
    Leaves,
    Revision,
    TracedValueError,
    is_traced_argument,
    rebuild_aux,
    static_key,
)
from diffiface_tensorflow.arrays import numpy_dtype, tensor_of
from diffiface_tensorflow.operators import OPERATORS, SEEDED, FlatCall


class CompiledOperator:
    """One operator of one function: called with tensors xs, its seeds and the contexts, it gives tensors and aux."""

    def __init__(self, operator: str, f: FlatFunction, chunk_size: int | None, xla: bool):
        self.operator, self.f, self.chunk_size, self.xla = operator, f, chunk_size, xla
        self._graphs: dict[Any, _Graph] = {}
        self._outputs: dict[Any, list[tuple[tuple[int, ...], np.dtype]]] = {}
        # (a function for TensorFlow behaves in a graph as its author expects of tf.function)
        self.revision = Revision(f, watch=not getattr(f, "native", False))

    def __call__(self, xs: Sequence[Any], seeds: Cotangents, contexts: Leaves) -> tuple[list[Any], Any]:
        if not self.revision.is_current():  # the graphs hold what f referred to when they were written down
            self.revision.renew()
            self._graphs, self._outputs = {}, {}
        mask = tuple(is_traced_argument(c, tf.Tensor) for c in contexts)
        traced = [_tensor(c) for c, is_traced in zip(contexts, mask, strict=True) if is_traced]
        static = [c for c, is_traced in zip(contexts, mask, strict=True) if not is_traced]
        key = (mask, *map(static_key, static), *map(_signature, (*xs, *traced)))
        if callable(seeds):
            seeds = seeds(self._outputs_for(key, xs, traced, mask, static))
        given = [*xs, *traced, *map(_tensor, seeds)]
        key = (*key, len(given), *map(_signature, given[len(xs) + len(traced) :]))
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._graphs[key] = _Graph(self, given, len(xs), len(traced), mask, static)
        return graph(given)

    def _outputs_for(
        self, key: Any, xs: Sequence[Any], traced: list[Any], mask: tuple[bool, ...], static: list[Any]
    ) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Return the shapes and dtypes of y's leaves, for cotangents that are made from them."""
        if key not in self._outputs:
            flat = lambda *given: flat_call(self.f, given[len(xs) :], mask, static)(*given[: len(xs)])  # noqa: E731
            ys = _written_down(flat, [*xs, *traced], xla=False).structured_outputs
            self._outputs[key] = [(tuple(y.shape), numpy_dtype(y)) for y in ys]
        return self._outputs[key]


class _Graph:
    """The graph for one set of static constants (kept alive here: unhashable ones are known by identity)."""

    def __init__(
        self,
        compiled: CompiledOperator,
        given: list[Any],
        x_count: int,
        traced_count: int,
        mask: tuple[bool, ...],
        static: list[Any],
    ):
        self._static = static
        self._rest: tuple[Any, list[Any]] | None = None
        operator: Callable[..., Any] = OPERATORS[compiled.operator]
        takes_seeds = compiled.operator in SEEDED

        def run(*given: Any) -> tuple[Any, list[Any]]:
            xs, rest = given[:x_count], given[x_count:]
            flat = flat_call(compiled.f, rest[:traced_count], mask, static, compiled.xla)
            seeds = [rest[traced_count:]] if takes_seeds else []
            values = operator(flat, [tf.identity(x) for x in xs], *seeds, compiled.chunk_size)
            tensors, self._rest = flat.split_aux()
            compiled.revision.settle()
            return list(values), tensors

        self._run = _written_down(run, given, compiled.xla)

    def __call__(self, given: list[Any]) -> tuple[list[Any], Any]:
        values, tensors = self._run(*given)
        return values, rebuild_aux(self._rest, tensors)


def flat_call(
    f: FlatFunction, traced: Sequence[Any], mask: tuple[bool, ...], static: list[Any], xla: bool = False
) -> FlatCall:
    """Return f with its constants, those that are arguments of the graph and the others, in the places they had."""
    arguments, constants = iter(traced), iter(static)
    contexts = tuple(next(arguments if is_traced else constants) for is_traced in mask)
    return FlatCall(f, NUMPY, contexts, graph="xla") if xla else FlatCall(f, NUMPY, contexts, graph="graph")


def _written_down(run: Callable[..., Any], given: list[Any], xla: bool) -> Any:
    """Return the graph of a function of tensors like these, to be called with tensors."""
    # (AutoGraph would rewrite the code of diffiface and NumPy, too, to find branches on tensors in it.)
    function = tf.function(run, autograph=False, jit_compile=xla or None)
    try:
        return function.get_concrete_function(*(tf.TensorSpec(t.shape, t.dtype) for t in given))
    except tf.errors.OperatorNotAllowedInGraphError as error:
        raise TracedValueError(
            "a branch on a tensor, or a loop over one, needs values, and there are none while a graph is written down",
            engine="tensorflow",
            fix="decorate the function with tf.function (its AutoGraph follows branches), write tf.where or tf.cond, "
            "or leave compile out",
        ) from error


def _signature(tensor: Any) -> Any:
    return tuple(tensor.shape), tensor.dtype


def _tensor(value: Any) -> Any:
    return value if isinstance(value, tf.Tensor) else tensor_of(np.asarray(value))
