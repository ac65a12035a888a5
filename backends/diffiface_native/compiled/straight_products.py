"""Where straight-line code adds a product without rounding it first (`multiply_add` says why not everywhere).

In a loop over numbers each step waits for the one before, so every instruction on that way counts: of two products the
one that is known later is taken into the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

from diffiface_native.compiled.multiply_add import PRODUCTS
from diffiface_native.compiled.nest import Expression
from diffiface_native.compiled.rolling import Loop


class StraightProducts:
    """Finds the products of a nest without loops that need no rounding."""

    def __init__(
        self,
        expressions: Sequence[Expression],
        order: Sequence[int],
        operands: Sequence[tuple[int, ...]],
        ends: Sequence[int],
    ):
        """Prepare to look for them.

        Args:
            expressions: those of the nest.
            order: position → place in the list of expressions.
            operands: position → the positions of its operands; negative ones are given.
            ends: the positions whose results are stored, or folded into something.
        """
        self._expressions = expressions
        self._order = order
        self._operands = operands
        read = np.fromiter(chain(chain.from_iterable(operands), ends), np.int64)
        self._uses = np.bincount(read[read >= 0], minlength=len(order))
        """By position: how often it is read."""
        self._ready: dict[int, int] = {}
        """By position: how many operations of its own stretch come before it, one after the other."""

    def between_loops(self, positions: Sequence[int], loop_of: Callable[[int], Loop | None]) -> dict[int, int]:
        """Return, for each sum outside loops that takes a product, which of its operands that is."""
        return self._found(positions, 1, lambda product: loop_of(product) is None)

    def in_loop(self, loop: Loop) -> dict[int, int]:
        """Return the same for a loop: by the position in its first iteration."""
        first = range(loop.start, loop.start + loop.period)
        found = self._found(first, loop.count, lambda product: product >= loop.start, loop.period)
        # What is carried comes from the loop only once it has gone round: its last iteration must agree.
        last = (loop.count - 1) * loop.period
        return {at: k for at, k in found.items() if self._may_take(at + last, k)}

    def _found(
        self, positions: Sequence[int], count: int, is_near: Callable[[int], bool], period: int = 1
    ) -> dict[int, int]:
        found: dict[int, int] = {}
        for at in positions:
            operands = self._operands[at]
            self._ready[at] = 1 + max((self._ready.get(o, 0) for o in operands if o >= 0 and is_near(o)), default=0)
            if self._operation(at) not in ("add", "subtract"):
                continue
            latest_first = sorted(range(2), key=lambda k: -self._ready.get(operands[k], 0))
            for k in latest_first:
                product = operands[k]
                if product < 0 or not is_near(product) or self._operation(product) not in PRODUCTS:
                    continue
                times = self._uses[product : product + (count - 1) * period + 1 : period]
                if (times == 1).all() and self._may_take(at, k):
                    found[at] = k
                    break
        return found

    def _operation(self, position: int) -> str:
        return self._expressions[self._order[position]].operation

    def _may_take(self, at: int, k: int) -> bool:
        """Say whether the product that is operand k cannot be one that cancels the other operand."""
        product, other = self._operands[at][k], self._operands[at][1 - k]
        while other >= 0 and self._operation(other) == "negative":
            other = self._operands[other][0]
        if other < 0 or self._operation(other) not in PRODUCTS:
            return True
        # 3x - 2y is zero by chance only, 3x - 3y wherever x and y are the same.
        factors = self._known_factor(product), self._known_factor(other)
        return None not in factors and factors[0] != factors[1]

    def _known_factor(self, product: int) -> float | None:
        """Return the size of the number that is multiplied by; None if there is none."""
        arguments = (self._expressions[place] for place in self._expressions[self._order[product]].arguments)
        return next((abs(float(a.value)) for a in arguments if a.operation == "number"), None)
