"""The operators on tensors: the same code runs eagerly and inside a `tf.function`.

Everything is a pullback. The pullback is linear in its cotangents, and pulling a tangent back through it is the
pushforward; pulling one back through the gradient is the Hessian-vector product. So nothing but reverse rules is needed.
(`tf.autodiff.ForwardAccumulator` does just this with each operation, and writes down a graph for it first.)
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from diffiface.adapter import Cotangents, FlatFunction, Leaves, Primitives, TracedValueError, trees
from diffiface_tensorflow.arrays import numpy_dtype, tensor_of
from diffiface_tensorflow.primitives import TensorFlowPrimitives

Tensors = Sequence[Any]


class FlatCall:
    """One run of f as a function of tensors: `flat(*xs) -> ys`. What f returned beside y is kept."""

    def __init__(self, f: FlatFunction, outer: Primitives, contexts: Leaves, graph: Literal["", "graph", "xla"] = ""):
        self.f, self.outer = f, outer
        self.graph: Literal["", "graph", "xla"] = graph
        self.contexts = tuple(map(_native_constant, contexts)) if getattr(f, "native", False) else contexts
        self.aux: Any = None

    def __call__(self, *xs: Any) -> tuple[Any, ...]:
        try:
            ys, self.aux = self.f(TensorFlowPrimitives(self.outer, self.graph), xs, self.contexts)
        except NotImplementedError as error:
            if "symbolic tf.Tensor" not in str(error):
                raise
            raise TracedValueError(
                "a function that mentions TensorFlow gave a tensor without a value, inside a tf.function, to NumPy",
                engine="tensorflow",
                fix="write it in TensorFlow; if it is plain NumPy, define it outside the tf.function, or say "
                "tf.function(autograph=False): AutoGraph writes TensorFlow into the functions that it finds inside",
            ) from error
        return tuple(y if isinstance(y, tf.Tensor) else tensor_of(np.asarray(y)) for y in ys)

    def split_aux(self) -> tuple[list[Any], tuple[Any, list[Any]] | None]:
        """Return the tensors in aux, and what `rebuild_aux` needs beside them."""
        if self.aux is None:
            return [], None
        leaves, structure = trees.flatten(self.aux)
        kept = [None if isinstance(leaf, tf.Tensor) else (leaf,) for leaf in leaves]
        return [leaf for leaf in leaves if isinstance(leaf, tf.Tensor)], (structure, kept)


def _native_constant(context: Any) -> Any:
    """A NumPy constant as a function written in TensorFlow expects it."""
    is_numeric = isinstance(context, np.ndarray) and context.dtype.kind in "fciub"
    return tensor_of(context) if is_numeric else context


# ---- pullbacks


def _recorded(xs: Tensors, run: Callable[[], Any]) -> tuple[tf.GradientTape, Any]:
    """Run something under a tape that follows xs and nothing else: variables in a closure are constants."""
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(xs)
        result = run()
    return tape, result


def _pull(tape: tf.GradientTape, ys: Tensors, xs: Tensors, cotangents: Tensors) -> list[Any]:
    """Pull one cotangent for each y back; zero where ys do not depend on an x."""
    found = tape.gradient(list(ys), list(xs), output_gradients=list(cotangents))
    # (a gradient may be sparse: that of tf.gather is)
    return [tf.zeros_like(x) if tx is None else tf.convert_to_tensor(tx) for x, tx in zip(xs, found, strict=True)]


def _pull_batch(
    tape: tf.GradientTape, ys: Tensors, xs: Tensors, cotangents: Tensors, chunk_size: int | None
) -> list[Any]:
    return _over_batch(lambda *row: _pull(tape, ys, xs, row), cotangents, xs, chunk_size)


def _push_batch(
    tape: tf.GradientTape, ys: Tensors, xs: Tensors, tangents: Tensors, chunk_size: int | None
) -> list[Any]:
    """Push a batch of tangents forward: pull them back through the pullback."""
    cotangents = [tf.zeros_like(y) for y in ys]
    transposed, txs = _recorded(cotangents, lambda: _pull(tape, ys, xs, cotangents))
    return _pull_batch(transposed, txs, cotangents, tangents, chunk_size)


# ---- batches

_UNROLLED = 4
"""In a graph, longer batches than this one go through `tf.vectorized_map` instead of being written out."""


def _over_batch(linear: Callable[..., list[Any]], batch: Tensors, likes: Tensors, chunk_size: int | None) -> list[Any]:
    """Apply a linear map to every entry along the first axes of a batch; its results are shaped like `likes`."""
    count = int(batch[0].shape[0])
    if count == 0:
        return [tf.zeros((0, *like.shape), like.dtype) for like in likes]
    # Eagerly a loop over a dozen cotangents takes less time than `tf.vectorized_map` takes to write down a graph of it.
    if tf.executing_eagerly() or count <= _UNROLLED or chunk_size == 1:
        rows = [linear(*(b[i] for b in batch)) for i in range(count)]
        return [tf.stack(column) for column in zip(*rows, strict=True)]
    size = chunk_size or count
    parts = [
        tf.vectorized_map(lambda row: linear(*row), tuple(b[i : i + size] for b in batch))
        for i in range(0, count, size)
    ]
    return list(parts[0]) if len(parts) == 1 else [tf.concat(column, axis=0) for column in zip(*parts, strict=True)]


def _size(leaves: Tensors) -> int:
    return sum(math.prod(leaf.shape) for leaf in leaves)


def _along_basis(linear: Callable[[Tensors], Tensors], inputs: Tensors, outputs: Tensors) -> list[list[Any]]:
    """Apply a linear map to every unit vector of `inputs`.

    Returns blocks `[output][input]` with axes `(*input.shape, *output.shape)`.
    """
    total, units, offset = _size(inputs), [], 0
    sizes = [math.prod(leaf.shape) for leaf in inputs]
    for leaf, size in zip(inputs, sizes, strict=True):
        unit = np.eye(total, size, -offset, dtype=numpy_dtype(leaf))
        units.append(tf.reshape(tensor_of(unit), (total, *leaf.shape)))
        offset += size
    stacked = linear(units)
    return [
        [
            tf.reshape(block, (*leaf.shape, *output.shape))
            for block, leaf in zip(tf.split(moved, sizes), inputs, strict=True)
        ]
        for moved, output in zip(stacked, outputs, strict=True)
    ]


def _jacobian(tape: tf.GradientTape, ys: Tensors, xs: Tensors, chunk_size: int | None) -> list[list[Any]]:
    """Return blocks `[y][x]` of shape `y.shape + x.shape`, along the basis of whichever is smaller."""
    complex_xs, complex_ys = (any(leaf.dtype.is_complex for leaf in leaves) for leaves in (xs, ys))
    # Between real and complex numbers one of the two directions knows only the real part.
    forward = _size(xs) < _size(ys) if complex_xs == complex_ys else complex_ys
    if forward:
        blocks = _along_basis(lambda tangents: _push_batch(tape, ys, xs, tangents, chunk_size), xs, ys)
        return [[_last_axes_first(block, len(y.shape)) for block in row] for row, y in zip(blocks, ys, strict=True)]
    blocks = _along_basis(lambda cotangents: _pull_batch(tape, ys, xs, cotangents, chunk_size), ys, xs)
    # A pullback is the adjoint; a row of the Jacobian is not conjugated.
    return [[tf.math.conj(block) for block in row] for row in zip(*blocks, strict=True)]


def _last_axes_first(block: Any, count: int) -> Any:
    rank = len(block.shape)
    return tf.transpose(block, (*range(rank - count, rank), *range(rank - count)))


def _seeds(batch: Leaves, leaves: Tensors) -> list[Any]:
    """Return tangents or cotangents as tensors in the dtype of what they belong to."""
    seeds = []
    for seed, leaf in zip(batch, leaves, strict=True):
        tensor = seed if isinstance(seed, tf.Tensor) else tensor_of(np.asarray(seed))
        real = tf.math.real(tensor) if tensor.dtype.is_complex and not leaf.dtype.is_complex else tensor
        seeds.append(tf.cast(real, leaf.dtype))
    return seeds


# ---- operators: each takes f, the leaves of x, perhaps seeds, and the chunk size


def _pushforward(flat: FlatCall, xs: Tensors, tangents: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    tape, ys = _recorded(xs, lambda: flat(*xs))
    return ys, _push_batch(tape, ys, xs, _seeds(tangents, xs), chunk_size)


def _pullback(flat: FlatCall, xs: Tensors, cotangents: Cotangents, chunk_size: int | None) -> tuple[Any, ...]:
    tape, ys = _recorded(xs, lambda: flat(*xs))
    if callable(cotangents):
        cotangents = cotangents([(tuple(y.shape), numpy_dtype(y)) for y in ys])
    return ys, _pull_batch(tape, ys, xs, _seeds(cotangents, ys), chunk_size)


def _derivative(flat: FlatCall, xs: Tensors, chunk_size: int | None) -> tuple[Any, ...]:
    tape, ys = _recorded(xs, lambda: flat(*xs))
    return ys, [dy for (dy,) in _jacobian(tape, ys, xs, chunk_size)]


def _gradient(flat: FlatCall, xs: Tensors, chunk_size: int | None) -> tuple[Any, ...]:
    tape, ys = _recorded(xs, lambda: flat(*xs))
    return ys[0], _pull(tape, ys, xs, [tf.ones_like(ys[0])])


def _jacobians(flat: FlatCall, xs: Tensors, chunk_size: int | None) -> tuple[Any, ...]:
    tape, ys = _recorded(xs, lambda: flat(*xs))
    return ys, _jacobian(tape, ys, xs, chunk_size)


def _second_derivative(flat: FlatCall, xs: Tensors, chunk_size: int | None) -> tuple[Any, ...]:
    outer, (ys, dys) = _recorded(xs, lambda: _derivative(flat, xs, None))
    return ys, dys, [ddy for (ddy,) in _jacobian(outer, dys, xs, chunk_size)]


def _hvp(flat: FlatCall, xs: Tensors, tangents: Leaves, chunk_size: int | None) -> tuple[Any, ...]:
    outer, (y, gradients) = _recorded(xs, lambda: _gradient(flat, xs, None))
    # The Hessian is symmetric: pulling a tangent back through the gradient is pushing it forward.
    return y, gradients, _pull_batch(outer, gradients, xs, _seeds(tangents, xs), chunk_size)


def _hessian(flat: FlatCall, xs: Tensors, chunk_size: int | None) -> tuple[Any, ...]:
    outer, (y, gradients) = _recorded(xs, lambda: _gradient(flat, xs, None))
    blocks = _along_basis(lambda seeds: _pull_batch(outer, gradients, xs, seeds, chunk_size), xs, xs)
    return y, gradients, [list(column) for column in zip(*blocks, strict=True)]


OPERATORS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "pushforward": _pushforward,
    "pullback": _pullback,
    "derivative": _derivative,
    "gradient": _gradient,
    "jacobian": _jacobians,
    "second_derivative": _second_derivative,
    "hvp": _hvp,
    "hessian": _hessian,
}

SEEDED = frozenset({"pushforward", "pullback", "hvp"})
"""The operators that take tangents or cotangents."""
