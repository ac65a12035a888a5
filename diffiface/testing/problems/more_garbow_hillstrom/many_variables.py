"""Problems 20 to 35: any number of variables."""

# The functions are named and numbered as in the paper; h, t, y are its symbols too.

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.more_garbow_hillstrom.problem import LeastSquaresProblem


def watson(x):
    n = x.shape[0]
    t = np.arange(1.0, 30.0)[:, None] / 29
    j = np.arange(2.0, n + 1)
    slope = ((j - 1) * t ** (j - 2)) @ x[1:]
    value = (t ** np.arange(float(n))) @ x
    return np.concatenate([slope - value**2 - 1, np.stack([x[0], x[1] - x[0] ** 2 - 1])])


def extended_rosenbrock(x):
    return np.stack([10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]], axis=1).ravel()


def extended_powell_singular(x):
    a, b, c, d = x[::4], x[1::4], x[2::4], x[3::4]
    return np.stack([a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2], axis=1).ravel()


def penalty_1(x):
    return np.concatenate([np.sqrt(1e-5) * (x - 1), np.sum(x**2, keepdims=True) - 0.25])


def penalty_2(x):
    n, a = x.shape[0], np.sqrt(1e-5)
    i = np.arange(2.0, n + 1)
    y = np.exp(i / 10) + np.exp((i - 1) / 10)
    neighbours = a * (np.exp(x[1:] / 10) + np.exp(x[:-1] / 10) - y)
    alone = a * (np.exp(x[1:] / 10) - np.exp(-1 / 10))
    last = np.sum(np.arange(n, 0.0, -1.0) * x**2, keepdims=True) - 1
    return np.concatenate([x[:1] - 0.2, neighbours, alone, last])


def variably_dimensioned(x):
    weighted = np.sum(np.arange(1.0, x.shape[0] + 1) * (x - 1), keepdims=True)
    return np.concatenate([x - 1, weighted, weighted**2])


def trigonometric(x):
    n = x.shape[0]
    return n - np.sum(np.cos(x)) + np.arange(1.0, n + 1) * (1 - np.cos(x)) - np.sin(x)


def brown_almost_linear(x):
    n = x.shape[0]
    return np.concatenate([x[:-1] + np.sum(x) - (n + 1), np.prod(x, keepdims=True) - 1])


def discrete_boundary_value(x):
    n = x.shape[0]
    h = 1 / (n + 1)
    t = h * np.arange(1.0, n + 1)
    y = 2 * x + h**2 * (x + t + 1) ** 3 / 2
    y[1:] -= x[:-1]
    y[:-1] -= x[1:]
    return y


def discrete_integral_equation(x):
    n = x.shape[0]
    h = 1 / (n + 1)
    t = h * np.arange(1.0, n + 1)
    cubes = (x + t + 1) ** 3
    up_to = np.cumsum(t * cubes)
    beyond = np.sum((1 - t) * cubes) - np.cumsum((1 - t) * cubes)
    return x + h * ((1 - t) * up_to + t * beyond) / 2


def broyden_tridiagonal(x):
    y = (3 - 2 * x) * x + 1
    y[1:] -= x[:-1]
    y[:-1] -= 2 * x[1:]
    return y


def broyden_banded(x):
    n = x.shape[0]
    each = x * (1 + x)
    neighbours = [sum(each[j] for j in range(max(0, i - 5), min(n, i + 2)) if j != i) for i in range(n)]
    return x * (2 + 5 * x**2) + 1 - np.stack(neighbours)


def linear_full_rank(x, m):
    shift = -(2 / m.shape[0]) * np.sum(x) - 1
    return np.concatenate([x + shift, shift * np.ones(m.shape[0] - x.shape[0])])


def linear_rank_1(x, m):
    return np.arange(1.0, m.shape[0] + 1) * np.sum(np.arange(1.0, x.shape[0] + 1) * x) - 1


def linear_rank_1_with_zeros(x, m):
    n = x.shape[0]
    inner = np.sum(np.arange(2.0, n) * x[1:-1])
    factors = np.arange(m.shape[0]) * 1.0
    factors[-1] = 0.0
    return factors * inner - 1


def chebyquad(x):
    z, before, now = 2 * x - 1, np.ones_like(x), 2 * x - 1
    means = []
    for i in range(1, x.shape[0] + 1):
        integral = -1 / (i**2 - 1) if i % 2 == 0 else 0.0
        means.append(np.mean(now) - integral)
        before, now = now, 2 * z * now - before
    return np.stack(means)


_N = np.arange(1.0, 11.0)
"""1 to 10: ten variables, where the paper leaves n open."""
_T = _N / 11
_M = np.zeros(20)
"""The linear problems have m residuals, the length of this."""


def _problem(number, name, residuals, start, m, minimum, data=(), minimizer=None, other_minima=()):
    at = None if minimizer is None else np.array(minimizer, float)
    return LeastSquaresProblem(number, name, residuals, np.array(start, float), m, minimum, data, at, other_minima)


PROBLEMS = (
    _problem(20, "Watson", watson, np.zeros(6), 31, 2.28767e-3),
    _problem(21, "extended Rosenbrock", extended_rosenbrock, [-1.2, 1] * 5, 10, 0.0, minimizer=np.ones(10)),
    _problem(
        22, "extended Powell singular", extended_powell_singular, [3, -1, 0, 1] * 3, 12, 0.0, minimizer=np.zeros(12)
    ),
    _problem(23, "penalty I", penalty_1, _N, 11, 7.08765e-5),
    _problem(24, "penalty II", penalty_2, np.full(10, 0.5), 20, 2.93660e-4),
    _problem(25, "variably dimensioned", variably_dimensioned, 1 - _N / 10, 12, 0.0, minimizer=np.ones(10)),
    _problem(26, "trigonometric", trigonometric, np.full(10, 0.1), 10, 0.0, other_minima=(2.79506e-5,)),
    _problem(
        27,
        "Brown almost-linear",
        brown_almost_linear,
        np.full(10, 0.5),
        10,
        0.0,
        minimizer=np.ones(10),
        other_minima=(1.0,),
    ),
    _problem(28, "discrete boundary value", discrete_boundary_value, _T * (_T - 1), 10, 0.0),
    _problem(29, "discrete integral equation", discrete_integral_equation, _T * (_T - 1), 10, 0.0),
    _problem(30, "Broyden tridiagonal", broyden_tridiagonal, -np.ones(10), 10, 0.0),
    _problem(31, "Broyden banded", broyden_banded, -np.ones(10), 10, 0.0),
    _problem(32, "linear, full rank", linear_full_rank, np.ones(10), 20, 10.0, (_M,), minimizer=-np.ones(10)),
    _problem(33, "linear, rank 1", linear_rank_1, np.ones(10), 20, 20 * 19 / (2 * 41), (_M,)),
    _problem(
        34,
        "linear, rank 1 with zero columns and rows",
        linear_rank_1_with_zeros,
        np.ones(10),
        20,
        (20**2 + 3 * 20 - 6) / (2 * 37),
        (_M,),
    ),
    _problem(35, "Chebyquad", chebyquad, np.arange(1.0, 9.0) / 9, 8, 3.51687e-3),
)
