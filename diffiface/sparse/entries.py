"""The entries of a matrix alone, in the order of its pattern, written out for the usual case.

That is one batch of single real NumPy arrays, read off without a check: what a small function needs, for which everything
else would take longer than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Leaves


class Entries:
    """Computes the entries, `run(xs, contexts)`.

    Args:
        run: the product's engine method, `run(xs, seeds, contexts)`.
        seeds: the batch of seeds, one for each color.
        place: where in the method's results the products are.
        readings: where in the products, as one array in C order, each entry stands.
    """

    def __init__(self, run: Callable[..., tuple[Any, ...]], seeds: Leaves, place: int, readings: np.ndarray):
        self._run, self._seeds, self._place, self._readings = run, seeds, place, readings

    def __call__(self, xs: Leaves, contexts: Leaves) -> np.ndarray:
        return self._run(xs, self._seeds, contexts)[self._place][0].take(self._readings)

    def bound(self, fallback: Callable[..., Any]) -> Callable[..., Any] | None:
        """Return `call(x, *contexts)` of the engine's own, if it has such: reading off is part of it."""
        direct = getattr(self._run, "direct", None)
        if direct is None:
            return None
        return direct([((self._place, 0), False)], fallback, seeds=self._seeds, take=self._readings)
