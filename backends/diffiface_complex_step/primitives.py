"""The primitives on real arrays with an imaginary displacement.

f(x + i h t) = f(x) + i h f'(x) t + O(h**2): with h = 1e-100 the square is below any rounding, and nothing is
subtracted. This holds for analytic functions. What is not analytic is continued as the branch that x is on: `abs`,
`max` and comparisons look at the real part, and carry the imaginary part of the branch along. What NumPy cannot
compute at complex numbers (`arctan2`, special functions, factorisations) is moved by its known derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import (
    NUMPY,
    PRIMITIVES,
    CustomCall,
    Primitives,
    UnsupportedOperationError,
    nested_rules,
)

STEP = 1e-100
_TOO_STEEP = 1e45
"""An amplification that no derivative has, but the square root of the step divided by the step: at a branch point the
derivative is infinite."""

_COMPUTED_AT_COMPLEX_NUMBERS = (
    "square sqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh "
    "arcsinh arccosh arctanh multiply divide power prod cumprod matmul einsum solve inv det"
).split()
_LINEAR = (
    "negative add subtract sum cumsum reshape transpose broadcast_to concatenate stack getitem setitem add_at"
).split()
_DECIDED_BY_REAL_PARTS = (
    "sign floor ceil trunc rint isnan isinf isfinite logical_not invert floor_divide equal not_equal less less_equal "
    "greater greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor any all argmax argmin "
    "argsort searchsorted"
).split()


class Displaced:
    """A real array, and how far it is off the real axis."""

    __slots__ = ("imag", "real")
    __array_ufunc__ = None  # NumPy leaves operations with it to the dress

    def __init__(self, real: Any, imag: Any):
        self.real, self.imag = np.asarray(real), np.asarray(imag, np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.real.shape

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the real part: what NumPy's result would have."""
        return self.real.dtype


def real_part(value: Any) -> Any:
    """Return a value without its displacement."""
    if isinstance(value, list):
        return [real_part(item) for item in value]
    return value.real if isinstance(value, Displaced) else value


def _displacement(value: Any) -> np.ndarray:
    return value.imag if isinstance(value, Displaced) else np.zeros(np.shape(value))


def _at_complex(value: Any) -> Any:
    if isinstance(value, list):
        return [_at_complex(item) for item in value]
    return value.real + 1j * value.imag if isinstance(value, Displaced) else value


def _no_complex_values() -> UnsupportedOperationError:
    return UnsupportedOperationError(
        "complex values are not supported: the imaginary part is the derivative here",
        engine="complex_step",
        fix="write the function for real numbers, or use 'reverse'",
    )


def _leaves(operands: Sequence[Any]) -> list[Any]:
    return [leaf for o in operands for leaf in (o if isinstance(o, list) else [o])]


def _is_displaced(operands: Sequence[Any]) -> bool:
    return any(isinstance(leaf, Displaced) for leaf in _leaves(operands))


def _analytic(name: str) -> Callable[..., Any]:
    """A primitive that NumPy computes at complex numbers; the real part is NumPy's own value at real ones."""
    definition = PRIMITIVES[name].definition

    def primitive(*operands: Any, **parameters: Any) -> Any:
        real = definition(*map(real_part, operands), **parameters)
        if not _is_displaced(operands):
            return real
        if np.asarray(real).dtype.kind == "c":
            raise _no_complex_values()
        with np.errstate(all="ignore"):
            imag = np.imag(definition(*map(_at_complex, operands), **parameters))
            moved = max((np.max(np.abs(_displacement(leaf)), initial=0.0) for leaf in _leaves(operands)), default=0.0)
            imag = np.where(np.abs(imag) > _TOO_STEEP * moved, np.copysign(np.inf, imag), imag)
        return Displaced(real, np.where(np.isnan(real), np.nan, imag))

    return staticmethod(primitive)


def _linear(name: str) -> Callable[..., Any]:
    definition = PRIMITIVES[name].definition

    def primitive(*operands: Any, **parameters: Any) -> Any:
        real = definition(*map(real_part, operands), **parameters)
        if not _is_displaced(operands):
            return real
        imags = [[_displacement(i) for i in o] if isinstance(o, list) else _displacement(o) for o in operands]
        return Displaced(real, definition(*imags, **parameters))

    return staticmethod(primitive)


def _constant(name: str) -> Callable[..., Any]:
    definition = PRIMITIVES[name].definition
    return staticmethod(lambda *operands, **parameters: definition(*map(real_part, operands), **parameters))


