"""NumPy's elementwise functions on one entry of an object array: a symbol, an expression, a number of some precision.

An engine subclasses `EntryFunctions` and adds what its entries know (`exp`, `sin`, `less`, `select`, ...), named as the
primitives are. What is here follows from Python's operators and from those; what an engine neither adds nor inherits
is a primitive that it does not have.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any


class EntryFunctions:
    """Functions of entries; constants reach them as `constant` made them."""

    # ---- what an entry is

    def constant(self, value: bool | int | float) -> Any:
        """Return a plain number as an entry."""
        return value

    def known(self, entry: Any) -> bool | int | float | None:
        """Return the plain number behind an entry that is one, else None."""
        return entry if isinstance(entry, (bool, int, float)) else None

    def number(self, truth: Any) -> Any:
        """Return a truth as the number 1 or 0."""
        return self.select(truth, self.constant(1), self.constant(0))

    # ---- what only the engine can do, and the rest rests on

    def less(self, x: Any, y: Any) -> Any:
        return x < y

    def less_equal(self, x: Any, y: Any) -> Any:
        return x <= y

    def equal(self, x: Any, y: Any) -> Any:
        return x == y

    def select(self, condition: Any, x: Any, y: Any) -> Any:
        """Return x where the condition holds, else y."""
        return x if condition else y

    def logical_not(self, x: Any) -> Any:
        return not x

    def logical_and(self, x: Any, y: Any) -> Any:
        return x and y

    def logical_or(self, x: Any, y: Any) -> Any:
        return x or y

    def exp(self, x: Any) -> Any:
        raise NotImplementedError

    def log(self, x: Any) -> Any:
        raise NotImplementedError

    def sqrt(self, x: Any) -> Any:
        raise NotImplementedError

    def floor(self, x: Any) -> Any:
        raise NotImplementedError

    def sign(self, x: Any) -> Any:
        raise NotImplementedError

    # ---- many entries

    def total(self, entries: Sequence[Any]) -> Any:
        """Add up entries (none add up to 0)."""
        return functools.reduce(operator.add, entries, self.constant(0)) if len(entries) == 0 else _folded(entries)

    def largest(self, entries: Sequence[Any]) -> Any:
        """Return the largest entry; tied ones share its derivative equally, as NumPy's `max` does here."""
        return self._extreme(entries, self.maximum)

    def smallest(self, entries: Sequence[Any]) -> Any:
        """Return the smallest entry; tied ones share its derivative equally."""
        return self._extreme(entries, self.minimum)

    def _extreme(self, entries: Sequence[Any], better: Any) -> Any:
        best = functools.reduce(better, entries)
        if len(entries) <= 2:  # `maximum` itself shares ties of two
            return best
        ties = [self.equal(entry, best) for entry in entries]
        shares = [self.select(tie, entry, self.constant(0)) for tie, entry in zip(ties, entries, strict=True)]
        return self.total(shares) / self.total([self.number(tie) for tie in ties])

    # ---- arithmetic

    def negative(self, x: Any) -> Any:
        return -x

    def add(self, x: Any, y: Any) -> Any:
        return x + y

    def subtract(self, x: Any, y: Any) -> Any:
        return x - y

    def multiply(self, x: Any, y: Any) -> Any:
        return x * y

    def divide(self, x: Any, y: Any) -> Any:
        return x / y

    def power(self, x: Any, y: Any) -> Any:
        return x**y

    def square(self, x: Any) -> Any:
        return x * x

    def reciprocal(self, x: Any) -> Any:
        return self.constant(1) / x

    def conjugate(self, x: Any) -> Any:
        return x

    def real(self, x: Any) -> Any:
        return x

    def imag(self, x: Any) -> Any:
        return self.constant(0) * x

    # ---- elementary functions

    def absolute(self, x: Any) -> Any:
        return self.sign(x) * x  # 0 at 0, and so is its derivative

    def cbrt(self, x: Any) -> Any:
        return self.sign(x) * self.absolute(x) ** (self.constant(1) / self.constant(3))

    def exp2(self, x: Any) -> Any:
        return self.exp(self.log(self.constant(2)) * x)

    def expm1(self, x: Any) -> Any:
        return self.exp(x) - self.constant(1)

    def log1p(self, x: Any) -> Any:
        return self.log(self.constant(1) + x)

    def log2(self, x: Any) -> Any:
        return self.log(x) / self.log(self.constant(2))

    def log10(self, x: Any) -> Any:
        return self.log(x) / self.log(self.constant(10))

    def hypot(self, x: Any, y: Any) -> Any:
        return self.sqrt(x * x + y * y)

    def logaddexp(self, x: Any, y: Any) -> Any:
        # Neither exponential may overflow, and both branches have the derivative of the whole where they meet.
        swapped = self.less(x, y)
        return self.select(swapped, y, x) + self.log1p(self.exp(self.select(swapped, x - y, y - x)))

    # ---- selection; a NaN passes through, ties share equally

    def maximum(self, x: Any, y: Any) -> Any:
        half = (x + y) / self.constant(2)
        return self.select(self.less(y, x), x, self.select(self.less(x, y), y, half))

    def minimum(self, x: Any, y: Any) -> Any:
        half = (x + y) / self.constant(2)
        return self.select(self.less(x, y), x, self.select(self.less(y, x), y, half))

    # ---- whole numbers

    def ceil(self, x: Any) -> Any:
        return -self.floor(-x)

    def trunc(self, x: Any) -> Any:
        return self.sign(x) * self.floor(self.absolute(x))

    def remainder(self, x: Any, y: Any) -> Any:
        return x - y * self.floor(x / y)

    def floor_divide(self, x: Any, y: Any) -> Any:
        return self.floor(x / y)

    # ---- truths

    def not_equal(self, x: Any, y: Any) -> Any:
        return self.logical_not(self.equal(x, y))

    def greater(self, x: Any, y: Any) -> Any:
        return self.less(y, x)

    def greater_equal(self, x: Any, y: Any) -> Any:
        return self.less_equal(y, x)

    def logical_xor(self, x: Any, y: Any) -> Any:
        return self.logical_or(self.logical_and(x, self.logical_not(y)), self.logical_and(self.logical_not(x), y))

    def invert(self, x: Any) -> Any:
        return self.logical_not(x)

    def bitwise_and(self, x: Any, y: Any) -> Any:
        return self.logical_and(x, y)

    def bitwise_or(self, x: Any, y: Any) -> Any:
        return self.logical_or(x, y)

    def bitwise_xor(self, x: Any, y: Any) -> Any:
        return self.logical_xor(x, y)

    def isnan(self, x: Any) -> Any:
        return self.logical_not(self.equal(x, x))

    def isinf(self, x: Any) -> Any:
        infinity = self.constant(math.inf)
        return self.logical_or(self.equal(x, infinity), self.equal(x, -infinity))

    def isfinite(self, x: Any) -> Any:
        return self.logical_not(self.logical_or(self.isnan(x), self.isinf(x)))

    # ---- special functions that elementary ones give, without overflow

    def expit(self, x: Any) -> Any:
        one, below = self.constant(1), self.less(x, self.constant(0))
        e = self.exp(self.select(below, x, -x))
        return self.select(below, e, one) / (one + e)

    def log_expit(self, x: Any) -> Any:
        below = self.less(x, self.constant(0))
        return self.select(below, x, self.constant(0)) - self.log1p(self.exp(self.select(below, x, -x)))

    def xlogy(self, x: Any, y: Any) -> Any:
        # (The logarithm of a number that is harmless where it does not count.)
        zero = self.equal(x, self.constant(0))
        return x * self.log(self.select(zero, self.constant(1), y))


def _folded(entries: Sequence[Any]) -> Any:
    """Add up entries pairwise: a sum of n terms as a tree of depth log n, with NumPy's accuracy."""
    while len(entries) > 1:
        paired = [a + b for a, b in zip(entries[::2], entries[1::2], strict=False)]
        entries = [*paired, entries[-1]] if len(entries) % 2 else paired
    return entries[0]
