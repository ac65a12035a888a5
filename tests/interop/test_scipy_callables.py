"""Every method of SciPy that takes derivatives, fed by `scipy_callables`, on every engine."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.sparse

import diffiface as di
from diffiface.interop.for_scipy.methods import LEAST_SQUARES, MINIMIZE, ROOT, SOLVE_IVP
from tests.conftest import ENGINES, require

MINIMUM = np.array([0.3, -0.2, 0.5])


def bowl(x, at):
    return np.sum(np.cosh(x - at)) + 0.5 * np.sum(x - at) ** 2


def bowl_gradient(x):
    return np.sinh(x - MINIMUM) + np.sum(x - MINIMUM)


def bowl_hessian(x):
    return np.diag(np.cosh(x - MINIMUM)) + 1.0


ROOT_AT = np.array([0.2, -0.4, 0.1])


def equations(x, b):
    return b - x - 0.1 * np.sin(x)


TIMES = np.linspace(0.0, 2.0, 7)
DECAY = np.array([2.0, 0.7])


def decay(p, t):
    return p[0] * np.exp(-p[1] * t)


def decay_residuals(p, t):
    return decay(p, t) - decay(DECAY, t)


RATES = np.array([[-200.0, 1.0], [1.0, -3.0]])  # stiff, so that LSODA comes to its implicit method


def linear_ode(t, y, a):
    return a @ y + 0.0 * t


@functools.cache
def callables_of(engine: str, which: str):
    """Prepared once for all methods, as a user would."""
    make = di.interop.scipy_callables
    if which == "bowl":
        return make(bowl, np.zeros(3), engine, MINIMUM)
    if which == "equations":
        return make(equations, np.zeros(3), engine, ROOT_AT + 0.1 * np.sin(ROOT_AT), kind="residual")
    if which == "decay":
        return make(decay_residuals, np.ones(2), engine, TIMES, kind="residual")
    assert which == "ode"
    return make(linear_ode, np.array([1.0, 0.5]), engine, RATES, kind="ode")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", [*MINIMIZE, "minimize"])
def test_minimize(method: str, engine: str):
    callables = callables_of(require(engine), "bowl")
    callables.reset()
    found = scipy.optimize.minimize(x0=callables.x0, **callables.for_method(method))
    np.testing.assert_allclose(found.x, MINIMUM, atol=1e-2 if MINIMIZE.get(method) == "value" else 1e-3)
    assert (callables.njev > 0) == (MINIMIZE.get(method) != "value")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", [*LEAST_SQUARES, "least_squares"])
def test_least_squares(method: str, engine: str):
    callables = callables_of(require(engine), "decay")
    callables.reset()
    found = scipy.optimize.least_squares(x0=callables.x0, **callables.for_method(method))
    np.testing.assert_allclose(found.x, DECAY, atol=1e-6)
    assert callables.njev > 0


@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_least_squares_by_products_only(method: str, engine: str):
    callables = callables_of(engine, "decay")
    arguments = callables.for_method(method, products_only=True)
    found = scipy.optimize.least_squares(x0=callables.x0, tr_solver="lsmr", **arguments)
    np.testing.assert_allclose(found.x, DECAY, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", [*ROOT, "lm", "root"])
def test_root(method: str, engine: str):
    callables = callables_of(require(engine), "equations")
    callables.reset()
    found = scipy.optimize.root(x0=callables.x0, **callables.for_method(method))
    np.testing.assert_allclose(found.x, ROOT_AT, atol=1e-5)
    assert (callables.njev > 0) == (ROOT.get(method) != "none")


def test_fsolve(engine: str):
    callables = callables_of(engine, "equations")
    np.testing.assert_allclose(
        scipy.optimize.fsolve(x0=callables.x0, **callables.for_method("fsolve")), ROOT_AT, atol=1e-7
    )


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_curve_fit(method: str, engine: str):
    callables = di.interop.scipy_callables(decay, np.ones(2), engine, TIMES, kind="residual")
    assert callables.njev == 0
    found, _ = scipy.optimize.curve_fit(
        xdata=TIMES, ydata=decay(DECAY, TIMES), method=method, **callables.for_method("curve_fit")
    )
    np.testing.assert_allclose(found, DECAY, atol=1e-6)
    assert callables.njev > 0


def disc_and_product(x):
    return np.stack([x[0] * x[1], x[0] ** 2 + x[1] ** 2])


@pytest.mark.parametrize("method", ["trust-constr", "SLSQP", "COBYQA"])
def test_nonlinear_constraint(method: str, engine: str):
    objective = di.interop.scipy_callables(lambda x: np.sum((x - 2) ** 2), np.array([1.0, 0.2]), engine)
    constraint = di.interop.scipy_callables(disc_and_product, np.ones(2), engine, kind="residual")
    limits = scipy.optimize.NonlinearConstraint(
        lb=[-np.inf, -np.inf], ub=[np.inf, 2.0], **constraint.for_method("NonlinearConstraint")
    )
    found = scipy.optimize.minimize(x0=objective.x0, constraints=[limits], **objective.for_method(method))
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-3)


def test_hessian_of_weighted_residuals(engine: str):
    callables = di.interop.scipy_callables(disc_and_product, np.ones(2), engine, kind="residual")
    x, v, p = np.array([0.5, 2.0]), np.array([3.0, -1.0]), np.array([1.0, 2.0])
    expected = np.array([[-2.0, 3.0], [3.0, -2.0]])
    np.testing.assert_allclose(callables.hess(x, v), expected, atol=1e-5)
    np.testing.assert_allclose(callables.hess(x, -v), -expected, atol=1e-5)
    np.testing.assert_allclose(callables.hessp(x, v, p), expected @ p, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("method", [*SOLVE_IVP, "solve_ivp"])
def test_solve_ivp(method: str, engine: str):
    callables = callables_of(require(engine), "ode")
    callables.reset()
    found = scipy.integrate.solve_ivp(
        t_span=(0.0, 1.0), y0=callables.x0, rtol=1e-6, atol=1e-9, **callables.for_method(method)
    )
    np.testing.assert_allclose(found.y[:, -1], scipy.linalg.expm(RATES) @ callables.x0, rtol=1e-4)
    assert (callables.njev > 0) == (SOLVE_IVP.get(method, "none") != "none")


def test_odeint(engine: str):
    callables = callables_of(engine, "ode")
    options = callables.for_method("odeint")
    found = scipy.integrate.odeint(y0=callables.x0, t=[0.0, 1.0], rtol=1e-10, atol=1e-12, **options)
    np.testing.assert_allclose(found[-1], scipy.linalg.expm(RATES) @ callables.x0, rtol=1e-6)


# ---- sparse matrices


def chain(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2) + np.sum((1 - x) ** 2)


@pytest.mark.parametrize("method", [m for m in MINIMIZE if MINIMIZE[m] != "value"])
def test_minimize_with_a_sparse_hessian(method: str):
    callables = di.interop.scipy_callables(chain, np.full(6, 0.8), di.Sparse("reverse"))
    found = scipy.optimize.minimize(x0=callables.x0, **callables.for_method(method))
    np.testing.assert_allclose(found.x, 1.0, atol=1e-3)
    assert ("hess" in callables.for_method(method)) == (MINIMIZE[method] in ("dense", "product or sparse"))


def chained_residuals(x):
    return np.concatenate([x[1:] - x[:-1] ** 2, 1 - x])


@pytest.mark.parametrize("method", LEAST_SQUARES)
def test_least_squares_with_a_sparse_jacobian(method: str):
    callables = di.interop.scipy_callables(chained_residuals, np.full(5, 0.5), di.Sparse("forward"), kind="residual")
    assert scipy.sparse.issparse(callables.jac(callables.x0)) and callables.jac(callables.x0).format == "csr"
    found = scipy.optimize.least_squares(x0=callables.x0, **callables.for_method(method))
    np.testing.assert_allclose(found.x, 1.0, atol=1e-6)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_solve_ivp_with_a_sparse_jacobian(method: str):
    def heat(t, u):
        return np.concatenate([u[1:2] - 2 * u[:1], u[2:] - 2 * u[1:-1] + u[:-2], u[-2:-1] - 2 * u[-1:]])

    u0 = np.sin(np.pi * np.arange(1, 9) / 9)
    callables = di.interop.scipy_callables(heat, u0, di.Sparse("forward"), kind="ode")
    assert callables.jac(0.0, u0).nnz == 8 + 7 + 7
    found = scipy.integrate.solve_ivp(t_span=(0, 1), y0=u0, rtol=1e-6, atol=1e-9, **callables.for_method(method))
    np.testing.assert_allclose(found.y[:, -1], u0 * np.exp(2 * np.cos(np.pi / 9) - 2), rtol=1e-4)


# ---- values, memory, counters


def test_values_and_derivatives_are_right(engine: str):
    callables = callables_of(engine, "bowl")
    x, p = np.array([0.1, 0.4, -0.3]), np.array([1.0, -2.0, 0.5])
    rtol = 1e-10 if di.capabilities(engine).exact else 1e-5
    assert callables.fun(x) == pytest.approx(bowl(x, MINIMUM), rel=1e-12)
    np.testing.assert_allclose(callables.jac(x), bowl_gradient(x), rtol=rtol)
    np.testing.assert_allclose(callables.hess(x), bowl_hessian(x), rtol=rtol, atol=1e-6 * (rtol > 1e-9))
    np.testing.assert_allclose(callables.hessp(x, p), bowl_hessian(x) @ p, rtol=rtol, atol=1e-6 * (rtol > 1e-9))


def test_value_and_gradient_at_one_x_cost_one_evaluation_of_f():
    runs = []

    def f(x):
        runs.append(None)
        return np.sum(x**2)

    callables = di.interop.scipy_callables(f, np.zeros(2), di.backend("autograd"))
    runs.clear()
    x = np.array([1.0, 2.0])
    assert callables.fun(x) == 5.0
    np.testing.assert_array_equal(callables.jac(x), [2.0, 4.0])
    value, gradient = callables.fun_and_jac(x.copy())
    assert (value, *gradient) == (5.0, 2.0, 4.0)
    assert len(runs) == callables.nfev == callables.njev == 1
    callables.fun(x + 1)
    callables.fun(x)
    assert len(runs) == callables.nfev == 3


def test_a_numeric_engine_computes_no_gradient_for_a_value():
    callables = di.interop.scipy_callables(lambda x: np.sum(x**2), np.zeros(50), "finite_differences")
    callables.fun(np.ones(50))
    assert (callables.nfev, callables.njev) == (1, 0)


def test_results_are_the_callers_own(engine: str):
    callables = callables_of(engine, "bowl")
    x = np.array([0.1, 0.4, -0.3])
    for compute in (callables.jac, callables.hess, lambda x: callables.hessp(x, x)):
        result = compute(x)
        assert type(result) is np.ndarray and result.dtype == np.float64 and result.flags.c_contiguous
        kept = result.copy()
        result[...] = np.nan
        np.testing.assert_array_equal(compute(x), kept)


def test_x_that_changes_in_place_is_a_new_point():
    callables = callables_of("reverse", "bowl")
    x = np.zeros(3)
    before = callables.jac(x)
    x += 1
    assert not np.allclose(callables.jac(x), before)


def test_a_pytree_is_one_vector(exact_engine: str):
    def loss(m):
        return np.sum((m["w"] @ np.array([1.0, 2.0]) + m["b"] - np.array([1.0, 2.0])) ** 2) + 0.1 * np.sum(m["w"] ** 2)

    start = {"w": np.zeros((2, 2)), "b": 0.0}
    callables = di.interop.scipy_callables(loss, start, exact_engine)
    assert callables.x0.shape == (5,)
    found = scipy.optimize.minimize(x0=callables.x0, **callables.for_method("trust-exact"))
    model = callables.vector.tree(found.x)
    assert model["w"].shape == (2, 2) and model["b"].shape == ()
    assert loss(model) == pytest.approx(found.fun)
    # The normal equations of this ridge regression, by b, w[0], w[1] in the order of the pytree (sorted keys).
    a = np.array([[1.0, 1, 2, 0, 0], [1.0, 0, 0, 1, 2]])
    exact = np.linalg.solve(a.T @ a + np.diag([0, 0.1, 0.1, 0.1, 0.1]), a.T @ [1.0, 2.0])
    np.testing.assert_allclose(found.x, exact, atol=1e-6)


def test_functions_written_for_an_engine():
    require("jax")
    import jax.numpy as jnp

    def f(x):
        return jnp.sum(jnp.cosh(x - 0.5))

    callables = di.interop.scipy_callables(f, np.zeros(2), "jax")
    for method in ("Nelder-Mead", "BFGS", "trust-exact"):
        found = scipy.optimize.minimize(x0=callables.x0, **callables.for_method(method))
        np.testing.assert_allclose(found.x, 0.5, atol=1e-4)
    residual = di.interop.scipy_callables(
        lambda x: jnp.stack([x[0] * x[1], x[0] ** 2]), np.ones(2), "jax", kind="residual"
    )
    np.testing.assert_allclose(residual.hess(np.ones(2), np.array([1.0, 2.0])), [[4.0, 1.0], [1.0, 0.0]])


# ---- what is refused


def test_what_is_refused():
    make = di.interop.scipy_callables
    with pytest.raises(di.InputError, match=r'kind is "scalar", "residual" or "ode"'):
        make(bowl, np.zeros(2), "reverse", kind="vector")  # pyright: ignore
    with pytest.raises(di.InputError, match="did you mean 'BFGS'"):
        callables_of("reverse", "bowl").for_method("bfgs")
    with pytest.raises(di.InputError, match="does not take a linear operator"):
        callables_of("reverse", "decay").for_method("lm", products_only=True)
    with pytest.raises(di.InputError, match="no xdata"):
        make(lambda p: p, np.zeros(2), "reverse", kind="residual").for_method("curve_fit")
    with pytest.raises(di.OutputError, match="needs a scalar y"):
        make(lambda x: x, np.zeros(2), "reverse")
    with pytest.raises(di.InputError, match=r"shape \(4,\)"):
        callables_of("reverse", "bowl").jac(np.zeros(4))
    with pytest.raises(di.InputError, match="real numbers"):
        make(lambda x: np.sum(np.abs(x)), np.zeros(2, complex), "reverse")
    with pytest.raises(di.InputError, match="cannot be called"):
        make(np.zeros(2), bowl, "reverse")  # pyright: ignore
