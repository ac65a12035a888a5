"""The two numeric engines against each other: each within its own error bound, they must meet."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("numdifftools")

from diffiface_finite_differences.adapter import FiniteDifferences
from diffiface_numdifftools.adapter import Numdifftools

from tests.backends.numeric_checks import PROBLEMS, Flat, Problem, leaves

ENGINES = (
    FiniteDifferences(),
    FiniteDifferences(method="forward"),
    FiniteDifferences(method="complex_step"),
    Numdifftools(),
    Numdifftools(method="forward"),
)
PAIRS = tuple(itertools.combinations(ENGINES, 2))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
@pytest.mark.parametrize("operator", ["gradient", "hessian"])
def test_results_are_no_further_apart_than_both_bounds(operator: str, problem: Problem, pair: tuple):
    f, xs = Flat(problem.f), (problem.x,)
    results, bounds = [], []
    for engine in pair:
        if operator == "gradient":
            result = engine.value_and_gradient(f, xs, ())[1]
        else:
            result = engine.value_gradient_and_hessian(f, xs, ())[2]
        results += leaves(result)
        bounds += leaves(engine.error_estimate(operator, f, xs, None, ()))
    assert np.all(np.abs(results[0] - results[1]) <= bounds[0] + bounds[1])


@pytest.mark.parametrize("engine", ENGINES[:4:3], ids=repr)
def test_complex_leaves_among_real_ones(engine: FiniteDifferences | Numdifftools):
    def f(a: np.ndarray, z: np.ndarray) -> np.ndarray:
        return np.sum(a * np.abs(z) ** 2) + np.sum((z**2).real)

    a, z = np.array([0.5, 2.0]), np.array([1 + 2j, -1j])
    _, gradients, _ = engine.value_and_gradient(Flat(f), (a, z), ())
    bounds = engine.error_estimate("gradient", Flat(f), (a, z), None, ())
    exact = (np.abs(z) ** 2, 2 * a * z + 2 * z.conj())
    for gradient, bound, expected in zip(gradients, bounds, exact, strict=True):
        assert gradient.dtype == expected.dtype
        assert np.all(np.abs(gradient - expected) <= bound)
        assert np.all(bound < 1e-7)
