"""Difference quotients of one function at one x, along any directions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import tee

import numpy as np

from diffiface.adapter import RealFunction
from diffiface_finite_differences.evaluation import evaluations
from diffiface_finite_differences.stencils import FIRST, MIXED, PURE, Method, Stencil
from diffiface_finite_differences.steps import Step, StepSizes


@dataclass(frozen=True)
class Quotient:
    """One difference quotient, and what its rounding error follows from."""

    value: np.ndarray
    """Shape `(size of y,)`."""
    summed: np.ndarray
    """The sum of the absolute terms, before they cancel; shape `(size of y,)`."""
    per_noise: float
    """What an error in every value of f is multiplied by."""


@dataclass(frozen=True)
class Differences:
    """Difference quotients of `function` at its x. Tangents are real vectors of shape `(size of x,)`."""

    function: RealFunction
    method: Method
    sizes: StepSizes
    executor: Executor | None = None
    chunk_size: int | None = None

    def first(self, tangents: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the derivative along each tangent."""
        return (quotient.value for quotient in self.quotients(FIRST[self.method], ((t,) for t in tangents)))

    def mixed(self, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[np.ndarray]:
        """Yield the second derivative along each pair of tangents."""
        return (quotient.value for quotient in self.quotients(MIXED[self.method], pairs))

    def pure(self, tangents: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the second derivative along each tangent taken twice."""
        return (quotient.value for quotient in self.quotients(PURE[self.method], ((t, t) for t in tangents)))

    def quotients(
        self, stencil: Stencil, directions: Iterable[tuple[np.ndarray, ...]], widening: float = 1.0
    ) -> Iterator[Quotient]:
        """Yield the quotient along each direction, the steps multiplied by `widening`."""
        ahead, behind = tee(self.steps(stencil, tangents, widening) for tangents in directions)
        values = evaluations(self.function, self._points(stencil, ahead), self.executor, self.chunk_size)
        for steps in behind:
            if _stands_still(steps):
                zero = np.zeros_like(self.function.y)
                yield Quotient(zero, zero, 0.0)
                continue
            found = [next(values) if any(multiples) else self.function.y for multiples in stencil.points]
            yield _quotient(stencil, steps, found)

    def steps(self, stencil: Stencil, tangents: tuple[np.ndarray, ...], widening: float = 1.0) -> tuple[Step, ...]:
        """Return the step of a stencil along each of its tangents."""
        function, defaults = self.function, stencil.relative_steps(self.function.epsilon)
        return tuple(
            self.sizes.step(function.x, tangent, default, root is None, widening, function.engine)
            for tangent, default, root in zip(tangents, defaults, stencil.roots, strict=True)
        )

    def _points(self, stencil: Stencil, directions: Iterable[tuple[Step, ...]]) -> Iterator[np.ndarray]:
        """Yield the points other than x itself that the quotients along these directions are made of."""
        for steps in directions:
            if _stands_still(steps):
                continue
            for multiples in stencil.points:
                if any(multiples):
                    moves = (m * step.displacement for m, step in zip(multiples, steps, strict=True) if m)
                    yield sum(moves, start=self.function.x)


def _stands_still(steps: tuple[Step, ...]) -> bool:
    """Whether a tangent is zero, so that the derivative is zero and f need not be run."""
    return any(step.length == 0 for step in steps)


def _quotient(stencil: Stencil, steps: tuple[Step, ...], values: list[np.ndarray]) -> Quotient:
    """Combine f's values at the points of a stencil."""
    with np.errstate(all="ignore"):
        terms = [
            weight * (np.imag(value) if stencil.imaginary else value)
            for weight, value in zip(stencil.weights, values, strict=True)
        ]
        length, per_noise = 1.0, float(sum(map(abs, stencil.weights)))
        for step, root in zip(steps, stencil.roots, strict=True):
            length *= step.length
            per_noise /= step.natural_length if root is None else step.length
        total, summed = np.sum(terms, axis=0), np.sum(np.abs(terms), axis=0)
        return Quotient(total / length, summed / abs(length), per_noise)
