"""Derivatives of Hurwitz' zeta function in its exponent, of every order. Loaded when first used.

The sum over k of (k + q)^-s is taken term by term at first, and the rest by Euler and Maclaurin's formula, whose terms
are products of a power, a polynomial and a pole in s. Their Taylor coefficients in s are multiplied out.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import scipy.special as special

from diffiface.special_functions.tail_integrals import in_double

_TERMS = 16
"""How many terms are summed; the rest starts at q + 16, where Euler and Maclaurin's formula is exact in double."""
_CORRECTIONS = 12


@functools.cache
def _coefficients() -> list[float]:
    """Return B_2j / (2j)!, j = 1, 2, ..., with Bernoulli's numbers B."""
    bernoulli = special.bernoulli(2 * _CORRECTIONS)
    return [float(bernoulli[2 * j]) / math.factorial(2 * j) for j in range(1, _CORRECTIONS + 1)]


def zeta_s(order: int, s: Any, q: Any) -> Any:
    """Return a derivative of zeta(s, q) in s, for q > 0 and s > -1.5 (below 1 of the analytic continuation); else NaN."""

    def inside(s: np.ndarray, q: np.ndarray) -> np.ndarray:
        base = q + np.arange(_TERMS)[:, None]
        first = np.sum((-np.log(base)) ** order * base**-s, axis=0)
        start = q + _TERMS
        # Rows are Taylor coefficients in s: of the factor beside start^-s, and of start^-s itself without that value.
        degrees = np.arange(order + 1)[:, None]
        factor = start * (-1.0) ** degrees / (s - 1) ** (degrees + 1)
        factor[0] += 0.5
        rising = np.zeros_like(factor)  # s (s + 1) ... (s + 2j - 2)
        rising[0] = 1.0
        taken = 0
        for j, coefficient in enumerate(_coefficients(), start=1):
            for i in range(taken, 2 * j - 1):
                rising[1:], rising[0] = (s + i) * rising[1:] + rising[:-1], (s + i) * rising[0]
            taken = 2 * j - 1
            factor += coefficient * start ** (1.0 - 2 * j) * rising
        power = (-np.log(start)) ** degrees / special.factorial(degrees)
        rest = math.factorial(order) * np.sum(factor * power[::-1], axis=0)
        value = start**-s
        return first + np.where(value == 0, 0.0, value * rest)

    return in_double((s, q), inside, lambda s, q: (q > 0) & np.isfinite(q) & np.isfinite(s) & (s > -1.5) & (s != 1))
