"""A nonlinear least-squares problem as Moré, Garbow and Hillstrom describe one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface.testing.problems.problem import Instance


@dataclass(frozen=True)
class SumOfSquares:
    """The sum of squared residuals as a function; unlike a closure it can be pickled."""

    residuals: Callable[..., Any]

    def __call__(self, x: Any, *data: Any) -> Any:
        return np.sum(self.residuals(x, *data) ** 2)


@dataclass(frozen=True)
class LeastSquaresProblem:
    """One of the 35: residuals, the published starting point, and the published minimum."""

    number: int
    """In the paper."""
    name: str
    residuals: Callable[..., Any]
    """`residuals(x, *data)`: an array with m entries."""
    start: np.ndarray = field(compare=False)
    m: int
    minimum: float
    """The least sum of squares (to the six digits of the paper) that is reached from the start or known."""
    data: tuple[np.ndarray, ...] = field(default=(), compare=False)
    minimizer: np.ndarray | None = field(default=None, compare=False)
    """Where the paper gives one."""
    other_minima: tuple[float, ...] = ()
    """Least sums of squares of other minima that a method may end in."""

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.start)

    def __repr__(self) -> str:
        return f"LeastSquaresProblem({self.number}, {self.name!r})"

    def least_squares(self) -> Instance:
        """Return the residuals and the starting point, to be differentiated or minimised.

        >>> from diffiface.testing.problems import MORE_GARBOW_HILLSTROM
        >>> beale = MORE_GARBOW_HILLSTROM[4].least_squares()
        >>> beale.f(beale.x)
        array([1.5  , 2.25 , 2.625])
        """
        return Instance(self.residuals, self.start.copy(), self.data, minimum=self.minimum)

    def objective(self) -> Instance:
        """Return the sum of squares and the starting point."""
        return Instance(SumOfSquares(self.residuals), self.start.copy(), self.data, minimum=self.minimum)
