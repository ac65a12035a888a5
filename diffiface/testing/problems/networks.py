"""Two small neural networks: a multilayer perceptron and an LSTM, with backpropagation written out."""

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.problem import Instance, Problem

# ---- multilayer perceptron


def perceptron(theta, data, target):
    """The mean squared error of a network d-d-1 with tanh units, on one flat parameter vector."""
    d = data.shape[1]
    W, b = theta[: d * d].reshape((d, d)), theta[d * d : d * d + d]
    w, c = theta[d * d + d : d * d + 2 * d], theta[d * d + 2 * d]
    return np.mean((np.tanh(data @ W + b) @ w + c - target) ** 2)


def perceptron_gradient(theta, data, target):
    """Backpropagation."""
    d = data.shape[1]
    W, b = theta[: d * d].reshape((d, d)), theta[d * d : d * d + d]
    w, c = theta[d * d + d : d * d + 2 * d], theta[d * d + 2 * d]
    hidden = np.tanh(data @ W + b)
    error = 2 * (hidden @ w + c - target) / len(target)
    into_hidden = error[:, None] * w * (1 - hidden**2)
    return np.concatenate([(data.T @ into_hidden).ravel(), into_hidden.sum(0), hidden.T @ error, [error.sum()]])


def make_perceptron(n: int, seed: int) -> Instance:
    """Draw a batch of 4 n inputs for a network with n inputs and n hidden units."""
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal(n * n + 2 * n + 1) / np.sqrt(n)
    contexts = rng.standard_normal((4 * n, n)), rng.standard_normal(4 * n)
    return Instance(perceptron, theta, contexts, {"gradient": perceptron_gradient})


# ---- LSTM

UNITS = 3
"""Inputs, hidden units and memory cells of the LSTM."""


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm(theta, inputs, target):
    """The mean squared error of the hidden states of an LSTM that is run along a sequence."""
    h = UNITS
    W = theta[: 8 * h * h].reshape((2 * h, 4 * h))
    b = theta[8 * h * h :]
    hidden, cell, loss = np.zeros(h), np.zeros(h), 0.0
    for t in range(inputs.shape[0]):
        z = np.concatenate([inputs[t], hidden]) @ W + b
        forget, enter, leave = _sigmoid(z[:h]), _sigmoid(z[h : 2 * h]), _sigmoid(z[2 * h : 3 * h])
        cell = forget * cell + enter * np.tanh(z[3 * h :])
        hidden = leave * np.tanh(cell)
        loss = loss + np.mean((hidden - target[t]) ** 2)
    return loss / inputs.shape[0]


def lstm_gradient(theta, inputs, target):
    """Backpropagation through time."""
    h, steps = UNITS, len(inputs)
    W, b = theta[: 8 * h * h].reshape((2 * h, 4 * h)), theta[8 * h * h :]
    hidden, cell, tape = np.zeros(h), np.zeros(h), []
    for t in range(steps):
        entering = np.concatenate([inputs[t], hidden])
        z = entering @ W + b
        gates = _sigmoid(z[: 3 * h])
        candidate, before = np.tanh(z[3 * h :]), cell
        cell = gates[:h] * before + gates[h : 2 * h] * candidate
        hidden = gates[2 * h :] * np.tanh(cell)
        tape.append((entering, gates, candidate, before, cell, hidden))
    to_W, to_b, to_hidden, to_cell = np.zeros_like(W), np.zeros_like(b), np.zeros(h), np.zeros(h)
    for t in reversed(range(steps)):
        entering, gates, candidate, before, cell, hidden = tape[t]
        to_hidden = to_hidden + 2 * (hidden - target[t]) / (h * steps)
        forget, enter, leave = gates[:h], gates[h : 2 * h], gates[2 * h :]
        to_cell = to_cell + to_hidden * leave * (1 - np.tanh(cell) ** 2)
        to_gates = np.concatenate([to_cell * before, to_cell * candidate, to_hidden * np.tanh(cell)])
        to_z = np.concatenate([to_gates * gates * (1 - gates), to_cell * enter * (1 - candidate**2)])
        to_W += np.outer(entering, to_z)
        to_b += to_z
        to_hidden, to_cell = (W @ to_z)[h:], to_cell * forget
    return np.concatenate([to_W.ravel(), to_b])


def make_lstm(n: int, seed: int) -> Instance:
    """Draw a sequence of n steps."""
    rng = np.random.default_rng(seed)
    theta = 0.5 * rng.standard_normal(8 * UNITS**2 + 4 * UNITS)
    return Instance(
        lstm, theta, (rng.standard_normal((n, UNITS)), rng.standard_normal((n, UNITS))), {"gradient": lstm_gradient}
    )


PROBLEMS = (
    Problem(
        "mlp",
        ("gradient", "hvp"),
        make_perceptron,
        (4, 16, 64),
        "multilayer perceptron, n inputs and n hidden units",
        "Rumelhart, Hinton and Williams, Learning representations by back-propagating errors (1986)",
    ),
    Problem(
        "lstm",
        ("gradient", "hvp"),
        make_lstm,
        (5, 20, 100),
        "LSTM over a sequence of n steps, a Python loop",
        "Hochreiter and Schmidhuber, Long short-term memory (1997), with forget gates",
    ),
)
