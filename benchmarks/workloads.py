"""The problems of the speed scripts, each as a factory over a NumPy-like namespace, with its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np


def logit(xp: Any) -> Any:
    """The lecture's log-likelihood."""

    def loglike(b, y, X):
        p = 1.0 / (1.0 + xp.exp(-(X @ b)))
        return xp.sum(xp.log(xp.where(y, p, 1.0 - p)))

    return loglike


def logit_inputs(n: int = 500, k: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X, b = rng.standard_normal((n, k)), np.ones(k)
    return b, rng.random(n) < 1 / (1 + np.exp(-(X @ b))), X


def rosenbrock(xp: Any) -> Any:
    def f(x):
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return f


def rosenbrock_inputs(n: int = 100) -> tuple[np.ndarray]:
    return (np.random.default_rng(0).standard_normal(n),)


INPUTS, HIDDEN = 64, 64


def mlp(xp: Any) -> Any:
    """A 64-64-1 network on a flat parameter vector, mean squared error over the batch."""
    d, h = INPUTS, HIDDEN

    def loss(theta, X, target):
        W1, b1 = theta[: d * h].reshape((d, h)), theta[d * h : d * h + h]
        w2, b2 = theta[d * h + h : d * h + 2 * h], theta[d * h + 2 * h]
        out = xp.tanh(X @ W1 + b1) @ w2 + b2
        return xp.mean((out - target) ** 2)

    return loss


def mlp_inputs(batch: int = 256) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    size = INPUTS * HIDDEN + 2 * HIDDEN + 1
    return rng.standard_normal(size) * 0.1, rng.standard_normal((batch, INPUTS)), rng.standard_normal(batch)


WORKLOADS = {
    "logit n=500 k=3": (logit, logit_inputs),
    "Rosenbrock n=100": (rosenbrock, rosenbrock_inputs),
    "MLP 256x64-64-1": (mlp, mlp_inputs),
}
