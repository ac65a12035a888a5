"""The linear system A v = b of the implicit function theorem, A being the Jacobian of F by x: solved on any trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.errors import InputError, UnsupportedOperationError
from diffiface.implicit.condition import Condition
from diffiface.primitives import NUMPY, CustomCall, Primitives
from diffiface.rules.transposition import zeros_like
from diffiface.rules.user_code import defined_at

Matvec = Callable[[np.ndarray], np.ndarray]
LinearSolver = str | Callable[[Matvec, np.ndarray], Any]
"""A name, or a function `solver(matvec, b)`."""

_NAMES = ("auto", "dense", "cg", "gmres", "bicgstab")
_LARGEST_DENSE = 256
"""Up to how many unknowns "auto" forms the matrix."""
_RTOL = 1e-12
"""How far iterations reduce the residual."""


def check(solver: Any) -> None:
    """Raise `InputError` for what is no linear solver."""
    if not (callable(solver) or solver in _NAMES):
        raise InputError(
            f"linear_solver={solver!r} is not known",
            fix=f"one of {', '.join(map(repr, _NAMES))}, or a function solver(matvec, b) of 1-d arrays",
        )


def solve(
    p: Primitives,
    condition: Condition,
    solver: LinearSolver,
    values: Sequence[Any],
    unknowns: int,
    b: Sequence[Any],
    transposed: bool,
) -> list[Any]:
    """Solve A v = b (or with the transpose of A) for the leaves of v, as an operation that can be differentiated."""
    size = sum(math.prod(p.shape(x)) for x in values[:unknowns])
    if solver == "auto":
        if size <= _LARGEST_DENSE:
            solver = "dense"
        else:
            solver = "cg" if condition.kind == "argmin" else "gmres"
    if solver == "dense":
        a = condition.matrix(p, values, unknowns)
        if transposed:
            a = p.transpose(a, axes=(1, 0))
        column = p.solve(a, p.reshape(_joined(p, b), shape=(size, 1)))
        return _split(p, p.reshape(column, shape=(size,)), values[:unknowns])
    return list(p.custom_call(IterativeSolve(condition, solver, unknowns, len(values), transposed), [*values, *b]))


def _joined(p: Primitives, leaves: Sequence[Any]) -> Any:
    return p.concatenate([p.reshape(leaf, shape=(math.prod(p.shape(leaf)),)) for leaf in leaves], axis=0)


def _split(p: Primitives, vector: Any, like: Sequence[Any]) -> list[Any]:
    parts, start = [], 0
    for leaf in like:
        size = math.prod(p.shape(leaf))
        parts.append(p.reshape(p.getitem(vector, index=slice(start, start + size)), shape=p.shape(leaf)))
        start += size
    return parts


class IterativeSolve(CustomCall):
    """The solution of A v = b from products with A alone: operands are x, the arguments and b.

    It is an implicit function in its turn, so its derivatives are products with A and its derivatives, and another
    solution with the same A.
    """

    def __init__(self, condition: Condition, solver: LinearSolver, unknowns: int, given: int, transposed: bool):
        self.name = f"the linear system of {condition.name}"
        self.condition = condition
        self.solver = solver
        self.unknowns = unknowns
        self.given = given
        """How many of the operands A depends on; b is the rest."""
        self.transposed = transposed

    def _product(self, p: Primitives, values: Sequence[Any], v: Sequence[Any], transposed: bool) -> list[Any]:
        move = self.condition.pull if transposed else self.condition.push
        return move(p, values, self.unknowns, range(self.unknowns), v)

    def on_host(self, operands: Sequence[Any]) -> tuple[np.ndarray, ...]:
        values, b = [np.asarray(o) for o in operands[: self.given]], operands[self.given :]
        like = values[: self.unknowns]

        def matvec(vector: np.ndarray) -> np.ndarray:
            product = self._product(NUMPY, values, _split(NUMPY, np.asarray(vector), like), self.transposed)
            return _joined(NUMPY, product)

        solution = _iterate(self.solver, matvec, _joined(NUMPY, b), self.condition)
        return tuple(np.array(part)[()] for part in _split(NUMPY, solution, like))

    def outputs(self, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        return [o if isinstance(o, tuple) else (np.shape(o), np.asarray(o).dtype) for o in operands[: self.unknowns]]

    def _again(self, p: Primitives, values: Sequence[Any], b: Sequence[Any], transposed: bool) -> list[Any]:
        call = IterativeSolve(self.condition, self.solver, self.unknowns, self.given, transposed)
        return list(p.custom_call(call, [*values, *b]))

    def push(
        self, p: Primitives, operands: Sequence[Any], ys: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Any, ...]:
        # A v = b: A dv = db - dA v.
        values, n = operands[: self.given], self.given
        right = [zeros_like(p, y) if t is None else t for y, t in zip(ys, tangents[n:], strict=True)]
        moved = [i for i in range(n) if tangents[i] is not None]
        if moved:
            change = self.condition.push(
                p, values, self.unknowns, moved, [tangents[i] for i in moved], of=self._applied(ys)
            )
            right = [p.subtract(r, c) for r, c in zip(right, change, strict=True)]
        return tuple(self._again(p, values, right, self.transposed))

    def pull(
        self,
        p: Primitives,
        operands: Sequence[Any],
        ys: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[Any],
    ) -> list[Any]:
        values, n = operands[: self.given], self.given
        adjoint = self._again(p, values, cotangents, not self.transposed)
        found = {n + i: a for i, a in enumerate(adjoint)}
        moved = [i for i in wanted if i < n]
        if moved:
            negative = [p.negative(a) for a in adjoint]
            pulled = self.condition.pull(p, values, self.unknowns, moved, negative, of=self._applied(ys))
            found.update(zip(moved, pulled, strict=True))
        return [found[i] for i in wanted]

    def _applied(self, v: Sequence[Any]) -> Any:
        """Return the product with a fixed v as a function of what A depends on."""
        return lambda q, values: self._product(q, values, v, self.transposed)


def _iterate(solver: LinearSolver, matvec: Matvec, b: np.ndarray, condition: Condition) -> np.ndarray:
    if callable(solver):
        solution = np.asarray(solver(matvec, b))
        if solution.shape != b.shape:
            raise InputError(
                f"the linear solver returned shape {solution.shape} for a right-hand side of shape {b.shape}",
                where=defined_at(solver),
            )
        return solution
    from scipy.sparse import linalg  # loaded only by those who need it

    operator = linalg.LinearOperator((b.size, b.size), matvec=matvec, dtype=b.dtype)  # type: ignore[call-arg]
    options: dict[str, Any] = {"rtol": _RTOL, "maxiter": 20 * b.size + 100}
    if solver == "gmres":
        options |= {"restart": min(b.size, 100), "maxiter": 100}
    with np.errstate(all="ignore"):
        solution, _ = getattr(linalg, solver)(operator, b, **options)
    # (an iteration may stagnate just above so strict a tolerance and still be as good as can be)
    residual = np.linalg.norm(matvec(solution) - b)
    if not residual <= 1e-8 * np.linalg.norm(b):  # NaN too
        raise UnsupportedOperationError(
            f"{solver} did not solve the linear system of {condition.name}: residual {residual:.1e} "
            f"for a right-hand side of {np.linalg.norm(b):.1e}",
            where=defined_at(condition.code.function),
            fix="another linear_solver ('dense' always works, 'cg' needs a symmetric positive definite Jacobian); "
            "or the Jacobian of the condition is singular at the solution",
        )
    return solution
