"""Which points a derivative is made of, and with which weights.

Every stencil works on f itself, the second-order ones too: differences of differences would lose
half of the digits twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Method = Literal["central", "forward", "complex_step"]

METHODS: tuple[Method, ...] = ("central", "forward", "complex_step")

IMAGINARY_STEP = 2.0**-100
"""A step along the imaginary axis subtracts nothing, so it can be too small for any truncation error."""


@dataclass(frozen=True)
class Stencil:
    """A difference quotient along one or two directions."""

    points: tuple[tuple[complex, ...], ...]
    """Of each point, how many steps it is from x along each direction."""
    weights: tuple[float, ...]
    """What f at each point is multiplied by."""
    roots: tuple[int | None, ...]
    """Per direction the root of the rounding error that balances truncation and rounding; None: imaginary step.

    A quotient of order k with a truncation error of order m is best with the (k + m)-th root.
    """

    @property
    def imaginary(self) -> bool:
        """Whether the derivative is in the imaginary part of f."""
        return self.roots[0] is None

    def relative_steps(self, epsilon: float) -> tuple[float, ...]:
        """Return the step per direction, relative to x, for a function with this relative rounding error."""
        return tuple(IMAGINARY_STEP if root is None else epsilon ** (1 / root) for root in self.roots)


FIRST: dict[Method, Stencil] = {
    "central": Stencil(((1,), (-1,)), (1 / 2, -1 / 2), roots=(3,)),
    "forward": Stencil(((1,), (0,)), (1, -1), roots=(2,)),
    "complex_step": Stencil(((1j,),), (1,), roots=(None,)),
}
"""The first derivative along a direction."""

MIXED: dict[Method, Stencil] = {
    "central": Stencil(((1, 1), (1, -1), (-1, 1), (-1, -1)), (1 / 4, -1 / 4, -1 / 4, 1 / 4), roots=(4, 4)),
    "forward": Stencil(((1, 1), (1, 0), (0, 1), (0, 0)), (1, -1, -1, 1), roots=(3, 3)),
    "complex_step": Stencil(((1j, 1), (1j, -1)), (1 / 2, -1 / 2), roots=(None, 3)),
}
"""The second derivative along two directions (which may be the same)."""

PURE: dict[Method, Stencil] = {
    **MIXED,
    "central": Stencil(((1, 0), (0, 0), (-1, 0)), (1, -2, 1), roots=(4, 4)),
    "forward": Stencil(((2, 0), (1, 0), (0, 0)), (1, -2, 1), roots=(3, 3)),
}
"""The second derivative along one direction, given twice."""


def repeated(method: Method, order: int) -> Stencil:
    """Return the derivative of any order along one direction, which is given as often.

    The quotient is the `order`-th binomial difference; with an imaginary step it is one order less, of the first
    derivatives that the imaginary parts are. (Fornberg, Generation of finite difference formulas, 1988, has the weights.)
    """
    if method == "complex_step":
        if order == 1:
            return FIRST[method]
        below = repeated("central", order - 1)
        points = tuple((1j, *multiples) for multiples in below.points)
        return Stencil(points, below.weights, (None, *below.roots))
    weights = tuple(float((-1) ** k * math.comb(order, k)) for k in range(order + 1))
    highest = order / 2 if method == "central" else order
    # Only the first of the equal directions is stepped along; the others say by which power of the step to divide.
    points = tuple((highest - k, *[0] * (order - 1)) for k in range(order + 1))
    truncation = 2 if method == "central" else 1
    return Stencil(points, weights, (order + truncation,) * order)
