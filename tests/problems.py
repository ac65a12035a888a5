"""Functions with derivatives derived by hand: the first leg of correctness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ScalarProblem:
    """A scalar function with its gradient and Hessian."""

    name: str
    f: Callable[..., Any]
    x: np.ndarray
    contexts: tuple[Any, ...]
    gradient: Callable[..., np.ndarray]
    hessian: Callable[..., np.ndarray]

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class VectorProblem:
    """An array-valued function with its Jacobian."""

    name: str
    f: Callable[..., Any]
    x: np.ndarray
    contexts: tuple[Any, ...]
    jacobian: Callable[..., np.ndarray]

    def __repr__(self) -> str:
        return self.name


_rng = np.random.default_rng(20261124)


def loglike(b, y, X):
    p = 1 / (1 + np.exp(-(X @ b)))
    return np.sum(np.log(np.where(y, p, 1 - p)))


def loglike_gradient(b, y, X):
    return X.T @ (y - 1 / (1 + np.exp(-(X @ b))))


def loglike_hessian(b, y, X):
    p = 1 / (1 + np.exp(-(X @ b)))
    return -(X * (p * (1 - p))[:, None]).T @ X


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    inner = x[1:] - x[:-1] ** 2
    g[:-1] = -400 * inner * x[:-1] - 2 * (1 - x[:-1])
    g[1:] += 200 * inner
    return g


def rosenbrock_hessian(x):
    n = len(x)
    H = np.zeros((n, n))
    for i in range(n - 1):
        H[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        H[i + 1, i + 1] += 200
        H[i, i + 1] = H[i + 1, i] = -400 * x[i]
    return H


def poisson(b, y, X):
    eta = X @ b
    return np.sum(y * eta - np.exp(eta))


def poisson_gradient(b, y, X):
    return X.T @ (y - np.exp(X @ b))


def poisson_hessian(b, y, X):
    return -(X * np.exp(X @ b)[:, None]).T @ X


def quadratic_in_matrix(M):
    return np.sum(M**2 * np.arange(1.0, 7.0).reshape(2, 3)) + np.prod(M[0])


def quadratic_in_matrix_gradient(M):
    g = 2 * M * np.arange(1.0, 7.0).reshape(2, 3)
    g[0] += np.prod(M[0]) / M[0]
    return g


def quadratic_in_matrix_hessian(M):
    H = np.zeros((6, 6))
    np.fill_diagonal(H, 2 * np.arange(1.0, 7.0))
    for i in range(3):
        for j in range(3):
            if i != j:
                H[i, j] = np.prod(M[0]) / (M[0, i] * M[0, j])
    return H.reshape(2, 3, 2, 3)


def logdet(v):
    L = np.outer(v, v) + 3 * np.eye(3)
    return np.linalg.slogdet(L)[1]


def logdet_gradient(v):
    # det(3 I + v v^T) = 27 (1 + v.v / 3)
    return 2 * v / (3 + v @ v)


def logdet_hessian(v):
    s = 3 + v @ v
    return 2 * np.eye(3) / s - 4 * np.outer(v, v) / s**2


def accumulate_in_place(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i] ** 2
    return np.sum(y * y)


def _accumulate_jacobian(x):
    n = len(x)
    J = np.zeros((n, n))
    J[0, 0] = 1.0
    for i in range(1, n):
        J[i] = 0.5 * J[i - 1]
        J[i, i] += 2 * x[i]
    return J


def _accumulate_value(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = 0.5 * y[i - 1] + x[i] ** 2
    return y


def accumulate_in_place_gradient(x):
    return 2 * _accumulate_jacobian(x).T @ _accumulate_value(x)


def accumulate_in_place_hessian(x):
    n, J, y = len(x), _accumulate_jacobian(x), _accumulate_value(x)
    H = 2 * J.T @ J
    for i in range(1, n):  # d2 y[k] / d x[i]^2 = 2 * 0.5**(k - i)
        H[i, i] += sum(2 * y[k] * 2 * 0.5 ** (k - i) for k in range(i, n))
    return H


def log_sum_exp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def softmax_jacobian(x):
    s = softmax(x)
    return np.diag(s) - np.outer(s, s)


_X = _rng.normal(size=(40, 3))
_b = np.array([0.4, -0.7, 0.2])
_y = _rng.random(40) < 0.5
_counts = _rng.poisson(2.0, 40)

SCALAR_PROBLEMS = (
    ScalarProblem("logit", loglike, _b, (_y, _X), loglike_gradient, loglike_hessian),
    ScalarProblem("poisson", poisson, _b, (_counts, _X), poisson_gradient, poisson_hessian),
    ScalarProblem(
        "rosenbrock", rosenbrock, np.array([-1.2, 1.0, 0.7, 0.3]), (), rosenbrock_gradient, rosenbrock_hessian
    ),
    ScalarProblem(
        "matrix x",
        quadratic_in_matrix,
        np.array([[0.5, -1.5, 2.0], [1.0, 0.3, -0.8]]),
        (),
        quadratic_in_matrix_gradient,
        quadratic_in_matrix_hessian,
    ),
    ScalarProblem("slogdet", logdet, np.array([0.5, -0.2, 1.1]), (), logdet_gradient, logdet_hessian),
    ScalarProblem(
        "in place",
        accumulate_in_place,
        np.array([0.3, -0.5, 0.8, 1.1]),
        (),
        accumulate_in_place_gradient,
        accumulate_in_place_hessian,
    ),
    ScalarProblem("log-sum-exp", log_sum_exp, np.array([0.3, 1.2, -0.4]), (), softmax, softmax_jacobian),
)

VECTOR_PROBLEMS = (
    VectorProblem("softmax", softmax, np.array([0.3, 1.2, -0.4]), (), softmax_jacobian),
    VectorProblem("linear map", lambda x, A: A @ x, _b, (_X,), lambda x, A: A),
    VectorProblem(
        "outer product",
        lambda x: np.outer(x, x),
        np.array([1.0, 2.0]),
        (),
        lambda x: np.einsum("ik,j->ijk", np.eye(2), x) + np.einsum("i,jk->ijk", x, np.eye(2)),
    ),
    VectorProblem(
        "matrix inverse",
        lambda M: np.linalg.inv(M),
        np.array([[2.0, 0.5], [0.3, 1.5]]),
        (),
        lambda M: -np.einsum("ik,lj->ijkl", np.linalg.inv(M), np.linalg.inv(M)),
    ),
    VectorProblem("size one", lambda x: x[:1] * x[1:2], np.array([2.0, 3.0]), (), lambda x: np.array([[3.0, 2.0]])),
)
