"""Error functions, the normal distribution, Fresnel integrals, exponential and trigonometric integrals."""

from __future__ import annotations

import math

from diffiface.primitives.formula import (
    cos,
    cosh,
    erf,
    exp,
    imag,
    log,
    maximum,
    near_zero,
    real,
    sin,
    sinh,
    special,
    where,
)
from diffiface.special_functions.table import define

_ROOT_PI = math.sqrt(math.pi)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)

# ---- error functions

define("erfcx", lambda y, x: 2 * x * y - 2 / _ROOT_PI)
define("erfi", lambda y, x: 2 / _ROOT_PI * exp(x * x))
define("erfinv", lambda y, x: _ROOT_PI / 2 * exp(y * y))
define("erfcinv", lambda y, x: -_ROOT_PI / 2 * exp(y * y))
define("dawsn", lambda y, x: 1 - 2 * x * y)
define("wofz", lambda y, z: 2j / _ROOT_PI - 2 * z * y)
define("ndtri", lambda y, x: _ROOT_TWO_PI * exp(y * y / 2))
define("ndtri_exp", lambda y, x: _ROOT_TWO_PI * exp(x + y * y / 2))
define(
    "owens_t",
    lambda y, h, a: exp(h * h / -2) * erf(a * h / math.sqrt(2)) / (-2 * _ROOT_TWO_PI),
    lambda y, h, a: exp(h * h * (1 + a * a) / -2) / (2 * math.pi * (1 + a * a)),
)


def _faddeeva_slope(x, sigma, gamma):
    """The derivative of wofz at z = (x + i gamma) / (sigma sqrt(2)), and z."""
    z = (x + 1j * gamma) / (sigma * math.sqrt(2))
    return 2j / _ROOT_PI - 2 * z * special.wofz(z), z


define(
    "voigt_profile",
    lambda y, x, sigma, gamma: real(_faddeeva_slope(x, sigma, gamma)[0]) / (2 * _ROOT_PI * sigma * sigma),
    lambda y, x, sigma, gamma: (
        (
            real(-1 * _faddeeva_slope(x, sigma, gamma)[0] * _faddeeva_slope(x, sigma, gamma)[1])
            / (sigma * _ROOT_TWO_PI)
            - y
        )
        / sigma
    ),
    lambda y, x, sigma, gamma: -imag(_faddeeva_slope(x, sigma, gamma)[0]) / (2 * _ROOT_PI * sigma * sigma),
)

# ---- Fresnel integrals

define("fresnel_s", lambda y, x: sin(math.pi / 2 * x * x), source="fresnel[0]")
define("fresnel_c", lambda y, x: cos(math.pi / 2 * x * x), source="fresnel[1]")
_EIGHTH = complex(math.cos(math.pi / 4), math.sin(math.pi / 4))
define("modfresnelp_f", lambda y, x: -exp(1j * (x * x)), source="modfresnelp[0]")
define("modfresnelp_k", lambda y, x: -2j * x * y - _EIGHTH.conjugate() / _ROOT_PI, source="modfresnelp[1]")
define("modfresnelm_f", lambda y, x: -exp(-1j * (x * x)), source="modfresnelm[0]")
define("modfresnelm_k", lambda y, x: 2j * x * y - _EIGHTH / _ROOT_PI, source="modfresnelm[1]")

# ---- exponential and trigonometric integrals

_SINE = [(-1.0) ** (k // 2) / math.factorial(k + 1) if k % 2 == 0 else 0.0 for k in range(12)]


def _sine_over(x):
    return near_zero(x, 0.3, _SINE, lambda x: sin(x) / x)


def _hyperbolic_sine_over(x):
    return near_zero(x, 0.3, [abs(c) for c in _SINE], lambda x: sinh(x) / x)


def _expn_slope(y, n, x):
    # E_0 is exp(-x) / x, and E_n' is -E_(n-1).
    return where(n > 0, -special.expn(maximum(n - 1, 0), x), -y * (1 + 1 / x))


define("exp1", lambda y, x: -exp(-x) / x)
define("expi", lambda y, x: exp(x) / x)
define("expn", "the order", _expn_slope)
define("sici_s", lambda y, x: _sine_over(x), source="sici[0]")
define("sici_c", lambda y, x: cos(x) / x, source="sici[1]")
define("shichi_s", lambda y, x: _hyperbolic_sine_over(x), source="shichi[0]")
define("shichi_c", lambda y, x: cosh(x) / x, source="shichi[1]")
define(
    "spence",
    lambda y, z: near_zero(1 - z, 0.05, [-1 / (k + 1) for k in range(12)], lambda w: log(1 - w) / w),
)
