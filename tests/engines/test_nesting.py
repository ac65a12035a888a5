"""Derivatives inside derivatives: our engines in every combination, and inside every other engine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import diffiface as di
from tests.conftest import OURS, require

pairs = pytest.mark.parametrize(("outer", "inner"), list(itertools.product(OURS, OURS)))


@pairs
def test_perturbation_confusion(outer, inner):
    # d/dx [x * d/dy (x + y)] = 1; an engine that mixes up whose tangent is whose says 2.
    f = lambda x: x * di.derivative(lambda y: x + y, inner, 1.0)
    assert di.derivative(f, outer, 3.0) == 1.0
    # d/dx [x * d/dy (x * y)] = 2x
    g = lambda x: x * di.derivative(lambda y: x * y, inner, 2.0)
    assert di.derivative(g, outer, 3.0) == 6.0


@pytest.mark.parametrize("engines", list(itertools.product(OURS, repeat=3)), ids="-".join)
def test_third_derivatives(engines):
    a, b, c = engines
    first = lambda x: di.derivative(lambda u: np.exp(np.sin(u)), a, x)
    second = lambda x: di.derivative(first, b, x)
    x = 0.6
    s, k = np.sin(x), np.cos(x)
    expected = np.exp(s) * (k**3 - 3 * s * k - k)
    assert di.derivative(second, c, x) == pytest.approx(expected, rel=1e-12)


@pairs
def test_gradient_of_a_function_of_a_gradient(outer, inner):
    def penalty(x, A):
        g = di.gradient(lambda u: np.sum(np.sin(A @ u)), inner, x)
        return np.sum(g**2)

    rng = np.random.default_rng(0)
    A, x = rng.normal(size=(4, 3)), rng.normal(size=3)
    g = A.T @ np.cos(A @ x)
    expected = -2 * (A.T * np.sin(A @ x)) @ A @ g
    np.testing.assert_allclose(di.gradient(penalty, outer, x, A), expected, rtol=1e-12)


@pairs
@pytest.mark.parametrize("operator", ["jacobian", "hessian", "pushforward", "pullback", "hvp"])
def test_every_operator_nests(outer, inner, operator):
    x = np.array([0.4, -0.3])
    t = np.array([1.0, 2.0])

    def f(u):
        if operator == "jacobian":
            return np.sum(di.jacobian(lambda v: v**3, inner, u))
        if operator == "hessian":
            return np.sum(di.hessian(lambda v: np.sum(v**4), inner, u))
        if operator == "pushforward":
            return np.sum(di.pushforward(lambda v: v**3, inner, u, t))
        if operator == "pullback":
            return np.sum(di.pullback(lambda v: v**3, inner, u, u))
        return np.sum(di.hvp(lambda v: np.sum(v**4), inner, u, u))

    expected = {
        "jacobian": 6 * x,
        "hessian": 24 * x,
        "pushforward": 6 * x * t,
        "pullback": 9 * x**2,
        "hvp": 36 * x**2,
    }[operator]
    np.testing.assert_allclose(di.gradient(f, outer, x), expected, rtol=1e-12)


@pytest.mark.parametrize("inner", OURS)
def test_ours_nest_in_every_exact_engine(exact_engine, inner):
    def f(x):
        g = di.gradient(lambda u: np.sum(u**3 * x), inner, x)  # 3 x^3 : the closed-over x is not differentiated inside
        return np.sum(g)

    x = np.array([0.5, 1.5])
    np.testing.assert_allclose(di.gradient(f, exact_engine, x), 9 * x**2, rtol=1e-12)


def test_an_engine_nests_in_itself(exact_engine):
    f = lambda x: np.sum(di.gradient(lambda u: np.sum(u**3), exact_engine, x) ** 2)
    x = np.array([0.5, 1.5])
    np.testing.assert_allclose(di.gradient(f, exact_engine, x), 36 * x**3, rtol=1e-12)


def test_closed_over_values_of_the_outer_trace(exact_engine):
    # x is plain for the inner operator; the value it meets in the closure is not.
    for inner in {*OURS, exact_engine}:
        f = lambda x: np.sum(di.gradient(lambda u: np.sum(u**2 * x), inner, np.ones(2)))
        np.testing.assert_allclose(di.gradient(f, exact_engine, np.array([3.0, 4.0])), [2.0, 2.0], rtol=1e-12)


def test_engines_that_cannot_nest_say_so():
    require("jax")
    require("torch")
    for outer, inner in [("torch", "jax"), ("jax", "torch"), ("reverse", "jax"), ("reverse", "finite_differences")]:
        f = lambda x: np.sum(di.gradient(lambda u: np.sum(u**2), inner, x))
        with pytest.raises(di.UnsupportedOperationError, match=f"{inner}.*{outer}"):
            di.gradient(f, outer, np.ones(2))


def test_finite_differences_over_anything(exact_engine):
    f = lambda x: np.sum(di.gradient(lambda u: np.sum(u**3), exact_engine, x) ** 2)
    x = np.array([0.5, 1.5])
    np.testing.assert_allclose(di.gradient(f, "finite_differences", x), 36 * x**3, rtol=1e-7)


def test_a_preparation_inside_a_derivative_runs_directly():
    inner = lambda u: np.sum(u**3)
    prep = di.prepare_gradient(inner, "reverse", np.zeros(2))
    f = lambda x: np.sum(prep.gradient(x) ** 2)
    x = np.array([0.5, 1.5])
    np.testing.assert_allclose(di.gradient(f, "forward", x), 36 * x**3, rtol=1e-12)


def test_a_traced_value_that_outlives_its_function_is_refused():
    kept = []
    di.gradient(lambda x: (kept.append(x), np.sum(x))[1], "reverse", np.ones(2))
    with pytest.raises(di.InputError, match="outlived"):
        di.gradient(lambda x: np.sum(x), "reverse", kept[0])


def test_a_preparation_called_on_plain_numbers_inside_a_derivative():
    # The prepared function meets the outer x in its closure; the short way of the bound call must not hide that.
    outer_x = [None]
    inner = lambda u: np.sum(u**2 * (1.0 if outer_x[0] is None else outer_x[0]))
    prep = di.prepare_gradient(inner, "reverse", np.ones(2))

    def f(x):
        outer_x[0] = x
        return np.sum(prep.gradient(np.ones(2)))

    np.testing.assert_allclose(di.gradient(f, "forward", np.array([3.0, 4.0])), [2.0, 2.0], rtol=1e-12)


def test_a_function_that_differentiates_can_be_prepared(exact_engine):
    for inner in {*OURS, exact_engine}:
        f = lambda x: np.sum(di.gradient(lambda u: np.sum(u**3), inner, x) ** 2)
        x = np.array([0.5, 1.5])
        prep = di.prepare_gradient(f, exact_engine, x)
        np.testing.assert_allclose(prep.gradient(x), 36 * x**3, rtol=1e-12)
