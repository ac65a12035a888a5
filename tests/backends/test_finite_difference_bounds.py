"""The error bounds of finite differences: never too small on smooth functions, and never far too large."""

from __future__ import annotations

import numpy as np
import pytest
from diffiface_finite_differences.adapter import FiniteDifferences

from tests.backends.numeric_checks import METHODS, PROBLEMS, TOLERANCES, Flat, Problem, leaves, scale_of


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_errors_stay_within_their_bounds_and_bounds_stay_tight(problem: Problem, method: str):
    engine, f, x = FiniteDifferences(method=method), Flat(problem.f), problem.x
    gradient, hessian = problem.gradient(x), problem.hessian(x)
    tangents = np.array([np.linspace(1, 2, x.size)])
    found = {
        "gradient": engine.value_and_gradient(f, (x,), ())[1][0],
        "hessian": engine.value_gradient_and_hessian(f, (x,), ())[2][0][0],
        "hvp": engine.value_gradient_and_hvp(f, (x,), (tangents,), ())[2][0],
        "pushforward": engine.value_and_pushforward(f, (x,), (tangents,), ())[1][0],
        "pullback": engine.value_and_pullback(f, (x,), (np.array([-2.0]),), ())[1][0],
    }
    exact = {
        "gradient": gradient,
        "hessian": hessian,
        "hvp": tangents @ hessian,
        "pushforward": tangents @ gradient,
        "pullback": -2 * gradient[None],
    }
    seeds = {"hvp": (tangents,), "pushforward": (tangents,), "pullback": (np.array([-2.0]),)}
    unit = np.maximum(np.abs(x), 1)
    size = max(abs(problem.f(x)), scale_of(gradient * unit), scale_of(hessian * np.outer(unit, unit)))
    units = {"gradient": unit, "hessian": np.outer(unit, unit), "hvp": unit, "pushforward": 1.0, "pullback": unit}
    allowed = TOLERANCES[method][0], TOLERANCES[method][1]
    for operator, result in found.items():
        (bound,) = leaves(engine.error_estimate(operator, f, (x,), seeds.get(operator), ()))
        assert bound.shape == result.shape
        assert np.all(np.abs(result - exact[operator]) <= bound), operator
        tightness = 100 * allowed[operator in ("hessian", "hvp")] * size * scale_of(tangents)
        assert np.all(bound * units[operator] <= tightness), operator


def test_a_wrong_entry_is_far_outside_its_bound():
    problem = PROBLEMS[6]
    (bound,) = FiniteDifferences().error_estimate("gradient", Flat(problem.f), (problem.x,), None, ())
    assert np.all(0.01 * np.abs(problem.gradient(problem.x)) > 1e5 * bound)


def test_bounds_of_derivatives_by_a_number():
    engine, x = FiniteDifferences(), np.array(0.7)
    f = Flat(lambda t: np.stack([np.sin(t), np.exp(t)]))
    _, (dy,), (ddy,), _ = engine.value_derivative_and_second_derivative(f, (x,), ())
    (first,) = engine.error_estimate("derivative", f, (x,), None, ())
    (second,) = engine.error_estimate("second_derivative", f, (x,), None, ())
    assert np.all(np.abs(dy - [np.cos(0.7), np.exp(0.7)]) <= first)
    assert np.all(np.abs(ddy - [-np.sin(0.7), np.exp(0.7)]) <= second)
    assert np.all(first < 1e-8)
    assert np.all(second < 1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bounds_allow_for_the_rounding_of_the_result(dtype: type):
    x = np.array([0.5, 1.5], dtype)
    f = Flat(lambda x: np.sum(np.exp(x)))
    gradient = FiniteDifferences().value_and_gradient(f, (x,), ())[1][0]
    (bound,) = FiniteDifferences().error_estimate("gradient", f, (x,), None, ())
    assert np.all(np.abs(gradient - np.exp(x.astype(np.float64))) <= bound)


def test_next_to_a_pole_nothing_is_claimed():
    f, x = Flat(lambda x: np.sum(1 / x)), np.array([1e-8])
    (bound,) = FiniteDifferences().error_estimate("gradient", f, (x,), None, ())
    assert bound[0] == np.inf
