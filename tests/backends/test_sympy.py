"""SymPy: formulas that are right, shown as text and LaTeX, and clear refusals."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.backends import engine_checks, entrywise_engines, primitive_checks

pytest.importorskip("sympy")

import sympy
from diffiface_sympy.adapter import SymPy

# One sample of each kind: SymPy is slow, and the array operations are those that CasADi's tests go through.
SAMPLES = [
    (name, 0)
    for name in (
        "absolute cbrt log1p arcsin power maximum where cumsum setitem erf gammaln digamma ndtr polygamma floor isnan det"
    ).split()
]
LARGE_FORMULAS = [(name, 0) for name in "log10 expm1 hypot logaddexp matmul log_ndtr expit".split()]
CHECKS = (
    engine_checks.check_second_order_by_nesting,
    engine_checks.check_perturbations_are_not_confused,
    engine_checks.check_constants_have_no_derivative,
    engine_checks.check_aux,
    engine_checks.check_contexts,
    engine_checks.check_single_precision_stays,
    engine_checks.check_scalars_and_empty_arrays,
    engine_checks.check_cotangents_may_be_made_from_the_outputs,
    engine_checks.check_ties_are_shared,
)


@pytest.mark.parametrize(
    ("name", "number"), [*SAMPLES, *(pytest.param(*sample, marks=pytest.mark.nightly) for sample in LARGE_FORMULAS)]
)
def test_primitive(name, number):
    primitive_checks.check(SymPy(), name, number)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(SymPy())


def test_a_logit_model():
    def loglike(b, y, X):
        p = 1 / (1 + np.exp(-(X @ b)))
        return np.sum(np.log(np.where(y, p, 1 - p)))

    generator = np.random.default_rng(3)
    b, X, y = np.array([0.4, -0.7]), generator.normal(size=(6, 2)), generator.random(6) < 0.5
    p = 1 / (1 + np.exp(-(X @ b)))
    np.testing.assert_allclose(di.gradient(loglike, "sympy", b, y, X), X.T @ (y - p), rtol=1e-10)
    hessian = -(X * (p * (1 - p))[:, None]).T @ X
    np.testing.assert_allclose(di.hessian(loglike, "sympy", b, y, X), hessian, rtol=1e-10)


def test_prepared_programs_follow_their_constants():
    entrywise_engines.check_prepared_constants("sympy")


def test_refusals():
    entrywise_engines.check_refusals("sympy")
    with pytest.raises(di.UnsupportedOperationError, match="more than 2000 operations"):
        di.gradient(lambda x: np.sum(np.outer(x, x) ** 3), "sympy", np.ones(100))


def test_expressions_are_those_of_the_derivative():
    prep = di.prepare_derivative(lambda x: np.sin(x) * x, "sympy", 1.0)
    x = sympy.Symbol("x_0")
    (formula,) = prep.expression("sympy")
    assert sympy.simplify(formula - (sympy.sin(x) + x * sympy.cos(x))) == 0
    assert prep.expression() == "x_0*cos(x_0) + sin(x_0)"
    assert prep.expression("latex") == r"x_{0} \cos{\left(x_{0} \right)} + \sin{\left(x_{0} \right)}"
    with pytest.raises(di.InputError, match="form"):
        prep.expression("html")


def test_a_choice_is_shown_as_a_piecewise_formula():
    prep = di.prepare_derivative(lambda x: np.where(x < 0, x**2, 3 * x), "sympy", 1.0)
    x = sympy.Symbol("x_0")
    (formula,) = prep.expression("sympy")
    assert formula == sympy.Piecewise((2 * x, x < 0), (3, True))
    assert (prep.derivative(-2.0), prep.derivative(2.0)) == (-4.0, 3.0)


def test_outside_of_a_domain_there_is_nan_as_in_numpy():
    # (The branch that is not taken is not computed, and leaves no trace in the derivative.)
    assert np.isnan(di.derivative(np.arcsin, "sympy", 2.0))
    assert di.derivative(lambda x: np.where(x > 0, np.sqrt(x), 2 * x), "sympy", -1.0) == 2.0


def test_cse_changes_no_number():
    f = lambda x: np.sum(np.exp(x * x[0]) * np.sin(x * x[0]))
    x = np.array([0.3, -1.2])
    plain = di.gradient(f, di.backend("sympy", cse=False), x)
    np.testing.assert_allclose(di.gradient(f, "sympy", x), plain, rtol=1e-14)


def test_sparsity_is_read_off_the_formulas():
    function = lambda p, xs, contexts: ((p.power(xs[0], 2),), None)
    shape, places = SymPy().sparsity("jacobian", function, (np.ones(3),), ())
    assert shape == (3, 3) and places.tolist() == [[0, 0], [1, 1], [2, 2]]


def test_complex_numbers_on_the_way():
    entrywise_engines.check_complex_on_the_way("sympy", 3)
