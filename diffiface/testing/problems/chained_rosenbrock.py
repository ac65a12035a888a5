"""Rosenbrock's function in n variables, each coupled to its neighbour."""

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.problem import Instance, Problem


def rosenbrock(x):
    """The sum of Rosenbrock's function over neighbours."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def gradient(x):
    """Each term touches two entries."""
    g = np.zeros_like(x)
    inner = x[1:] - x[:-1] ** 2
    g[:-1] = -400 * inner * x[:-1] - 2 * (1 - x[:-1])
    g[1:] += 200 * inner
    return g


def hessian(x):
    """Tridiagonal."""
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    beside = -400 * x[:-1]
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


def hvp(x, t):
    """The tridiagonal Hessian times t, without forming it."""
    product = np.zeros_like(x)
    product[:-1] = (1200 * x[:-1] ** 2 - 400 * x[1:] + 2) * t[:-1] - 400 * x[:-1] * t[1:]
    product[1:] += 200 * t[1:] - 400 * x[:-1] * t[:-1]
    return product


def make_rosenbrock(n: int, seed: int) -> Instance:
    """Draw a point in n (at least 2) dimensions."""
    x = np.random.default_rng(seed).standard_normal(max(n, 2))
    return Instance(rosenbrock, x, (), {"gradient": gradient, "hessian": hessian, "hvp": hvp}, minimum=0.0)


PROBLEMS = (
    Problem(
        "rosenbrock",
        ("gradient", "hvp", "hessian"),
        make_rosenbrock,
        (10, 100, 1000, 10000),
        "the chained Rosenbrock function; a tridiagonal Hessian",
        "Rosenbrock, An automatic method for finding the greatest or least value of a function (1960); "
        "chained as in Toint, Some numerical results using a sparse matrix updating formula (1978)",
    ),
)
