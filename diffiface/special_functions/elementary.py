"""Functions made of exponentials and logarithms: sigmoids, entropies, losses, power transformations, Lambert's W."""

from __future__ import annotations

import math

from diffiface.primitives.formula import exp, log, log1p, near_zero, sign, sin, special, sqrt, where
from diffiface.special_functions.table import define

# ---- sigmoids, exponentials, logarithms

define("logit", lambda y, x: 1 / (x * (1 - x)))
define("exp10", lambda y, x: math.log(10) * y)
define("cosm1", lambda y, x: -sin(x))
define("powm1", lambda y, x, a: a * x ** (a - 1), lambda y, x, a: (y + 1) * log(x))
define(
    "xlog1py",
    # At (0, -1), as at (0, 0) of xlogy, the function is 0, and so are its derivatives.
    lambda value, x, y: log1p(where((x == 0) & (y == -1), 0.0, y)),
    lambda value, x, y: x / (1 + where((x == 0) & (y == -1), 0.0, y)),
)
define("lambertw", lambda w, z, k: 1 / (exp(w) + z), "the branch")
define("wrightomega", lambda w, z: w / (1 + w))


def _exprel_slope(x):
    """The derivative of (exp(x) - 1) / x."""
    series = [(k + 1) / math.factorial(k + 2) for k in range(18)]
    return near_zero(x, 1.0, series, lambda x: (exp(x) - special.exprel(x)) / x)


define("exprel", lambda y, x: _exprel_slope(x))

# ---- angles in degrees

_DEGREE = math.pi / 180
define("sindg", lambda y, x: _DEGREE * special.cosdg(x))
define("cosdg", lambda y, x: -_DEGREE * special.sindg(x))
define("tandg", lambda y, x: _DEGREE * (1 + y * y))
define("cotdg", lambda y, x: -_DEGREE * (1 + y * y))
define("radian", lambda y, *dms: _DEGREE, lambda y, *dms: _DEGREE / 60, lambda y, *dms: _DEGREE / 3600)

# ---- entropies and losses

define("entr", lambda y, x: -1 - log(x))


def _ratio(x, y):
    both_zero = (x == 0) & (y == 0)
    return where(both_zero, 0.0, x) / where(both_zero, 1.0, y)


define("rel_entr", lambda value, x, y: log(x / y) + 1, lambda value, x, y: -_ratio(x, y))
define("kl_div", lambda value, x, y: log(x / y), lambda value, x, y: 1 - _ratio(x, y))
define(
    "huber",
    lambda y, delta, r: where(abs(r) <= delta, 0.0, abs(r) - delta),
    lambda y, delta, r: where(abs(r) <= delta, r, delta * sign(r)),
)


def _pseudo_huber_in_delta(y, delta, r):
    ratio = r / delta
    root = sqrt(1 + ratio * ratio)
    return r * ratio * ratio * ratio / ((1 + root) * (1 + root) * root)


define("pseudo_huber", _pseudo_huber_in_delta, lambda y, delta, r: r / sqrt(1 + (r / delta) * (r / delta)))

# ---- power transformations; with u = power * log(x), boxcox is log(x) * exprel(u)


def _log1prel_slope(x):
    """The derivative of log(1 + x) / x."""
    series = [(-1.0) ** (k + 1) * (k + 1) / (k + 2) for k in range(16)]
    return near_zero(x, 0.1, series, lambda x: (1 / (1 + x) - log1p(x) / x) / x)


define(
    "boxcox",
    lambda y, x, power: x ** (power - 1),
    lambda y, x, power: log(x) * log(x) * _exprel_slope(power * log(x)),
)
define(
    "boxcox1p",
    lambda y, x, power: (1 + x) ** (power - 1),
    lambda y, x, power: log1p(x) * log1p(x) * _exprel_slope(power * log1p(x)),
)
define(
    "inv_boxcox",
    lambda x, y, power: x / (1 + power * y),
    lambda x, y, power: x * y * y * _log1prel_slope(power * y),
)
define(
    "inv_boxcox1p",
    lambda x, y, power: (1 + x) / (1 + power * y),
    lambda x, y, power: (1 + x) * y * y * _log1prel_slope(power * y),
)
