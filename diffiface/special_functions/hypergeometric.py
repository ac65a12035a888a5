"""Hypergeometric functions, in their argument; parabolic cylinder, Mathieu and spheroidal wave functions."""

from __future__ import annotations

import math

from diffiface.primitives.formula import cos, cosh, special
from diffiface.special_functions.table import define

_PARAMETER = "a parameter"

define("hyp0f1", _PARAMETER, lambda y, b, z: special.hyp0f1(b + 1, z) / b)
define("hyp1f1", _PARAMETER, _PARAMETER, lambda y, a, b, z: special.hyp1f1(a + 1, b + 1, z) * a / b)
define("hyperu", _PARAMETER, _PARAMETER, lambda y, a, b, x: -a * special.hyperu(a + 1, b + 1, x))
define(
    "hyp2f1",
    _PARAMETER,
    _PARAMETER,
    _PARAMETER,
    lambda y, a, b, c, z: special.hyp2f1(a + 1, b + 1, c + 1, z) * (a * b / c),
)

# ---- pairs of a function and its derivative: the second derivative follows from the differential equation

define("pbdv_d", "the order", lambda y, v, x: special.pbdv_dp(v, x), source="pbdv[0]")
define("pbdv_dp", "the order", lambda y, v, x: (x * x / 4 - v - 0.5) * special.pbdv_d(v, x), source="pbdv[1]")
define("pbvv_v", "the order", lambda y, v, x: special.pbvv_vp(v, x), source="pbvv[0]")
define("pbvv_vp", "the order", lambda y, v, x: (x * x / 4 - v - 0.5) * special.pbvv_v(v, x), source="pbvv[1]")
define("pbwa_w", _PARAMETER, lambda y, a, x: special.pbwa_wp(a, x), source="pbwa[0]")
define("pbwa_wp", _PARAMETER, lambda y, a, x: (a - x * x / 4) * special.pbwa_w(a, x), source="pbwa[1]")

_DEGREE = math.pi / 180


def _define_mathieu(name: str, eigenvalue: str, angular: bool) -> None:
    value, slope = f"{name}_y", f"{name}_yp"

    def second(y, m, q, x):
        a = getattr(special, eigenvalue)(m, q)
        function = getattr(special, value)(m, q, x)
        if angular:  # x in degrees, though the derivative is in radians
            return _DEGREE * (2 * q * cos(2 * _DEGREE * x) - a) * function
        return (a - 2 * q * cosh(2 * x)) * function

    def first(y, m, q, x):
        return getattr(special, slope)(m, q, x) * (_DEGREE if angular else 1.0)

    define(value, "the order", _PARAMETER, first, source=f"{name}[0]")
    define(slope, "the order", _PARAMETER, second, source=f"{name}[1]")


define("mathieu_a", "the order", _PARAMETER)
define("mathieu_b", "the order", _PARAMETER)
for _name, _eigenvalue in {
    "mathieu_cem": "mathieu_a",
    "mathieu_sem": "mathieu_b",
    "mathieu_modcem1": "mathieu_a",
    "mathieu_modcem2": "mathieu_a",
    "mathieu_modsem1": "mathieu_b",
    "mathieu_modsem2": "mathieu_b",
}.items():
    _define_mathieu(_name, _eigenvalue, angular=_name in ("mathieu_cem", "mathieu_sem"))
