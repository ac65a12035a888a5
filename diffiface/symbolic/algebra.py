"""What an engine of symbols knows about expressions: all that the rest of this package asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from diffiface.primitives import Primitives

if TYPE_CHECKING:
    from diffiface.symbolic.calls import SymbolicPrimitives

Entries = list[Any]
"""Expressions, one for each entry of some leaves, all leaves one after the other in C order."""


class Algebra(Protocol):
    """What an engine knows about expressions."""

    @property
    def max_operations(self) -> int | None:
        """How many operations on single numbers a function may take before it is refused."""
        ...

    def trace(self, outer: Primitives) -> SymbolicPrimitives:
        """Return the primitives on arrays of expressions."""
        ...

    def symbols(self, name: str, count: int) -> Entries:
        """Return new symbols, different from all that were made before."""
        ...

    def is_zero(self, entry: Any) -> bool:
        """Whether an expression is the number 0."""
        ...

    def depend(self, entries: Entries, symbols: Entries) -> bool:
        """Whether any of the expressions holds any of the symbols."""
        ...

    def push(self, ys: Entries, xs: Entries, tangents: Entries) -> Entries:
        """Return the Jacobian of ys by xs times the tangents."""
        ...

    def pull(self, ys: Entries, xs: Entries, cotangents: Entries) -> Entries:
        """Return the transposed Jacobian times the cotangents."""
        ...

    def jacobian(self, ys: Entries, xs: Entries) -> Entries:
        """Return the entries of the Jacobian, row by row."""
        ...

    def hessian(self, y: Any, xs: Entries) -> tuple[Entries, Entries]:
        """Return the gradient, and the entries of the Hessian row by row."""
        ...

    def substitute(self, expressions: Entries, symbols: Entries, values: Entries) -> Entries:
        """Return the expressions with other expressions in the place of the symbols."""
        ...

    def compile(self, inputs: Entries, outputs: Entries) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function from the inputs' numbers (one float64 vector) to the outputs'; safe in several threads."""
        ...
