"""The classic problems as someone writes them for one engine: for JAX, for PyTorch, for autograd.

`written_for(problem, engine)` returns the function. The three differ in names only, except for loops: JAX compiles a loop
that is written out step by step for minutes, so there it is `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as plain_numpy

from diffiface.testing.problems import bundle_adjustment, mixture, networks

Function = Callable[..., Any]


# ---- the engines' words


def words(engine: str) -> SimpleNamespace:
    """Return an engine's NumPy-like module `np`, and what is called otherwise in each."""
    if engine == "jax":
        import jax.numpy as np
        from jax.scipy.special import log_ndtr, logsumexp

        return SimpleNamespace(np=np, log_ndtr=log_ndtr, log_sum_exp=logsumexp, cross=np.cross, constant=np.asarray)
    if engine == "torch":
        import torch

        return SimpleNamespace(
            np=torch,
            log_ndtr=torch.special.log_ndtr,
            log_sum_exp=lambda x, axis: torch.logsumexp(x, dim=axis),
            cross=torch.linalg.cross,
            constant=torch.as_tensor,
        )
    import autograd.numpy as np
    from autograd.scipy.special import logsumexp
    from autograd.scipy.stats import norm

    return SimpleNamespace(
        np=np, log_ndtr=norm.logcdf, log_sum_exp=logsumexp, cross=np.cross, constant=plain_numpy.asarray
    )


# ---- regressions, mixture, Rosenbrock's function


def logit(w: SimpleNamespace) -> Function:
    np = w.np

    def f(b, y, X):
        p = 1 / (1 + np.exp(-(X @ b)))
        return np.sum(np.log(np.where(y, p, 1 - p)))

    return f


def probit(w: SimpleNamespace) -> Function:
    one = w.constant(1.0)
    return lambda b, y, X: w.np.sum(w.log_ndtr(w.np.where(y, one, -one) * (X @ b)))


def poisson(w: SimpleNamespace) -> Function:
    np = w.np

    def f(b, y, X):
        eta = X @ b
        return np.sum(y * eta - np.exp(eta))

    return f


def gmm(w: SimpleNamespace) -> Function:
    np, k, d = w.np, mixture.COMPONENTS, mixture.DIMENSIONS
    identity, below = plain_numpy.eye(d), plain_numpy.tril(plain_numpy.ones((d, d)), -1)

    def f(theta, data):
        alpha, mean = theta[:k], theta[k : k + k * d].reshape((k, d))
        diagonal = theta[k + k * d : k + 2 * k * d].reshape((k, d))
        lower = theta[k + 2 * k * d :].reshape((k, d, d)) * w.constant(below)
        Q = np.exp(diagonal)[:, :, None] * w.constant(identity) + lower
        Qx = np.einsum("kij,nkj->nki", Q, data[:, None, :] - mean)
        inner = alpha + np.sum(diagonal, axis=1) - 0.5 * np.sum(Qx**2, axis=2)
        prior = 0.5 * (np.sum(np.exp(2.0 * diagonal)) + np.sum(lower**2)) - np.sum(diagonal)
        return np.sum(w.log_sum_exp(inner, axis=1)) - data.shape[0] * w.log_sum_exp(alpha, axis=0) - prior

    return f


def rosenbrock(w: SimpleNamespace) -> Function:
    return lambda x: w.np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


# ---- networks


def mlp(w: SimpleNamespace) -> Function:
    np = w.np

    def f(theta, data, target):
        d = data.shape[1]
        W, b = theta[: d * d].reshape((d, d)), theta[d * d : d * d + d]
        v, c = theta[d * d + d : d * d + 2 * d], theta[d * d + 2 * d]
        return np.mean((np.tanh(data @ W + b) @ v + c - target) ** 2)

    return f


def _cell(w: SimpleNamespace, h: int) -> Function:
    """Make one step of an LSTM: the states after it."""
    np = w.np

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def step(W, b, hidden, cell, entering):
        z = np.concatenate([entering, hidden]) @ W + b
        cell = sigmoid(z[:h]) * cell + sigmoid(z[h : 2 * h]) * np.tanh(z[3 * h :])
        return sigmoid(z[2 * h : 3 * h]) * np.tanh(cell), cell

    return step


def lstm(w: SimpleNamespace) -> Function:
    np, h = w.np, networks.UNITS
    step = _cell(w, h)

    def f(theta, inputs, target):
        W, b = theta[: 8 * h * h].reshape((2 * h, 4 * h)), theta[8 * h * h :]
        hidden, cell, loss = w.constant(plain_numpy.zeros(h)), w.constant(plain_numpy.zeros(h)), 0.0
        for t in range(inputs.shape[0]):
            hidden, cell = step(W, b, hidden, cell, inputs[t])
            loss = loss + np.mean((hidden - target[t]) ** 2)
        return loss / inputs.shape[0]

    return f


