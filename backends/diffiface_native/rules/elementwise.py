"""Rules of the elementwise primitives.

At the kinks: |x| has derivative 0 at 0; the arguments of maximum and minimum share equally where they tie; hypot has
derivative 0 at the origin. Masks are constants, so second derivatives through them are zero.
"""

from __future__ import annotations

import math
from typing import Any

from diffiface.adapter import Primitives, UnsupportedOperationError
from diffiface_native.rules.rule import Partial, UnaryRule, is_complex


def _times_two(p: Primitives, x: Any) -> Any:
    return p.multiply(2.0, x)


def _one_minus_square(p: Primitives, x: Any) -> Any:
    # Factored, since 1 - x*x loses digits near 1.
    return p.multiply(p.subtract(1.0, x), p.add(1.0, x))


def _one_plus_square(p: Primitives, x: Any) -> Any:
    return p.add(1.0, p.square(x))


def _where_nonzero(p: Primitives, x: Any) -> Any:
    """Replace zeros by ones, to divide by or take the logarithm of."""
    return p.where(p.equal(x, 0), 1.0, x)


def _power_base(p: Primitives, t: Any, y: Any, x: Any, n: Any) -> Any:
    if isinstance(n, (int, float)):
        if n == 2:
            return p.multiply(t, _times_two(p, x))
        if n in (0, 1):
            return p.multiply(t, float(n))
        return p.multiply(t, p.multiply(n, p.power(x, n - 1)))
    # At n = 0 the exponent n - 1 would give 0 * inf at x = 0.
    exponent = p.where(p.equal(n, 0), 1, p.subtract(n, 1))
    return p.multiply(t, p.multiply(n, p.power(x, exponent)))


def _power_exponent(p: Primitives, t: Any, y: Any, x: Any, n: Any) -> Any:
    return p.multiply(t, p.multiply(y, p.log(_where_nonzero(p, x))))


def _share(p: Primitives, t: Any, mine: Any, other: Any, wins: str) -> Any:
    if is_complex(p, mine) or is_complex(p, other):
        raise UnsupportedOperationError(
            "maximum and minimum of complex numbers have no derivative",
            fix="compare real numbers: absolute values or real parts",
        )
    tie = p.where(p.equal(mine, other), p.multiply(t, 0.5), 0.0)
    return p.where(getattr(p, wins)(mine, other), t, tie)


def _arctan2_denominator(p: Primitives, a: Any, b: Any) -> Any:
    return p.add(p.square(a), p.square(b))


def _logaddexp_weight(p: Primitives, a: Any, y: Any) -> Any:
    # Where both terms are zero, y = -inf and a - y is undefined; exp(-inf) is the weight wanted.
    return p.exp(p.subtract(a, p.where(p.equal(y, -math.inf), 0.0, y)))


