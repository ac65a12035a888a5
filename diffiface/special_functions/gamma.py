"""The gamma function and its relations: incomplete gamma and beta functions and their inverses, zeta functions.

The incomplete functions can be differentiated in all their arguments, to every order: the derivatives in the
parameters are integrals over a tail, in `tail_integrals`.
"""

from __future__ import annotations

import math
from typing import Any

from diffiface.primitives.formula import (
    Term,
    cos,
    digamma,
    exp,
    gammaln,
    log,
    log1p,
    polygamma,
    sin,
    special,
    where,
    xlogy,
)
from diffiface.special_functions.table import define

_TAILS = "diffiface.special_functions.tail_integrals"
_ZETA = "diffiface.special_functions.zeta_derivatives"

# ---- gamma and beta


def _rgamma_slope(y, x):
    # At the poles of gamma, 0 - 1 - 2 ..., the product below is 0 * infinity; the limit is (-1)^n n!.
    pole = (y == 0) & (x <= 0)
    at_pole = cos(math.pi * x) * special.gamma(where(pole, 1 - x, 1.0))
    return where(pole, at_pole, -digamma(where(pole, 1.0, x)) * y)


define("gamma", lambda y, x: y * digamma(x))
define("loggamma", lambda y, x: digamma(x))
define("rgamma", _rgamma_slope)
define("beta", lambda y, a, b: y * (digamma(a) - digamma(a + b)), lambda y, a, b: y * (digamma(b) - digamma(a + b)))
define("betaln", lambda y, a, b: digamma(a) - digamma(a + b), lambda y, a, b: digamma(b) - digamma(a + b))
define(
    "binom",
    lambda y, n, k: y * (digamma(n + 1) - digamma(n - k + 1)),
    lambda y, n, k: y * (digamma(n - k + 1) - digamma(k + 1)),
)
define("poch", lambda y, z, m: y * (digamma(z + m) - digamma(z)), lambda y, z, m: y * digamma(z + m))

# ---- zeta functions


def _zeta_s_in_q(y, order: Term, s, q):
    """The derivative of -s zeta(s + 1, q), `order` times in s."""
    n = order.raw
    higher = special.zeta_s(n, s + 1, q)
    return -(s * higher + n * special.zeta_s(n - 1, s + 1, q)) if n > 1 else -(s * higher + special.zeta(s + 1, q))


def _riemann_zeta_slope(y, s):
    # Far to the left Riemann's reflection, 2 (2 pi)^(s - 1) sin(pi s / 2) gamma(1 - s) zeta(1 - s), differentiated.
    left = s < -1
    inner = where(left, s, -2.0)
    sine, cosine = sin(math.pi / 2 * inner), cos(math.pi / 2 * inner)
    zeta = special.zeta(1 - inner, 1.0)
    slope = (math.log(2 * math.pi) - digamma(1 - inner)) * sine * zeta + math.pi / 2 * cosine * zeta
    slope = slope - sine * special.zeta_s(1, 1 - inner, 1.0)
    reflected = 2 * (2 * math.pi) ** (inner - 1) * special.gamma(1 - inner) * slope
    return where(left, reflected, special.zeta_s(1, where(left, 2.0, s), 1.0))


define("zeta", lambda y, s, q: special.zeta_s(1, s, q), lambda y, s, q: -s * special.zeta(s + 1, q))
define("riemann_zeta", _riemann_zeta_slope, source="zeta", real_only=True)
define("zetac", _riemann_zeta_slope)
define(
    "zeta_s",
    "the order",
    lambda y, order, s, q: special.zeta_s(order.raw + 1, s, q),
    _zeta_s_in_q,
    source=f"{_ZETA}:zeta_s",
)

# ---- incomplete gamma functions


def gamma_density(a: Any, x: Any) -> Any:
    """Return the derivative of gammainc(a, x) in x."""
    return exp(xlogy(a - 1, x) - x - gammaln(a))


def _a_slope(a, x):
    return special.gammainc_a(1, a, x)


