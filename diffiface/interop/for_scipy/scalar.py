"""A scalar function and its derivatives, as `minimize` calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.interop.for_scipy.common import Callables, dense
from diffiface.interop.for_scipy.methods import scalar_arguments
from diffiface.operators.gradient import prepare_gradient
from diffiface.operators.hessian import prepare_hessian
from diffiface.operators.hvp import prepare_hvp


class ScalarCallables(Callables):
    """A scalar function for `minimize` and its like: made by `scipy_callables(..., kind="scalar")`.

    Every method takes x as a vector of shape `(n,)` and returns new float64 arrays.
    """

    kind = "scalar"

    def __init__(self, f: Callable[..., Any], x: Any, backend: str | Backend, contexts: Sequence[Any]):
        super().__init__(f, x, backend, contexts)
        self._gradient: Any = prepare_gradient(f, self.backend, self.vector.tree(self.x0), *self.contexts)

    def value(self, x: np.ndarray) -> float:
        """Return f's value, and compute nothing else if f is a NumPy function."""
        x = np.array(x, np.float64)

        def compute() -> dict[str, Any]:
            if not self._plain:
                return self._value_and_gradient(x)
            return {"value": self._number(self._value_alone(self.vector.tree(x)))}

        return self._last.get((x,), "value", compute)

    def fun(self, x: np.ndarray) -> float:
        """Return f's value. An exact engine computes the gradient with it, for `jac` to return at the same x."""
        x = np.array(x, np.float64)
        if not self._jointly:
            return self.value(x)
        return self._last.get((x,), "value", lambda: self._value_and_gradient(x))

    def jac(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient, shape `(n,)`."""
        x = np.array(x, np.float64)
        return self._last.get((x,), "gradient", lambda: self._value_and_gradient(x)).copy()

    def fun_and_jac(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return `(value, gradient)`, for `minimize(..., jac=True)`."""
        gradient = self.jac(x)
        return self.fun(x), gradient

    def hess(self, x: np.ndarray) -> Any:
        """Return the Hessian, shape `(n, n)`: an array, or a CSR array if the backend is `di.Sparse`."""
        x = np.array(x, np.float64)

        def compute() -> dict[str, Any]:
            self.counters.nhev += 1
            return {"hessian": self.vector.hessian(self._hessian.hessian(self.vector.tree(x), *self.contexts))}

        return self._last.get((x,), "hessian", compute).copy()

    def dense_hess(self, x: np.ndarray) -> np.ndarray:
        """Return the Hessian as an array, whatever the backend."""
        return dense(self.hess(x))

    def hessp(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return the Hessian times p, shape `(n,)`, without making the Hessian."""
        self.counters.nhvp += 1
        tree = self.vector.tree
        return self.vector.vector(self._hvp.hvp(tree(x), tree(np.ravel(p)), *self.contexts))

    def for_method(self, name: str) -> dict[str, Any]:
        """Return the keyword arguments that a method of `minimize` can take, `fun` and `method` included.

        Args:
            name: a method of `minimize` (`"BFGS"`, `"trust-exact"`, …), or `"minimize"` for SciPy's own choice.
        Returns:
            Keyword arguments: `minimize(x0=x, **callables.for_method("trust-ncg"))`.
        Raises:
            InputError: no such method.
        """
        return scalar_arguments(self, name)

    @cached_property
    def _hessian(self) -> Any:
        return prepare_hessian(self.f, self.backend, self.vector.tree(self.x0), *self.contexts)

    @cached_property
    def _hvp(self) -> Any:
        x = self.vector.tree(self.x0)
        return prepare_hvp(self.f, self.backend, x, x, *self.contexts)

    def _value_and_gradient(self, x: np.ndarray) -> dict[str, Any]:
        self.counters.nfev += 1
        self.counters.njev += 1
        y, gradient = self._gradient.value_and_gradient(self.vector.tree(x), *self.contexts)
        return {"value": float(y), "gradient": self.vector.vector(gradient)}

    def _number(self, y: Any) -> float:
        if np.shape(y) != ():
            raise self.refuse(
                f"the function returned an array of shape {np.shape(y)}, but a scalar is minimised",
                'return a scalar, or use kind="residual"',
            )
        return float(y)
