"""The Gaussian mixture of ADBench: a log-likelihood with a Wishart prior, on one flat parameter vector."""

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.problem import Instance, Problem

DIMENSIONS = 2
"""Of the data."""
COMPONENTS = 5


def _split(theta):
    """Weights (k,), means (k, d), and the triangular factors' log-diagonals (k, d) and strict triangles (k, d, d)."""
    k, d = COMPONENTS, DIMENSIONS
    alpha = theta[:k]
    mean = theta[k : k + k * d].reshape((k, d))
    diagonal = theta[k + k * d : k + 2 * k * d].reshape((k, d))
    lower = theta[k + 2 * k * d :].reshape((k, d, d)) * np.tril(np.ones((d, d)), -1)
    return alpha, mean, diagonal, lower


def _log_sum_exp(values):
    largest = np.max(values, axis=-1, keepdims=True)
    return (np.log(np.sum(np.exp(values - largest), axis=-1, keepdims=True)) + largest)[..., 0]


def mixture(theta, data):
    """The log-posterior of a Gaussian mixture, up to a constant."""
    alpha, mean, diagonal, lower = _split(theta)
    Q = np.exp(diagonal)[:, :, None] * np.eye(DIMENSIONS) + lower
    Qx = np.einsum("kij,nkj->nki", Q, data[:, None, :] - mean)
    inner = alpha + np.sum(diagonal, axis=1) - 0.5 * np.sum(Qx**2, axis=2)
    prior = 0.5 * (np.sum(np.exp(2.0 * diagonal)) + np.sum(lower**2)) - np.sum(diagonal)
    return np.sum(_log_sum_exp(inner)) - data.shape[0] * _log_sum_exp(alpha) - prior


def gradient(theta, data):
    """Responsibilities r weigh each component's own gradient; entries above the diagonal do not matter."""
    alpha, mean, diagonal, lower = _split(theta)
    Q = np.exp(diagonal)[:, :, None] * np.eye(DIMENSIONS) + lower
    centred = data[:, None, :] - mean
    Qx = np.einsum("kij,nkj->nki", Q, centred)
    inner = alpha + np.sum(diagonal, axis=1) - 0.5 * np.sum(Qx**2, axis=2)
    r = np.exp(inner - _log_sum_exp(inner)[:, None])
    prior_weights = np.exp(alpha - _log_sum_exp(alpha))
    to_Q = -np.einsum("nk,nki,nkj->kij", r, Qx, centred)
    to_diagonal = (
        np.einsum("kii->ki", to_Q) * np.exp(diagonal) + np.sum(r, axis=0)[:, None] - np.exp(2.0 * diagonal) + 1.0
    )
    to_mean = np.einsum("nk,nki,kij->kj", r, Qx, Q)
    to_lower = (to_Q - lower) * np.tril(np.ones((DIMENSIONS, DIMENSIONS)), -1)
    to_alpha = np.sum(r, axis=0) - len(data) * prior_weights
    return np.concatenate([to_alpha, to_mean.ravel(), to_diagonal.ravel(), to_lower.ravel()])


def make_mixture(n: int, seed: int) -> Instance:
    """Draw n points and a parameter vector."""
    rng = np.random.default_rng(seed)
    k, d = COMPONENTS, DIMENSIONS
    theta = 0.3 * rng.standard_normal(k + 2 * k * d + k * d * d)
    return Instance(mixture, theta, (rng.standard_normal((n, d)),), {"gradient": gradient})


PROBLEMS = (
    Problem(
        "gmm",
        ("gradient", "hvp"),
        make_mixture,
        (30, 1000, 10000),
        "Gaussian mixture, 5 components in 2 dimensions",
        "Šrajer, Kukelova and Fitzgibbon, A benchmark of selected algorithmic differentiation tools (2018)",
    ),
)
