"""mpmath: derivatives right to the last bit, from values of f alone."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.backends import engine_checks, entrywise_engines, primitive_checks

pytest.importorskip("mpmath")

import mpmath
from diffiface_mpmath.adapter import Mpmath
from diffiface_mpmath.primitives import MpmathPrimitives

SLOW = frozenset({"solve", "triangular_solve", "inv", "slogdet", "svdvals", "cholesky", "imag", "einsum", "matmul"})
DO_NOT_APPLY = (
    "check_second_order_by_nesting",
    "check_third_order_by_nesting",
    "check_perturbations_are_not_confused",
    "check_complex",
    "check_concrete_values",
)
CHECKS = [check for check in engine_checks.ALL if check.__name__ not in DO_NOT_APPLY]
SAMPLES = [sample for sample in entrywise_engines.real_samples(MpmathPrimitives, without=SLOW) if sample[1] == 0]


@pytest.mark.parametrize(("name", "number"), SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(Mpmath(), name, number)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(Mpmath())


def test_problems():
    entrywise_engines.check_problems("mpmath", 1e-14, 1e-14)


def test_high_orders_of_a_function_with_known_derivatives():
    for order, expected in ((2, -np.sin(0.7)), (3, -np.cos(0.7)), (6, -np.sin(0.7))):
        (value,) = Mpmath().value_and_nth_derivative(
            lambda p, xs, c: ((p.sin(xs[0]),), None), (np.array(0.7),), (), order
        )[1]
        np.testing.assert_allclose(value, expected, rtol=1e-15)


def test_cancellation_that_double_precision_does_not_survive():
    # (1 - cos(x)) / x**2 at 1e-5: in double precision half of the digits of the derivative, -x/12, are gone.
    f = lambda x: (1 - np.cos(x)) / x**2
    x = 1e-5
    np.testing.assert_allclose(di.derivative(f, "mpmath", x), -x / 12, rtol=1e-10)
    assert abs(di.derivative(f, "reverse", x) + x / 12) > 1e-8


def test_branches_and_sorting_run_on_numbers():
    x = np.array([0.3, -1.2, 2.0])
    f = lambda x: np.sum(np.sort(x) * np.arange(3)) + (x[0] if x[1] > 0 else 2 * x[2]) + np.max(x)
    np.testing.assert_allclose(di.gradient(f, "mpmath", x), [1.0, 0.0, 5.0], rtol=1e-15)


def test_it_leaves_mpmaths_own_precision_alone():
    before = mpmath.mp.dps
    di.gradient(lambda x: np.sum(np.exp(x)), di.backend("mpmath", digits=80), np.ones(2))
    assert mpmath.mp.dps == before


def test_refusals():
    with pytest.raises(di.UnsupportedOperationError, match="complex x"):
        di.gradient(lambda z: np.sum(np.abs(z)), "mpmath", np.array([1.0 + 1.0j]))
    with pytest.raises(di.UnsupportedOperationError, match="more than 20 operations"):
        di.gradient(lambda x: np.sum(np.exp(x)), di.backend("mpmath", max_operations=20), np.ones(4))
    with pytest.raises(di.InputError, match="digits"):
        di.backend("mpmath", digits=5)
    with pytest.raises(di.UnsupportedOperationError, match="inside"):
        di.derivative(lambda x: x * di.derivative(lambda y: y * 2.0, "mpmath", 1.0), "mpmath", 2.0)
