"""Linear algebra in autograd. What is not here is supplied by diffiface, and so are functions of complex matrices that
autograd differentiates wrongly.
"""

# autograd.numpy is filled when it is imported, which type checkers cannot see.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np

from diffiface.adapter import Primitives
from diffiface_autograd.arrays import plain, private


def _symmetric(a: Any) -> Any:
    """The matrix that the lower triangle stands for, with the derivative of the symmetrised argument."""
    symmetrised = (a + anp.conj(anp.swapaxes(a, -1, -2))) / 2
    lower = np.tril(plain(a))
    from_lower = lower + np.conj(np.swapaxes(np.tril(lower, -1), -1, -2))
    return symmetrised + (from_lower - plain(symmetrised))


class LinearAlgebra(Primitives):
    """The primitives of linear algebra."""

    def solve(self, a: Any, b: Any) -> Any:
        # autograd's rule knows nothing of stacks that NumPy broadcasts against each other.
        stack = np.broadcast_shapes(self.shape(a)[:-2], self.shape(b)[:-2])
        a, b = (
            v if self.shape(v)[:-2] == stack else self.broadcast_to(v, shape=stack + tuple(self.shape(v)[-2:]))
            for v in (a, b)
        )
        return anp.linalg.solve(private(a), private(b))

    def inv(self, a: Any) -> Any:
        return anp.linalg.inv(private(a))

    def det(self, a: Any) -> Any:
        # autograd's own rule has no answer at a singular matrix.
        return self.host_call("det", a)  # type: ignore[misc]

    def cholesky(self, a: Any) -> Any:
        if self.dtype(a).kind == "c":
            return self.host_call("cholesky", a)  # type: ignore[misc]
        return anp.linalg.cholesky(private(a))

    def slogdet(self, a: Any) -> tuple[Any, Any]:
        if self.dtype(a).kind == "c":
            return self.host_call("slogdet", a)  # type: ignore[misc]
        result = anp.linalg.slogdet(a)
        return result[0], result[1]

    def eigh(self, a: Any, *, upper: bool = False) -> tuple[Any, Any]:
        result = anp.linalg.eigh(_symmetric(a), "U" if upper else "L")
        return result[0], result[1]
