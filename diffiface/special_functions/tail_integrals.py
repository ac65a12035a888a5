"""Derivatives of the incomplete gamma and beta functions in their parameters, of every order. Loaded when first used.

With the logarithm (of t, or of the odds t / (1 - t)) as variable s, both functions are the integral over a tail of
exp(a concave function of s), which every derivative in a parameter multiplies by a polynomial in s. The tail is the
one that does not hold the peak; there the integrand falls off quickly, and Gauss' rule with a fixed number of nodes,
over the part that is not negligible, is right to about 13 digits relative to the derivative itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as special

_NODES = 96
_DROP = 46.0
"""Where the integrand has fallen by exp(-46), about 1e-20, the tail is cut."""
_NEAR = 24.0


@functools.cache
def _gauss() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2


def _far_end(
    height: Callable[[np.ndarray], np.ndarray], slope: Callable[[np.ndarray], np.ndarray], s: np.ndarray
) -> np.ndarray:
    """Return where the concave `height` is `_DROP` below its value at s, walking in the direction it falls."""
    target = height(s) - _DROP
    direction = -np.sign(slope(s))
    # Out to a point beyond by doubling, then Newton's method from there: monotone, as the function is concave.
    step = np.minimum(_DROP / np.maximum(np.abs(slope(s)), 1e-300), 8.0)
    for _ in range(200):
        short = height(s + direction * step) > target
        if not short.any():
            break
        step = np.where(short, 2 * step, step)
    end = s + direction * step
    for _ in range(60):
        correction = (height(end) - target) / slope(end)
        end = end - correction
        if np.all(np.abs(correction) <= 1e-3 * np.abs(end - s)):
            break
    return end


def _integral(integrand: Callable[[np.ndarray], np.ndarray], start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Integrate row by row from `start` over a (signed) length.

    A tail that falls off slowly has its features in the first stretch, and is a plain exponential after that.
    """
    nodes, weights = _gauss()
    near = np.clip(length, -_NEAR, _NEAR)
    total = near[:, 0] * (integrand(start + near * nodes) @ weights)
    far = length - near
    if far.any():
        total = total + far[:, 0] * (integrand(start + near + far * nodes) @ weights)
    return total


def _bell(orders: tuple[int, ...], slopes: Callable[[tuple[int, ...]], Any]) -> Any:
    """Return the factor that derivatives bring out of exp(g), given the derivatives of g."""
    if not any(orders):
        return 1.0
    axis = next(k for k, order in enumerate(orders) if order)
    unit = tuple(int(k == axis) for k in range(len(orders)))
    rest = tuple(o - u for o, u in zip(orders, unit, strict=True))
    total = 0.0
    for taken in np.ndindex(*(o + 1 for o in rest)):
        count = math.prod(math.comb(o, k) for o, k in zip(rest, taken, strict=True))
        inner = tuple(k + u for k, u in zip(taken, unit, strict=True))
        left = tuple(o - k for o, k in zip(rest, taken, strict=True))
        total = total + count * slopes(inner) * _bell(left, slopes)
    return total


def _polygamma(order: int, x: np.ndarray) -> np.ndarray:
    return special.psi(x) if order == 0 else special.polygamma(order, x)


def in_double(values: tuple[Any, ...], function: Callable[..., np.ndarray], valid: Callable[..., Any]) -> Any:
    """Run a function on the valid entries of the flattened arguments; the others give NaN. Keeps float32."""
    arrays = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values))
    dtype = np.result_type(*(v if isinstance(v, (int, float)) else np.asarray(v).dtype for v in values))
    result = np.full(arrays[0].shape, np.nan)
    with np.errstate(all="ignore"):
        where = np.asarray(valid(*arrays))
        if where.any():
            result[where] = function(*(a[where] for a in arrays))
    return result.astype(dtype if dtype.kind == "f" else np.float64)[()]


def gammainc_a(order: int, a: Any, x: Any) -> Any:
    """Return a derivative of gammainc(a, x) in a."""

    def inside(a: np.ndarray, x: np.ndarray) -> np.ndarray:
        a, x = a[:, None], x[:, None]
        start = np.log(x)

        def height(s: np.ndarray) -> np.ndarray:
            return a * s - np.exp(s)

        def slope(s: np.ndarray) -> np.ndarray:
            return a - np.exp(s)

        # At the peak itself neither tail falls off at first; the lower one then does.
        edge = np.where(slope(start) == 0, start - 1e-8, start)
        length = _far_end(height, slope, edge) - start

        def integrand(s: np.ndarray) -> np.ndarray:
            factor = _bell((order,), lambda k: s - special.psi(a) if k == (1,) else -_polygamma(k[0] - 1, a))
            return np.exp(height(s) - special.gammaln(a)) * factor

        # The whole integral of the derivative of a density is 0, so the two tails differ by their sign; a lower tail
        # has a negative length.
        return -_integral(integrand, start, length)

    return _zero_at(
        in_double((a, x), inside, lambda a, x: (a > 0) & (x > 0) & np.isfinite(x) & np.isfinite(a)),
        np.asarray(a) > 0,
        (np.asarray(x) == 0) | np.isposinf(x),
    )


def betainc_ab(in_a: int, in_b: int, a: Any, b: Any, x: Any) -> Any:
    """Return a derivative of betainc(a, b, x), `in_a` times in a and `in_b` times in b."""

    def inside(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
        a, b, x = a[:, None], b[:, None], x[:, None]
        start = np.log(x) - np.log1p(-x)

        def height(s: np.ndarray) -> np.ndarray:
            return -a * np.logaddexp(0.0, -s) - b * np.logaddexp(0.0, s)

        def slope(s: np.ndarray) -> np.ndarray:
            return a * special.expit(-s) - b * special.expit(s)

        edge = np.where(slope(start) == 0, start - 1e-8, start)
        length = _far_end(height, slope, edge) - start

        def integrand(s: np.ndarray) -> np.ndarray:
            def slopes(k: tuple[int, ...]) -> Any:
                i, j = k
                both = _polygamma(i + j - 1, a + b)
                if i and j:
                    return both
                own = _polygamma(i + j - 1, a if i else b)
                logarithm = -np.logaddexp(0.0, -s if i else s) if i + j == 1 else 0.0
                return logarithm + (both - own)

            return np.exp(height(s) - special.betaln(a, b)) * _bell((in_a, in_b), slopes)

        return -_integral(integrand, start, length)

    return _zero_at(
        in_double((a, b, x), inside, lambda a, b, x: (a > 0) & (b > 0) & (x > 0) & (x < 1)),
        (np.asarray(a) > 0) & (np.asarray(b) > 0),
        (np.asarray(x) == 0) | (np.asarray(x) == 1),
    )


def _zero_at(result: Any, valid: Any, ends: Any) -> Any:
    """Put 0 where x is an end of the range, at which the functions are 0 or 1 whatever the parameters are."""
    return np.where(valid & ends, np.zeros_like(result), result)[()]
