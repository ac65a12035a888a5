"""A vector function and its derivatives, as `least_squares`, `root`, `curve_fit` and constraints call them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.interop.for_scipy.common import dense
from diffiface.interop.for_scipy.methods import residual_arguments
from diffiface.interop.for_scipy.vector_function import VectorFunction
from diffiface.interop.last_point import LastPoint
from diffiface.operators.hessian import prepare_hessian
from diffiface.operators.hvp import prepare_hvp
from diffiface.registry import backend as make_backend


def weighted(x: Any, v: np.ndarray, f: Callable[..., Any], *contexts: Any) -> Any:
    """Return the scalar `v @ f(x)` whose Hessian constraints need."""
    return (f(x, *contexts) * v).sum()


class ResidualCallables(VectorFunction):
    """A vector function for `least_squares`, `root`, `curve_fit`, constraints: `scipy_callables(..., kind="residual")`.

    Every method takes x as a vector of shape `(n,)` and returns new float64 arrays; y is seen as a vector of shape `(m,)`.
    """

    kind = "residual"

    def __init__(self, f: Callable[..., Any], x: Any, backend: str | Backend, contexts: Sequence[Any]):
        super().__init__(f, x, backend, contexts)
        self._last_hessian = LastPoint()

    def value(self, x: np.ndarray) -> np.ndarray:
        """Return f's value, shape `(m,)`, and compute nothing else if f is a NumPy function."""
        return self._value_at(x)

    def fun(self, x: np.ndarray) -> np.ndarray:
        """Return f's value, shape `(m,)`. An exact engine computes the Jacobian with it, for `jac` at the same x."""
        return self._fun_at(x)

    def jac(self, x: np.ndarray) -> Any:
        """Return the Jacobian, shape `(m, n)`: an array, or a CSR array if the backend is `di.Sparse`."""
        return self._jacobian_at(x)

    def dense_jac(self, x: np.ndarray) -> np.ndarray:
        """Return the Jacobian as an array, whatever the backend."""
        return dense(self._jacobian_at(x))

    def fun_and_jac(self, x: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return `(value, Jacobian)`, for `root(..., jac=True)`."""
        jacobian = self._jacobian_at(x)
        return self._fun_at(x), jacobian

    def jac_operator(self, x: np.ndarray) -> Any:
        """Return the Jacobian as a `LinearOperator` of shape `(m, n)`, which only computes products."""
        return self._operator_at(x)

    def hess(self, x: np.ndarray, v: np.ndarray) -> Any:
        """Return the Hessian of `v @ f(x)`, shape `(n, n)`: what a `NonlinearConstraint` takes."""
        x, v = np.array(x, np.float64), np.array(v, np.float64).reshape(-1)

        def compute() -> dict[str, Any]:
            self.counters.nhev += 1
            hessian = self._weighted.hessian(self.vector.tree(x), *self._weighted_contexts(v))
            return {"hessian": self.vector.hessian(hessian)}

        return self._last_hessian.get((x, v), "hessian", compute).copy()

    def hessp(self, x: np.ndarray, v: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return the Hessian of `v @ f(x)` times p, shape `(n,)`."""
        self.counters.nhvp += 1
        tree = self.vector.tree
        product = self._weighted_hvp.hvp(tree(x), tree(np.ravel(p)), *self._weighted_contexts(v))
        return self.vector.vector(product)

    def model(self, xdata: Any, *params: float) -> np.ndarray:
        """Return f's value in the order in which `curve_fit` has the arguments: f is `f(params, xdata, *contexts)`."""
        if self._plain:
            return self._values(self._value_alone(self.vector.tree(params), xdata))
        self.counters.nfev += 1
        tree = self.vector.tree(params)
        return self._values(self._jacobian.value_and_jacobian(tree, xdata, *self.contexts[1:])[0])

    def model_jac(self, xdata: Any, *params: float) -> np.ndarray:
        """Return the Jacobian by the parameters, in the order in which `curve_fit` has the arguments."""
        self.counters.njev += 1
        jacobian = self._jacobian.jacobian(self.vector.tree(params), xdata, *self.contexts[1:])
        return dense(self.vector.jacobian(jacobian))

    def for_method(self, name: str, *, products_only: bool = False) -> dict[str, Any]:
        """Return the keyword arguments that a method can take, the function included.

        Args:
            name: a method of `least_squares` or `root` (`"trf"`, `"hybr"`, …), or one of `"least_squares"`, `"root"`,
                `"fsolve"`, `"curve_fit"`, `"NonlinearConstraint"`. For `curve_fit` the first context is its `xdata`.
            products_only: give a linear operator for the Jacobian (`"trf"` and `"dogbox"`, for many unknowns).
        Returns:
            Keyword arguments: `least_squares(x0=x, **callables.for_method("trf"))`.
        Raises:
            InputError: no such method, or it does not take what was asked for.
        """
        return residual_arguments(self, name, products_only)

    def jacobian_pattern(self) -> Any:
        """Return where the Jacobian may have entries, as a SciPy matrix (for `di.Sparse`; else everywhere)."""
        if self.gives_sparse:
            return self._jacobian.pattern.matrix()
        return np.ones((self.fun(self.x0).size, self.vector.size))

    # ---- prepared at first use

    @cached_property
    def y_shape(self) -> tuple[int, ...]:
        """The shape in which f gives y."""
        y, _ = self._jacobian.value_and_jacobian(self.vector.tree(self.x0), *self.contexts)
        return np.shape(y)

    @cached_property
    def _weighing_backend(self) -> Backend:
        """The engine for `weighted`, which is written in what f is written in."""
        return self.backend if self._plain else make_backend(self.backend, style="native")

    def _weighted_contexts(self, v: np.ndarray) -> tuple[Any, ...]:
        # Functions among the contexts are seen through, as f itself is.
        return (np.array(v, np.float64).reshape(self.y_shape), self.f, *self.contexts)

    @cached_property
    def _weighted(self) -> Any:
        contexts = self._weighted_contexts(np.ones(self.y_shape))
        return prepare_hessian(weighted, self._weighing_backend, self.vector.tree(self.x0), *contexts)

    @cached_property
    def _weighted_hvp(self) -> Any:
        contexts, x = self._weighted_contexts(np.ones(self.y_shape)), self.vector.tree(self.x0)
        return prepare_hvp(weighted, self._weighing_backend, x, x, *contexts)
