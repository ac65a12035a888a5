"""Engines whose fault shows only somewhere: in one precision, at one run, at one point, for one kind of call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tests.testing.wrong_engines import Sound, gradient_by_forward, hessian_by_forward, jacobian_by_forward

HIDDEN: dict[str, type[Sound]] = {}


def hidden(cls: type) -> type:
    """Make it a dataclass like every engine, and an item of the list above."""
    cls = dataclass(frozen=True, repr=False)(cls)
    HIDDEN[cls.name] = cls
    return cls


# ---- only for some arguments


@hidden
class OnlyInSingle(Sound):
    name = "wrong in float32"

    def spoil(self, derivative):
        return derivative * np.float32(1.01) if derivative.dtype == np.float32 else derivative


@hidden
class OnlyInBatches(Sound):
    """Mixes up the tangents of a batch: each gets the result of its neighbour."""

    name = "batch in the wrong order"

    def spoil(self, derivative):
        return derivative[::-1].copy()


@hidden
class OnlyElsewhere(Sound):
    """Right near the point where its author tested it."""

    name = "right at one point"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        ys, tys, aux = super().value_and_pushforward(f, xs, tangents, contexts)
        x = np.asarray(xs[0])
        far = x.size > 0 and not np.isclose(np.ravel(x)[0], 0.6)
        return ys, [1.01 * ty if far else ty for ty in tys], aux


@hidden
class WithoutConstants(Sound):
    """Takes every constant for 1 (and so is right for functions that have none, or where they are 1)."""

    name = "constants ignored"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        ones = [1.0 if isinstance(c, float) else c for c in contexts]
        ys, _, aux = super().value_and_pushforward(f, xs, tangents, contexts)
        return ys, super().value_and_pushforward(f, xs, tangents, ones)[1], aux


@hidden
class Conjugated(Sound):
    """Gives the other convention for complex x."""

    name = "conjugated"

    def value_and_gradient(self, f, xs, contexts):
        y, gradients, aux = gradient_by_forward(f, xs, contexts)
        return y, [np.conj(g) for g in gradients], aux


# ---- only in some results


@hidden
class Transposed(Sound):
    """A Jacobian with rows for columns, where that has the same shape."""

    name = "transposed Jacobian"

    def value_and_jacobian(self, f, xs, contexts):
        ys, blocks, aux = jacobian_by_forward(f, xs, contexts)

        def transposed(block: np.ndarray, y: Any, x: Any) -> np.ndarray:
            if np.size(y) != np.size(x):
                return block
            return np.ascontiguousarray(block.reshape(np.size(y), np.size(x)).T).reshape(block.shape)

        rows = [[transposed(b, y, x) for b, x in zip(row, xs, strict=True)] for row, y in zip(blocks, ys, strict=True)]
        return ys, rows, aux


@hidden
class OneHessianEntry(Sound):
    """One entry of every Hessian is off by a millionth of itself; its mirror image is not."""

    name = "one Hessian entry"

    def value_gradient_and_hessian(self, f, xs, contexts):
        y, gradients, blocks, aux = hessian_by_forward(f, xs, contexts)
        block = blocks[0][0].copy()
        block[(0,) * (block.ndim - 1) + (block.shape[-1] - 1,)] *= 1 + 1e-6
        blocks = [[block, *blocks[0][1:]], *blocks[1:]]
        return y, gradients, blocks, aux


class Unfinished:
    """What an engine computes with, and should never hand out."""

    def __init__(self, array: np.ndarray):
        self.array = array

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    ndim = property(lambda self: self.array.ndim)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype)


@hidden
class LeaksItsValues(Sound):
    name = "leaks a tracer"

    def value_and_gradient(self, f, xs, contexts):
        y, gradients, aux = gradient_by_forward(f, xs, contexts)
        return y, [Unfinished(g) for g in gradients], aux


# ---- only at some runs


class _SpoiltPreparation(Sound):
    """Prepares the gradient; `later` sees each result with the number of its run."""

    def prepare(self, operator, f, xs, contexts):
        if operator != "gradient":
            return None
        runs = iter(range(10**9))

        def run(xs, contexts):
            y, gradients, aux = gradient_by_forward(f, xs, contexts)
            return y, [self.later(next(runs), g) for g in gradients], aux

        return run

    def later(self, number: int, gradient: np.ndarray) -> np.ndarray:
        return gradient


@hidden
class FromTheSecondRun(_SpoiltPreparation):
    """A preparation that accumulates, as one does that forgets to clear its gradients."""

    name = "accumulates"

    def later(self, number, gradient):
        return gradient * (number + 1)


@hidden
class TwoBuffers(_SpoiltPreparation):
    """Hands out rows of one array in turns, so that the run after the next overwrites a result."""

    name = "two buffers"
    buffers: ClassVar[dict[Any, np.ndarray]] = {}

    def later(self, number, gradient):
        rows = self.buffers.setdefault((gradient.shape, gradient.dtype), np.empty((2, *gradient.shape), gradient.dtype))
        rows[number % 2] = gradient
        return rows[number % 2]