class ComplexStepPrimitives(Primitives):
    """Displaced arrays as the dress sees them."""

    engine = "complex_step"
    traced_type = Displaced
    traced_inexact = True
    quick_attributes = True
    for_differences = False
    """Whether f runs beside x, for a difference of first derivatives."""

    # ---- questions about a value

    def concrete(self, value: Any) -> Any:
        return None if isinstance(value, Displaced) else super().concrete(value)

    def primal(self, value: Any) -> Any:
        return value.real if isinstance(value, Displaced) else super().primal(value)

    def lower(self, value: Any) -> Any:
        return value.real if isinstance(value, Displaced) else value

    # ---- not analytic: continued on the branch of the real part

    def conjugate(self, x: Any) -> Any:
        return x if isinstance(x, Displaced) else NUMPY.conjugate(x)

    def real(self, x: Any) -> Any:
        return x if isinstance(x, Displaced) else NUMPY.real(x)

    def imag(self, x: Any) -> Any:
        return NUMPY.imag(real_part(x))

    def absolute(self, x: Any) -> Any:
        return Displaced(np.absolute(x.real), x.imag * np.sign(x.real)) if isinstance(x, Displaced) else np.absolute(x)

    def maximum(self, x: Any, y: Any) -> Any:
        return self._extreme(np.maximum, x, y, np.greater(real_part(x), real_part(y)))

    def minimum(self, x: Any, y: Any) -> Any:
        return self._extreme(np.minimum, x, y, np.less(real_part(x), real_part(y)))

    def _extreme(self, function: np.ufunc, x: Any, y: Any, is_x: Any) -> Any:
        real = function(real_part(x), real_part(y))
        if not _is_displaced((x, y)):
            return real
        tied = np.equal(real_part(x), real_part(y))
        imag = np.where(is_x, _displacement(x), _displacement(y))
        imag = np.where(tied, (_displacement(x) + _displacement(y)) / 2, imag)
        return Displaced(real, np.where(np.isnan(real), np.nan, imag))

    def max(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return self._extreme_entry(NUMPY.max, x, axis, keepdims)

    def min(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return self._extreme_entry(NUMPY.min, x, axis, keepdims)

    def _extreme_entry(self, function: Callable[..., Any], x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        real = function(real_part(x), axis=axis, keepdims=keepdims)
        if not isinstance(x, Displaced):
            return real
        tied = x.real == function(x.real, axis=axis, keepdims=True)
        with np.errstate(invalid="ignore"):
            imag = np.sum(np.where(tied, x.imag, 0.0), axis=axis, keepdims=keepdims) / np.sum(
                tied, axis=axis, keepdims=keepdims
            )
        return Displaced(real, imag)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        condition = np.asarray(real_part(condition), bool)
        real = np.where(condition, real_part(x), real_part(y))
        if not _is_displaced((x, y)):
            return real
        return Displaced(real, np.where(condition, _displacement(x), _displacement(y)))

    def astype(self, x: Any, *, dtype: np.dtype) -> Any:
        real = NUMPY.astype(real_part(x), dtype=dtype)
        if real.dtype.kind == "c" and isinstance(x, Displaced):
            raise _no_complex_values()
        return Displaced(real, x.imag) if isinstance(x, Displaced) and real.dtype.kind == "f" else real

    # ---- moved by their derivative

    def host_call(self, name: str, *arguments: Any, **parameters: Any) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        reals = [real_part(argument) for argument in arguments]
        moved = {i: np.asarray(_displacement(a) / STEP) for i, a in enumerate(arguments) if isinstance(a, Displaced)}
        if not moved:
            ys = nested_rules.on_host(name, reals, parameters)
            return ys[0] if len(ys) == 1 else ys
        tangents = {i: t.astype(np.asarray(reals[i]).dtype) for i, t in moved.items()}
        values, pushed = nested_rules.push_primitive(NUMPY, name, reals, parameters, tangents)
        return self._moved(values, pushed)

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        reals = [real_part(operand) for operand in operands]
        values = NUMPY.custom_call(call, reals)
        if not _is_displaced(operands):
            return values
        if self.for_differences and call.holds_fixed:
            raise UnsupportedOperationError(
                f"{call.name} is declared to have the derivative zero, which second derivatives, being differences here, "
                "would not respect: its value moves",
                engine=self.engine,
                fix="use 'forward' or 'reverse' for second derivatives",
            )
        tangents = [_displacement(o) / STEP if isinstance(o, Displaced) else None for o in operands]
        moved = self._moved(values, call.push(NUMPY, reals, values, tangents))
        return moved if isinstance(moved, tuple) else (moved,)

    def _moved(self, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
        results = []
        for value, tangent in zip(values, tangents, strict=True):
            value = np.asarray(value)
            if value.dtype.kind == "c":
                raise _no_complex_values()
            is_float = value.dtype.kind == "f" and tangent is not None
            results.append(Displaced(value, STEP * np.asarray(tangent, np.float64)) if is_float else value)
        return results[0] if len(results) == 1 else tuple(results)


for _names, _make in (
    (_COMPUTED_AT_COMPLEX_NUMBERS, _analytic),
    (_LINEAR, _linear),
    (_DECIDED_BY_REAL_PARTS, _constant),
):
    for _name in _names:
        setattr(ComplexStepPrimitives, _name, _make(_name))
