"""Bessel, Hankel, Airy, Kelvin and Struve functions, and integrals of them.

Recurrences without division by x, so that they hold at 0.
"""

from __future__ import annotations

import math

from diffiface.primitives.formula import exp, maximum, sign, special, sqrt, where
from diffiface.special_functions.table import define

_ORDER = "the order"

# ---- Bessel functions

define("j0", lambda y, x: -special.j1(x))
define("j1", lambda y, x: (special.j0(x) - special.jv(2, x)) / 2)
define("y0", lambda y, x: -special.y1(x))
define("y1", lambda y, x: (special.y0(x) - special.yn(2, x)) / 2)
define("i0", lambda y, x: special.i1(x))
define("i1", lambda y, x: (special.i0(x) + special.iv(2, x)) / 2)
define("k0", lambda y, x: -special.k1(x))
define("k1", lambda y, x: -(special.k0(x) + special.kn(2, x)) / 2)
define("jv", _ORDER, lambda y, v, x: (special.jv(v - 1, x) - special.jv(v + 1, x)) / 2)
define("yv", _ORDER, lambda y, v, x: (special.yv(v - 1, x) - special.yv(v + 1, x)) / 2)
define("yn", _ORDER, lambda y, n, x: (special.yn(n - 1, x) - special.yn(n + 1, x)) / 2)
define("iv", _ORDER, lambda y, v, x: (special.iv(v - 1, x) + special.iv(v + 1, x)) / 2)
define("kv", _ORDER, lambda y, v, x: -(special.kv(v - 1, x) + special.kv(v + 1, x)) / 2)
define("kn", _ORDER, lambda y, n, x: -(special.kn(n - 1, x) + special.kn(n + 1, x)) / 2)
define("hankel1", _ORDER, lambda y, v, z: (special.hankel1(v - 1, z) - special.hankel1(v + 1, z)) / 2)
define("hankel2", _ORDER, lambda y, v, z: (special.hankel2(v - 1, z) - special.hankel2(v + 1, z)) / 2)

# ---- the same, scaled. The factor exp(-|Re z|) or exp(-|Im z|) of some has no complex derivative.

define("i0e", lambda y, x: special.i1e(x) - sign(x) * y)
define("i1e", lambda y, x: (special.i0e(x) + special.ive(2, x)) / 2 - sign(x) * y)
define("k0e", lambda y, x: y - special.k1e(x))
define("k1e", lambda y, x: y - (special.k0e(x) + special.kve(2, x)) / 2)
define("jve", _ORDER, lambda y, v, x: (special.jve(v - 1, x) - special.jve(v + 1, x)) / 2, real_only=True)
define("yve", _ORDER, lambda y, v, x: (special.yve(v - 1, x) - special.yve(v + 1, x)) / 2, real_only=True)
define("ive", _ORDER, lambda y, v, x: (special.ive(v - 1, x) + special.ive(v + 1, x)) / 2 - sign(x) * y, real_only=True)
define("kve", _ORDER, lambda y, v, x: y - (special.kve(v - 1, x) + special.kve(v + 1, x)) / 2)
define("hankel1e", _ORDER, lambda y, v, z: (special.hankel1e(v - 1, z) - special.hankel1e(v + 1, z)) / 2 - 1j * y)
define("hankel2e", _ORDER, lambda y, v, z: (special.hankel2e(v - 1, z) - special.hankel2e(v + 1, z)) / 2 + 1j * y)

# ---- spherical Bessel functions, n = 0, 1, 2, ...


def _neighbours(f, n, x, sum_sign):
    below = f(maximum(n - 1, 0), x)
    return (n * below + sum_sign * (n + 1) * f(n + 1, x)) / (2 * n + 1)


define("spherical_jn", _ORDER, lambda y, n, x: _neighbours(special.spherical_jn, n, x, -1))
define("spherical_yn", _ORDER, lambda y, n, x: _neighbours(special.spherical_yn, n, x, -1))
define("spherical_in", _ORDER, lambda y, n, x: _neighbours(special.spherical_in, n, x, 1))
define("spherical_kn", _ORDER, lambda y, n, x: -_neighbours(special.spherical_kn, n, x, 1))

