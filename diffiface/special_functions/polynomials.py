"""Orthogonal polynomials and Legendre functions, in their argument.

Each derivative is a polynomial of one degree less, of another family, without division; of degree 0 it is 0.
"""

from __future__ import annotations

from diffiface.primitives.formula import maximum, special, where
from diffiface.special_functions.table import define

_DEGREE, _PARAMETER = "the degree", "a parameter"


def _lower(n, polynomial):
    """A polynomial of degree n - 1, or 0 if there is none."""
    return where(n > 0, polynomial(maximum(n - 1, 0)), 0.0)


def _gegenbauer(n, alpha, x):
    return _lower(n, lambda k: special.eval_gegenbauer(k, alpha, x))


def _jacobi(n, a, b, x):
    return _lower(n, lambda k: special.eval_jacobi(k, a, b, x))


define("eval_legendre", _DEGREE, lambda y, n, x: _gegenbauer(n, 1.5, x))
define("eval_chebyt", _DEGREE, lambda y, n, x: n * _lower(n, lambda k: special.eval_chebyu(k, x)))
define("eval_chebyu", _DEGREE, lambda y, n, x: 2 * _gegenbauer(n, 2.0, x))
define("eval_chebyc", _DEGREE, lambda y, n, x: n * _lower(n, lambda k: special.eval_chebys(k, x)))
define("eval_chebys", _DEGREE, lambda y, n, x: _gegenbauer(n, 2.0, x / 2))
define("eval_sh_legendre", _DEGREE, lambda y, n, x: 2 * _gegenbauer(n, 1.5, 2 * x - 1))
define("eval_sh_chebyt", _DEGREE, lambda y, n, x: 2 * n * _lower(n, lambda k: special.eval_sh_chebyu(k, x)))
define("eval_sh_chebyu", _DEGREE, lambda y, n, x: 4 * _gegenbauer(n, 2.0, 2 * x - 1))
define("eval_gegenbauer", _DEGREE, _PARAMETER, lambda y, n, alpha, x: 2 * alpha * _gegenbauer(n, alpha + 1, x))
define(
    "eval_jacobi",
    _DEGREE,
    _PARAMETER,
    _PARAMETER,
    lambda y, n, a, b, x: (n + a + b + 1) / 2 * _jacobi(n, a + 1, b + 1, x),
)
define(
    "eval_sh_jacobi",
    _DEGREE,
    _PARAMETER,
    _PARAMETER,
    lambda y, n, p, q, x: (n + p) * _jacobi(n, p - q + 1, q, 2 * x - 1) / special.binom(2 * n + p - 1, n),
)
define("eval_laguerre", _DEGREE, lambda y, n, x: -_lower(n, lambda k: special.eval_genlaguerre(k, 1.0, x)))
define(
    "eval_genlaguerre",
    _DEGREE,
    _PARAMETER,
    lambda y, n, alpha, x: -_lower(n, lambda k: special.eval_genlaguerre(k, alpha + 1, x)),
)
define("eval_hermite", _DEGREE, lambda y, n, x: 2 * n * _lower(n, lambda k: special.eval_hermite(k, x)))
define("eval_hermitenorm", _DEGREE, lambda y, n, x: n * _lower(n, lambda k: special.eval_hermitenorm(k, x)))
define(
    "lpmv",
    "the order",
    _DEGREE,
    lambda y, m, v, x: (v * x * y - (v + m) * special.lpmv(m, v - 1, x)) / (x * x - 1),
)
