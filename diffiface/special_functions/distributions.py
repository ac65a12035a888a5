"""Distribution functions of statistics and their inverses.

The derivative of an inverse is by implicit differentiation: if F(x, a) = p, then dx/dp = 1 / F_x, dx/da = -F_a / F_x.
Counts (k of n) have no derivative: SciPy rounds them down.
"""

from __future__ import annotations

import math

from diffiface.primitives.formula import exp, floor, gammaln, log, special, sqrt, where, xlogy
from diffiface.special_functions.gamma import beta_density, gamma_density
from diffiface.special_functions.table import define

_COUNT = "a count"

# ---- binomial, negative binomial, Poisson


def _binomial(k, n, p):
    # betainc(n - k, k + 1, 1 - p)
    k = floor(k)
    return -exp(special.xlog1py(n - k - 1, -p) + xlogy(k, p) - special.betaln(n - k, k + 1))


def _negative_binomial(k, n, p):
    # betainc(n, k + 1, p)
    return exp(xlogy(n - 1, p) + special.xlog1py(k, -p) - special.betaln(n, k + 1))


def _poisson(k, m):
    # gammaincc(k + 1, m)
    k = floor(k)
    return -exp(xlogy(k, m) - m - gammaln(k + 1))


define("bdtr", _COUNT, _COUNT, lambda y, k, n, p: _binomial(k, n, p))
define("bdtrc", _COUNT, _COUNT, lambda y, k, n, p: -_binomial(k, n, p))
define("bdtri", _COUNT, _COUNT, lambda p, k, n, y: 1 / _binomial(k, n, p))
define("nbdtr", _COUNT, _COUNT, lambda y, k, n, p: _negative_binomial(k, n, p))
define("nbdtrc", _COUNT, _COUNT, lambda y, k, n, p: -_negative_binomial(k, n, p))
define("nbdtri", _COUNT, _COUNT, lambda p, k, n, y: 1 / _negative_binomial(k, n, p))
define("pdtr", _COUNT, lambda y, k, m: _poisson(k, m))
define("pdtrc", _COUNT, lambda y, k, m: -_poisson(k, m))
define("pdtri", _COUNT, lambda m, k, y: 1 / _poisson(k, m))

# ---- gamma: gammainc(b, a x)


def _gamma_in_b(a, b, x):
    return special.gammainc_a(1, b, a * x)


define(
    "gdtr",
    lambda y, a, b, x: x * gamma_density(b, a * x),
    lambda y, a, b, x: _gamma_in_b(a, b, x),
    lambda y, a, b, x: a * gamma_density(b, a * x),
)
define(
    "gdtrc",
    lambda y, a, b, x: -x * gamma_density(b, a * x),
    lambda y, a, b, x: -_gamma_in_b(a, b, x),
    lambda y, a, b, x: -a * gamma_density(b, a * x),
)
define(
    "gdtrix",
    lambda x, a, b, p: -x / a,
    lambda x, a, b, p: -_gamma_in_b(a, b, x) / (a * gamma_density(b, a * x)),
    lambda x, a, b, p: 1 / (a * gamma_density(b, a * x)),
)
define(
    "gdtria",
    lambda a, p, b, x: 1 / (x * gamma_density(b, a * x)),
    lambda a, p, b, x: -_gamma_in_b(a, b, x) / (x * gamma_density(b, a * x)),
    lambda a, p, b, x: -a / x,
)
define(
    "gdtrib",
    lambda b, a, p, x: -x * gamma_density(b, a * x) / _gamma_in_b(a, b, x),
    lambda b, a, p, x: 1 / _gamma_in_b(a, b, x),
    lambda b, a, p, x: -a * gamma_density(b, a * x) / _gamma_in_b(a, b, x),
)

# ---- chi-square: gammainc(v / 2, x / 2)


def _chi_in_v(v, x):
    return special.gammainc_a(1, v / 2, x / 2) / 2


def _chi_in_x(v, x):
    return gamma_density(v / 2, x / 2) / 2


define("chdtr", lambda y, v, x: _chi_in_v(v, x), lambda y, v, x: _chi_in_x(v, x))
define("chdtrc", lambda y, v, x: -_chi_in_v(v, x), lambda y, v, x: -_chi_in_x(v, x))
define("chdtri", lambda x, v, q: -_chi_in_v(v, x) / _chi_in_x(v, x), lambda x, v, q: -1 / _chi_in_x(v, x))
define("chdtriv", lambda v, p, x: 1 / _chi_in_v(v, x), lambda v, p, x: -_chi_in_x(v, x) / _chi_in_v(v, x))

# ---- noncentral chi-square


def _noncentral_chi_density(x, df, nc):
    root = sqrt(x) - sqrt(nc)
    order = df / 2 - 1
    return exp(root * root / -2 + xlogy(order / 2, x / nc)) * special.ive(order, sqrt(x * nc)) / 2