# ---- Airy functions: y'' = x y

define("airy_ai", lambda y, x: special.airy_aip(x), source="airy[0]")
define("airy_aip", lambda y, x: x * special.airy_ai(x), source="airy[1]")
define("airy_bi", lambda y, x: special.airy_bip(x), source="airy[2]")
define("airy_bip", lambda y, x: x * special.airy_bi(x), source="airy[3]")


def _scaled_root(x):
    # The factor is exp(2/3 x sqrt(x)), or 1 where x is negative.
    return sqrt(where(x > 0, x, 0.0))


define(
    "airye_ai",
    lambda y, x: special.airye_aip(x) + _scaled_root(x) * y,
    source="airye[0]",
    real_only=True,
)
define(
    "airye_aip",
    lambda y, x: x * special.airye_ai(x) + _scaled_root(x) * y,
    source="airye[1]",
    real_only=True,
)
define(
    "airye_bi",
    lambda y, x: special.airye_bip(x) - _scaled_root(x) * y,
    source="airye[2]",
    real_only=True,
)
define(
    "airye_bip",
    lambda y, x: x * special.airye_bi(x) - _scaled_root(x) * y,
    source="airye[3]",
    real_only=True,
)
define("itairy_ai", lambda y, x: special.airy_ai(x), source="itairy[0]")
define("itairy_bi", lambda y, x: special.airy_bi(x), source="itairy[1]")
define("itairy_minus_ai", lambda y, x: special.airy_ai(-x), source="itairy[2]")
define("itairy_minus_bi", lambda y, x: special.airy_bi(-x), source="itairy[3]")

# ---- Kelvin functions: w = ber + i bei solves w'' = i w - w' / x

define("ber", lambda y, x: special.berp(x))
define("bei", lambda y, x: special.beip(x))
define("berp", lambda y, x: -special.bei(x) - y / x)
define("beip", lambda y, x: special.ber(x) - y / x)
define("ker", lambda y, x: special.kerp(x))
define("kei", lambda y, x: special.keip(x))
define("kerp", lambda y, x: -special.kei(x) - y / x)
define("keip", lambda y, x: special.ker(x) - y / x)

# ---- Struve functions


def _struve_term(v, x):
    return (x / 2) ** v * special.rgamma(v + 1.5) / math.sqrt(math.pi)


define("struve", _ORDER, lambda y, v, x: (special.struve(v - 1, x) - special.struve(v + 1, x) + _struve_term(v, x)) / 2)
define(
    "modstruve",
    _ORDER,
    lambda y, v, x: (special.modstruve(v - 1, x) + special.modstruve(v + 1, x) + _struve_term(v, x)) / 2,
)

# ---- integrals of them

define("itstruve0", lambda y, x: special.struve(0, x))
define("itmodstruve0", lambda y, x: special.modstruve(0, x))
define("it2struve0", lambda y, x: -special.struve(0, x) / x)
define("itj0y0_j", lambda y, x: special.j0(x), source="itj0y0[0]")
define("itj0y0_y", lambda y, x: special.y0(x), source="itj0y0[1]")
define("iti0k0_i", lambda y, x: special.i0(x), source="iti0k0[0]")
define("iti0k0_k", lambda y, x: special.k0(x), source="iti0k0[1]")
define("it2j0y0_j", lambda y, x: (1 - special.j0(x)) / x, source="it2j0y0[0]")
define("it2j0y0_y", lambda y, x: -special.y0(x) / x, source="it2j0y0[1]")
define("it2i0k0_i", lambda y, x: (special.i0(x) - 1) / x, source="it2i0k0[0]")
define("it2i0k0_k", lambda y, x: -special.k0(x) / x, source="it2i0k0[1]")
define(
    "besselpoly",
    lambda y, a, power, v: special.besselpoly(a, power + 1, v - 1) - special.besselpoly(a, power + 1, v + 1),
    "the power",
    _ORDER,
)
define("wright_bessel", "a", "b", lambda y, a, b, x: special.wright_bessel(a, b + a, x))
define("log_wright_bessel", "a", "b", lambda y, a, b, x: exp(special.log_wright_bessel(a, b + a, x) - y))
