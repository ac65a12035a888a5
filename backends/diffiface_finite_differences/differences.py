"""Difference quotients of one function at one x, along any directions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import tee

import numpy as np

from diffiface.adapter import RealFunction
from diffiface_finite_differences.evaluation import evaluations
from diffiface_finite_differences.stencils import FIRST, MIXED, PURE, Method, Stencil, repeated
from diffiface_finite_differences.steps import Direction, Step, Steps


@dataclass(frozen=True)
class Quotient:
    """One difference quotient, not yet summed."""

    stencil: Stencil
    steps: tuple[Step, ...]
    terms: list[np.ndarray]
    """Weighted values of f, each of shape `(size of y,)`."""

    @property
    def value(self) -> np.ndarray:
        """The derivative: shape `(size of y,)`."""
        return sum(self.terms[1:], self.terms[0]) / math.prod(step.length for step in self.steps)

    @property
    def before_cancelling(self) -> np.ndarray:
        """The quotient of the absolute terms: shape `(size of y,)`."""
        length = math.prod(step.length for step in self.steps)
        return sum(map(np.abs, self.terms[1:]), np.abs(self.terms[0])) / abs(length)

    @property
    def per_noise(self) -> float:
        """What an error in every value of f is multiplied by."""
        # Along the imaginary axis errors shrink with the step, as the imaginary part itself does.
        lengths = zip(self.steps, self.stencil.roots, strict=True)
        length = math.prod(step.natural_length if root is None else step.length for step, root in lengths)
        return sum(map(abs, self.stencil.weights)) / abs(length)


@dataclass(frozen=True)
class Differences:
    """Difference quotients of `function` at its x."""

    function: RealFunction
    method: Method
    relative_step: float | None = None
    absolute_step: float | None = None
    executor: Executor | None = None
    chunk_size: int | None = None

    def first(self, directions: Iterable[Direction]) -> Iterator[np.ndarray]:
        """Yield the derivative along each direction."""
        return self._values(FIRST[self.method], ((d,) for d in directions))

    def mixed(self, pairs: Iterable[tuple[Direction, Direction]]) -> Iterator[np.ndarray]:
        """Yield the second derivative along each pair of directions."""
        return self._values(MIXED[self.method], pairs)

    def pure(self, directions: Iterable[Direction]) -> Iterator[np.ndarray]:
        """Yield the second derivative along each direction taken twice."""
        return self._values(PURE[self.method], ((d, d) for d in directions))

    def nth(self, directions: Iterable[Direction], order: int) -> Iterator[np.ndarray]:
        """Yield the derivative of that order along each direction."""
        return self._values(repeated(self.method, order), ((d,) * order for d in directions))

    def _values(self, stencil: Stencil, directions: Iterable[tuple[Direction, ...]]) -> Iterator[np.ndarray]:
        for quotient in self.quotients(stencil, directions):
            with np.errstate(all="ignore"):
                value = quotient.value
            yield value

    def quotients(
        self, stencil: Stencil, directions: Iterable[tuple[Direction, ...]], widening: float = 1.0
    ) -> Iterator[Quotient]:
        """Yield the quotient along each direction, the steps multiplied by `widening`."""
        steps = self.steps(stencil, widening)
        ahead, behind = tee(tuple(map(Steps.along, steps, direction)) for direction in directions)
        values = evaluations(self.function, self._points(stencil, ahead), self.executor, self.chunk_size)
        for taken in behind:
            found = [next(values) if any(multiples) else self.function.y for multiples in stencil.points]
            if stencil.imaginary:
                found = [np.imag(value) for value in found]
            yield Quotient(stencil, taken, [w * value for w, value in zip(stencil.weights, found, strict=True)])

    def steps(self, stencil: Stencil, widening: float = 1.0) -> tuple[Steps, ...]:
        """Return the steps of a stencil along its first direction, and along its second if it has one."""
        function, steps = self.function, []
        for default, root in zip(stencil.relative_steps(function.epsilon), stencil.roots, strict=True):
            relative = default if self.relative_step is None else self.relative_step
            absolute = relative if self.absolute_step is None else self.absolute_step
            steps.append(Steps(function.x, relative, absolute, root is None, widening, function.engine))
        return tuple(steps)

    def _points(self, stencil: Stencil, taken: Iterable[tuple[Step, ...]]) -> Iterator[np.ndarray]:
        """Yield the points, other than x itself, that the quotients along these steps are made of."""
        for steps in taken:
            for multiples in stencil.points:
                if any(multiples):
                    moves = (m * step.displacement for m, step in zip(multiples, steps, strict=True) if m)
                    yield sum(moves, start=self.function.x)
