"""The probit model, whose log-likelihood needs SciPy's logarithm of the normal distribution function."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr


def probit(b, y, X):
    """The log-likelihood of a probit model."""
    sign = np.where(y, 1.0, -1.0)
    return np.sum(log_ndtr(sign * (X @ b)))


def _signed(b, y, X):
    """The signed index z, its sign, and the inverse Mills ratio φ(z) / Φ(z)."""
    sign = np.where(y, 1.0, -1.0)
    z = sign * (X @ b)
    return z, sign, np.exp(-(z**2) / 2 - log_ndtr(z)) / np.sqrt(2 * np.pi)


def gradient(b, y, X):
    """The score."""
    _, sign, mills = _signed(b, y, X)
    return X.T @ (sign * mills)


def hessian(b, y, X):
    """Minus the observed information: the derivative of the inverse Mills ratio is -m (m + z)."""
    z, _, mills = _signed(b, y, X)
    return -(X * (mills * (mills + z))[:, None]).T @ X
