"""The primitives on SymPy's expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import sympy
from sympy.codegen import cfunctions

from diffiface.adapter import EntryFunctions, ObjectArray, object_array
from diffiface_sympy import functions
from diffiface_sympy.linear_algebra import LinearAlgebra

_EXACT_DENOMINATOR = 2**10
_EXACT_NUMERATOR = 2**53


def _unary(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of one entry; of a number outside its domain NaN, as NumPy has it, and not a complex number."""

    def of_entry(self: Any, x: Any) -> Any:
        result = function(x)
        return sympy.nan if x.is_number and result.is_extended_real is False else result

    return of_entry


class Expressions(EntryFunctions):
    """NumPy's functions of one number, as SymPy writes them."""

    def constant(self, value: bool | int | float) -> Any:
        """Return a number; what a formula shows better as a whole number or a simple fraction is one."""
        if isinstance(value, bool):
            return sympy.true if value else sympy.false
        if isinstance(value, int):
            return sympy.Integer(value)
        if not math.isfinite(value):
            return sympy.nan if math.isnan(value) else sympy.oo if value > 0 else -sympy.oo
        numerator, denominator = value.as_integer_ratio()
        if denominator <= _EXACT_DENOMINATOR and abs(numerator) <= _EXACT_NUMERATOR:
            return sympy.Rational(numerator, denominator)
        return sympy.Float(value)

    def known(self, entry: Any) -> bool | int | float | None:
        if entry in (sympy.true, sympy.false):
            return bool(entry)
        if entry.is_Integer:
            return int(entry)
        return float(entry) if entry.is_number else None

    def total(self, entries: Sequence[Any]) -> Any:
        return sympy.Add(*entries)

    def less(self, x: Any, y: Any) -> Any:
        return sympy.StrictLessThan(x, y, evaluate=bool(x.is_number and y.is_number))

    def less_equal(self, x: Any, y: Any) -> Any:
        return sympy.LessThan(x, y, evaluate=bool(x.is_number and y.is_number))

    def equal(self, x: Any, y: Any) -> Any:
        return sympy.Equality(x, y, evaluate=bool(x.is_number and y.is_number))

    def select(self, condition: Any, x: Any, y: Any) -> Any:
        if condition in (sympy.true, sympy.false):
            return x if condition == sympy.true else y
        return functions.Select(condition, x, y)

    def logical_not(self, x: Any) -> Any:
        # `sympy.Not` would turn x < y into x >= y, which is another thing for a NaN.
        return sympy.Not(x, evaluate=x in (sympy.true, sympy.false))

    def logical_and(self, x: Any, y: Any) -> Any:
        return sympy.And(x, y)

    def logical_or(self, x: Any, y: Any) -> Any:
        return sympy.Or(x, y)

    def power(self, x: Any, y: Any) -> Any:
        result = x**y
        return sympy.nan if x.is_number and y.is_number and result.is_extended_real is False else result

    sqrt = _unary(sympy.sqrt)
    exp = _unary(sympy.exp)
    log = _unary(sympy.log)
    exp2 = _unary(cfunctions.exp2)
    expm1 = _unary(cfunctions.expm1)
    log1p = _unary(cfunctions.log1p)
    log2 = _unary(cfunctions.log2)
    log10 = _unary(cfunctions.log10)
    sin = _unary(sympy.sin)
    cos = _unary(sympy.cos)
    tan = _unary(sympy.tan)
    arcsin = _unary(sympy.asin)
    arccos = _unary(sympy.acos)
    arctan = _unary(sympy.atan)
    sinh = _unary(sympy.sinh)
    cosh = _unary(sympy.cosh)
    tanh = _unary(sympy.tanh)
    arcsinh = _unary(sympy.asinh)
    arccosh = _unary(sympy.acosh)
    arctanh = _unary(sympy.atanh)
    absolute = _unary(functions.Absolute)
    sign = _unary(functions.Sign)
    floor = _unary(functions.Floor)
    ceil = _unary(functions.Ceil)
    trunc = _unary(functions.Trunc)
    rint = _unary(functions.Rint)
    erf = _unary(sympy.erf)
    erfc = _unary(sympy.erfc)
    log_ndtr = _unary(functions.LogNdtr)

    def arctan2(self, x: Any, y: Any) -> Any:
        return sympy.atan2(x, y)

    def gammaln(self, x: Any) -> Any:
        return sympy.loggamma(x)

    def digamma(self, x: Any) -> Any:
        return sympy.polygamma(0, x)

    def ndtr(self, x: Any) -> Any:
        return sympy.erfc(-x / sympy.sqrt(2)) / 2


class SymPyPrimitives(LinearAlgebra):
    """Arrays of expressions as the dress sees them."""

    engine = "sympy"
    entry_functions = Expressions()

    def polygamma(self, x: Any, *, order: int) -> Any:
        x = self.raw(x)
        self.count(len(x.flat()))
        return ObjectArray(object_array([sympy.polygamma(order, e) for e in x.flat()], x.shape), x.dtype)
