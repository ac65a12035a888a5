"""Preparations: what they allow to change, what they refuse, and that they are safe to share."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import diffiface as di
from tests.problems import SCALAR_PROBLEMS

LOGIT = SCALAR_PROBLEMS[0]


def weighted(x, w):
    return np.sum(w * x**2)


def test_values_may_change(engine, tolerance):
    f, x, (y, X) = LOGIT.f, LOGIT.x, LOGIT.contexts
    prep = di.prepare_gradient(f, engine, np.zeros(3), y, np.zeros_like(X))
    for point, outcome in ((x, y), (2 * x, ~y), (x, y)):
        expected = LOGIT.gradient(point, outcome, X)
        for g in (
            prep.gradient(point, outcome, X),
            di.gradient(f, engine, point, outcome, X, prep=prep),
            prep.value_and_gradient(point, outcome, X)[1],
        ):
            np.testing.assert_allclose(g, expected, rtol=0, atol=100 * tolerance)


def test_every_operator_is_prepared(engine, tolerance):
    x, w, t = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([1.0, -1.0])
    second = tolerance if tolerance < 1e-8 else 1e-5
    prep = di.prepare_hvp(weighted, engine, 0 * x, 0 * t, w)
    np.testing.assert_allclose(prep.hvp(x, t, w), 2 * w * t, rtol=second)
    np.testing.assert_allclose(prep.gradient_and_hvp(x, t, w)[0], 2 * w * x, rtol=tolerance)
    np.testing.assert_allclose(di.hvp(weighted, engine, x, t, w, prep=prep), 2 * w * t, rtol=second)
    prep = di.prepare_hessian(weighted, engine, 0 * x, w)
    np.testing.assert_allclose(prep.hessian(x, w), np.diag(2 * w), atol=100 * second)
    vector = lambda x, w: w * x**2
    prep = di.prepare_jacobian(vector, engine, 0 * x, w)
    np.testing.assert_allclose(prep.jacobian(x, w), np.diag(2 * w * x), atol=100 * tolerance)
    np.testing.assert_allclose(prep.value_and_jacobian(x, w)[0], w * x**2)
    prep = di.prepare_pushforward(vector, engine, 0 * x, 0 * t, w)
    np.testing.assert_allclose(prep.pushforward(x, t, w), 2 * w * x * t, rtol=tolerance)
    np.testing.assert_allclose(prep.jvp(x, t, w), 2 * w * x * t, rtol=tolerance)
    prep = di.prepare_pullback(vector, engine, 0 * x, 0 * t, w)
    np.testing.assert_allclose(prep.pullback(x, t, w), 2 * w * x * t, rtol=tolerance)
    np.testing.assert_allclose(prep.value_and_vjp(x, t, w)[1], 2 * w * x * t, rtol=tolerance)
    prep = di.prepare_derivative(lambda t, c: c * t**3, engine, 0.0, 1.0)
    assert prep.derivative(2.0, 5.0) == pytest.approx(60.0, rel=tolerance)
    prep = di.prepare_second_derivative(lambda t, c: c * t**3, engine, 1.0, 1.0)
    assert prep.second_derivative(2.0, 5.0) == pytest.approx(60.0, rel=second)


@pytest.mark.parametrize(
    ("x", "w", "row"),
    [
        (np.ones(3), np.ones(2), "x "),
        (np.ones(2, np.float32), np.ones(2), "x "),
        (np.ones((2, 1)), np.ones(2), "x "),
        (np.ones(2), np.ones(3), "context 0"),
        (np.ones(2), 3.0, "context 0"),
        (np.ones(2), np.ones(2, np.float32), "context 0"),
        ([1.0, 1.0], np.ones(2), "x "),
    ],
)
def test_a_mismatch_is_refused_with_a_table(x, w, row):
    prep = di.prepare_gradient(weighted, "reverse", np.ones(2), np.ones(2))
    with pytest.raises(di.PreparationMismatchError) as caught:
        prep.gradient(x, w)
    lines = str(caught.value).splitlines()
    assert any(line.strip().startswith("✗") and row in line for line in lines), lines
    assert any(line.strip().startswith("✓") and "backend" in line for line in lines)
    assert "reprepare" in lines[-1]


def test_another_function_or_backend_is_refused():
    x, w = np.ones(2), np.ones(2)
    prep = di.prepare_gradient(weighted, "reverse", x, w)
    with pytest.raises(di.PreparationMismatchError, match="another object"):
        di.gradient(lambda x, w: np.sum(x), "reverse", x, w, prep=prep)
    with pytest.raises(di.PreparationMismatchError, match="✗  backend"):
        di.gradient(weighted, "forward", x, w, prep=prep)
    with pytest.raises(di.PreparationMismatchError, match="✗  operator"):
        di.hessian(weighted, "reverse", x, w, prep=prep)
    assert isinstance(di.gradient(weighted, di.backend("reverse"), x, w, prep=prep), np.ndarray)


def test_a_missing_context_is_refused():
    prep = di.prepare_gradient(weighted, "reverse", np.ones(2), np.ones(2))
    with pytest.raises(di.PreparationMismatchError, match=r"context 0 .*none"):
        prep.gradient(np.ones(2))


def test_integers_fit_a_float_preparation():
    prep = di.prepare_gradient(weighted, "reverse", np.ones(2), np.ones(2))
    np.testing.assert_array_equal(prep.gradient(np.array([1, 2]), np.ones(2)), [2.0, 4.0])


def test_reprepare_and_no_check():
    prep = di.prepare_gradient(weighted, "reverse", np.ones(2), 1.0, strict="reprepare")
    np.testing.assert_array_equal(prep.gradient(np.ones(3), 2.0), [4.0, 4.0, 4.0])
    np.testing.assert_array_equal(prep.gradient(np.ones(2), 2.0), [4.0, 4.0])
    prep = di.prepare_gradient(weighted, "reverse", np.ones(2), 1.0, strict=False)
    np.testing.assert_array_equal(prep.gradient(np.ones(3), 2.0), [4.0, 4.0, 4.0])
    with pytest.raises(di.InputError, match="strict='maybe'"):
        di.prepare_gradient(weighted, "reverse", np.ones(2), 1.0, strict="maybe")


def test_bound_methods_keep_their_identity():
    class Model:
        def loss(self, x):
            return np.sum(x**2)

    model = Model()
    prep = di.prepare_gradient(model.loss, "reverse", np.ones(2))
    np.testing.assert_array_equal(di.gradient(model.loss, "reverse", np.ones(2), prep=prep), [2.0, 2.0])
    with pytest.raises(di.PreparationMismatchError):
        di.gradient(Model().loss, "reverse", np.ones(2), prep=prep)


def test_threads_and_copies(engine, tolerance):
    f, (y, X) = LOGIT.f, LOGIT.contexts
    prep = di.prepare_gradient(f, engine, LOGIT.x, y, X)
    twins = [prep, prep.copy(), copy.copy(prep)]
    points = [LOGIT.x * k for k in np.linspace(-1, 1, 12)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda k: twins[k % 3].gradient(points[k], y, X), range(12)))
    for point, g in zip(points, results, strict=True):
        np.testing.assert_allclose(g, LOGIT.gradient(point, y, X), rtol=0, atol=100 * tolerance)


def test_tracing_gives_the_same_value_or_is_refused():
    calls = []

    def with_state(x):
        calls.append(1)
        return len(calls) * np.sum(x)

    with pytest.raises(di.TracingMismatchError, match=r"when traced, but .* in plain NumPy[\s\S]*test_preparation\.py"):
        di.prepare_gradient(with_state, "reverse", np.ones(2))


def test_repr_says_what_was_prepared():
    prep = di.prepare_gradient(weighted, "reverse", np.ones(2), np.ones(2))
    assert repr(prep) == (
        "<prepared gradient of weighted by backend('reverse') for x: float64[2], context 0: float64[2]>"
    )


def test_preparing_inside_a_derivative_is_refused():
    f = lambda x: np.sum(di.prepare_gradient(lambda u: np.sum(u**2), "reverse", x).gradient(x))
    with pytest.raises(di.InputError, match="cannot be prepared inside"):
        di.gradient(f, "forward", np.ones(2))
