"""Python's operators on dressed values: the shortest way from two operands to one primitive."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array, Scalar, dress, dress_number
from diffiface.numpy_api.conversion import raw_operand
from diffiface.numpy_api.dressed import Dressed, known
from diffiface.primitives import Primitives
from diffiface.tracing import innermost

ARITHMETIC = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
"""Python's name of each operator and the primitive it is."""

COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}

_SIMPLE_POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal"}
"""The exponents for which NumPy itself calls another ufunc than `power`."""

_EXPONENTS = frozenset({int, float})


def _operands(value: Any, other: Any) -> tuple[Primitives, Any, Any]:
    """Return the trace in which two operands meet, and their raw values."""
    raw = value._value if value._root is None else value._read()
    p = value._p
    kind = type(other)
    if kind is float or kind is int:
        return p, raw, other
    if kind is Scalar or kind is Array:
        operand = other._value if other._root is None else other._read()
        return (p if other._p is p else innermost(p, other._p)), raw, operand
    p, operand = raw_operand(other, p)
    return p, raw, operand


def _arithmetic(primitive: str) -> Callable[[Any, Any], Any]:
    def method(self: Dressed, other: Any) -> Any:
        p, raw, operand = _operands(self, other)
        if operand is NotImplemented:
            return NotImplemented
        return dress_number(getattr(p, primitive)(raw, operand), p)

    return method


def _reflected(primitive: str) -> Callable[[Any, Any], Any]:
    def method(self: Dressed, other: Any) -> Any:
        p, raw, operand = _operands(self, other)
        if operand is NotImplemented:
            return NotImplemented
        return dress_number(getattr(p, primitive)(operand, raw), p)

    return method


def _augmented(primitive: str) -> Callable[[Any, Any], Any]:
    def method(self: Array, other: Any) -> Any:
        p, raw, operand = _operands(self, other)
        if operand is NotImplemented:
            return NotImplemented
        result = getattr(p, primitive)(raw, operand)
        if tuple(p.shape(result)) != tuple(p.shape(raw)):
            raise ValueError(
                f"non-broadcastable output operand with shape {self.shape} doesn't match the broadcast shape "
                f"{tuple(p.shape(result))}"
            )
        self._store(result, p)
        return self

    return method


def _comparison(primitive: str) -> Callable[[Any, Any], Any]:
    def method(self: Dressed, other: Any) -> Any:
        p, raw, operand = _operands(self, other)
        if operand is NotImplemented:
            return NotImplemented
        return dress(getattr(p, primitive)(raw, operand), p)

    return method


def _unary(primitive: str) -> Callable[[Any], Any]:
    def method(self: Dressed) -> Any:
        raw = self._value if self._root is None else self._read()
        p = self._p
        return dress_number(getattr(p, primitive)(raw), p)

    return method


def _power(self: Dressed, other: Any) -> Any:
    if type(other) in _EXPONENTS and other in _SIMPLE_POWERS:
        raw = self._read()
        p = self._p
        if p.dtype(raw).kind in "fc":
            return dress_number(getattr(p, _SIMPLE_POWERS[other])(raw), p)
    return _plain_power(self, other)


_plain_power = _arithmetic("power")


def _whole(rounding: str) -> Callable[[Any], Any]:
    def method(self: Scalar) -> int:
        # The result is piecewise constant, so there is no derivative to lose.
        return int(getattr(math, rounding)(known(self._p, self._value, f"math.{rounding}()")))

    return method


def _round(self: Any, ndigits: int | None = None) -> Any:
    if ndigits is None and type(self) is Scalar:
        return round(known(self._p, self._value, "round()").item())
    return np.round(self, ndigits or 0)


for _name, _primitive in ARITHMETIC.items():
    setattr(Dressed, f"__{_name}__", _arithmetic(_primitive))
    setattr(Dressed, f"__r{_name}__", _reflected(_primitive))
    setattr(Array, f"__i{_name}__", _augmented(_primitive))
for _name, _primitive in COMPARISONS.items():
    setattr(Dressed, f"__{_name}__", _comparison(_primitive))
for _name, _primitive in {"neg": "negative", "abs": "absolute", "invert": "invert"}.items():
    setattr(Dressed, f"__{_name}__", _unary(_primitive))
for _name in ("floor", "ceil", "trunc"):
    setattr(Scalar, f"__{_name}__", _whole(_name))
for _name, _method in {
    "__pow__": _power,
    "__round__": _round,
    "__pos__": lambda self: self.__copy__(),
    "__divmod__": lambda self, other: (self // other, self % other),
    "__rdivmod__": lambda self, other: (other // self, other % self),
}.items():
    setattr(Dressed, _name, _method)
