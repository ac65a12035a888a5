"""Second derivatives: differences of derivatives that are themselves exact to rounding.

A stencil of order 8 loses three or four digits to subtraction, where second differences of f itself lose eight.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
"""Of the differences over 1, 2, 3 and 4 steps on either side (the central stencil of order 8)."""
_STEPS = (2e-2, 5e-3, 1.25e-3, 3e-4)
"""Relative to x: where one step is too long (near a pole, the end of a domain), a shorter one agrees better."""


def differenced(
    derivative: Callable[[np.ndarray], np.ndarray], x: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the derivative of a vector function along t, and a bound on the error of its entries.

    Of several step sizes that one is taken which agrees best with the next larger.
    """
    size = float(np.max(np.abs(t), initial=0.0))
    if size == 0:
        return np.zeros_like(derivative(x)), 0.0
    scale = max(1.0, float(np.max(np.abs(x[t != 0]), initial=0.0))) / size
    best, least, previous = np.full_like(x, np.nan), np.inf, None
    for relative in _STEPS:
        h = relative * scale
        terms = [w * (derivative(x + k * h * t) - derivative(x - k * h * t)) for k, w in enumerate(_WEIGHTS, 1)]
        estimate = np.sum(terms, axis=0) / h
        distance = np.inf if previous is None else float(np.max(np.abs(estimate - previous), initial=0.0))
        if best.shape != estimate.shape or distance < least:
            best, least = estimate, distance if not np.isnan(distance) else np.inf
        if least <= 1e-12 * float(np.max(np.abs(estimate), initial=0.0)):
            break
        previous = estimate
    return best, least
