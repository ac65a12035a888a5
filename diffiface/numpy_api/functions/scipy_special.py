"""scipy.special's ufuncs. Loaded when one of them is first met, so that diffiface never imports SciPy by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.numpy_api.functions.raw import inexact, refuse
from diffiface.numpy_api.table import available, ufunc
from diffiface.primitives import Primitives

# ---- those that are a primitive


def _enter_primitives() -> None:
    for name in ("erf", "erfc", "expit", "log_expit", "gammaln", "ndtr", "log_ndtr", "xlogy", "cbrt", "exp2", "expm1"):

        def translation(p: Primitives, *arguments: Any, primitive: str = name) -> Any:
            return getattr(p, primitive)(*arguments)

        ufunc(getattr(special, name))(translation)


_enter_primitives()


@ufunc(special.psi)
def digamma(p: Primitives, x: Any) -> Any:
    return p.digamma(x)


@ufunc(special.log1p)
def log1p(p: Primitives, x: Any) -> Any:
    return p.log1p(x)


# ---- sigmoids, logarithms, exponentials


@ufunc(special.logit)
def logit(p: Primitives, x: Any) -> Any:
    return p.subtract(p.log(x), p.log1p(p.negative(x)))


@ufunc(*available(special, "softplus"))
def softplus(p: Primitives, x: Any) -> Any:
    return p.logaddexp(0.0, x)


@ufunc(special.exp10)
def exp10(p: Primitives, x: Any) -> Any:
    return p.power(10.0, inexact(p, x))


@ufunc(special.cosm1)
def cosm1(p: Primitives, x: Any) -> Any:
    return p.multiply(-2.0, p.square(p.sin(p.divide(x, 2.0))))


@ufunc(special.xlog1py)
def xlog1py(p: Primitives, x: Any, y: Any) -> Any:
    zero = p.logical_and(p.equal(x, 0), p.logical_not(p.isnan(y)))
    return p.multiply(x, p.log1p(p.where(zero, 0.0, y)))


@ufunc(special.boxcox)
def boxcox(p: Primitives, x: Any, power: Any) -> Any:
    zero = p.equal(power, 0)
    safe = p.where(zero, 1.0, power)
    logarithm = p.log(x)
    return p.where(zero, logarithm, p.divide(p.expm1(p.multiply(safe, logarithm)), safe))


@ufunc(special.inv_boxcox)
def inv_boxcox(p: Primitives, x: Any, power: Any) -> Any:
    zero = p.equal(power, 0)
    safe = p.where(zero, 1.0, power)
    return p.where(zero, p.exp(x), p.exp(p.divide(p.log1p(p.multiply(safe, x)), safe)))


# ---- entropies and losses


@ufunc(special.entr)
def entr(p: Primitives, x: Any) -> Any:
    return p.where(p.less(x, 0), -np.inf, p.negative(_x_log_x(p, x)))


def _x_log_x(p: Primitives, x: Any) -> Any:
    positive = p.greater(x, 0)
    return p.multiply(x, p.log(p.where(positive, x, 1.0)))


@ufunc(special.rel_entr)
def rel_entr(p: Primitives, x: Any, y: Any) -> Any:
    both = p.logical_and(p.greater(x, 0), p.greater(y, 0))
    ratio = p.divide(p.where(both, x, 1.0), p.where(both, y, 1.0))
    zero = p.logical_and(p.equal(x, 0), p.greater_equal(y, 0))
    return p.where(both, p.multiply(x, p.log(ratio)), p.where(zero, 0.0, np.inf))


@ufunc(special.kl_div)
def kl_div(p: Primitives, x: Any, y: Any) -> Any:
    return p.add(p.subtract(rel_entr(p, x, y), x), y)


@ufunc(special.huber)
def huber(p: Primitives, delta: Any, r: Any) -> Any:
    size = p.absolute(r)
    linear = p.multiply(delta, p.subtract(size, p.multiply(0.5, delta)))
    loss = p.where(p.less_equal(size, delta), p.multiply(0.5, p.square(r)), linear)
    return p.where(p.less(delta, 0), np.inf, loss)


@ufunc(special.pseudo_huber)
def pseudo_huber(p: Primitives, delta: Any, r: Any) -> Any:
    ratio = p.divide(r, delta)
    return p.multiply(p.square(delta), p.subtract(p.sqrt(p.add(1.0, p.square(ratio))), 1.0))


# ---- gamma and its relations


def _gamma_sign(p: Primitives, x: Any) -> Any:
    odd = p.not_equal(p.remainder(p.floor(x), 2.0), 0)
    return p.where(p.logical_and(p.less(x, 0), odd), -1.0, 1.0)


@ufunc(special.loggamma)
def loggamma(p: Primitives, x: Any) -> Any:
    if p.dtype(x).kind == "c":
        refuse(p, "loggamma", "dtype", p.dtype(x))
    return p.where(p.less(x, 0), np.nan, p.gammaln(x))


@ufunc(special.gamma)
def gamma(p: Primitives, x: Any) -> Any:
    return p.multiply(_gamma_sign(p, x), p.exp(p.gammaln(x)))


@ufunc(special.rgamma)
def rgamma(p: Primitives, x: Any) -> Any:
    return p.multiply(_gamma_sign(p, x), p.exp(p.negative(p.gammaln(x))))


@ufunc(special.gammasgn)
def gammasgn(p: Primitives, x: Any) -> Any:
    return _gamma_sign(p, x)


@ufunc(special.betaln)
def betaln(p: Primitives, a: Any, b: Any) -> Any:
    return p.subtract(p.add(p.gammaln(a), p.gammaln(b)), p.gammaln(p.add(a, b)))


@ufunc(special.beta)
def beta(p: Primitives, a: Any, b: Any) -> Any:
    sign = p.multiply(p.multiply(_gamma_sign(p, a), _gamma_sign(p, b)), _gamma_sign(p, p.add(a, b)))
    return p.multiply(sign, p.exp(betaln(p, a, b)))


@ufunc(special.binom)
def binom(p: Primitives, n: Any, k: Any) -> Any:
    return p.reciprocal(p.multiply(p.add(n, 1.0), beta(p, p.add(p.subtract(n, k), 1.0), p.add(k, 1.0))))


@ufunc(special.poch)
def poch(p: Primitives, z: Any, m: Any) -> Any:
    top = p.add(z, m)
    sign = p.multiply(_gamma_sign(p, top), _gamma_sign(p, z))
    return p.multiply(sign, p.exp(p.subtract(p.gammaln(top), p.gammaln(z))))


# ---- angles in degrees


@ufunc(special.sindg)
def sindg(p: Primitives, x: Any) -> Any:
    return p.sin(p.multiply(x, np.pi / 180))


@ufunc(special.cosdg)
def cosdg(p: Primitives, x: Any) -> Any:
    return p.cos(p.multiply(x, np.pi / 180))
