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


def gmm(xp: Any, d: int = 10, k: int = 25) -> Any:
    """The negative energy of a Gaussian mixture with Wishart prior, as in ADBench, on one flat parameter vector."""
    below, eye = np.tril(np.ones((d, d)), -1), np.eye(d)

    def objective(theta, x):
        alpha = theta[:k]
        mean = theta[k : k + k * d].reshape((k, d))
        diagonal = theta[k + k * d : k + 2 * k * d].reshape((k, d))
        lower = theta[k + 2 * k * d :].reshape((k, d, d)) * xp.asarray(below)
        Q = xp.exp(diagonal)[:, :, None] * xp.asarray(eye) + lower
        Qx = xp.einsum("kij,nkj->nki", Q, x[:, None, :] - mean)
        inner = alpha + xp.sum(diagonal, axis=1) - 0.5 * xp.sum(Qx**2, axis=2)
        largest = xp.max(inner, axis=1)
        each = xp.log(xp.sum(xp.exp(inner - largest[:, None]), axis=1)) + largest
        top = xp.max(alpha)
        weights = xp.log(xp.sum(xp.exp(alpha - top))) + top
        prior = 0.5 * (xp.sum(xp.exp(2.0 * diagonal)) + xp.sum(lower**2)) - xp.sum(diagonal)
        return xp.sum(each) - x.shape[0] * weights + prior

    return objective


def gmm_inputs(n: int = 1000, d: int = 10, k: int = 25) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return 0.3 * rng.standard_normal(k + 2 * k * d + k * d * d), rng.standard_normal((n, d))


def brusselator(xp: Any) -> Any:
    """The right-hand side of the two-dimensional Brusselator, periodic; its argument has the shape (2, n, n)."""

    def laplacian(u):
        return xp.roll(u, 1, 0) + xp.roll(u, -1, 0) + xp.roll(u, 1, 1) + xp.roll(u, -1, 1) - 4.0 * u

    def rate(uv):
        u, v = uv[0], uv[1]
        diffusion = 10.0 * (u.shape[0] - 1) ** 2 / 1e3
        reaction = u * u * v
        du = diffusion * laplacian(u) + 1.0 + reaction - 4.4 * u
        dv = diffusion * laplacian(v) + 3.4 * u - reaction
        return xp.stack([du, dv])

    return rate


def brusselator_inputs(n: int = 32) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((2, n, n)), rng.standard_normal((2, n, n))


def euler_step(xp: Any, state: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
    a, b, c, d = state
    dt, ab = 0.001, a * b
    return (
        a + dt * (1.5 * a - ab),
        b + dt * (ab - 3.0 * b + 0.1 * d),
        c + dt * d,
        d + dt * (-9.81 * xp.sin(c) - 0.2 * d + 0.05 * a),
    )


def euler(xp: Any, steps: int = 1000) -> Any:
    """Predator and prey beside a pendulum, by Euler's method: a Python loop over numbers."""

    def f(start):
        a, b, c, d = start[0], start[1], start[2], start[3]
        for _ in range(steps):
            a, b, c, d = euler_step(xp, (a, b, c, d))
        return a * a + b * b + c * c + d * d

    return f


def euler_inputs() -> tuple[np.ndarray]:
    return (np.array([1.0, 0.8, 0.5, -0.2]),)


def ring(xp: Any) -> Any:
    """A dense small map Rⁿ → Rⁿ: every output depends on every input."""

    def f(x):
        return xp.sin(x) * xp.sum(x * x) + xp.exp(-x) / (1.0 + xp.roll(x, 1, 0) ** 2)

    return f


def ring_inputs(n: int = 4) -> tuple[np.ndarray]:
    return (np.linspace(-1.0, 1.0, n),)


WORKLOADS = {
    "logit n=500 k=3": (logit, logit_inputs),
    "Rosenbrock n=100": (rosenbrock, rosenbrock_inputs),
    "MLP 256x64-64-1": (mlp, mlp_inputs),
}
