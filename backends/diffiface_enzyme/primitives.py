"""The primitives under Enzyme: JAX's own, less what Enzyme cannot differentiate or differentiates wrongly.

Found by comparing Enzyme 0.0.16 with JAX on every sample of every primitive; `tests/backends/test_enzyme.py` repeats it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from diffiface.adapter import UnsupportedOperationError, array_family

JAXPrimitives: Any = type(array_family("jax").primitives(()))
"""How a NumPy function runs on JAX's arrays, as the family of these arrays says."""

_NO_DERIVATIVE = {
    "a call of LAPACK, of which Enzyme has no derivative": (
        "solve triangular_solve inv pinv slogdet cholesky lu lu_pivots qr svd svdvals eigh eig expm logm sqrtm sylvester"
    ),
    "a gamma function, of which Enzyme 0.0.16 gives derivatives that are NaN or 0": "gammaln digamma polygamma",
    "computed outside of the compiled program, where Enzyme cannot follow": "special cofactors",
}
"""The primitives that are refused, by reason. (`det` of up to three rows is arithmetic, and works.)"""


class EnzymePrimitives(JAXPrimitives):
    """JAX arrays and tracers, in a program that Enzyme will differentiate."""

    engine = "enzyme"
    host_call = None

    # ---- written in operations that Enzyme differentiates rightly

    def tan(self, x: Any) -> Any:
        return self.divide(self.sin(x), self.cos(x))

    def arctanh(self, x: Any) -> Any:
        return self.multiply(self.subtract(self.log1p(x), self.log1p(self.negative(x))), 0.5)

    def arccosh(self, x: Any) -> Any:
        root = self.multiply(self.sqrt(self.subtract(x, 1.0)), self.sqrt(self.add(x, 1.0)))
        return self.log(self.add(x, root))

    # ---- ties are shared, as subgradients must be (Enzyme 0.0.16 gives each of the largest entries the whole cotangent)

    def max(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return self._extreme(super().max, x, axis, keepdims)

    def min(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return self._extreme(super().min, x, axis, keepdims)

    def _extreme(self, reduction: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        if self.dtype(x).kind != "f":
            return reduction(x, axis=axis, keepdims=keepdims)
        extreme = self.equal(x, reduction(x, axis=axis, keepdims=True))  # a comparison moves no derivative
        total = self.sum(self.where(extreme, x, 0.0), axis=axis, keepdims=keepdims)
        count = self.sum(self.astype(extreme, dtype=self.dtype(x)), axis=axis, keepdims=keepdims)
        return self.divide(total, count)

    # ---- products and running sums in pairs (of XLA's own, Enzyme has no derivative in forward mode)

    def prod(self, x: Any, *, axis: int, keepdims: bool) -> Any:
        shape = self.shape(x)
        y = self._front(x, axis)
        if not shape[axis]:
            y = self.add(self.sum(y, axis=(0,), keepdims=True), self.astype(1, dtype=self.dtype(x)))
        while (n := self.shape(y)[0]) > 1:
            halves = (self.getitem(y, index=part) for part in (slice(0, n // 2), slice(n // 2, n // 2 * 2)))
            pairs = self.multiply(*halves)
            y = self.concatenate([pairs, self.getitem(y, index=slice(n - 1, n))], axis=0) if n % 2 else pairs
        y = self._back(y, axis)
        return y if keepdims else self.reshape(y, shape=shape[:axis] + shape[axis + 1 :])

    def cumprod(self, x: Any, *, axis: int) -> Any:
        return self._running(self.multiply, x, axis)

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return self._running(self.add, self.astype(x, dtype=np.empty(0, self.dtype(x)).cumsum().dtype), axis)

    def _running(self, operation: Callable[[Any, Any], Any], x: Any, axis: int) -> Any:
        """Combine every entry with all before it: with one neighbour, then with two, four, ..."""
        y, step = self._front(x, axis), 1
        while step < (n := self.shape(y)[0]):
            later, before = (self.getitem(y, index=part) for part in (slice(step, n), slice(0, n - step)))
            y = self.concatenate([self.getitem(y, index=slice(0, step)), operation(later, before)], axis=0)
            step *= 2
        return self._back(y, axis)

    def _front(self, x: Any, axis: int) -> Any:
        rank = len(self.shape(x))
        return self.transpose(x, axes=(axis, *(i for i in range(rank) if i != axis)))

    def _back(self, x: Any, axis: int) -> Any:
        rank = len(self.shape(x))
        return self.transpose(x, axes=(*range(1, axis + 1), 0, *range(axis + 1, rank)))

    # ---- writes, as a choice between old and new values (Enzyme 0.0.16 differentiates XLA's scattered writes wrongly)

    def setitem(self, x: Any, value: Any, *, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, jax.Array) for part in parts):  # where is not known while f is traced
            return super().setitem(x, value, index=index)
        shape, dtype = self.shape(x), self.dtype(x)
        places = np.arange(math.prod(shape)).reshape(shape)[index]
        written = np.full(math.prod(shape), -1)
        written[places.reshape(-1)] = np.arange(places.size)  # of two writes to one place the last counts
        if not places.size:
            return self.astype(x, dtype=dtype)
        values = self.reshape(self.broadcast_to(value, shape=places.shape), shape=(places.size,))
        chosen = self.reshape(self.getitem(values, index=np.maximum(written, 0)), shape=shape)
        return self.astype(self.where((written >= 0).reshape(shape), chosen, x), dtype=dtype)

    # ---- what must be refused

    def custom_call(self, call: Any, operands: Any) -> tuple[Any, ...]:
        raise UnsupportedOperationError(
            f"the derivative rule of {call.name} would be passed over: Enzyme differentiates the program itself",
            engine="enzyme",
            fix="use 'jax' or 'reverse', or call the function without its rule",
        )


def _refused(name: str, reason: str) -> Callable[..., Any]:
    def primitive(self: Any, *arguments: Any, **parameters: Any) -> Any:
        what = parameters.get("function", name)
        raise UnsupportedOperationError(
            f"the primitive {what!r} is {reason}", engine="enzyme", fix="use 'jax' or 'reverse'"
        )

    return primitive


for _reason, _names in _NO_DERIVATIVE.items():
    for _name in _names.split():
        setattr(EnzymePrimitives, _name, _refused(_name, _reason))
