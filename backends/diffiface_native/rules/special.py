"""Rules of the special functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from diffiface.adapter import SPECIAL_FUNCTIONS, Primitives
from diffiface_native.rules.broadcasting import align, unbroadcast
from diffiface_native.rules.rule import NaryRule, Partial, UnaryRule, is_complex, total

_LOG_SQRT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def _erf_slope(p: Primitives, x: Any) -> Any:
    return p.multiply(2.0 / math.sqrt(math.pi), p.exp(p.negative(p.square(x))))


def _normal_log_density(p: Primitives, x: Any) -> Any:
    return p.subtract(p.multiply(-0.5, p.square(x)), _LOG_SQRT_TWO_PI)


def _xlogy_argument(p: Primitives, x: Any, y: Any) -> Any:
    # xlogy(0, 0) is 0, and so are its derivatives.
    return p.where(p.logical_and(p.equal(x, 0), p.equal(y, 0)), 1.0, y)


POINTWISE: dict[str, tuple[Partial | None, ...]] = {
    "erf": (lambda p, t, y, x: p.multiply(t, _erf_slope(p, x)),),
    "erfc": (lambda p, t, y, x: p.negative(p.multiply(t, _erf_slope(p, x))),),
    "expit": (lambda p, t, y, x: p.multiply(t, p.multiply(y, p.subtract(1.0, y))),),
    "log_expit": (lambda p, t, y, x: p.multiply(t, p.expit(p.negative(x))),),
    "gammaln": (lambda p, t, y, x: p.multiply(t, p.digamma(x)),),
    "digamma": (lambda p, t, y, x: p.multiply(t, p.polygamma(x, order=1)),),
    "ndtr": (lambda p, t, y, x: p.multiply(t, p.exp(_normal_log_density(p, x))),),
    # The ratio of density and distribution by their logarithms: both underflow in the far tail.
    "log_ndtr": (lambda p, t, y, x: p.multiply(t, p.exp(p.subtract(_normal_log_density(p, x), y))),),
    "xlogy": (
        lambda p, t, value, x, y: p.multiply(t, p.log(_xlogy_argument(p, x, y))),
        lambda p, t, value, x, y: p.multiply(t, p.divide(x, _xlogy_argument(p, x, y))),
    ),
}


def _polygamma(p: Primitives, t: Any, y: Any, x: Any, *, order: int) -> Any:
    return p.multiply(t, p.polygamma(x, order=order + 1))


UNARY: dict[str, UnaryRule] = {"polygamma": UnaryRule(_polygamma, _polygamma)}

# ---- the functions of the table, whose partial derivatives it holds


def _special_jvp(p: Primitives, tangents: Sequence[Any], y: Any, arrays: Sequence[Any], *, function: str) -> Any:
    entry, shape = SPECIAL_FUNCTIONS[function], p.shape(y)
    terms = [
        p.multiply(align(p, tangent, len(shape)), entry.slope(p, place, y, arrays))
        for place, tangent in enumerate(tangents)
        if tangent is not None
    ]
    result = total(p, terms)
    batch = next(p.shape(tangent)[0] for tangent in tangents if tangent is not None)
    return result if p.shape(result) == (batch, *shape) else p.broadcast_to(result, shape=(batch, *shape))


def _special_vjp(
    p: Primitives, ct: Any, y: Any, arrays: Sequence[Any], wanted: Sequence[bool], *, function: str
) -> list[Any]:
    entry = SPECIAL_FUNCTIONS[function]
    cotangents = []
    for place, (array, want) in enumerate(zip(arrays, wanted, strict=True)):
        if not want:
            cotangents.append(None)
            continue
        cotangent = unbroadcast(p, p.multiply(ct, entry.slope(p, place, y, arrays)), p.shape(array))
        # A real argument of a complex function (an order, a real x of a Hankel function) has a real cotangent.
        cotangents.append(p.real(cotangent) if is_complex(p, cotangent) and not is_complex(p, array) else cotangent)
    return cotangents


NARY: dict[str, NaryRule] = {"special": NaryRule(_special_jvp, _special_vjp)}
