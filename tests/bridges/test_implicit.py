"""Implicit functions on every engine, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

A = np.array([[3.0, 1.0, 0.0], [1.0, 4.0, 0.5], [0.0, 0.5, 5.0]])
POINT = np.array([0.3, 0.2, -0.4])
ENGINES = ("forward", "reverse", "jax", "torch", "autograd", "casadi")


def solve(a):
    """Solve A x + x**3 = a by iterations with a tolerance, which no tracing gets through."""
    x = np.zeros(3)
    while True:
        step = np.linalg.solve(A + np.diag(3 * x**2), A @ x + x**3 - a)
        x = x - step
        if float(np.max(np.abs(step))) < 1e-15:
            return x


KINDS = {
    "root": lambda x, a: A @ x + x**3 - a,
    "fixed_point": lambda x, a: np.linalg.solve(A, a - x**3),
    "argmin": lambda x, a: 0.5 * x @ A @ x + np.sum(x**4) / 4 - a @ x,
}


def jacobian(a):
    return np.linalg.inv(A + np.diag(3 * solve(a) ** 2))


def hessian_of_sum(a):
    """Return the Hessian of sum(x(a)): with u = J.T 1, it is -J.T diag(6 x u) J."""
    J = jacobian(a)
    return -J.T @ np.diag(6 * solve(a) * (J.T @ np.ones(3))) @ J


@pytest.fixture(params=ENGINES)
def engine(request):
    return require(request.param)


SOLVERS = ("auto", "gmres", "bicgstab", "cg", "own")
# Every solver for every kind on one engine, and each solver and each kind on every other. (cg: symmetric Jacobians.)
SOLVED = [("reverse", s, k) for s in SOLVERS for k in KINDS if (s, k) != ("cg", "fixed_point")] + [
    (e, s, k)
    for e in ENGINES
    for s, k in (("auto", "root"), ("gmres", "fixed_point"), ("own", "argmin"), ("cg", "root"), ("bicgstab", "root"))
    if e != "reverse"
]


@pytest.mark.parametrize(("engine_name", "solver", "kind"), SOLVED)
def test_first_and_second_order(engine_name, solver, kind):
    engine = require(engine_name)

    def own(matvec, b):
        return np.linalg.solve(np.stack([matvec(e) for e in np.eye(b.size)], axis=1), b)

    x_of = di.implicit(solve, KINDS[kind], kind=kind, linear_solver=own if solver == "own" else solver)
    np.testing.assert_allclose(di.jacobian(x_of, engine, POINT), jacobian(POINT), rtol=1e-9, atol=1e-11)
    total = lambda a: np.sum(x_of(a))
    np.testing.assert_allclose(di.hessian(total, engine, POINT), hessian_of_sum(POINT), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("solver", ["dense", "gmres"])
def test_prepared(solver, engine):
    x_of = di.implicit(solve, KINDS["root"], linear_solver=solver)
    prep = di.prepare_gradient(lambda a: np.sum(x_of(a)), engine, POINT)
    for a in (POINT, 2 * POINT):
        np.testing.assert_allclose(prep.gradient(a), jacobian(a).T @ np.ones(3), rtol=1e-9)


def test_third_order(engine):
    # x**3 + x = a: x' = 1/(3x^2+1), x''' = (108 x^2 - 6 (3x^2+1)) / (3x^2+1)^5, which is 84/1024 at x = 1
    root = di.implicit(lambda a: np.real(np.roots([1.0, 0.0, 1.0, -float(a)])[2]), lambda x, a: x**3 + x - a)
    second = lambda a: di.derivative(lambda a: di.derivative(root, engine, a), engine, a)
    np.testing.assert_allclose(second(2.0), -6 / 64, rtol=1e-9)
    np.testing.assert_allclose(di.derivative(second, engine, 2.0), 84 / 1024, rtol=1e-9)


def test_pytrees_and_other_arguments(engine):
    def scaled(a, guess, label):
        assert label == "text" and guess.shape == (3,)
        x = solve(a["a"] / a["scale"])
        return {"x": x, "norm": np.sum(x**2)}

    def condition(sol, a, guess, label):
        x = sol["x"]
        return {"x": a["scale"] * (A @ x + x**3) - a["a"], "norm": sol["norm"] - np.sum(x**2)}

    x_of = di.implicit(scaled, condition)
    g = di.gradient(lambda a: x_of(a, np.zeros(3), "text")["norm"], engine, {"a": POINT, "scale": 2.0})
    x, J = solve(POINT / 2), jacobian(POINT / 2)
    np.testing.assert_allclose(g["a"], J.T @ (2 * x) / 2, rtol=1e-9)
    np.testing.assert_allclose(g["scale"], -(2 * x) @ J @ POINT / 4, rtol=1e-9)


def test_in_formulas():
    """The solver is a call in SymPy's formula, its derivative an expression of the solution."""
    require("sympy")
    root = di.implicit(lambda a: np.real(np.roots([1.0, 0.0, 1.0, -float(a)])[2]), lambda x, a: x**3 + x - a)
    prep = di.prepare_second_derivative(root, "sympy", 2.0)
    np.testing.assert_allclose(prep.value_derivative_and_second_derivative(2.0), (1.0, 1 / 4, -6 / 64), rtol=1e-9)
    assert "call(s) of Python functions" in prep.explain()


def test_in_native_programs():
    jax, torch = pytest.importorskip("jax"), pytest.importorskip("torch")
    x_of = di.implicit(solve, KINDS["argmin"], kind="argmin", linear_solver="cg")
    with jax.enable_x64(True):
        g = jax.jit(jax.grad(lambda a: x_of(a).sum()))(jax.numpy.array(POINT))
    np.testing.assert_allclose(g, jacobian(POINT).T @ np.ones(3), rtol=1e-9)
    t = torch.tensor(POINT, requires_grad=True)
    x_of(t).sum().backward()
    np.testing.assert_allclose(t.grad, jacobian(POINT).T @ np.ones(3), rtol=1e-9)


def test_matrix_free_for_many_unknowns():
    n = 400
    diagonal = np.linspace(1.0, 3.0, n)
    x_of = di.implicit(lambda a: a / diagonal, lambda x, a: diagonal * x - a)
    np.testing.assert_allclose(di.gradient(lambda a: np.sum(x_of(a)), "reverse", np.ones(n)), 1 / diagonal, rtol=1e-9)


def test_bad_input():
    with pytest.raises(di.InputError, match="kind='minimum'"):
        di.implicit(solve, KINDS["root"], kind="minimum")
    with pytest.raises(di.InputError, match="linear_solver='lu'"):
        di.implicit(solve, KINDS["root"], linear_solver="lu")
    with pytest.raises(di.InputError, match="condition is int"):
        di.implicit(solve, 3)
    for engine in ENGINES:
        require(engine)
        with pytest.raises(di.RuleError, match="the condition of solve returned shapes"):
            di.jacobian(di.implicit(solve, lambda x, a: x[:2] - a[:2]), engine, POINT)
    with pytest.raises(di.UnsupportedOperationError, match="cg did not solve the linear system of solve"):
        di.jacobian(di.implicit(solve, lambda x, a: 0 * x * a + a, linear_solver="cg"), "reverse", POINT)
