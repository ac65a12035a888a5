"""What CasADi knows about expressions: forward, reverse, sparse Jacobians and Hessians, and functions of numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np

from diffiface.adapter import Primitives
from diffiface_casadi.primitives import CasADiPrimitives

Entries = list[Any]


@dataclass(frozen=True)
class CasADiAlgebra:
    """Expressions of CasADi."""

    max_operations: int | None
    jit: bool

    def trace(self, outer: Primitives) -> CasADiPrimitives:
        """Return the primitives on arrays of scalar expressions."""
        return CasADiPrimitives(self, outer)

    def symbols(self, name: str, count: int) -> Entries:
        """Return new symbols (each is itself, whatever it is called)."""
        return ca.vertsplit(ca.SX.sym(name, count)) if count else []

    def is_zero(self, entry: Any) -> bool:
        """Whether an expression is the number 0."""
        return bool(entry.is_zero()) if isinstance(entry, ca.SX) else entry == 0

    def depend(self, entries: Entries, symbols: Entries) -> bool:
        """Whether any of the expressions holds any of the symbols."""
        return bool(entries and symbols) and ca.depends_on(column(entries), column(symbols))

    def push(self, ys: Entries, xs: Entries, tangents: Entries) -> Entries:
        """Return the Jacobian times the tangents, by forward mode."""
        return _listed(ca.jtimes(column(ys), column(xs), column(tangents)))

    def pull(self, ys: Entries, xs: Entries, cotangents: Entries) -> Entries:
        """Return the transposed Jacobian times the cotangents, by reverse mode."""
        return _listed(ca.jtimes(column(ys), column(xs), column(cotangents), True))

    def jacobian(self, ys: Entries, xs: Entries) -> Entries:
        """Return the entries of the Jacobian row by row; CasADi colours its sparsity pattern."""
        return _listed(ca.vec(ca.jacobian(column(ys), column(xs)).T))

    def hessian(self, y: Any, xs: Entries) -> tuple[Entries, Entries]:
        """Return the gradient and the entries of the Hessian, by star colouring of its sparsity pattern."""
        hessian, gradient = ca.hessian(column([y]), column(xs))
        return _listed(gradient), _listed(ca.vec(hessian))

    def substitute(self, expressions: Entries, symbols: Entries, values: Entries) -> Entries:
        """Return the expressions with other expressions in the place of the symbols."""
        return _listed(ca.substitute(column(expressions), column(symbols), column(values)))

    def function(self, inputs: Entries, outputs: Entries, name: str = "f") -> Any:
        """Return CasADi's function from one dense vector to another."""
        options: dict[str, Any] = {"cse": True}
        if self.jit:
            options |= {"jit": True, "compiler": "shell", "jit_options": {"flags": ["-O2"], "verbose": False}}
        return ca.Function(name, [column(inputs)], [ca.densify(column(outputs))], options)

    def compile(self, inputs: Entries, outputs: Entries) -> Callable[[np.ndarray], np.ndarray]:
        """Return CasADi's function, reading and writing NumPy's memory."""
        if not outputs:
            return lambda vector: np.zeros(0)
        function, count = self.function(inputs, outputs), len(outputs)
        buffers = threading.local()

        def evaluate(vector: np.ndarray) -> np.ndarray:
            if not hasattr(buffers, "run"):  # CasADi's buffer belongs to one thread
                buffers.given, buffers.found = np.zeros(max(len(inputs), 1)), np.zeros(count)
                buffers.buffer, buffers.run = function.buffer()
                buffers.buffer.set_arg(0, buffers.given.data)
                buffers.buffer.set_res(0, buffers.found.data)
            buffers.given[: len(inputs)] = vector
            buffers.run()
            return buffers.found.copy()

        return evaluate


def column(entries: Entries) -> Any:
    """Return a column of expressions (of numbers as well)."""
    return ca.SX(ca.vertcat(*entries)) if entries else ca.SX(0, 1)


def _listed(vector: Any) -> Entries:
    return ca.vertsplit(ca.densify(vector)) if vector.shape[0] else []
