"""Log-likelihoods of the standard regressions, with scores and Hessians from any textbook."""

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.problem import Instance, Problem

_SOURCE = "Greene, Econometric Analysis, 7th edition (2012), chapters 17 and 18"
_COEFFICIENTS = 3
_OPERATORS = ("gradient", "hessian", "hvp")


def _regressors(n: int, seed: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, _COEFFICIENTS))
    X[:, 0] = 1.0
    return rng, X, np.array([0.4, -0.7, 0.2])


# ---- logit


def logit(b, y, X):
    """The log-likelihood of a logit model."""
    p = 1 / (1 + np.exp(-(X @ b)))
    return np.sum(np.log(np.where(y, p, 1 - p)))


def logit_gradient(b, y, X):
    """The score: regressors times generalised residuals."""
    return X.T @ (y - 1 / (1 + np.exp(-(X @ b))))


def logit_hessian(b, y, X):
    """Minus the information, which does not depend on y."""
    p = 1 / (1 + np.exp(-(X @ b)))
    return -(X * (p * (1 - p))[:, None]).T @ X


def make_logit(n: int, seed: int) -> Instance:
    """Draw n observations from a logit model."""
    rng, X, b = _regressors(n, seed)
    y = rng.random(n) < 1 / (1 + np.exp(-(X @ b)))
    return Instance(logit, b, (y, X), {"gradient": logit_gradient, "hessian": logit_hessian})


# ---- Poisson


def poisson(b, y, X):
    """The log-likelihood of a Poisson regression, without its constant."""
    eta = X @ b
    return np.sum(y * eta - np.exp(eta))


def poisson_gradient(b, y, X):
    """The score."""
    return X.T @ (y - np.exp(X @ b))


def poisson_hessian(b, y, X):
    """Minus the information."""
    return -(X * np.exp(X @ b)[:, None]).T @ X


def make_poisson(n: int, seed: int) -> Instance:
    """Draw n counts."""
    rng, X, b = _regressors(n, seed)
    y = rng.poisson(np.exp(X @ b)).astype(float)
    return Instance(poisson, b, (y, X), {"gradient": poisson_gradient, "hessian": poisson_hessian})


# ---- probit


def make_probit(n: int, seed: int) -> Instance:
    """Draw n observations from a probit model."""
    from diffiface.testing.problems import probit  # the one problem that needs SciPy

    rng, X, b = _regressors(n, seed)
    y = X @ b + rng.standard_normal(n) > 0
    return Instance(probit.probit, b, (y, X), {"gradient": probit.gradient, "hessian": probit.hessian})


PROBLEMS = (
    Problem("logit", _OPERATORS, make_logit, (50, 500, 5000, 50000), "logit log-likelihood, 3 coefficients", _SOURCE),
    Problem("probit", _OPERATORS, make_probit, (50, 500, 5000, 50000), "probit, 3 coefficients", _SOURCE),
    Problem("poisson", _OPERATORS, make_poisson, (50, 500, 5000, 50000), "Poisson regression, 3 coefficients", _SOURCE),
)
