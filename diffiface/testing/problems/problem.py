"""A classic problem as data: how to make it at any size, and what its derivatives are known to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.contexts import unwrap
from diffiface.errors import InputError

SEEDED = {"pushforward": "x", "hvp": "x", "pullback": "y"}
"""The operators that take tangents or cotangents, and what those are like."""


@dataclass(frozen=True)
class Instance:
    """A problem at one size: the function, where to differentiate it, and what the answer is."""

    f: Callable[..., Any]
    """A function that can be pickled and found again by its name (never a closure)."""
    x: Any
    contexts: tuple[Any, ...] = ()
    derivatives: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Operator → its result, derived by hand: called with `(x, *contexts)`, or `(x, t, *contexts)` if it takes seeds."""
    minimum: float | None = None
    """The published least value of f (of the sum of its squares, if f is a vector)."""

    def seed(self, operator: str) -> Any:
        """Return a fixed tangent or cotangent of full scale for an operator; None if it takes none.

        Args:
            operator: `"pushforward"`, `"hvp"` (a tangent like x), `"pullback"` (a cotangent like y), or another.
        Returns:
            A pytree like x or y with entries drawn from the standard normal distribution.
        """
        if operator not in SEEDED:
            return None
        like = self.x if SEEDED[operator] == "x" else self.f(self.x, *map(unwrap, self.contexts))
        rng = np.random.default_rng(7)
        return trees.map_leaves(lambda leaf: rng.standard_normal(np.shape(leaf)), like)

    def reference(self, operator: str) -> Any:
        """Return the operator's result as derived by hand, or by contraction of a derived matrix; None if not derived.

        Args:
            operator: one of the eight; those with seeds are answered for `seed(operator)`.
        Returns:
            What the plain variant of the operator must return, up to rounding.
        """
        arguments = tuple(map(unwrap, self.contexts))
        known = self.derivatives
        if operator in known:
            seeds = () if operator not in SEEDED else (self.seed(operator),)
            return known[operator](self.x, *seeds, *arguments)
        if not isinstance(self.x, np.ndarray) or operator not in SEEDED:
            return None
        source = "hessian" if operator == "hvp" else "jacobian" if "jacobian" in known else "gradient"
        if source not in known:
            return None
        matrix, t = np.asarray(known[source](self.x, *arguments)), self.seed(operator)
        if operator == "pullback":
            return np.tensordot(t, matrix, axes=np.ndim(t))
        return np.tensordot(matrix, t, axes=np.ndim(t))


@dataclass(frozen=True)
class Problem:
    """A classic problem of some size."""

    name: str
    operators: tuple[str, ...]
    """The operators that are of interest here, the most usual first."""
    make: Callable[[int, int], Instance]
    """`make(n, seed)`: n sets the size, `seed` the data."""
    sizes: tuple[int, ...]
    """Sizes for scaling runs, small to large; the first is for tests."""
    summary: str
    source: str = ""

    def instance(self, n: int | None = None, seed: int = 0) -> Instance:
        """Make the problem.

        Args:
            n: its size (default: the first of `sizes`).
            seed: of the random numbers in its data; the same seed gives the same data.
        Returns:
            The function, its arguments, and its derivatives as far as they are derived by hand.

        >>> from diffiface.testing.problems import find_problem
        >>> logit = find_problem("logit").instance(10)
        >>> logit.reference("gradient").shape
        (3,)
        """
        n = self.sizes[0] if n is None else n
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise InputError(f"a size is a positive integer, not {n!r}", fix=f"for example {self.sizes[0]}")
        return self.make(int(n), seed)

    def __repr__(self) -> str:
        return f"Problem({self.name!r})"
