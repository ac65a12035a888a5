"""Expressions of linear algebra and Fourier transforms, compared with NumPy and SciPy in value and derivative.

v has 6 elements; M is v as (2, 3); S is (3, 3) and regular, P positive definite, Z complex, H Hermitian and positive
definite; St and T are stacks. Vectors known up to a phase are squared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

V = np.array([0.31, 0.82, 0.55, 0.17, 0.93, 0.46])


def inputs(v: Any) -> tuple[Any, ...]:
    M = v.reshape(2, 3)
    outer = np.outer(v[:3], v[3:])
    S = outer + 3 * np.eye(3)
    P = M.T @ M + 2 * np.eye(3)
    Z = S * (1 + 0.3j) + 1j * (M.T @ M)
    H = P + 0.5j * (outer - outer.T)
    return v, M, S, P, Z, H, np.stack([S, P]), np.stack([M, 2 * M])


def function_of(expression: str, **names: Any) -> Callable[[Any], Any]:
    """Return the expression as a function of v."""
    namespace = {"np": np, "inputs": inputs, **names}
    exec(f"def f(v):\n    v, M, S, P, Z, H, St, T = inputs(v)\n    return {expression}\n", namespace)
    return namespace["f"]


def parts(y: Any) -> list[Any]:
    """Return the numbers of a result that may be nested."""
    return [part for item in y for part in parts(item)] if isinstance(y, (tuple, list)) else [y]


def weighted_sum(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a real number that tells all entries of a result apart."""

    def total(v: Any) -> Any:
        result = 0.0
        for y in parts(f(v)):
            weights = np.cos(1.0 + np.arange(np.size(y))).reshape(np.shape(y))
            result = result + np.sum(weights * np.real(y)) + np.sum(weights**2 * np.imag(y))
        return result

    return total


def slopes(f: Callable[[Any], Any], v: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Return the central differences."""
    return np.array([(f(v + step * e) - f(v - step * e)) / (2 * step) for e in np.eye(len(v))])
