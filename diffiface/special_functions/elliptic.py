"""Elliptic integrals and functions.

The usual derivatives in the parameter m divide by m; near 0 power series take their place, in which the integrals of
even powers of the sine are found by recurrence.
"""

from __future__ import annotations

import math

from diffiface.primitives.formula import cos, near_zero, polynomial, sin, special, sqrt, where
from diffiface.special_functions.table import define

_SMALL = 0.06
"""Below this |m| the series: 13 terms are right to 16 digits, and the other formulas would lose more than one."""
_TERMS = 14


def _series(first: float) -> list[float]:
    """The coefficients of (1 - t)^(-first) in powers of t."""
    coefficients = [1.0]
    for n in range(_TERMS):
        coefficients.append(coefficients[-1] * (first + n) / (n + 1))
    return coefficients


_K_SERIES, _E_SERIES = _series(0.5), _series(-0.5)


def _complete(coefficients: list[float]) -> list[float]:
    """The power series in m of the derivative of a complete integral."""
    quarter = [math.pi / 2]
    for n in range(1, len(coefficients)):
        quarter.append(quarter[-1] * (2 * n - 1) / (2 * n))
    return [n * c * q for n, (c, q) in enumerate(zip(coefficients, quarter, strict=True)) if n]


def _ellipk_slope(m):
    return near_zero(
        m,
        _SMALL,
        _complete(_K_SERIES),
        lambda m: (special.ellipe(m) - (1 - m) * special.ellipk(m)) / (2 * m * (1 - m)),
    )


def _ellipkm1_slope(y, p):
    # Not by way of m = 1 - p, which for a small p has lost its digits.
    return -near_zero(
        1 - p,
        _SMALL,
        _complete(_K_SERIES),
        lambda m: (
            (special.ellipe(m) - where(abs(1 - p) < _SMALL, 1 - m, p) * _safe(y, p))
            / (2 * m * where(abs(1 - p) < _SMALL, 1.0, p))
        ),
    )


def _safe(y, p):
    return where(abs(1 - p) < _SMALL, 1.0, y)


define("ellipk", lambda y, m: _ellipk_slope(m))
define("ellipkm1", _ellipkm1_slope)
define(
    "ellipe",
    lambda y, m: near_zero(
        m, _SMALL, _complete(_E_SERIES), lambda m: (special.ellipe(m) - special.ellipk(m)) / (2 * m)
    ),
)

# ---- incomplete integrals


def _root(phi, m):
    return sqrt(1 - m * sin(phi) * sin(phi))


def _small_m_slope(phi, m, coefficients: list[float]):
    """The derivative in m of the integral of (1 - m sin^2)^(-first), by its series."""
    s, c = sin(phi), cos(phi)
    integral, power, terms = phi, s, []
    for n in range(1, len(coefficients)):
        # The integral of sin^(2n) from that of sin^(2n - 2).
        integral = ((2 * n - 1) * integral - power * c) / (2 * n)
        power = power * s * s
        terms.append(n * coefficients[n] * integral)
    return polynomial(m, terms)


def _in_m(phi, m, coefficients, elsewhere):
    small = abs(m) < _SMALL
    return where(
        small,
        _small_m_slope(phi, where(small, m, 0.0), coefficients),
        elsewhere(phi, where(small, 0.5, m)),
    )


def _ellipkinc_in_m(phi, m):
    return _in_m(
        phi,
        m,
        _K_SERIES,
        lambda phi, m: (
            (special.ellipeinc(phi, m) - (1 - m) * special.ellipkinc(phi, m)) / (2 * m * (1 - m))
            - sin(2 * phi) / (4 * (1 - m) * _root(phi, m))
        ),
    )


define("ellipkinc", lambda y, phi, m: 1 / _root(phi, m), lambda y, phi, m: _ellipkinc_in_m(phi, m))
define(
    "ellipeinc",
    lambda y, phi, m: _root(phi, m),
    lambda y, phi, m: _in_m(
        phi, m, _E_SERIES, lambda phi, m: (special.ellipeinc(phi, m) - special.ellipkinc(phi, m)) / (2 * m)
    ),
)

# ---- Jacobi's functions; u is the incomplete integral of the amplitude


