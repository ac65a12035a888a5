"""CasADi: the shared checks, and what is its own: sparsity, nesting, C code, printing."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import diffiface as di
from tests.backends import engine_checks, entrywise_engines, primitive_checks

pytest.importorskip("casadi")

from diffiface_casadi.adapter import CasADi
from diffiface_casadi.primitives import CasADiPrimitives

# What decides by values, of which symbols have none.
NOT_OF_SYMBOLS = frozenset({"argmax", "argmin", "argsort", "searchsorted", "imag"})
CHECKS = [
    check
    for check in engine_checks.ALL
    if check.__name__ not in ("check_complex", "check_branches_on_values", "check_concrete_values")
]


@pytest.mark.parametrize(
    ("name", "number"), list(entrywise_engines.real_samples(CasADiPrimitives, without=NOT_OF_SYMBOLS))
)
def test_primitive(name, number):
    primitive_checks.check(CasADi(), name, number)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check):
    check(CasADi())


def test_problems():
    entrywise_engines.check_problems("casadi", 1e-10, 1e-10)


def test_prepared_programs_follow_their_constants():
    entrywise_engines.check_prepared_constants("casadi")


def test_refusals():
    entrywise_engines.check_refusals("casadi")


def test_a_function_that_is_too_large_is_refused():
    few = di.backend("casadi", max_operations=10)
    with pytest.raises(di.UnsupportedOperationError, match="more than 10 operations"):
        di.gradient(lambda x: np.sum(np.exp(x)), few, np.ones(11))
    with pytest.raises(di.InputError, match="max_operations"):
        di.backend("casadi", max_operations=0)


def test_cholesky_is_the_function_of_the_lower_triangle():
    a = np.array([[2.0, 0.0], [0.5, 1.5]])  # NumPy does not look at the upper one
    found = di.jacobian(np.linalg.cholesky, "casadi", a)
    np.testing.assert_allclose(found, di.jacobian(np.linalg.cholesky, "finite_differences", a), atol=1e-8)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_sparsity_is_casadis():
    x = np.linspace(-1.0, 1.0, 6)
    function = lambda p, xs, contexts: ((p.sum(p.power(xs[0], 3), axis=(0,), keepdims=False),), None)
    shape, places = CasADi().sparsity("hessian", function, (x,), ())
    assert shape == (6, 6)
    np.testing.assert_array_equal(places, [[i, i] for i in range(6)])
    sparse = di.hessian(rosenbrock, di.Sparse("casadi"), x)
    np.testing.assert_allclose(sparse.toarray(), di.hessian(rosenbrock, "reverse", x), rtol=1e-10, atol=1e-10)


def test_casadi_nests_in_itself_and_ours_in_it():
    x = np.array([1.0, 2.0])
    for inner in ("casadi", "forward", "reverse"):
        f = lambda x: np.sum(di.gradient(lambda z: np.sum(z**3 * x[0]), inner, x) ** 2)
        # The inner gradient is 3 x0 x**2, with x0 a constant inside: f is 9 x0**2 (x0**4 + x1**4).
        expected = [18 * x[0] * np.sum(x**4) + 36 * x[0] ** 5, 36 * x[0] ** 2 * x[1] ** 3]
        np.testing.assert_allclose(di.gradient(f, "casadi", x), expected, rtol=1e-12)


def test_code_and_expression():
    prep = di.prepare_gradient(rosenbrock, "casadi", np.ones(3))
    assert "casadi_real" in prep.code() and "gradient" in prep.code()
    assert "cos(x" in di.prepare_derivative(lambda x: np.sin(x) * x, "casadi", 1.0).expression()
    with pytest.raises(di.InputError, match="form"):
        prep.expression("latex")
    with pytest.raises(di.UnsupportedOperationError, match="no formula"):
        di.prepare_gradient(rosenbrock, "reverse", np.ones(3)).expression()


def test_backends_are_values():
    backend = di.backend("casadi", max_operations=100)
    assert pickle.loads(pickle.dumps(backend)) == backend and repr(backend) == "backend('casadi', max_operations=100)"


def test_it_is_not_compared_unless_named():
    report = di.compare(rosenbrock, np.ones(3), backends=["reverse", "casadi"])
    report.raise_if_disagreement()
    assert [row["engine"] for row in report.rows] == ["reverse", "casadi"]


def test_complex_numbers_on_the_way():
    entrywise_engines.check_complex_on_the_way("casadi", 5)
