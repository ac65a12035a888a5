"""What was computed at the last x: optimisers ask for value, gradient and Hessian of one point in separate calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class LastPoint:
    """Remembers results at one point, by the bytes of the point (NaN is equal to itself, -0.0 is not 0.0)."""

    def __init__(self) -> None:
        # One tuple, replaced as a whole: several threads may ask at once.
        self._last: tuple[Any, dict[str, Any]] = (None, {})

    def get(self, point: tuple[np.ndarray, ...], name: str, compute: Callable[[], dict[str, Any]]) -> Any:
        """Return the result of that name at a point; `compute()` gives it, and any other results, by name."""
        key = tuple((array.shape, array.tobytes()) for array in point)
        last, results = self._last
        if last != key:
            results = {}
        if name not in results:
            results = {**results, **compute()}
            self._last = (key, results)
        return results[name]

    def forget(self) -> None:
        """Forget the point."""
        self._last = (None, {})