def _gammainc_a_in_x(y, order: Term, a, x):
    """The density times a polynomial in log(x): complete Bell polynomials of the derivatives of its logarithm in a."""
    count = order.raw
    first = log(x) - digamma(a)
    polynomials: list[Any] = [1.0]
    for n in range(count):
        terms = [math.comb(n, i) * polynomials[n - i] * (first if i == 0 else -polygamma(i, a)) for i in range(n + 1)]
        polynomials.append(sum(terms[1:], terms[0]))
    return gamma_density(a, x) * polynomials[count]


define("gammainc", lambda y, a, x: _a_slope(a, x), lambda y, a, x: gamma_density(a, x))
define("gammaincc", lambda y, a, x: -_a_slope(a, x), lambda y, a, x: -gamma_density(a, x))
define(
    "gammainc_a",
    "the order",
    lambda y, order, a, x: special.gammainc_a(order.raw + 1, a, x),
    _gammainc_a_in_x,
    source=f"{_TAILS}:gammainc_a",
)
define(
    "gammaincinv",
    lambda x, a, p: -_a_slope(a, x) / gamma_density(a, x),
    lambda x, a, p: 1 / gamma_density(a, x),
)
define(
    "gammainccinv",
    lambda x, a, q: -_a_slope(a, x) / gamma_density(a, x),
    lambda x, a, q: -1 / gamma_density(a, x),
)

# ---- incomplete beta functions


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """Return the derivative of betainc(a, b, x) in x."""
    return exp(xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))


def _in_a(a, b, x):
    return special.betainc_ab(1, 0, a, b, x)


def _in_b(a, b, x):
    return special.betainc_ab(0, 1, a, b, x)


def _log_beta_derivative(i: int, j: int, a, b):
    """The derivative of -log(beta), i times in a and j times in b (not both 0)."""
    both = polygamma(i + j - 1, a + b)
    if i and j:
        return both
    return both - (polygamma(i - 1, a) if i else polygamma(j - 1, b))


def _betainc_ab_in_x(y, in_a: Term, in_b: Term, a, b, x):
    """The density times the polynomial that i derivatives in a and j in b of its exponential bring out."""

    def weight(i: int, j: int) -> Any:
        # d/da (weight * density) by Leibniz, one derivative of the logarithm taken out.
        if i == 0 and j == 0:
            return 1.0
        total: Any = 0.0
        last_i, last_j = (i - 1, j) if i else (i, j - 1)
        for k in range(last_i + 1):
            for m in range(last_j + 1):
                order = (k + 1, m) if i else (k, m + 1)
                slope = _log_beta_derivative(*order, a, b)
                if order == (1, 0):
                    slope = slope + log(x)
                elif order == (0, 1):
                    slope = slope + log1p(-x)
                factor = math.comb(last_i, k) * math.comb(last_j, m)
                total = factor * weight(last_i - k, last_j - m) * slope + total
        return total

    return beta_density(a, b, x) * weight(in_a.raw, in_b.raw)


define(
    "betainc", lambda y, a, b, x: _in_a(a, b, x), lambda y, a, b, x: _in_b(a, b, x), lambda y, *abx: beta_density(*abx)
)
define(
    "betaincc",
    lambda y, a, b, x: -_in_a(a, b, x),
    lambda y, a, b, x: -_in_b(a, b, x),
    lambda y, *abx: -beta_density(*abx),
)
define(
    "betainc_ab",
    "the order in a",
    "the order in b",
    lambda y, i, j, a, b, x: special.betainc_ab(i.raw + 1, j.raw, a, b, x),
    lambda y, i, j, a, b, x: special.betainc_ab(i.raw, j.raw + 1, a, b, x),
    _betainc_ab_in_x,
    source=f"{_TAILS}:betainc_ab",
)
define(
    "betaincinv",
    lambda x, a, b, p: -_in_a(a, b, x) / beta_density(a, b, x),
    lambda x, a, b, p: -_in_b(a, b, x) / beta_density(a, b, x),
    lambda x, a, b, p: 1 / beta_density(a, b, x),
)
define(
    "betainccinv",
    lambda x, a, b, q: -_in_a(a, b, x) / beta_density(a, b, x),
    lambda x, a, b, q: -_in_b(a, b, x) / beta_density(a, b, x),
    lambda x, a, b, q: -1 / beta_density(a, b, x),
)
