"""Maximum likelihood with an engine's derivatives, and how far they are from those of statsmodels."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from diffiface import registry
from diffiface.demo.data import LogitData
from diffiface.demo.model import loglike
from diffiface.operators.gradient import prepare_gradient, value_and_gradient
from diffiface.operators.hessian import hessian, prepare_hessian

_TOLERANCE = {"exact": 1e-9, "numeric": 1e-4}
"""Relative to the largest entry; statsmodels' formulas and ours round differently, finite differences truncate."""
_COEFFICIENT_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Fit:
    """What one engine gave for one data set: relative differences to statsmodels, and its own estimates."""

    engine: str
    exact: bool
    value_difference: float
    score_difference: float
    hessian_difference: float
    coefficients: np.ndarray
    coefficient_difference: float
    iterations: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether derivatives and estimates are those of statsmodels."""
        tolerance = _TOLERANCE["exact" if self.exact else "numeric"]
        derivatives = (self.value_difference, self.score_difference, self.hessian_difference)
        # Written so that a nan is not ok.
        return all(d <= tolerance for d in derivatives) and self.coefficient_difference <= _COEFFICIENT_TOLERANCE


def half_way(data: LogitData) -> np.ndarray:
    """Return where derivatives are compared: half-way to the estimates, since at them the gradient is 0."""
    return data.coefficients / 2


def fit(data: LogitData, engine: str) -> Fit:
    """Maximise the likelihood by a trust region method with an engine's gradient and Hessian."""
    b, constants = half_way(data), (data.y, data.X)
    first = prepare_gradient(loglike, engine, b, *constants)
    second = prepare_hessian(loglike, engine, b, *constants)
    value, gradient = value_and_gradient(loglike, engine, b, *constants, prep=first)
    second_derivatives = hessian(loglike, engine, b, *constants, prep=second)

    def negative(b: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = value_and_gradient(loglike, engine, b, *constants, prep=first)
        return -value, -gradient

    start = time.perf_counter()
    with np.errstate(all="ignore"):  # trial points may be so far off that p is 0 or 1; the method steps back
        found = minimize(
            negative,
            np.zeros_like(b),
            jac=True,
            hess=lambda b: -hessian(loglike, engine, b, *constants, prep=second),
            method="trust-exact",
        )
    seconds = time.perf_counter() - start
    return Fit(
        engine,
        registry.backend_class(engine).exact,
        _difference(value, data.statsmodels.loglike(b)),
        _difference(gradient, data.statsmodels.score(b)),
        _difference(second_derivatives, data.statsmodels.hessian(b)),
        found.x,
        _difference(found.x, data.coefficients),
        found.nit,
        seconds,
    )


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, relative to the largest entry."""
    return float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
