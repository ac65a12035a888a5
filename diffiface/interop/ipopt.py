"""cyipopt: objective, constraints and Lagrangian with sparse derivatives, in the structures that Ipopt wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.errors import InputError
from diffiface.interop.for_scipy.residual import ResidualCallables
from diffiface.interop.for_scipy.scalar import ScalarCallables
from diffiface.operators.hessian import prepare_hessian
from diffiface.registry import resolve
from diffiface.sparse.backend import Sparse


def lagrangian(
    x: Any,
    factor: float,
    multipliers: np.ndarray,
    f: Any,
    g: Any,
    f_contexts: tuple[Any, ...],
    g_contexts: tuple[Any, ...],
) -> Any:
    """Return `factor * f(x) + multipliers @ g(x)`, whose Hessian Ipopt asks for."""
    value = factor * f(x, *f_contexts)
    return value if g is None else value + (g(x, *g_contexts) * multipliers).sum()


class IpoptProblem:
    """What `cyipopt.Problem` calls: made by `ipopt_problem`. Values of matrices come in the order of their structures."""

    def __init__(
        self,
        f: Callable[..., Any],
        x: Any,
        backend: str | Backend,
        contexts: Sequence[Any],
        g: Callable[..., Any] | None,
        g_contexts: Sequence[Any],
    ):
        engine = resolve(backend)
        sparse = engine if isinstance(engine, Sparse) else Sparse(engine)
        self._objective = ScalarCallables(f, x, sparse, contexts)
        self.vector, self.x0 = self._objective.vector, self._objective.x0
        self._constraints = None if g is None else ResidualCallables(g, x, sparse, g_contexts)
        self.m = 0 if self._constraints is None else self._constraints.fun(self.x0).size
        """How many constraints there are."""
        self._fixed = (f, g, tuple(contexts), tuple(g_contexts))
        self._y_shape = (0,) if self._constraints is None else self._constraints.y_shape
        self._hessian: Any = prepare_hessian(
            lagrangian, sparse, self.vector.tree(self.x0), 1.0, np.ones(self._y_shape), *self._fixed
        )
        self._hessian_structure = self._lower(self._hessian.pattern.matrix())
        jacobian = None if self._constraints is None else self._constraints.jacobian_pattern()
        self._jacobian_structure = (np.zeros(0, int), np.zeros(0, int)) if jacobian is None else _coordinates(jacobian)

    def objective(self, x: np.ndarray) -> float:
        """Return f's value."""
        return self._objective.fun(x)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Return f's gradient, shape `(n,)`."""
        return self._objective.jac(x)

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """Return the constraints' values, shape `(m,)`."""
        return np.zeros(0) if self._constraints is None else self._constraints.fun(x)

    def jacobianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns of the constraints' Jacobian."""
        return self._jacobian_structure

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Return the values of the constraints' Jacobian."""
        if self._constraints is None:
            return np.zeros(0)
        return _values(self._constraints.jac(x), self._jacobian_structure, "Jacobian of the constraints")

    def hessianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns of the lower triangle of the Lagrangian's Hessian."""
        return self._hessian_structure

    def hessian(self, x: np.ndarray, lagrange: np.ndarray, obj_factor: float) -> np.ndarray:
        """Return the values of the lower triangle of the Lagrangian's Hessian."""
        multipliers = np.array(lagrange, np.float64).reshape(self._y_shape)
        H = self._hessian.hessian(self.vector.tree(x), float(obj_factor), multipliers, *self._fixed)
        return _values(self.vector.hessian(H), self._hessian_structure, "Hessian of the Lagrangian")

    @staticmethod
    def _lower(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = _coordinates(matrix)
        return rows[columns <= rows], columns[columns <= rows]


def _coordinates(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    coordinates = matrix.tocoo()
    return coordinates.row.astype(int), coordinates.col.astype(int)


def _values(matrix: Any, structure: tuple[np.ndarray, np.ndarray], what: str) -> np.ndarray:
    """Return the entries of a matrix in the order of a structure that was given away before."""
    rows, columns = structure
    found_rows, found_columns = _coordinates(matrix)
    if what.startswith("Hessian"):
        below = found_columns <= found_rows
        found_rows, found_columns = found_rows[below], found_columns[below]
    width = matrix.shape[1]
    if not np.isin(found_rows * width + found_columns, rows * width + columns).all():
        raise InputError(
            f"the {what} has entries that it had not when the problem was made, but Ipopt wants a fixed structure",
            fix='give di.Sparse(engine, detector="global"), or a matrix with the pattern',
        )
    return np.asarray(matrix[rows, columns], np.float64).reshape(-1) if len(rows) else np.zeros(0)


def ipopt_problem(
    f: Callable[..., Any],
    x: Any,
    backend: str | Backend,
    *contexts: Any,
    constraints: Callable[..., Any] | None = None,
    constraint_contexts: Sequence[Any] = (),
) -> IpoptProblem:
    """Return the object from which `cyipopt.Problem` takes objective, constraints and their sparse derivatives.

    Args:
        f: `f(x, *contexts)`, the scalar that is minimised.
        x: an array or a pytree like those f will get.
        backend: an engine's name or object; patterns are found and colored as by `di.Sparse(backend)`, or as a
            `di.Sparse` with options says.
        contexts: further arguments of f.
        constraints: `constraints(x, *constraint_contexts)`, an array, kept between bounds `cl` and `cu`.
        constraint_contexts: further arguments of the constraints.
    Returns:
        `problem`, for `cyipopt.Problem(n=problem.x0.size, m=problem.m, problem_obj=problem, lb=, ub=, cl=, cu=)`.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.

    >>> import numpy as np, diffiface as di
    >>> problem = di.interop.ipopt_problem(
    ...     lambda x: x[0] * x[1], np.ones(3), "reverse", constraints=lambda x: np.stack([x[2] ** 2])
    ... )
    >>> problem.jacobianstructure(), problem.jacobian(np.array([1.0, 2.0, 3.0]))
    ((array([0]), array([2])), array([6.]))
    >>> problem.hessianstructure(), problem.hessian(np.ones(3), np.array([4.0]), 0.5)
    ((array([1, 2]), array([0, 2])), array([0.5, 8. ]))
    """
    return IpoptProblem(f, x, backend, contexts, constraints, constraint_contexts)
