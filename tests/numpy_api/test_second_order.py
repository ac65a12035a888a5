"""Second derivatives of every expression, and its recording: our engines against themselves in another way."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.numpy_api.test_functions import V
from tests.numpy_api.test_gradients import CASES, weighted_sum

EAGER = di.backend("reverse", compile=False)
STEP = 1e-5
ELSEWHERE = V + np.array([2e-3, -1e-3, 1.5e-3, 1e-3, -2e-3, 5e-4, -1.5e-3, 2.5e-3])[: V.size]
"""Another point, near enough for the same branches of most expressions."""


def differences_of_the_gradient(f) -> np.ndarray:
    rows = []
    for unit in np.eye(V.size) * STEP:
        rows.append((di.gradient(f, EAGER, V + unit) - di.gradient(f, EAGER, V - unit)) / (2 * STEP))
    return np.array(rows)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", CASES)
def test_hessian(expression: str) -> None:
    def f(v):
        return weighted_sum(expression, v)

    expected = differences_of_the_gradient(f)
    found = di.hessian(f, "reverse", V)
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * scale)
    np.testing.assert_allclose(di.hessian(f, "forward", V), found, rtol=1e-8, atol=1e-9 * scale)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(CASES)), ids=CASES)
def test_recorded_gradient(number: int) -> None:
    expression = CASES[number]

    def f(v):
        return weighted_sum(expression, v)

    # Compiling each would take minutes; what differs between expressions is mostly what is recorded.
    prep = di.prepare_gradient(f, di.backend("reverse", compile=True if number % 6 == 0 else "replay"), V)
    for v in (V, ELSEWHERE, V):
        expected = di.gradient(f, EAGER, v)
        atol = 1e-12 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(prep.gradient(v), expected, rtol=1e-11, atol=atol)
