"""A function with derivative rules of its own, as an engine sees it.

An engine supports custom rules by one method, `Primitives.custom_call(call, operands)`. How it does so depends on
what it is:

* one that differentiates on a base (ours) hands the call to its base for the values, and asks `value_and_push` or
  `value_and_pull` for the derivatives;
* one with its own notion of a custom derivative (JAX, PyTorch, autograd) registers `push` and `pull` with it;
* one that writes a program down (a recorder, JAX under jit) computes values by `value`, which traces the user's code
  where it can and asks for `Primitives.call_out` where it cannot.

Values are flat: operands and outputs are lists of raw values. NumPy arrays among the operands are constants.
Cotangents pair with values by Re(conj(a) b), as everywhere at the surface of diffiface.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from diffiface.primitives.interface import Primitives

Pull = Callable[[Sequence[int], Sequence[Any]], list[Any]]
"""`pull(wanted, cotangents)`: one cotangent for each wanted operand."""


class CustomCall:
    """One call of such a function."""

    name: str = ""
    """What messages call it."""
    holds_fixed: bool = False
    """Whether its derivative is said to be zero although its values may move (of which differences know nothing)."""

    def on_host(self, operands: Sequence[Any]) -> tuple[np.ndarray, ...]:
        """Compute the values from NumPy arrays, as new arrays."""
        raise NotImplementedError

    def outputs(self, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Return shapes and dtypes of the values, for operands that are arrays or `(shape, dtype)` where not known."""
        raise NotImplementedError

    def value(self, p: Primitives, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Compute the values on the arrays of `p`, without any derivative."""
        return p.call_out(self, operands)

    def retraced(self, p: Primitives, operands: Sequence[Any]) -> tuple[Any, ...] | None:
        """Compute the values by the function's own code on the arrays of `p`, whatever engine it is meant for.

        Asked by an engine that takes differences of values in a precision of its own, instead of `call_out`. None if the
        code is not NumPy's.
        """
        return None

    def push(
        self, p: Primitives, operands: Sequence[Any], ys: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Any, ...]:
        """Return the tangents of the values, given those of the operands (None: the operand does not move)."""
        raise NotImplementedError

    def pull(
        self,
        p: Primitives,
        operands: Sequence[Any],
        ys: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[Any],
    ) -> list[Any]:
        """Return the cotangents of the wanted operands, given those of the values."""
        raise NotImplementedError

    # ---- both at once, where values can be had on the way to derivatives

    def value_and_push(
        self, p: Primitives, operands: Sequence[Any], batch: Sequence[Sequence[Any]]
    ) -> tuple[Sequence[Any], list[tuple[Any, ...]]]:
        """Return the values, and the tangents of the values for each of several tangents of the operands."""
        ys = p.custom_call(self, operands)
        return ys, [self.push(p, operands, ys, tangents) for tangents in batch]

    def value_and_pull(self, p: Primitives, operands: Sequence[Any]) -> tuple[Sequence[Any], Pull]:
        """Return the values, and what pulls cotangents back."""
        ys = p.custom_call(self, operands)
        return ys, lambda wanted, cotangents: self.pull(p, operands, ys, wanted, cotangents)
