"""What SymPy knows about expressions: derivatives, and a Python function of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy.printing.numpy import SciPyPrinter

from diffiface.adapter import Primitives
from diffiface_sympy.functions import EVALUATED
from diffiface_sympy.primitives import SymPyPrimitives

Entries = list[Any]

_nesting = itertools.count()


class _NumberPrinter(SciPyPrinter):
    """Python for single numbers: conditions become Python's own, so that only the branch that is taken is computed."""

    def _print_Select(self, expr: Any) -> str:
        condition, x, y = map(self._print, expr.args)
        return f"(({x}) if {condition} else ({y}))"

    def _print_Relational(self, expr: Any) -> str:
        return f"({self._print(expr.lhs)} {expr.rel_op} {self._print(expr.rhs)})"

    def _print_And(self, expr: Any) -> str:
        return f"({' and '.join(self._print(argument) for argument in expr.args)})"

    def _print_Or(self, expr: Any) -> str:
        return f"({' or '.join(self._print(argument) for argument in expr.args)})"

    def _print_Not(self, expr: Any) -> str:
        return f"(not {self._print(expr.args[0])})"


@dataclass(frozen=True)
class SymPyAlgebra:
    """Expressions of SymPy."""

    max_operations: int | None
    cse: bool

    def trace(self, outer: Primitives) -> SymPyPrimitives:
        """Return the primitives on arrays of expressions."""
        return SymPyPrimitives(self, outer)

    def symbols(self, name: str, count: int) -> Entries:
        """Return new symbols: of one name in every program, and yet different from those of a program around this."""
        level = next(_nesting)
        return [sympy.Dummy(f"{name}_{i}", dummy_index=(level << 32) + i) for i in range(count)]

    def is_zero(self, entry: Any) -> bool:
        """Whether an expression is the number 0."""
        return bool(entry == 0)

    def depend(self, entries: Entries, symbols: Entries) -> bool:
        """Whether any of the expressions holds any of the symbols."""
        wanted = set(symbols)
        return any(not wanted.isdisjoint(entry.free_symbols) for entry in entries)

    def push(self, ys: Entries, xs: Entries, tangents: Entries) -> Entries:
        """Return the Jacobian times the tangents."""
        return [
            sympy.Add(*(sympy.diff(y, x) * t for x, t in zip(xs, tangents, strict=True) if x in y.free_symbols))
            for y in ys
        ]

    def pull(self, ys: Entries, xs: Entries, cotangents: Entries) -> Entries:
        """Return the transposed Jacobian times the cotangents."""
        return [
            sympy.Add(*(sympy.diff(y, x) * c for y, c in zip(ys, cotangents, strict=True) if x in y.free_symbols))
            for x in xs
        ]

    def jacobian(self, ys: Entries, xs: Entries) -> Entries:
        """Return the entries of the Jacobian, row by row."""
        return [sympy.diff(y, x) if x in y.free_symbols else sympy.S.Zero for y in ys for x in xs]

    def hessian(self, y: Any, xs: Entries) -> tuple[Entries, Entries]:
        """Return the gradient and the entries of the Hessian, of which one triangle is differentiated."""
        gradient = self.jacobian([y], xs)
        n = len(xs)
        upper = {(i, j): sympy.diff(gradient[i], xs[j]) for i in range(n) for j in range(i, n)}
        return gradient, [upper[min(i, j), max(i, j)] for i in range(n) for j in range(n)]

    def substitute(self, expressions: Entries, symbols: Entries, values: Entries) -> Entries:
        """Return the expressions with other expressions in the place of the symbols."""
        exchange = dict(zip(symbols, values, strict=True))
        return [expression.xreplace(exchange) for expression in expressions]

    def compile(self, inputs: Entries, outputs: Entries) -> Callable[[np.ndarray], np.ndarray]:
        """Return a Python function, what occurs several times being computed once."""
        if not outputs:
            return lambda vector: np.zeros(0)
        printer = _NumberPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
        function = sympy.lambdify(
            [inputs], outputs, modules=[EVALUATED, "scipy", "numpy"], printer=printer, cse=self.cse
        )

        def evaluate(vector: np.ndarray) -> np.ndarray:
            with np.errstate(all="ignore"):  # outside of its domain a function is NaN, without a warning
                return np.array(function(vector), np.float64)

        return evaluate
