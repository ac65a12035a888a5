"""Difference quotients in so many digits that nothing of their errors is left in the result.

A central difference of order n with step h is off by about h**2 (truncation) plus e / h**n (rounding, e being the
precision). With h = 10**(-d/2) and e = 10**(-d (n + 2) / 2) both are 10**-d.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np

from diffiface.adapter import (
    FlatFunction,
    Leaves,
    ObjectArray,
    UnsupportedOperationError,
    current_trace,
    object_array,
)
from diffiface_mpmath.primitives import MpmathPrimitives

_GUARD_DIGITS = 10


class Differences:
    """f near one x, as a map from vectors of displacements to vectors of numbers."""

    def __init__(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves, order: int, digits: int, max_operations: int | None
    ):
        if current_trace().engine == "mpmath":
            raise UnsupportedOperationError(
                "differences of differences lose all digits, so this engine does not run inside itself",
                engine="mpmath",
                fix="ask for the second derivative (hessian, hvp, ...), or use 'forward' or 'reverse' inside",
            )
        self._f, self._xs, self._contexts = f, xs, contexts
        self._context = mpmath.MPContext()  # of our own: mpmath's global precision stays what it is
        self._context.dps = (digits + _GUARD_DIGITS) * (order + 2) // 2 + _GUARD_DIGITS
        self._p = MpmathPrimitives(self._context, max_operations)
        self._step = self._context.mpf(10) ** -((digits + _GUARD_DIGITS) // 2)
        self._x = [self._context.mpf(number) for x in xs for number in np.asarray(x, np.float64).reshape(-1).tolist()]
        self.ys, self.aux, self._y = self._evaluate(self._x)

    def _evaluate(self, x: Sequence[Any]) -> tuple[tuple[np.ndarray, ...], Any, np.ndarray]:
        leaves, start = [], 0
        for leaf in self._xs:
            part = x[start : start + leaf.size]
            leaves.append(ObjectArray(object_array(part, leaf.shape), leaf.dtype))
            start += leaf.size
        outputs, aux = self._f(self._p, tuple(leaves), self._contexts)
        raw = [self._p.raw(y) for y in outputs]
        self._p.only_real("a result", raw)
        flat = [entry for y in raw for entry in y.flat()]
        return tuple(np.array(self._p.primal(y), y.dtype) for y in raw), aux, object_array(flat, (len(flat),))

    @property
    def size(self) -> int:
        """How many entries x has."""
        return len(self._x)

    def vector(self, leaves: Leaves, member: int) -> list[Any]:
        """Return one tangent of a batch as a vector of mpmath's numbers."""
        return [
            self._context.mpf(n) for leaf in leaves for n in np.asarray(leaf[member], np.float64).reshape(-1).tolist()
        ]

    def unit(self, i: int) -> list[Any]:
        """Return a unit vector of x."""
        return [self._context.mpf(i == j) for j in range(self.size)]

    def _at(self, *terms: tuple[Any, Sequence[Any]]) -> np.ndarray:
        """Return f at x plus multiples of tangents."""
        moved = list(self._x)
        for factor, tangent in terms:
            moved = [x + factor * t for x, t in zip(moved, tangent, strict=True)]
        return self._evaluate(moved)[2]

    def along(self, tangent: Sequence[Any], order: int = 1) -> np.ndarray:
        """Return the derivative of an order along a tangent, as a vector of mpmath's numbers."""
        size = max((abs(t) for t in tangent), default=self._context.zero)
        if size == 0:
            return self._y * 0
        step, binomial = self._step / size, self._context.binomial
        total: Any = 0
        for k in range(order + 1):
            factor = (-1) ** k * binomial(order, k)
            # (The points are those of a central difference; of an odd order they are twice as far apart.)
            width = 2 * step if order % 2 else step
            total = total + factor * self._at((width * (self._context.mpf(order) / 2 - k), tangent))
        return total / width**order

    def mixed(self, s: Sequence[Any], t: Sequence[Any]) -> Any:
        """Return the second derivative of a scalar y along two tangents."""
        sizes = [max((abs(entry) for entry in tangent), default=self._context.zero) for tangent in (s, t)]
        if not all(sizes):
            return self._context.zero
        a, b = (self._step / size for size in sizes)
        signs = itertools.product((1, -1), repeat=2)
        total = self._context.fsum(i * j * self._at((i * a, s), (j * b, t))[0] for i, j in signs)
        return total / (4 * a * b)