POINTWISE: dict[str, tuple[Partial | None, ...]] = {
    "negative": (lambda p, t, y, x: p.negative(t),),
    "square": (lambda p, t, y, x: p.multiply(t, _times_two(p, x)),),
    "sqrt": (lambda p, t, y, x: p.divide(t, _times_two(p, y)),),
    "cbrt": (lambda p, t, y, x: p.divide(t, p.multiply(3.0, p.square(y))),),
    "reciprocal": (lambda p, t, y, x: p.negative(p.multiply(t, p.square(y))),),
    "exp": (lambda p, t, y, x: p.multiply(t, y),),
    "exp2": (lambda p, t, y, x: p.multiply(t, p.multiply(math.log(2.0), y)),),
    "expm1": (lambda p, t, y, x: p.multiply(t, p.exp(x)),),
    "log": (lambda p, t, y, x: p.divide(t, x),),
    "log2": (lambda p, t, y, x: p.divide(t, p.multiply(math.log(2.0), x)),),
    "log10": (lambda p, t, y, x: p.divide(t, p.multiply(math.log(10.0), x)),),
    "log1p": (lambda p, t, y, x: p.divide(t, p.add(1.0, x)),),
    "sin": (lambda p, t, y, x: p.multiply(t, p.cos(x)),),
    "cos": (lambda p, t, y, x: p.negative(p.multiply(t, p.sin(x))),),
    "tan": (lambda p, t, y, x: p.multiply(t, _one_plus_square(p, y)),),
    "arcsin": (lambda p, t, y, x: p.divide(t, p.sqrt(_one_minus_square(p, x))),),
    "arccos": (lambda p, t, y, x: p.negative(p.divide(t, p.sqrt(_one_minus_square(p, x)))),),
    "arctan": (lambda p, t, y, x: p.divide(t, _one_plus_square(p, x)),),
    "sinh": (lambda p, t, y, x: p.multiply(t, p.cosh(x)),),
    "cosh": (lambda p, t, y, x: p.multiply(t, p.sinh(x)),),
    "tanh": (lambda p, t, y, x: p.multiply(t, p.subtract(1.0, p.square(y))),),
    "arcsinh": (lambda p, t, y, x: p.divide(t, p.sqrt(_one_plus_square(p, x))),),
    # Two roots, since the root of the product lies on the wrong branch for half of the complex plane.
    "arccosh": (lambda p, t, y, x: p.divide(t, p.multiply(p.sqrt(p.subtract(x, 1.0)), p.sqrt(p.add(x, 1.0)))),),
    "arctanh": (lambda p, t, y, x: p.divide(t, _one_minus_square(p, x)),),
    "conjugate": (lambda p, t, y, x: p.conjugate(t),),
    "add": (
        lambda p, t, y, a, b: t,
        lambda p, t, y, a, b: t,
    ),
    "subtract": (
        lambda p, t, y, a, b: t,
        lambda p, t, y, a, b: p.negative(t),
    ),
    "multiply": (
        lambda p, t, y, a, b: p.multiply(t, b),
        lambda p, t, y, a, b: p.multiply(t, a),
    ),
    "divide": (
        lambda p, t, y, a, b: p.divide(t, b),
        lambda p, t, y, a, b: p.negative(p.divide(p.multiply(t, y), b)),
    ),
    "power": (_power_base, _power_exponent),
    "maximum": (
        lambda p, t, y, a, b: _share(p, t, a, b, "greater"),
        lambda p, t, y, a, b: _share(p, t, b, a, "greater"),
    ),
    "minimum": (
        lambda p, t, y, a, b: _share(p, t, a, b, "less"),
        lambda p, t, y, a, b: _share(p, t, b, a, "less"),
    ),
    "arctan2": (
        lambda p, t, y, a, b: p.multiply(t, p.divide(b, _arctan2_denominator(p, a, b))),
        lambda p, t, y, a, b: p.negative(p.multiply(t, p.divide(a, _arctan2_denominator(p, a, b)))),
    ),
    "hypot": (
        lambda p, t, y, a, b: p.multiply(t, p.divide(a, _where_nonzero(p, y))),
        lambda p, t, y, a, b: p.multiply(t, p.divide(b, _where_nonzero(p, y))),
    ),
    "logaddexp": (
        lambda p, t, y, a, b: p.multiply(t, _logaddexp_weight(p, a, y)),
        lambda p, t, y, a, b: p.multiply(t, _logaddexp_weight(p, b, y)),
    ),
    "remainder": (
        lambda p, t, y, a, b: t,
        lambda p, t, y, a, b: p.negative(p.multiply(t, p.floor_divide(a, b))),
    ),
}
"""By primitive, one partial derivative per argument (None: the argument is never differentiated)."""


def _absolute_jvp(p: Primitives, t: Any, y: Any, x: Any) -> Any:
    if is_complex(p, x):
        return p.divide(p.real(p.multiply(p.conjugate(x), t)), _where_nonzero(p, y))
    return p.multiply(t, p.sign(x))


def _absolute_vjp(p: Primitives, ct: Any, y: Any, x: Any) -> Any:
    if is_complex(p, x):
        return p.multiply(ct, p.divide(p.conjugate(x), _where_nonzero(p, y)))
    return p.multiply(ct, p.sign(x))


UNARY: dict[str, UnaryRule] = {
    "absolute": UnaryRule(_absolute_jvp, _absolute_vjp),
    "real": UnaryRule(lambda p, t, y, x: p.real(t), lambda p, ct, y, x: ct),
    "imag": UnaryRule(
        lambda p, t, y, x: p.imag(t),
        lambda p, ct, y, x: p.multiply(ct, -1j if is_complex(p, x) else 0.0),
    ),
}