_FREEDOM = "the degrees of freedom"
define(
    "chndtr",
    lambda y, x, df, nc: _noncentral_chi_density(x, df, nc),
    _FREEDOM,
    lambda y, x, df, nc: -_noncentral_chi_density(x, df + 2, nc),
)
define(
    "chndtrix",
    lambda x, p, df, nc: 1 / _noncentral_chi_density(x, df, nc),
    _FREEDOM,
    lambda x, p, df, nc: _noncentral_chi_density(x, df + 2, nc) / _noncentral_chi_density(x, df, nc),
)
define(
    "chndtrinc",
    lambda nc, x, df, p: _noncentral_chi_density(x, df, nc) / _noncentral_chi_density(x, df + 2, nc),
    _FREEDOM,
    lambda nc, x, df, p: -1 / _noncentral_chi_density(x, df + 2, nc),
)

# ---- F: betainc(dfn / 2, dfd / 2, w) with w = dfn x / (dfn x + dfd)


def _f_parts(dfn, dfd, x):
    """The derivatives in dfn, dfd and x."""
    total = dfn * x + dfd
    a, b, w = dfn / 2, dfd / 2, dfn * x / total
    along = beta_density(a, b, w) / (total * total)
    return (
        special.betainc_ab(1, 0, a, b, w) / 2 + along * dfd * x,
        special.betainc_ab(0, 1, a, b, w) / 2 - along * dfn * x,
        along * dfn * dfd,
    )


define("fdtr", *(lambda y, dfn, dfd, x, i=i: _f_parts(dfn, dfd, x)[i] for i in range(3)))
define("fdtrc", *(lambda y, dfn, dfd, x, i=i: -_f_parts(dfn, dfd, x)[i] for i in range(3)))


def _over(parts, by: int, i: int | None):
    return 1 / parts[by] if i is None else -parts[i] / parts[by]


define("fdtri", *(lambda x, dfn, dfd, p, i=i: _over(_f_parts(dfn, dfd, x), 2, i) for i in (0, 1, None)))
define("fdtridfd", *(lambda dfd, dfn, p, x, i=i: _over(_f_parts(dfn, dfd, x), 1, i) for i in (0, None, 2)))

# ---- Student's t: the two tails together are betainc(df / 2, 1 / 2, w) with w = df / (df + t^2)


def _t_parts(df, t):
    """The derivatives in df and t."""
    total = df + t * t
    w = df / total
    in_t = exp((df + 1) / 2 * log(w) - log(df) / 2 - special.betaln(df / 2, 0.5))
    # Half the derivative of both tails along w, times dw/d(df): the singularity of the density at w = 1 cancels.
    along = exp((df / 2 - 1) * log(w) - special.betaln(df / 2, 0.5)) * abs(t) / (total * sqrt(total))
    one_tail = (special.betainc_ab(1, 0, df / 2, 0.5, w) / 2 + along) / 2
    return where(t < 0, one_tail, -one_tail), in_t


define("stdtr", lambda y, df, t: _t_parts(df, t)[0], lambda y, df, t: _t_parts(df, t)[1])
define("stdtrit", *(lambda t, df, p, i=i: _over(_t_parts(df, t), 1, i) for i in (0, None)))
define("stdtridf", *(lambda df, p, t, i=i: _over(_t_parts(df, t), 0, i) for i in (None, 1)))

# ---- beta, in its parameters


def _beta_parts(a, b, x):
    return special.betainc_ab(1, 0, a, b, x), special.betainc_ab(0, 1, a, b, x), beta_density(a, b, x)


define("btdtria", *(lambda a, p, b, x, i=i: _over(_beta_parts(a, b, x), 0, i) for i in (None, 1, 2)))
define("btdtrib", *(lambda b, a, p, x, i=i: _over(_beta_parts(a, b, x), 1, i) for i in (0, None, 2)))

# ---- normal, in its parameters; Tukey's lambda; Kolmogorov and Smirnov

define(
    "nrdtrimn",
    lambda mean, p, std, x: -std * math.sqrt(2 * math.pi) * exp(_square(special.ndtri(p)) / 2),
    lambda mean, p, std, x: -special.ndtri(p),
    lambda mean, p, std, x: 1.0,
)
define(
    "nrdtrisd",
    lambda std, mean, p, x: -1 / special.ndtri(p),
    lambda std, mean, p, x: -std * math.sqrt(2 * math.pi) * exp(_square(special.ndtri(p)) / 2) / special.ndtri(p),
    lambda std, mean, p, x: 1 / special.ndtri(p),
)


def _square(x):
    return x * x


def _tukey_slope(y, x, shape):
    inside = (y > 0) & (y < 1)
    p = where(inside, y, 0.5)
    return where(inside, 1 / (p ** (shape - 1) + (1 - p) ** (shape - 1)), 0.0)


define("tklmbda", _tukey_slope, "the shape")

_SERIES = "diffiface.special_functions.kolmogorov"
define("kolmogorov", lambda y, x: special.kolmogorov_derivative(1, x))
define(
    "kolmogorov_derivative",
    "the order",
    lambda y, order, x: special.kolmogorov_derivative(order.raw + 1, x),
    source=f"{_SERIES}:kolmogorov_derivative",
)
define("kolmogi", lambda x, p: 1 / special.kolmogorov_derivative(1, x))
define("smirnov", _COUNT, lambda y, n, x: special.smirnov_derivative(n, x))
define("smirnov_derivative", _COUNT, "the deviation, a second time,", source="scipy.special._ufuncs:_smirnovp")
define("smirnovi", _COUNT, lambda x, n, p: 1 / special.smirnov_derivative(n, x))
