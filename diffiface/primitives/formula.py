"""Formulas in primitives that read as mathematics: `2 * x * y - 2 / sqrt(pi)` instead of nested calls.

`formula(function)` turns a function of `Term`s into one of `(p, *raw)`. A term is a raw value beside the primitives
it is computed with; its operators and the functions of this module apply them. Plain numbers mix in freely.
`special.jv(v, x)` is the special function of that name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.primitives.definitions import PRIMITIVES

Function = Callable[..., Any]


def _operator(primitive: str, reflected: bool = False) -> Callable[[Any, Any], Term]:
    def method(self: Term, other: Any) -> Term:
        return apply(primitive, other, self) if reflected else apply(primitive, self, other)

    return method


class Term:
    """A raw value in a formula."""

    __slots__ = ("p", "raw")
    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to the term
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, p: Any, raw: Any):
        self.p = p
        self.raw = raw

    def __neg__(self) -> Term:
        return apply("negative", self)

    def __abs__(self) -> Term:
        return apply("absolute", self)

    def __invert__(self) -> Term:
        return apply("logical_not", self)

    __add__ = _operator("add")
    __radd__ = _operator("add", reflected=True)
    __sub__ = _operator("subtract")
    __rsub__ = _operator("subtract", reflected=True)
    __mul__ = _operator("multiply")
    __rmul__ = _operator("multiply", reflected=True)
    __truediv__ = _operator("divide")
    __rtruediv__ = _operator("divide", reflected=True)
    __pow__ = _operator("power")
    __rpow__ = _operator("power", reflected=True)
    __lt__ = _operator("less")
    __le__ = _operator("less_equal")
    __gt__ = _operator("greater")
    __ge__ = _operator("greater_equal")
    __eq__ = _operator("equal")  # type: ignore[assignment]
    __ne__ = _operator("not_equal")  # type: ignore[assignment]
    __and__ = _operator("logical_and")
    __or__ = _operator("logical_or")


def _raw(value: Any) -> Any:
    return value.raw if isinstance(value, Term) else value


_NUMBERS = (int, float, complex)
_PLAIN = (*_NUMBERS, np.ndarray, np.generic)


def apply(primitive: str, *arguments: Any, **parameters: Any) -> Term:
    """Apply a primitive to terms and numbers, among which there is at least one term."""
    p = next(a.p for a in arguments if isinstance(a, Term))
    raw = [_raw(a) for a in arguments]
    if not all(isinstance(r, _PLAIN) for r in raw):
        return Term(p, getattr(p, primitive)(*raw, **parameters))
    # What is made of constants stays one (an order v - 1): an engine's array might count as differentiated. And what
    # is made of Python numbers stays a Python number, which decides no dtype.
    result = PRIMITIVES[primitive].definition(*raw, **parameters)
    return Term(p, result.item() if all(type(r) in _NUMBERS for r in raw) else result)


def _function(primitive: str) -> Function:
    return functools.partial(apply, primitive)


exp, exp2, expm1, log, log1p = map(_function, ("exp", "exp2", "expm1", "log", "log1p"))
sin, cos, tan, sinh, cosh = map(_function, ("sin", "cos", "tan", "sinh", "cosh"))
sqrt, square, cbrt, sign, floor, rint = map(_function, ("sqrt", "square", "cbrt", "sign", "floor", "rint"))
real, imag, isnan, maximum = map(_function, ("real", "imag", "isnan", "maximum"))
where, logaddexp = map(_function, ("where", "logaddexp"))
erf, expit, gammaln, digamma, ndtr, xlogy = map(_function, ("erf", "expit", "gammaln", "digamma", "ndtr", "xlogy"))


def polygamma(order: int, x: Any) -> Term:
    """Return the derivative of digamma of a given order (0: digamma itself)."""
    return apply("polygamma", x, order=order) if order else digamma(x)


class _Special:
    """The functions of the table of special functions, as attributes."""

    def __getattr__(self, name: str) -> Function:
        return functools.partial(apply, "special", function=name)


special = _Special()


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Return the polynomial with these coefficients, the constant one first."""
    result: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result


def near_zero(x: Term, radius: float, coefficients: Sequence[float], elsewhere: Callable[[Term], Any]) -> Term:
    """Return a power series where |x| < radius, and `elsewhere(x)` where that formula keeps its digits."""
    close = abs(x) < radius
    return where(close, polynomial(where(close, x, 0.0), coefficients), elsewhere(where(close, 0.5, x)))


def formula(function: Function) -> Function:
    """Turn a function of terms into one of the primitives and raw values (or numbers)."""

    @functools.wraps(function)
    def on_raw_values(p: Any, *arguments: Any) -> Any:
        result = function(*[Term(p, argument) for argument in arguments])
        return tuple(map(_raw, result)) if isinstance(result, tuple) else _raw(result)

    return on_raw_values
