"""The complex step: exact to rounding, on branches as well, and never a lost derivative."""

from __future__ import annotations

import numpy as np
import pytest
from diffiface_complex_step.adapter import ComplexStep
from diffiface_complex_step.primitives import ComplexStepPrimitives

import diffiface as di
from tests.backends import engine_checks, entrywise_engines, primitive_checks

COMPLEX_VALUED = frozenset({"fft", "ifft", "rfft", "irfft", "eig", "imag"})
SLOW = frozenset({"sylvester", "logm", "sqrtm", "svd", "qr", "lu", "expm", "special", "triangular_solve", "cholesky"})
DO_NOT_APPLY = (
    "check_second_order_by_nesting",
    "check_third_order_by_nesting",
    "check_perturbations_are_not_confused",
    "check_complex",
    "check_concrete_values",
)
CHECKS = [check for check in engine_checks.ALL if check.__name__ not in DO_NOT_APPLY]
SAMPLES = [
    sample
    for sample in entrywise_engines.real_samples(ComplexStepPrimitives, without=COMPLEX_VALUED | SLOW)
    if sample[1] == 0
]


@pytest.mark.parametrize(("name", "number"), SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(ComplexStep(), name, number)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(ComplexStep())


def test_problems():
    entrywise_engines.check_problems("complex_step", 1e-13, 1e-10)


def test_what_is_not_analytic_follows_the_branch_of_x():
    x = np.array([-1.5, 0.5, 2.0])
    # A plain complex step loses the derivative of abs without a word.
    np.testing.assert_array_equal(di.gradient(lambda x: np.sum(np.abs(x)), "complex_step", x), np.sign(x))
    np.testing.assert_array_equal(di.gradient(lambda x: np.max(x) + np.minimum(x[0], 0), "complex_step", x), [1, 0, 1])
    np.testing.assert_array_equal(di.gradient(lambda x: x[0] if x[1] < 1 else x[2], "complex_step", x), [1, 0, 0])


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (np.sqrt, 0.0, np.inf),
        (np.log, 0.0, np.inf),
        (np.arcsin, 1.0, np.inf),
        (np.log, -1.0, np.nan),
        (np.arccosh, 0.5, np.nan),
        (np.tanh, 400.0, 0.0),
        (np.expm1, 1e-12, np.exp(1e-12)),
        (np.cbrt, -8.0, 1 / 12),
    ],
)
def test_edges_of_domains(f, x, expected):
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(di.derivative(f, "complex_step", x), expected, rtol=1e-14)


def test_its_error_estimates_hold():
    f = lambda x: np.sum(np.exp(x) / (2 + np.sin(x[0] * x)))
    x = np.array([0.3, -1.2, 2.0])
    for operator in ("gradient", "hessian"):
        di.compare(f, x, operator=operator, backends=["reverse", "complex_step"]).raise_if_disagreement()


def test_refusals():
    x = np.array([0.3, -1.2])
    with pytest.raises(di.UnsupportedOperationError, match="complex x"):
        di.gradient(lambda z: np.sum(np.abs(z)), "complex_step", x + 1j)
    with pytest.raises(di.UnsupportedOperationError, match="complex values"):
        di.gradient(lambda x: np.sum(np.abs(np.fft.fft(x))), "complex_step", x)
    with pytest.raises(di.UnsupportedOperationError, match="do not nest"):
        di.gradient(lambda x: x[0] * di.derivative(lambda y: y * 2.0, "complex_step", 1.0), "complex_step", x)


def test_our_engines_run_inside():
    # The derivative of x0 * (the gradient of y0 y1 at x) is exact: a Hessian by a complex step of 'reverse'.
    f = lambda x: np.sum(di.gradient(lambda y: y[0] ** 2 * y[1], "reverse", x))
    np.testing.assert_allclose(di.gradient(f, "complex_step", np.array([2.0, 3.0])), [10.0, 4.0], rtol=1e-14)


def test_what_is_held_fixed_has_no_differences():
    held = di.rule(lambda x: x**2, derivative="zero", name="held")
    f = lambda x: held(x) * x**3
    np.testing.assert_allclose(di.derivative(f, "complex_step", 0.7), 3 * 0.7**4, rtol=1e-12)
    with pytest.raises(di.UnsupportedOperationError, match="held is declared to have the derivative zero"):
        di.second_derivative(f, "complex_step", 0.7)
