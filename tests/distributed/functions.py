"""Functions that other processes import."""

from __future__ import annotations

import os
import time

import numpy as np


def loglike(b, chunk, scale=1.0):
    """The log-likelihood of a logit model, with an array made inside."""
    X, y = chunk
    z = np.zeros(len(X))
    z[:] = X @ b
    p = 1 / (1 + np.exp(-z))
    return scale * np.sum(np.log(np.where(y, p, 1 - p)))


def moments(b, chunk):
    """An array for each chunk."""
    X, y = chunk
    return X.T @ (y - np.tanh(X @ b))


def quartic(x, chunk):
    """A function of one number."""
    return np.sum(chunk * x**4)


def slow_loglike(b, chunk):
    """The same log-likelihood, but it takes its time."""
    time.sleep(0.05)
    return loglike(b, chunk)


def process_id(_=None):
    return os.getpid()


def data(rows=90, columns=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, columns))
    return X, rng.random(rows) < 0.5


def cut(X, y, at=(20, 50)):
    return list(zip(np.split(X, at), np.split(y, at), strict=True))