def lstm_scanned(w: SimpleNamespace) -> Function:
    from jax import lax

    np, h = w.np, networks.UNITS
    step = _cell(w, h)

    def f(theta, inputs, target):
        W, b = theta[: 8 * h * h].reshape((2 * h, 4 * h)), theta[8 * h * h :]

        def along(state, entering):
            state = step(W, b, *state, entering)
            return state, state[0]

        _, hidden = lax.scan(along, (np.zeros(h), np.zeros(h)), inputs)
        return np.mean((hidden - target) ** 2)

    return f


# ---- differential equations


def _rate(state, a, b, c, d):
    prey, predator = state
    return a * prey - b * prey * predator, d * prey * predator - c * predator


def _runge_kutta(state, rates, h):
    def shifted(slope, step):
        return state[0] + step * slope[0], state[1] + step * slope[1]

    k1 = _rate(state, *rates)
    k2 = _rate(shifted(k1, h / 2), *rates)
    k3 = _rate(shifted(k2, h / 2), *rates)
    k4 = _rate(shifted(k3, h), *rates)
    return tuple(s + h / 6 * (p + 2 * q + 2 * r + t) for s, p, q, r, t in zip(state, k1, k2, k3, k4, strict=True))


def lotka_volterra(w: SimpleNamespace) -> Function:
    def f(x, times, observed):
        rates, state, misfit = (x[0], x[1], x[2], x[3]), (x[4], x[5]), 0.0
        for i in range(len(times) - 1):
            state = _runge_kutta(state, rates, times[i + 1] - times[i])
            misfit = misfit + (state[0] - observed[i, 0]) ** 2 + (state[1] - observed[i, 1]) ** 2
        return misfit

    return f


def lotka_volterra_scanned(w: SimpleNamespace) -> Function:
    from jax import lax

    np = w.np

    def f(x, times, observed):
        rates = (x[0], x[1], x[2], x[3])

        def along(state, given):
            step, seen = given
            state = _runge_kutta(state, rates, step)
            return state, (state[0] - seen[0]) ** 2 + (state[1] - seen[1]) ** 2

        return np.sum(lax.scan(along, (x[4], x[5]), (np.diff(times), observed))[1])

    return f


def brusselator(w: SimpleNamespace) -> Function:
    np = w.np

    def laplacian(u):
        return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4.0 * u

    def f(uv):
        u, v = uv[0], uv[1]
        diffusion = 10.0 * (u.shape[0] - 1) ** 2 / 1e3
        reaction = u * u * v
        du = diffusion * laplacian(u) + 1.0 + reaction - 4.4 * u
        return np.stack([du, diffusion * laplacian(v) + 3.4 * u - reaction])

    return f


# ---- bundle adjustment


def bundle(w: SimpleNamespace) -> Function:
    np = w.np
    per_camera, cameras, points = (
        bundle_adjustment.PER_CAMERA,
        bundle_adjustment.CAMERAS,
        bundle_adjustment.POINTS,
    )
    first, second = cameras * per_camera, cameras * per_camera + 3 * points

    def f(x, camera_of, point_of, features):
        camera = x[:first].reshape((cameras, per_camera))[camera_of]
        point = x[first:second].reshape((points, 3))[point_of] - camera[:, 3:6]
        weight = x[second:]
        angle = np.sqrt(np.sum(camera[:, :3] ** 2, axis=1, keepdims=True))
        axis = camera[:, :3] / angle
        along = np.sum(axis * point, axis=1, keepdims=True) * (1 - np.cos(angle))
        moved = point * np.cos(angle) + w.cross(axis, point) * np.sin(angle) + axis * along
        image = moved[:, :2] / moved[:, 2:]
        square = np.sum(image**2, axis=1, keepdims=True)
        bent = camera[:, 6:7] * image * (1 + camera[:, 9:10] * square + camera[:, 10:11] * square**2)
        errors = weight[:, None] * (bent + camera[:, 7:9] - features)
        return np.concatenate([errors, (1 - weight**2)[:, None]], axis=1)

    return f


_WRITTEN: dict[str, Callable[[SimpleNamespace], Function]] = {
    "logit": logit,
    "probit": probit,
    "poisson": poisson,
    "gmm": gmm,
    "mlp": mlp,
    "lstm": lstm,
    "bundle adjustment": bundle,
    "lotka-volterra": lotka_volterra,
    "brusselator": brusselator,
    "rosenbrock": rosenbrock,
}
_SCANNED = {"lstm": lstm_scanned, "lotka-volterra": lotka_volterra_scanned}


def written_for(problem: str, engine: str) -> Function:
    """Return a classic problem as written for one of the three engines."""
    make = _SCANNED.get(problem) if engine == "jax" else None
    return (make or _WRITTEN[problem])(words(engine))
