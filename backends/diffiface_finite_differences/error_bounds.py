"""How far a difference quotient may be from the derivative."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import tee
from typing import Any

import numpy as np

from diffiface.adapter import Leaves, RealFunction
from diffiface_finite_differences import operators
from diffiface_finite_differences.differences import Differences
from diffiface_finite_differences.stencils import FIRST, MIXED, PURE, Stencil
from diffiface_finite_differences.steps import Direction

_WIDENINGS = (1.0, 2.0, 4.0)
"""The step sizes that are compared, as multiples of the one in use."""

_SAFETY = 10.0
"""How many times the rounding error of one operation f's value may be off."""


def estimate(operator: str, differences: Differences, seeds: Leaves | None) -> Any:
    """Return a bound for each entry of an operator's result, nested like it."""
    function, compute = differences.function, getattr(operators, operator)
    bounds = ErrorBounds(differences)
    if seeds is None:
        return _with_rounding(compute(bounds), compute(differences))
    if operator == "pullback":
        cotangents = function.cotangent_vectors(seeds)
        return _with_rounding(compute(bounds, np.abs(cotangents)), compute(differences, cotangents))
    tangents = function.x_layout.join(seeds)
    return _with_rounding(compute(bounds, tangents), compute(differences, tangents))


def _with_rounding(bounds: Any, results: Any) -> Any:
    """Make bounds real, finite or infinite, and wide enough for results that were rounded to x's precision."""
    if not isinstance(bounds, np.ndarray):
        return [_with_rounding(bound, result) for bound, result in zip(bounds, results, strict=True)]
    with np.errstate(all="ignore"):
        # Of a complex entry the bounds of both parts came as one complex number.
        total = np.abs(bounds).astype(np.float64) + np.finfo(results.dtype).eps * np.abs(results)
    return np.where(np.isfinite(total), total, np.inf)


@dataclass(frozen=True)
class ErrorBounds:
    """Bounds on the errors of `differences`: the same methods, yielding a bound for each derivative."""

    differences: Differences

    @property
    def function(self) -> RealFunction:
        """The function that is differentiated."""
        return self.differences.function

    def first(self, directions: Iterable[Direction]) -> Iterator[np.ndarray]:
        """Yield a bound for the derivative along each direction."""
        return self._bounds(FIRST[self.differences.method], ((d,) for d in directions))

    def mixed(self, pairs: Iterable[tuple[Direction, Direction]]) -> Iterator[np.ndarray]:
        """Yield a bound for the second derivative along each pair of directions."""
        return self._bounds(MIXED[self.differences.method], pairs)

    def pure(self, directions: Iterable[Direction]) -> Iterator[np.ndarray]:
        """Yield a bound for the second derivative along each direction taken twice."""
        return self._bounds(PURE[self.differences.method], ((d, d) for d in directions))

    def _bounds(self, stencil: Stencil, directions: Iterable[tuple[Direction, ...]]) -> Iterator[np.ndarray]:
        sequences = [
            self.differences.quotients(stencil, copy, widening)
            for copy, widening in zip(tee(directions, len(_WIDENINGS)), _WIDENINGS, strict=True)
        ]
        for near, wide, wider in zip(*sequences, strict=True):
            with np.errstate(all="ignore"):
                value = near.value
                rounding = _SAFETY * self.function.epsilon * (near.before_cancelling + self._noise * near.per_noise)
                drift, wider_drift = np.abs(wide.value - value), np.abs(wider.value - wide.value)
                # A truncation error of order m grows 2**m-fold when the step doubles. A quotient that moves the
                # more, the smaller the step, has not settled: next to a pole or a kink, nothing is known about it.
                unsettled = (drift > rounding) & (wider_drift < 1.5 * drift) & (drift > 0.1 * np.abs(value))
                bound = rounding + 2 * np.maximum(drift, wider_drift / 4)
            yield np.where(unsettled | ~np.isfinite(bound), np.inf, bound)

    @cached_property
    def _noise(self) -> np.ndarray:
        """How large the terms are that f's value is summed from, judged by how far each entry of x can move it."""
        squares = np.zeros_like(self.function.y)
        with np.errstate(all="ignore"):
            entries = ((entry,) for entry in operators.entries(self))
            for quotient in self.differences.quotients(FIRST[self.differences.method], entries):
                moved = quotient.value * quotient.steps[0].natural_length
                squares += np.nan_to_num(moved, posinf=0, neginf=0) ** 2
            return np.abs(self.function.y) + np.sqrt(squares)
