"""The functions of scipy.special that are Python code: SciPy dispatches none of them on traced values.

Entered under the function, and under the private ufunc that some of them end in, which does dispatch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as special

from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.functions.raw import inexact
from diffiface.numpy_api.table import available, numpy_function, ufunc
from diffiface.primitives import Primitives
from diffiface.primitives.formula import Term, formula
from diffiface.primitives.formula import special as formula_of
from diffiface.special_functions import SPECIAL_FUNCTIONS


def _order(p: Primitives, name: str, argument: str, value: Any) -> int:
    """Return a whole number that counts derivatives or dimensions."""
    constant = value if isinstance(value, (int, np.integer)) else p.concrete(value)
    if constant is None or np.ndim(constant) or constant != int(constant):
        unsupported(p, f"scipy.special.{name} wants a plain whole number for {argument}", f"give {argument} as an int")
    if constant < 0:
        raise ValueError(f"scipy.special.{name}: {argument} must be a non-negative integer")
    return int(constant)


# ---- gamma and its relations


@numpy_function(special.polygamma, arrays=2)
def polygamma(p: Primitives, n: Any, x: Any) -> Any:
    if isinstance(n, (int, np.integer)) or (np.ndim(n) == 0 and p.concrete(n) is not None):
        order = _order(p, "polygamma", "n", n)
        return p.digamma(x) if order == 0 else p.polygamma(x, order=order)
    n = np.asarray(n)
    factor = (-1.0) ** (n + 1) * special.gamma(n + 1.0)
    higher = p.multiply(factor, p.special(np.where(n == 0, 2.0, n + 1.0), x, function="zeta"))
    return p.where(n == 0, p.digamma(x), higher)


@numpy_function(*available(special, "multigammaln"))
def multigammaln(p: Primitives, a: Any, d: Any) -> Any:
    d = _order(p, "multigammaln", "d", d)
    plain = p.primal(a)
    if plain is not None and np.any(np.asarray(plain) <= 0.5 * (d - 1)):
        raise ValueError(f"condition a ({plain}) > 0.5 * (d-1) ({0.5 * (d - 1):f}) not met")
    total: Any = d * (d - 1) * 0.25 * math.log(math.pi)
    for j in range(d):
        total = p.add(p.gammaln(p.subtract(a, j / 2)), total)
    return total


@ufunc(*available(special._ufuncs, "_zeta"))
def hurwitz_zeta(p: Primitives, s: Any, q: Any) -> Any:
    return p.special(s, q, function="zeta")


@numpy_function(special.zeta, arrays=2)
def zeta(p: Primitives, x: Any, q: Any = None, out: Any = None) -> Any:
    if out is not None:
        unsupported(p, "scipy.special.zeta with out= is not translated", "leave out out=")
    # Without q it is Riemann's function, which SciPy continues to x < 1 and to complex x.
    return p.special(x, function="riemann_zeta") if q is None else p.special(x, q, function="zeta")


@numpy_function(special.comb, arrays=2)
def comb(p: Primitives, N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    if exact:
        unsupported(p, "scipy.special.comb with exact=True is not translated", "leave out exact=True")
    if repetition:
        N = p.subtract(p.add(N, k), 1)
    valid = p.logical_and(p.less_equal(k, N), p.logical_and(p.greater_equal(N, 0), p.greater_equal(k, 0)))
    return p.where(valid, p.special(inexact(p, N), inexact(p, k), function="binom"), 0.0)


@numpy_function(special.perm, arrays=2)
def perm(p: Primitives, N: Any, k: Any, exact: bool = False) -> Any:
    if exact:
        unsupported(p, "scipy.special.perm with exact=True is not translated", "leave out exact=True")
    valid = p.logical_and(p.less_equal(k, N), p.logical_and(p.greater_equal(N, 0), p.greater_equal(k, 0)))
    return p.where(valid, p.special(p.add(p.subtract(N, k), 1.0), inexact(p, k), function="poch"), 0.0)


@numpy_function(special.factorial)
def factorial(p: Primitives, n: Any, exact: bool = False, extend: str = "zero") -> Any:
    if exact:
        unsupported(p, "scipy.special.factorial with exact=True is not translated", "leave out exact=True")
    if extend not in ("zero", "complex"):
        raise ValueError(f"argument `extend` must be either 'zero' or 'complex', received: {extend}")
    value = p.special(p.add(n, 1.0), function="gamma")
    return value if extend == "complex" else p.where(p.less(n, 0), 0.0, value)


# ---- spherical Bessel functions, and derivatives of Bessel functions


def _spherical(function: Callable[..., Any], name: str) -> None:
    def translation(p: Primitives, n: Any, z: Any, derivative: bool = False) -> Any:
        if derivative:
            return SPECIAL_FUNCTIONS[name].slope(p, 1, None, (n, z))
        return p.special(n, z, function=name)

    numpy_function(function, arrays=2)(translation)


for _name in ("spherical_jn", "spherical_yn", "spherical_in", "spherical_kn"):
    _spherical(getattr(special, _name), _name)


def _bessel_derivative(function: Callable[..., Any], name: str, phase: complex, factor: complex = 1) -> None:
    """Enter the n-th derivative of a Bessel function in z, by the recurrence n times."""

    def translation(p: Primitives, v: Any, z: Any, n: int = 1) -> Any:
        n = _order(p, function.__name__, "n", n)
        if n == 0:
            return p.special(v, z, function=name)

        def sum_of_neighbours(v: Term, z: Term) -> Term:
            total: Any = 0.0
            for i in range(n + 1):
                term = getattr(formula_of, name)(v + float(2 * i - n), z)
                total = term * (math.comb(n, i) * phase**i * factor**n / 2.0**n) + total
            return total

        return formula(sum_of_neighbours)(p, v, z)

    numpy_function(function, arrays=2)(translation)


_bessel_derivative(special.jvp, "jv", -1)
_bessel_derivative(special.yvp, "yv", -1)
_bessel_derivative(special.h1vp, "hankel1", -1)
_bessel_derivative(special.h2vp, "hankel2", -1)
_bessel_derivative(special.ivp, "iv", 1)
_bessel_derivative(special.kvp, "kv", 1, -1)

# ---- others


@ufunc(*available(special._ufuncs, "_lambertw"))
def lambertw_ufunc(p: Primitives, z: Any, k: Any, tol: Any) -> Any:
    return p.special(z, k, function="lambertw")


@numpy_function(special.lambertw)
def lambertw(p: Primitives, z: Any, k: Any = 0, tol: Any = 1e-8) -> Any:
    return p.special(z, k, function="lambertw")


@numpy_function(*available(special, "softplus"))
def softplus(p: Primitives, x: Any) -> Any:
    return p.logaddexp(0.0, inexact(p, x))
