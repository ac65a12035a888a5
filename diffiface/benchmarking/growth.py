"""How time grows with the size of a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_EXPONENTS = np.linspace(0.05, 4.0, 396)
_NOISE = 0.2
"""How far timings of neighbouring sizes may be off (relative); with it, a weak preference for exponents near 1 (a standard
deviation of 1) decides where the sizes cannot: where only the largest one stands out from the overhead."""
_FLAT_SHARE = 0.25
"""If even at the largest size less than this share of the time depends on n, the sizes say nothing about growth."""


@dataclass(frozen=True)
class Growth:
    """The model `seconds = overhead + factor * n**exponent`."""

    overhead: float
    factor: float
    exponent: float
    """0 where the time does not grow over the sizes measured."""

    def seconds(self, n: float) -> float:
        """Return what the model says for a size."""
        return self.overhead + self.factor * n**self.exponent


def fit_growth(sizes: Sequence[float], seconds: Sequence[float]) -> Growth | None:
    """Fit how time grows with size, apart from an overhead that every size has.

    A slope in a log-log plot mixes the two: engines with a fixed cost of a call would seem to grow slowly.

    Args:
        sizes: at least two different sizes.
        seconds: the time of each.
    Returns:
        The fit with the least relative errors; None for fewer than two sizes. Of two sizes the slope is all there is
        to see: the overhead is then taken to be 0.

    >>> from diffiface.benchmarking.growth import fit_growth
    >>> fit = fit_growth([10, 100, 1000, 10000], [1e-4 + 1e-7 * n for n in [10, 100, 1000, 10000]])
    >>> round(fit.exponent, 1)
    1.0
    """
    n, y = np.asarray(sizes, float), np.asarray(seconds, float)
    if len(np.unique(n)) < 2:
        return None
    if len(np.unique(n)) == 2:
        slope, intercept = np.polyfit(np.log(n), np.log(y), 1)
        if slope < _EXPONENTS[0]:
            return Growth(float(np.mean(y)), 0.0, 0.0)
        return Growth(0.0, float(np.exp(intercept)), float(slope))
    fits = [_fit_for(exponent, n, y) for exponent in _EXPONENTS]
    _, best = min(fits, key=lambda fit: fit[0] / _NOISE**2 + (fit[1].exponent - 1) ** 2)
    largest = float(np.max(n))
    if best.factor * largest**best.exponent < _FLAT_SHARE * best.seconds(largest):
        return Growth(float(np.mean(y)), 0.0, 0.0)
    return best


def _fit_for(exponent: float, n: np.ndarray, y: np.ndarray) -> tuple[float, Growth]:
    """Fit overhead and factor, neither of them negative, to the least relative errors."""
    power = (n / n.max()) ** exponent
    candidates = [
        np.linalg.lstsq(np.column_stack([1 / y, power / y]), np.ones_like(y), rcond=None)[0],
        np.array([0.0, np.sum(power / y) / np.sum((power / y) ** 2)]),
        np.array([np.sum(1 / y) / np.sum(1 / y**2), 0.0]),
    ]
    fits = [
        (float(np.sum(((overhead + factor * power) / y - 1) ** 2)), overhead, factor)
        for overhead, factor in candidates
        if overhead >= 0 and factor >= 0
    ]
    error, overhead, factor = min(fits)
    return error, Growth(float(overhead), float(factor / n.max() ** exponent), float(exponent))
