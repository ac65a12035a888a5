"""scipy.stats' distributions, written out: one class per distribution, in NumPy and scipy.special.

    values          what all share: arguments made floats, choices without NaN in the derivative
    base            SciPy's public interface: methods, parameters, frozen distributions, refusals
    continuous      from formulas in the standard form to pdf, cdf, ppf, ... with SciPy's conventions at the edges
    numerics        formulas that keep their digits in the tails
    real_line, half_line, gamma_family, interval      continuous distributions, by support
    counts          discrete ones
    multivariate, matrices              of vectors and of matrices

`REPLACEMENTS` names the class for each. Imported only when a user's function uses scipy.stats.
"""

from __future__ import annotations

from scipy import stats

from diffiface.scipy_api.distributions import (
    counts,
    gamma_family,
    half_line,
    interval,
    matrices,
    multivariate,
    real_line,
)
from diffiface.scipy_api.distributions.base import Replacement

REPLACEMENTS: dict[str, type[Replacement]] = {
    # on the real line
    "norm": real_line.Norm,
    "logistic": real_line.Logistic,
    "t": real_line.StudentT,
    "cauchy": real_line.Cauchy,
    "laplace": real_line.Laplace,
    "gumbel_r": real_line.GumbelRight,
    "gumbel_l": real_line.GumbelLeft,
    "hypsecant": real_line.HyperbolicSecant,
    "skewnorm": real_line.SkewNorm,
    "gennorm": real_line.GeneralizedNormal,
    "loggamma": real_line.LogGamma,
    "exponnorm": real_line.ExponNorm,
    "vonmises": real_line.VonMises,
    # on a half line
    "expon": half_line.Expon,
    "lognorm": half_line.LogNorm,
    "gamma": gamma_family.Gamma,
    "erlang": gamma_family.Gamma,
    "chi2": gamma_family.ChiSquared,
    "chi": gamma_family.Chi,
    "f": gamma_family.F,
    "weibull_min": half_line.WeibullMin,
    "weibull_max": half_line.WeibullMax,
    "pareto": half_line.Pareto,
    "lomax": half_line.Lomax,
    "halfnorm": half_line.HalfNorm,
    "halfcauchy": half_line.HalfCauchy,
    "rayleigh": half_line.Rayleigh,
    "maxwell": gamma_family.Maxwell,
    "invgamma": gamma_family.InvGamma,
    "invgauss": half_line.InvGauss,
    "fisk": half_line.LogLogistic,
    "gompertz": half_line.Gompertz,
    # on an interval
    "uniform": interval.Uniform,
    "beta": interval.Beta,
    "powerlaw": interval.PowerLaw,
    "truncnorm": interval.TruncNorm,
    "truncexpon": interval.TruncExpon,
    "loguniform": interval.LogUniform,
    "reciprocal": interval.LogUniform,
    "triang": interval.Triang,
    "genextreme": interval.GeneralizedExtreme,
    "genpareto": interval.GeneralizedPareto,
    # discrete
    "bernoulli": counts.Bernoulli,
    "binom": counts.Binom,
    "poisson": counts.Poisson,
    "nbinom": counts.NegativeBinomial,
    "geom": counts.Geometric,
    "betabinom": counts.BetaBinomial,
    "logser": counts.LogSeries,
    # of vectors and matrices
    "multivariate_normal": multivariate.MultivariateNormal,
    "multivariate_t": multivariate.MultivariateT,
    "dirichlet": multivariate.Dirichlet,
    "multinomial": multivariate.Multinomial,
    "wishart": matrices.Wishart,
    "invwishart": matrices.InverseWishart,
}
"""SciPy's name of each distribution that is written out."""


def replacements() -> list[tuple[object, Replacement]]:
    """Return every distribution object of scipy.stats with what stands in its place.

    Those that are not written out get a replacement too: one that refuses traced values by name.
    """
    of_vectors = type(stats.multivariate_normal).__mro__[1]  # their base class has no public name
    found = []
    for name, original in vars(stats).items():
        if isinstance(original, (stats.rv_continuous, stats.rv_discrete, of_vectors)):
            found.append((original, REPLACEMENTS.get(name, Replacement)(original, name)))
    return found
