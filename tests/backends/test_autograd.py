"""autograd: the shared checks, and what is autograd's own: its boxes, its own grad around ours, its warnings."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import autograd
import autograd.numpy as anp
import diffiface_autograd
import numpy as np
import pytest
from autograd.tracer import trace_stack
from diffiface_autograd.adapter import Autograd
from diffiface_autograd.arrays import FAMILY
from diffiface_autograd.primitives import AutogradPrimitives

import diffiface as di
from diffiface.adapter import NUMPY
from tests.backends import engine_checks, primitive_checks

X = np.array([0.3, -1.2, 2.0])


@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(Autograd(), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(AutogradPrimitives(NUMPY, 0)) == set()


@pytest.mark.parametrize("check", engine_checks.ALL, ids=lambda check: check.__name__)
def test_contract(check):
    check(Autograd())


def test_native_functions():
    f = lambda x, w: anp.sum(w * anp.sin(x))
    w = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(di.gradient(f, "autograd", X, w), w * np.cos(X))
    np.testing.assert_allclose(di.hessian(f, "autograd", X, w), np.diag(-w * np.sin(X)))


def test_operators_work_inside_autograds_own_grad():
    f = lambda x: anp.sum(x**3)
    gradient = lambda x: di.gradient(f, "autograd", x)
    np.testing.assert_allclose(autograd.jacobian(gradient)(X), np.diag(6 * X))


def test_autograds_own_grad_works_inside_operators():
    f = lambda x: anp.sum(autograd.grad(lambda y: anp.sum(x * y**3))(x) ** 2)
    np.testing.assert_allclose(di.gradient(f, "autograd", X), 54 * X**5)


def test_autograd_inside_autograd():
    def inner(y, x):
        return np.sum(x * y**3)

    def outer(x):
        return np.sum(di.gradient(inner, "autograd", x, x) ** 2)

    np.testing.assert_allclose(di.gradient(outer, "autograd", X), 54 * X**5)


def test_a_constant_function_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(di.gradient(lambda x: 3.0, "autograd", X), np.zeros(3))


def test_a_failing_function_leaves_autograd_as_it_was():
    with pytest.raises(ZeroDivisionError):
        di.gradient(lambda x: 1 / 0, "autograd", X)
    assert trace_stack.top == -1


def test_nested_derivatives_in_several_threads():
    f = lambda x: np.sum(x**4)
    with ThreadPoolExecutor(4) as pool:
        for k, hessian in zip(
            range(1, 17), pool.map(lambda k: di.hessian(f, "autograd", k * X), range(1, 17)), strict=True
        ):
            np.testing.assert_allclose(hessian, np.diag(12 * (k * X) ** 2))


def test_the_family():
    seen = []

    def f(x):
        seen.append((FAMILY.owns(x), FAMILY.is_traced(x), FAMILY.dtype(x), FAMILY.shape(x)))
        with pytest.raises(di.TracedValueError):
            FAMILY.to_numpy(x)
        return anp.sum(x)

    autograd.grad(f)(X)
    assert seen == [(True, True, np.float64, (3,))]
    assert not FAMILY.owns(X)
    assert diffiface_autograd.REQUIRES == ("autograd", "scipy")
