"""Every kind of function that rebinding reaches, on every engine that traces, against gradients derived by hand."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.rebinding.kinds import KINDS, Kind, arrays_of_lists, helper, wontwork

X = np.array([0.3, 0.5, 0.7])


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_gradient(exact_engine: str, kind: Kind):
    x = X.copy()
    backend = di.backend("jax", jit=False) if exact_engine == "jax" else exact_engine
    value, gradient = di.value_and_gradient(kind.f, backend, x)
    assert value == pytest.approx(kind.f(X), rel=1e-12)
    np.testing.assert_allclose(gradient, kind.gradient(X), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("engine", ["reverse", "torch"])
def test_prepared(engine: str, kind: Kind):
    prep = di.prepare_gradient(kind.f, engine, X)
    for x in (X, X + 0.1):
        np.testing.assert_allclose(prep.gradient(x), kind.gradient(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("f", [wontwork, helper, arrays_of_lists], ids=lambda f: f.__name__)
def test_under_jit(f):
    pytest.importorskip("jax")
    prep = di.prepare_gradient(f, "jax", X)
    np.testing.assert_allclose(prep.gradient(X), di.gradient(f, "reverse", X), rtol=1e-12)


def test_second_derivatives(exact_engine: str):
    np.testing.assert_allclose(di.hessian(wontwork, exact_engine, X), 2 * np.eye(3), rtol=1e-12, atol=1e-14)


def test_nested_engines():
    def outer(x):
        y = np.zeros(3)
        y[:] = di.gradient(wontwork, "forward", x)  # 2 x
        return np.sum(y**2)

    np.testing.assert_allclose(di.gradient(outer, "reverse", X), 8 * X, rtol=1e-12)


def test_a_preparation_used_in_a_rebound_function():
    prep = di.prepare_gradient(wontwork, "forward", X)

    def outer(x):
        return np.sum(di.gradient(wontwork, "forward", x, prep=prep) * x)

    np.testing.assert_allclose(di.gradient(outer, "reverse", X), 4 * X, rtol=1e-12)


def test_functions_and_objects_as_arguments(exact_engine: str):
    from tests.rebinding.helpers import Model, fill

    def f(x, make, model):
        return np.sum(make(x)) + model.loss(x)

    np.testing.assert_allclose(di.gradient(f, exact_engine, X, fill, Model()), 8 * X, rtol=1e-12)


def test_float32_stays():
    def f(x):
        y = np.zeros(3, np.float32)
        y[:] = x
        return np.sum(y**2)

    gradient = di.gradient(f, "reverse", X.astype(np.float32))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, 2 * X, rtol=1e-6)


def test_what_is_returned_is_of_the_users_classes():
    from dataclasses import dataclass

    @dataclass
    class Result:
        y: np.ndarray

        def total(self):
            return np.sum(self.y)

    model = Result(X)

    def f(x):
        y = np.zeros(3)
        y[:] = x**2
        return Result(y), (model, wontwork)

    (value, (aux_model, aux_function)), jacobian = di.value_and_jacobian(f, "forward", X, has_aux=True)
    assert type(value) is Result and type(jacobian) is Result
    np.testing.assert_allclose(jacobian.y, np.diag(2 * X))
    assert type(aux_model) is Result and aux_function is wontwork
