"""mpmath: derivatives right to the last bit, from values of f alone."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import diffiface as di
from diffiface.adapter import SPECIAL_FUNCTIONS
from tests.backends import engine_checks, entrywise_engines, primitive_checks

pytest.importorskip("mpmath")

import mpmath
from diffiface_mpmath.adapter import Mpmath
from diffiface_mpmath.primitives import MpmathPrimitives
from diffiface_mpmath.special import SPECIAL

# (Their functions of small matrices are in `test_linear_algebra`.)
SLOW = frozenset(
    "solve triangular_solve inv slogdet svdvals cholesky imag einsum matmul logm expm sqrtm sylvester svd eigh qr lu pinv "
    "cofactors special".split()
)
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


WEIGHTS = np.array([[0.3, -0.7], [1.1, 0.4]])
OF_MATRICES = {
    "eigh": lambda a: np.sum(np.linalg.eigh(a @ a.T)[1] * WEIGHTS) + np.linalg.eigvalsh(a @ a.T)[0],
    "svd": lambda a: np.sum(np.linalg.svd(a)[0] * WEIGHTS) + np.linalg.svd(a)[1][0] * np.linalg.svd(a)[2][0, 1],
    "qr": lambda a: np.sum(np.linalg.qr(a)[0] * WEIGHTS) + np.linalg.qr(a)[1][0, 1],
    "lu": lambda a: np.sum(scipy.linalg.lu(a)[1] * WEIGHTS) + scipy.linalg.lu(a)[2][1, 1],
    "cholesky": lambda a: np.sum(np.linalg.cholesky(a @ a.T) * WEIGHTS),
    "pinv": lambda a: np.sum(np.linalg.pinv(a[:, :1]) * WEIGHTS[:1]),
    "expm": lambda a: np.sum(scipy.linalg.expm(a) * WEIGHTS),
    "sqrtm": lambda a: np.sum(scipy.linalg.sqrtm(a @ a.T) * WEIGHTS),
    "sylvester": lambda a: np.sum(scipy.linalg.solve_sylvester(a @ a.T, a @ a.T, WEIGHTS)),
    "determinant": lambda a: np.linalg.slogdet(a)[1] + np.linalg.det(np.linalg.inv(a)),
}


@pytest.mark.parametrize("name", OF_MATRICES)
def test_linear_algebra(name):
    a = np.array([[0.5, 2.0], [-1.5, 0.7]])  # (LAPACK exchanges its rows)
    found = di.value_and_gradient(OF_MATRICES[name], "mpmath", a)
    expected = di.value_and_gradient(OF_MATRICES[name], "reverse", a)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_bases_that_are_not_unique_are_refused():
    a = np.array([[0.5], [2.0]])
    with pytest.raises(di.UnsupportedOperationError, match="a complete QR factorisation is not supported"):
        di.gradient(lambda a: np.linalg.qr(a, mode="complete")[0][0, 1], "mpmath", a)
    with pytest.raises(di.UnsupportedOperationError, match="full matrices is not supported"):
        di.gradient(lambda a: np.linalg.svd(a)[0][0, 1], "mpmath", a)
    with pytest.raises(di.UnsupportedOperationError, match="logm of this matrix is complex"):
        di.gradient(lambda a: np.sum(scipy.linalg.logm(-(a @ a.T) - np.eye(2)).real), "mpmath", a)


WHOLE = {"yn", "kn", "expn", "pdtr"}  # functions whose first argument is a whole number
BELOW_ONE = set("ellipk ellipe ellipkm1 ellipkinc ellipeinc erfinv erfcinv ndtri betainc betaincc logit hyp2f1".split())


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_are_scipys(name):
    function = SPECIAL_FUNCTIONS[name]
    assert len(inspect.signature(SPECIAL[name]).parameters) - 1 == len(function.partials)
    context = mpmath.MPContext()
    for shift in (0.1, 0.2) if name in BELOW_ONE else (0.1, 1.1):
        arguments = [x + shift for x in (0.31, 0.62, 0.47, 0.73, 0.29)[: len(function.partials)]]
        if name == "zeta":
            arguments[0] += 1
        known = list(arguments)
        if name in WHOLE or name.startswith("eval_"):
            arguments[0], known[0] = 3.0, 3
        found = SPECIAL[name](context, *map(context.mpf, arguments))
        np.testing.assert_allclose(float(found), function.value(*known), rtol=1e-10)


def test_derivatives_of_special_functions():
    x = np.array([0.4, 1.7])
    for f in (scipy.special.j0, lambda x: scipy.special.gammainc(2.5, x), lambda x: scipy.special.ellipkinc(x, 0.3)):
        found = di.gradient(lambda x: np.sum(f(x)), "mpmath", x)
        np.testing.assert_allclose(found, di.gradient(lambda x: np.sum(f(x)), "reverse", x), rtol=1e-10)
    with pytest.raises(di.UnsupportedOperationError, match=r"scipy\.special\.owens_t is not supported"):
        di.gradient(lambda x: scipy.special.owens_t(x[0], x[1]), "mpmath", x)


def test_refusals():
    with pytest.raises(di.UnsupportedOperationError, match="complex x"):
        di.gradient(lambda z: np.sum(np.abs(z)), "mpmath", np.array([1.0 + 1.0j]))
    with pytest.raises(di.UnsupportedOperationError, match="more than 20 operations"):
        di.gradient(lambda x: np.sum(np.exp(x)), di.backend("mpmath", max_operations=20), np.ones(4))
    with pytest.raises(di.InputError, match="digits"):
        di.backend("mpmath", digits=5)
    with pytest.raises(di.UnsupportedOperationError, match="inside"):
        di.derivative(lambda x: x * di.derivative(lambda y: y * 2.0, "mpmath", 1.0), "mpmath", 2.0)


def test_complex_numbers_on_the_way():
    entrywise_engines.check_complex_on_the_way("mpmath", 4)


def test_numpy_code_bridged_to_another_engine():
    bridge = di.DifferentiateWith(lambda x, c: (c * np.sin(x) if x > 0 else x) * np.ones(2), "reverse")
    found = di.second_derivative(lambda x: np.sum(bridge(x, 2.0)), "mpmath", 0.7)
    np.testing.assert_allclose(found, -4 * np.sin(0.7), rtol=1e-15)
