"""Sums over observations, as factories over a NumPy-like namespace: what fits models to data, and the classic suites' like."""

from __future__ import annotations

from typing import Any

import numpy as np


def least_squares(xp: Any) -> Any:
    def loss(b, X, y):
        return xp.sum((X @ b - y) ** 2)

    return loss


def least_squares_inputs(n: int = 1000, k: int = 20) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    return rng.standard_normal(k), rng.standard_normal((n, k)), rng.standard_normal(n)


def softmax_regression(xp: Any) -> Any:
    """Minus the log-likelihood of classes, through the logarithm of a sum of exponentials."""

    def loss(W, X, chosen):
        z = X @ W
        largest = xp.max(z, axis=1)
        each = xp.log(xp.sum(xp.exp(z - largest[:, None]), axis=1)) + largest
        return xp.sum(each - xp.sum(z * chosen, axis=1))

    return loss


def softmax_regression_inputs(n: int = 1000, d: int = 20, k: int = 10) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    return 0.1 * rng.standard_normal((d, k)), rng.standard_normal((n, d)), np.eye(k)[rng.integers(0, k, n)]


def k_means(xp: Any) -> Any:
    """The sum of the squared distances to the nearest centre."""

    def cost(centres, x):
        return xp.sum(xp.min(xp.sum((x[:, None, :] - centres) ** 2, axis=2), axis=1))

    return cost


def k_means_inputs(n: int = 1000, d: int = 10, k: int = 25) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((k, d)), rng.standard_normal((n, d))


def lstm(xp: Any, units: int = 16) -> Any:
    """The mean squared error of an LSTM along a sequence, for a batch of sequences; a Python loop over the steps."""

    def sigmoid(z):
        return 1.0 / (1.0 + xp.exp(-z))

    def loss(theta, x, target):
        h = units
        W, U = theta[: 4 * h * h].reshape((h, 4 * h)), theta[4 * h * h : 8 * h * h].reshape((h, 4 * h))
        b = theta[8 * h * h :]
        hidden = cell = 0.0 * x[0]
        total = 0.0
        for t in range(x.shape[0]):
            z = x[t] @ W + hidden @ U + b
            forget, enter, leave = sigmoid(z[:, :h]), sigmoid(z[:, h : 2 * h]), sigmoid(z[:, 2 * h : 3 * h])
            cell = forget * cell + enter * xp.tanh(z[:, 3 * h :])
            hidden = leave * xp.tanh(cell)
            total = total + xp.sum((hidden - target[t]) ** 2)
        return total

    return loss


def lstm_inputs(steps: int = 10, batch: int = 64, units: int = 16) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    theta = 0.3 * rng.standard_normal(8 * units * units + 4 * units)
    return theta, rng.standard_normal((steps, batch, units)), rng.standard_normal((steps, batch, units))


def hand_tracking(xp: Any) -> Any:
    """The distance of a skinned mesh to observed points: every vertex is moved by all bones, by its weights."""

    def cost(pose, vertices, weights, observed):
        angles, shifts = pose[:, :3], pose[:, 3:]
        s, c = xp.sin(angles), xp.cos(angles)
        zero, one = 0.0 * s[:, 0], 0.0 * s[:, 0] + 1.0

        def rotation(*rows):
            return xp.stack([xp.stack(row, axis=1) for row in rows], axis=1)

        about_x = rotation((one, zero, zero), (zero, c[:, 0], -s[:, 0]), (zero, s[:, 0], c[:, 0]))
        about_y = rotation((c[:, 1], zero, s[:, 1]), (zero, one, zero), (-s[:, 1], zero, c[:, 1]))
        about_z = rotation((c[:, 2], -s[:, 2], zero), (s[:, 2], c[:, 2], zero), (zero, zero, one))
        turned = xp.einsum("bij,vj->vbi", about_z @ about_y @ about_x, vertices) + shifts
        return xp.sum((xp.einsum("vb,vbi->vi", weights, turned) - observed) ** 2)

    return cost


def hand_tracking_inputs(vertices: int = 544, bones: int = 22) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    weights = rng.random((vertices, bones))
    observed = rng.standard_normal((vertices, 3))
    return 0.5 * rng.standard_normal((bones, 6)), rng.standard_normal((vertices, 3)), weights, observed
