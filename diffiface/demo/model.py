"""The function that is differentiated: the log-likelihood of a logit model, in plain NumPy."""

# Nothing here is typed or imported for any engine: this is what a user writes.
import numpy as np


def loglike(b, y, X):
    p = 1 / (1 + np.exp(-(X @ b)))
    return np.sum(np.log(np.where(y, p, 1 - p)))
