"""The primitives on mpmath's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from diffiface.adapter import (
    NUMPY,
    CustomCall,
    EntryFunctions,
    ObjectArray,
    UnsupportedOperationError,
    object_array,
)
from diffiface_mpmath.linear_algebra import LinearAlgebra
from diffiface_mpmath.special import SPECIAL


def _function(name: str) -> Callable[..., Any]:
    """The context's function of that name; NaN where it has no real value."""

    def of_entries(self: Numbers, *entries: Any) -> Any:
        return self.real_or_nan(getattr(self.context, name), *entries)

    return of_entries


class Numbers(EntryFunctions):
    """NumPy's functions of one number, in the precision of a context."""

    def __init__(self, context: Any):
        self.context = context

    def real_or_nan(self, function: Callable[..., Any], *entries: Any) -> Any:
        """Apply a function; outside of its domain, where mpmath gives a complex number or raises, there is NaN."""
        try:
            result = function(*entries)
        except (ZeroDivisionError, ValueError):
            return self.context.nan
        return self.context.nan if isinstance(result, self.context.mpc) else result

    def constant(self, value: bool | int | float) -> Any:
        return value if isinstance(value, bool) else self.context.mpf(value)

    def known(self, entry: Any) -> bool | int | float | None:
        return entry if isinstance(entry, bool) else float(entry)

    def total(self, entries: Sequence[Any]) -> Any:
        return self.context.fsum(entries)

    def divide(self, x: Any, y: Any) -> Any:
        if y == 0:
            return self.context.nan if x == 0 or x != x else self.context.inf * self.context.sign(x)
        return x / y

    def reciprocal(self, x: Any) -> Any:
        return self.divide(self.context.one, x)

    def power(self, x: Any, y: Any) -> Any:
        if x == 0 and y < 0:
            return self.context.inf
        return self.real_or_nan(lambda: x**y)

    def remainder(self, x: Any, y: Any) -> Any:
        return self.context.nan if y == 0 else super().remainder(x, y)

    def floor_divide(self, x: Any, y: Any) -> Any:
        return self.floor(self.divide(x, y))

    def log2(self, x: Any) -> Any:
        return self.real_or_nan(lambda: self.context.log(x, 2))

    def gammaln(self, x: Any) -> Any:
        return self.context.inf if x <= 0 and x == self.context.floor(x) else self.context.re(self.context.loggamma(x))

    def arctan2(self, x: Any, y: Any) -> Any:
        return self.context.atan2(x, y)

    def ndtr(self, x: Any) -> Any:
        return self.context.erfc(-x / self.context.sqrt(2)) / 2

    def log_ndtr(self, x: Any) -> Any:
        return self.context.log(self.ndtr(x))

    def rint(self, x: Any) -> Any:
        return self.context.nint(x)

    def isnan(self, x: Any) -> Any:
        return bool(x != x)

    absolute = _function("fabs")
    sqrt = _function("sqrt")
    exp = _function("exp")
    expm1 = _function("expm1")
    log = _function("log")
    log1p = _function("log1p")
    log10 = _function("log10")
    sin = _function("sin")
    cos = _function("cos")
    tan = _function("tan")
    arcsin = _function("asin")
    arccos = _function("acos")
    arctan = _function("atan")
    sinh = _function("sinh")
    cosh = _function("cosh")
    tanh = _function("tanh")
    arcsinh = _function("asinh")
    arccosh = _function("acosh")
    arctanh = _function("atanh")
    hypot = _function("hypot")
    sign = _function("sign")
    floor = _function("floor")
    ceil = _function("ceil")
    erf = _function("erf")
    erfc = _function("erfc")
    digamma = _function("digamma")


class MpmathPrimitives(LinearAlgebra):
    """Arrays of mpmath's numbers as the dress sees them."""

    engine = "mpmath"
    entry_functions: Numbers = Numbers(mpmath.MPContext())  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, context: Any, max_operations: int | None):
        super().__init__()
        self.entry_functions = Numbers(context)
        self.max_operations = max_operations

    def primal(self, value: Any) -> Any:
        """The numbers, rounded to double precision."""
        if not isinstance(value, ObjectArray):
            return super().primal(value)
        kind = value.dtype if value.dtype.kind in "biu" else np.float64
        return np.array([self.entry_functions.known(e) for e in value.flat()], kind).reshape(value.shape)

    def lower(self, value: Any) -> Any:
        return self.primal(value).astype(value.dtype) if isinstance(value, ObjectArray) else value

    def _decided(self, value: Any, asked: str) -> np.ndarray:
        # Sorting compares the numbers as they are: two that differ here may be the same in double precision.
        is_float = isinstance(value, ObjectArray) and value.dtype.kind == "f"
        return value.entries if is_float else super()._decided(value, asked)

    # ---- functions with rules of their own, and such that another engine differentiates

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return the function's own values, in many digits: like every numeric engine, this one asks no rule."""
        if not any(isinstance(operand, ObjectArray) for operand in operands):
            return call.on_host(operands)
        self.only_real(call.name, operands)
        values = call.retraced(self, operands)
        return tuple(self.raw(y) for y in (call.value(self, operands) if values is None else values))

    def call_out(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        raise UnsupportedOperationError(
            f"{call.name} runs on NumPy arrays, whose numbers have 16 digits: their differences here would be meaningless",
            engine=self.engine,
            fix="write it with NumPy functions, or use an engine that asks its rule ('reverse', 'complex_step')",
        )

    # ---- special functions

    def special(self, *arguments: Any, function: str) -> Any:
        if not any(isinstance(argument, ObjectArray) for argument in arguments):
            return NUMPY.special(*arguments, function=function)
        if function not in SPECIAL:
            raise UnsupportedOperationError(
                f"scipy.special.{function} is not supported: mpmath has no such function",
                engine=self.engine,
                fix="use 'reverse' or 'complex_step'",
            )
        arrays = [self._numbers(argument) for argument in arguments]
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        self.count(math.prod(shape))
        numbers, of_entries = self.entry_functions, SPECIAL[function]
        found = [
            numbers.real_or_nan(of_entries, numbers.context, *entries)
            for entries in zip(*(np.broadcast_to(array, shape).reshape(-1) for array in arrays), strict=True)
        ]
        dtype = np.result_type(*(self.dtype(argument) for argument in arguments), np.float32)
        return ObjectArray(object_array(found, shape), dtype)

    def polygamma(self, x: Any, *, order: int) -> Any:
        if not isinstance(x, ObjectArray):
            return NUMPY.polygamma(x, order=order)
        self.count(len(x.flat()))
        numbers = self.entry_functions
        found = [numbers.real_or_nan(numbers.context.psi, order, entry) for entry in x.flat()]
        return ObjectArray(object_array(found, x.shape), x.dtype)