def _jacobi(u, m):
    return special.ellipj_sn(u, m), special.ellipj_cn(u, m), special.ellipj_dn(u, m)


def _amplitude_in_m(u, m):
    return -special.ellipj_dn(u, m) * _ellipkinc_in_m(special.ellipj_ph(u, m), m)


def _dn_in_m(dn, u, m):
    sn, cn, _ = _jacobi(u, m)
    return (sn * sn + 2 * m * sn * cn * _amplitude_in_m(u, m)) / (-2 * dn)


define(
    "ellipj_sn",
    lambda y, u, m: special.ellipj_cn(u, m) * special.ellipj_dn(u, m),
    lambda y, u, m: special.ellipj_cn(u, m) * _amplitude_in_m(u, m),
    source="ellipj[0]",
)
define(
    "ellipj_cn",
    lambda y, u, m: -special.ellipj_sn(u, m) * special.ellipj_dn(u, m),
    lambda y, u, m: -special.ellipj_sn(u, m) * _amplitude_in_m(u, m),
    source="ellipj[1]",
)
define(
    "ellipj_dn",
    lambda y, u, m: -m * special.ellipj_sn(u, m) * special.ellipj_cn(u, m),
    lambda y, u, m: _dn_in_m(y, u, m),
    source="ellipj[2]",
)
define(
    "ellipj_ph",
    lambda y, u, m: special.ellipj_dn(u, m),
    lambda y, u, m: _amplitude_in_m(u, m),
    source="ellipj[3]",
)

# ---- Carlson's symmetric integrals. Where arguments coincide, some derivatives are 0/0 and come out as NaN.


def _rd_in_x(x, y, z):
    return (special.elliprd(x, y, z) - special.elliprd(y, z, x)) / (2 * (z - x))


def _rg_in_x(x, y, z):
    return (
        sqrt(y / (x * z)) / 2
        - z * special.elliprd(y, z, x) / 6
        - (y - z) * (special.elliprd(x, y, z) + special.elliprd(y, z, x)) / 6
    ) / 2


def _rj_in_x(value, x, y, z, p):
    return (value - special.elliprd(y, z, x)) / (2 * (p - x))


define(
    "elliprc",
    lambda value, x, y: (value - 1 / sqrt(x)) / (2 * (y - x)),
    lambda value, x, y: (sqrt(x) / y - value) / (2 * (y - x)),
)
define(
    "elliprd",
    lambda value, x, y, z: _rd_in_x(x, y, z),
    lambda value, x, y, z: _rd_in_x(y, x, z),
    lambda value, x, y, z: (-1.5 * value - x * _rd_in_x(x, y, z) - y * _rd_in_x(y, x, z)) / z,
)
define(
    "elliprf",
    lambda value, x, y, z: special.elliprd(y, z, x) / -6,
    lambda value, x, y, z: special.elliprd(z, x, y) / -6,
    lambda value, x, y, z: special.elliprd(x, y, z) / -6,
)
define(
    "elliprg",
    lambda value, x, y, z: _rg_in_x(x, y, z),
    lambda value, x, y, z: _rg_in_x(y, z, x),
    lambda value, x, y, z: _rg_in_x(z, x, y),
)
define(
    "elliprj",
    lambda value, x, y, z, p: _rj_in_x(value, x, y, z, p),
    lambda value, x, y, z, p: _rj_in_x(value, y, z, x, p),
    lambda value, x, y, z, p: _rj_in_x(value, z, x, y, p),
    lambda value, x, y, z, p: (
        (
            -1.5 * value
            - x * _rj_in_x(value, x, y, z, p)
            - y * _rj_in_x(value, y, z, x, p)
            - z * _rj_in_x(value, z, x, y, p)
        )
        / p
    ),
)

# ---- the arithmetic-geometric mean: pi / 4 (a + b) / K(m), m = ((a - b) / (a + b))^2


def _agm_in_a(value, a, b):
    total = a + b
    ratio = (a - b) / total
    m = ratio * ratio
    m_in_a = 4 * ratio * b / (total * total)
    return value * (1 / total - _ellipk_slope(m) * m_in_a / special.ellipk(m))


define("agm", lambda y, a, b: _agm_in_a(y, a, b), lambda y, a, b: _agm_in_a(y, b, a))
