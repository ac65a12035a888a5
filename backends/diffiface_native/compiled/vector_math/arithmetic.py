"""Polynomials, and error-free sums, products and quotients: numbers as pairs (high, low) with high the rounded sum."""

from __future__ import annotations

from collections.abc import Sequence

from .builder import Value, fma, muladd

Pair = tuple[Value, Value]


def polynomial(x: Value, coefficients: Sequence[float], square: Value | None = None) -> Value:
    """Estrin's scheme, lowest coefficient first: log₂(n) dependent steps where Horner's has n, for one more product each."""
    level: list[Value | float] = list(coefficients)
    power, known_square = x, square
    while len(level) > 1:
        paired: list[Value | float] = [muladd(power, level[i + 1], level[i]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
        if len(level) > 1:
            power = known_square if known_square is not None else power * power
            known_square = None
    result = level[0]
    return result if isinstance(result, Value) else x.builder.lift("f", result)


def fast_two_sum(a: Value | float, b: Value) -> Pair:
    """a + b exactly, for |a| ≥ |b| (or a = 0)."""
    high = a + b
    return high, (a - high) + b


def two_sum(a: Value, b: Value) -> Pair:
    """a + b exactly, whichever is larger."""
    high = a + b
    part = high - a
    return high, (a - (high - part)) + (b - part)


def two_product(a: Value, b: Value | float) -> Pair:
    high = a * b
    return high, fma(a, b, -high)


def quotient(numerator: Pair, denominator: Pair) -> Pair:
    """numerator / denominator, one hardware division: the remainder corrects the rounded quotient.

    The reciprocal and the remainder must neither overflow nor underflow: 2⁻¹⁰⁰⁰ < denominator < 2¹⁰⁰⁰ or so.
    """
    reciprocal = 1.0 / denominator[0]
    high = numerator[0] * reciprocal
    remainder = fma(-high, denominator[0], numerator[0]) + (numerator[1] - high * denominator[1])
    return high, remainder * reciprocal


def rounded_quotient(numerator: Pair, denominator: Pair) -> Value:
    high, low = quotient(numerator, denominator)
    return high + low
