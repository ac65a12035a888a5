"""The primitives on CasADi's scalar expressions (SX)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import casadi as ca
import numpy as np

from diffiface.adapter import EntryFunctions, SymbolicPrimitives, object_array


def _function(of_expression: Callable[..., Any], of_number: np.ufunc) -> Callable[..., Any]:
    """A function of entries: CasADi's of expressions, NumPy's of numbers (outside of the domain NaN)."""

    def of_entries(self: Any, *entries: Any) -> Any:
        if any(isinstance(entry, ca.SX) for entry in entries):
            return of_expression(*entries)
        with np.errstate(all="ignore"):
            return of_number(*entries).item()

    return of_entries


class Expressions(EntryFunctions):
    """NumPy's functions of one number, as CasADi has them; plain numbers stay Python's."""

    def known(self, entry: Any) -> bool | int | float | None:
        if isinstance(entry, ca.SX):
            return float(entry) if entry.is_constant() else None
        return entry

    def number(self, truth: Any) -> Any:
        return truth if isinstance(truth, ca.SX) else float(truth)  # CasADi's truths are the numbers 1 and 0

    def select(self, condition: Any, x: Any, y: Any) -> Any:
        if not isinstance(condition, ca.SX):
            return x if condition else y
        return ca.if_else(condition, x, y)

    sqrt = _function(ca.sqrt, np.sqrt)
    exp = _function(ca.exp, np.exp)
    log = _function(ca.log, np.log)
    log1p = _function(ca.log1p, np.log1p)
    expm1 = _function(ca.expm1, np.expm1)
    sin = _function(ca.sin, np.sin)
    cos = _function(ca.cos, np.cos)
    tan = _function(ca.tan, np.tan)
    arcsin = _function(ca.asin, np.arcsin)
    arccos = _function(ca.acos, np.arccos)
    arctan = _function(ca.atan, np.arctan)
    sinh = _function(ca.sinh, np.sinh)
    cosh = _function(ca.cosh, np.cosh)
    tanh = _function(ca.tanh, np.tanh)
    arcsinh = _function(ca.asinh, np.arcsinh)
    arccosh = _function(ca.acosh, np.arccosh)
    arctanh = _function(ca.atanh, np.arctanh)
    arctan2 = _function(ca.atan2, np.arctan2)
    hypot = _function(ca.hypot, np.hypot)
    absolute = _function(ca.fabs, np.absolute)
    sign = _function(ca.sign, np.sign)
    floor = _function(ca.floor, np.floor)
    ceil = _function(ca.ceil, np.ceil)
    divide = _function(lambda x, y: x / y, np.divide)
    power = _function(lambda x, y: x**y, np.power)
    equal = _function(ca.eq, np.equal)
    not_equal = _function(ca.ne, np.not_equal)
    less = _function(ca.lt, np.less)
    less_equal = _function(ca.le, np.less_equal)
    logical_not = _function(ca.logic_not, np.logical_not)
    logical_and = _function(ca.logic_and, np.logical_and)
    logical_or = _function(ca.logic_or, np.logical_or)

    def isnan(self, x: Any) -> Any:
        # (CasADi takes x == x for true whatever x is; a NaN is neither at least 0 nor below it.)
        if not isinstance(x, ca.SX):
            return math.isnan(x)
        return ca.logic_not(ca.logic_or(ca.le(x, 0), ca.lt(0, x)))

    def reciprocal(self, x: Any) -> Any:
        return self.divide(1.0, x)

    def rint(self, x: Any) -> Any:
        # Halves go to the even neighbour: that is what adding and taking away 2**52 does, written with floor.
        half_up = self.floor(x + 0.5)
        odd = half_up - 2.0 * self.floor(half_up / 2.0)
        tie = self.logical_and(self.equal(half_up - x, 0.5), self.equal(odd, 1.0))
        return half_up - self.number(tie)

    def erf(self, x: Any) -> Any:
        return ca.erf(x) if isinstance(x, ca.SX) else math.erf(x)


class CasADiPrimitives(SymbolicPrimitives):
    """Arrays of CasADi's scalars as the dress sees them."""

    engine = "casadi"
    entry_functions = Expressions()

    # ---- linear algebra by QR, which needs no pivots

    def solve_matrix(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        self.count(len(a) ** 3 + len(a) * b.size)
        q, r = ca.qr(_matrix(a))
        return _entries(ca.solve(r, q.T @ _matrix(b)))

    def slogdet(self, a: Any) -> tuple[Any, Any]:
        # The diagonal of r is positive; its product may be far beyond the largest number.
        sign = self.sign(self.det(a))
        log = self.of_matrices("slogdet", (a,), lambda m: ca.sum(ca.log(ca.diag(ca.qr(_matrix(m))[1]))))
        return sign, log if not isinstance(log, tuple) else log[1]


def _matrix(entries: np.ndarray) -> Any:
    rows = [ca.horzcat(*row) for row in entries]
    return ca.SX(ca.vertcat(*rows))


def _entries(matrix: Any) -> np.ndarray:
    n, m = matrix.shape
    return object_array([matrix[i, j] for i in range(n) for j in range(m)], (n, m))
