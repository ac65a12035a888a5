"""The classic problems: derivatives by hand against an engine, minima against a minimiser."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.optimize import least_squares

import diffiface as di
from diffiface.testing.problems import MORE_GARBOW_HILLSTROM, PROBLEMS, find_problem

REVERSE = di.backend("reverse", compile=False)
CASES = [(problem, operator) for problem in PROBLEMS for operator in problem.operators]


@pytest.mark.parametrize(("problem", "operator"), CASES, ids=lambda case: getattr(case, "name", case))
def test_derivatives_by_hand(problem, operator):
    instance = problem.instance(seed=4)
    seed = instance.seed(operator)
    arguments = (instance.x, *(() if seed is None else (seed,)), *instance.contexts)
    by_engine = getattr(di, operator)(instance.f, REVERSE, *arguments)
    expected = instance.reference(operator)
    if expected is None:  # not derived by hand: a numeric engine is the second opinion
        expected = getattr(di, operator)(instance.f, "finite_differences", *arguments)
        np.testing.assert_allclose(by_engine, expected, rtol=1e-4, atol=1e-5 * np.max(np.abs(expected)))
    else:
        np.testing.assert_allclose(by_engine, expected, rtol=1e-11, atol=1e-12 * np.max(np.abs(expected)))


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_an_instance_is_reproducible_and_travels(problem):
    one, two = problem.instance(seed=1), problem.instance(seed=1)
    value = one.f(one.x, *one.contexts)
    assert np.array_equal(value, two.f(two.x, *two.contexts))
    assert pickle.loads(pickle.dumps(one.f)) is one.f  # a child process can find it
    assert np.all(np.isfinite(value))
    assert problem.sizes == tuple(sorted(problem.sizes)) and problem.source and problem.summary


def test_sizes_scale():
    assert find_problem("rosenbrock").instance(17).x.shape == (17,)
    with pytest.raises(di.InputError, match="positive integer"):
        find_problem("rosenbrock").instance(0)
    with pytest.raises(di.InputError, match="did you mean 'rosenbrock'"):
        find_problem("rosenbrok")


@pytest.mark.parametrize("problem", MORE_GARBOW_HILLSTROM, ids=lambda problem: f"{problem.number} {problem.name}")
def test_published_minimum_is_reached_from_the_published_start(problem):
    """Levenberg-Marquardt with the engine's Jacobian ends in the minimum that the paper gives, to its six digits."""
    instance = problem.least_squares()
    assert instance.f(instance.x, *instance.contexts).shape == (problem.m,)
    prep = di.prepare_jacobian(instance.f, REVERSE, instance.x, *instance.contexts)
    options = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 1000}
    method = "lm" if problem.m >= problem.n else "trf"
    found = least_squares(instance.f, instance.x, prep.jacobian, method=method, args=instance.contexts, **options)
    assert any(np.isclose(2 * found.cost, m, rtol=1e-5, atol=1e-12) for m in (problem.minimum, *problem.other_minima))
    if problem.minimizer is not None:
        least = np.sum(instance.f(problem.minimizer, *instance.contexts) ** 2)
        assert np.isclose(least, problem.minimum, atol=1e-12)


@pytest.mark.parametrize("number", [1, 9, 16, 24, 31, 35])
def test_sum_of_squares_has_twice_the_jacobian_times_the_residuals(number):
    problem = MORE_GARBOW_HILLSTROM[number - 1]
    vector, scalar = problem.least_squares(), problem.objective()
    J = di.jacobian(vector.f, REVERSE, vector.x, *vector.contexts)
    expected = 2 * J.T @ vector.f(vector.x, *vector.contexts)
    np.testing.assert_allclose(
        di.gradient(scalar.f, REVERSE, scalar.x, *scalar.contexts), expected, rtol=1e-10, atol=1e-15
    )
    assert pickle.loads(pickle.dumps(scalar.f)) == scalar.f


def test_there_are_35():
    assert [problem.number for problem in MORE_GARBOW_HILLSTROM] == list(range(1, 36))
