"""The right-hand side of an ODE and its Jacobian, as `solve_ivp` and `odeint` call them."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.interop.for_scipy.common import dense
from diffiface.interop.for_scipy.methods import ode_arguments
from diffiface.interop.for_scipy.vector_function import VectorFunction


class OdeCallables(VectorFunction):
    """A right-hand side `f(t, x, *contexts)` for `solve_ivp` and `odeint`: `scipy_callables(..., kind="ode")`.

    Every method takes t and x, a vector of shape `(n,)`, and returns new float64 arrays.
    """

    kind = "ode"
    _before_contexts = 2
    _front = (0.0,)

    def value(self, t: float, x: np.ndarray) -> np.ndarray:
        """Return f's value, shape `(n,)`, and compute nothing else if f is a NumPy function."""
        return self._value_at(x, t)

    def fun(self, t: float, x: np.ndarray) -> np.ndarray:
        """Return f's value, shape `(n,)`. (Integrators call it far more often than `jac`, so it computes nothing else.)"""
        return self._value_at(x, t)

    def jac(self, t: float, x: np.ndarray) -> Any:
        """Return the Jacobian by x, shape `(n, n)`: an array, or a CSR array if the backend is `di.Sparse`."""
        return self._jacobian_at(x, t)

    def dense_jac(self, t: float, x: np.ndarray) -> np.ndarray:
        """Return the Jacobian as an array, whatever the backend."""
        return dense(self._jacobian_at(x, t))

    def fun_and_jac(self, t: float, x: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return `(value, Jacobian)`."""
        jacobian = self._jacobian_at(x, t)
        return self._value_at(x, t), jacobian

    def jac_operator(self, t: float, x: np.ndarray) -> Any:
        """Return the Jacobian as a `LinearOperator` of shape `(n, n)`, which only computes products."""
        return self._operator_at(x, t)

    def for_method(self, name: str) -> dict[str, Any]:
        """Return the keyword arguments that a method can take, the function included.

        Args:
            name: a method of `solve_ivp` (`"Radau"`, `"RK45"`, …), or `"solve_ivp"` or `"odeint"`.
        Returns:
            Keyword arguments: `solve_ivp(t_span=(0, 1), y0=x, **callables.for_method("BDF"))`.
        Raises:
            InputError: no such method.
        """
        return ode_arguments(self, name)
