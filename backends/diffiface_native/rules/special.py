"""Rules of the special functions."""

from __future__ import annotations

import math
from typing import Any

from diffiface.adapter import Primitives
from diffiface_native.rules.rule import Partial, UnaryRule

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
