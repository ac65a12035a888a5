"""Other packages, fed by the helpers of `di.interop`; each is skipped where the package is not installed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

RNG = np.random.default_rng(7)
X = np.column_stack([np.ones(200), RNG.normal(size=(200, 2))])
BETA = np.array([0.3, -0.8, 0.5])
Y = (RNG.random(200) < 1 / (1 + np.exp(-X @ BETA))).astype(float)


def minus_loglike(b, y, X):
    return np.sum(np.logaddexp(0, X @ b) - y * (X @ b))


def loglikeobs(b, y, X):
    return y * (X @ b) - np.logaddexp(0, X @ b)


def fitted() -> tuple[np.ndarray, np.ndarray]:
    """The estimate and its covariance by Newton's method, written by hand."""
    b = np.zeros(3)
    for _ in range(30):
        p = 1 / (1 + np.exp(-X @ b))
        information = (X.T * (p * (1 - p))) @ X
        b = b + np.linalg.solve(information, X.T @ (Y - p))
    return b, np.linalg.inv(information)


# ---- statsmodels


@pytest.mark.parametrize("name", ["reverse", "autograd"])
def test_statsmodels_likelihood_model_agrees_with_its_own_logit(name: str):
    require(name)
    pytest.importorskip("statsmodels")
    import statsmodels.api as sm

    own = sm.Logit(Y, X).fit(disp=0)
    model = di.interop.likelihood_model(loglikeobs, name, Y, X, start_params=np.zeros(3))
    np.testing.assert_allclose(model.score(BETA), own.model.score(BETA), rtol=1e-9)
    np.testing.assert_allclose(model.hessian(BETA), own.model.hessian(BETA), rtol=1e-9)
    np.testing.assert_allclose(model.score_obs(BETA), own.model.score_obs(BETA), rtol=1e-9, atol=1e-12)
    assert model.loglike(BETA) == pytest.approx(own.model.loglike(BETA), rel=1e-12)
    result = model.fit(method="newton", disp=0)
    np.testing.assert_allclose(result.params, own.params, rtol=1e-6)
    np.testing.assert_allclose(result.bse, own.bse, rtol=1e-6)


def test_statsmodels_summary_and_robust_errors():
    pytest.importorskip("statsmodels")
    import statsmodels.api as sm

    names = ["const", "slope", "other"]
    model = di.interop.likelihood_model(loglikeobs, "reverse", Y, X, start_params=np.zeros(3), param_names=names)
    summary = str(model.fit(method="bfgs", disp=0).summary())
    assert all(name in summary for name in names)
    own = sm.Logit(Y, X).fit(disp=0, cov_type="HC0")
    robust = model.fit(method="newton", disp=0, cov_type="HC0")
    np.testing.assert_allclose(robust.bse, own.bse, rtol=1e-5)


# ---- iminuit


def test_iminuit_with_gradient_and_hessian(exact_engine: str):
    iminuit = pytest.importorskip("iminuit")
    arguments = di.interop.minuit_arguments(minus_loglike, np.zeros(3), exact_engine, Y, X)
    minuit = iminuit.Minuit(arguments.pop("fcn"), np.zeros(3), **arguments)
    minuit.errordef = iminuit.Minuit.LIKELIHOOD
    minuit.migrad()
    minuit.hesse()
    assert minuit.valid and minuit.ngrad > 0
    estimate, covariance = fitted()
    np.testing.assert_allclose(np.array(minuit.values), estimate, atol=2e-3)
    np.testing.assert_allclose(np.array(minuit.errors), np.sqrt(np.diag(covariance)), rtol=2e-2)


# ---- optimagic


def test_optimagic_with_a_pytree_of_parameters(exact_engine: str):
    om = pytest.importorskip("optimagic")

    def cost(p, y, X):
        return minus_loglike(p["beta"] * np.array([1.0, 0, 0]) + p["slopes"][0] * 0 + p["offset"] * 0, y, X) + (
            np.sum((p["slopes"] - 2.0) ** 2) + (p["offset"] + 1.0) ** 2
        )

    params = {"beta": np.zeros(3), "slopes": np.zeros(2), "offset": 0.5}
    arguments = di.interop.optimagic_arguments(cost, params, exact_engine, Y, X)
    found = om.minimize(params=params, algorithm="scipy_lbfgsb", **arguments)
    np.testing.assert_allclose(found.params["slopes"], 2.0, atol=1e-4)
    assert found.params["offset"] == pytest.approx(-1.0, abs=1e-4)
    ratio = np.mean(Y) / (1 - np.mean(Y))
    assert found.params["beta"][0] == pytest.approx(np.log(ratio), abs=1e-4)


def test_optimagic_least_squares():
    om = pytest.importorskip("optimagic")
    t = np.linspace(0, 2, 9)

    def residuals(p, t):
        return p["a"] * np.exp(-p["k"][0] * t) - 2 * np.exp(-0.7 * t)

    params = {"a": 1.0, "k": np.array([1.0])}
    arguments = di.interop.optimagic_arguments(residuals, params, "reverse", t, least_squares=True)
    found = om.minimize(params=params, algorithm="scipy_ls_lm", **arguments)
    assert found.params["a"] == pytest.approx(2.0, abs=1e-6)
    np.testing.assert_allclose(found.params["k"], [0.7], atol=1e-6)


# ---- cyipopt


def hs071():
    """Problem 71 of Hock and Schittkowski: the solution and value are theirs."""

    def f(x):
        return x[0] * x[3] * np.sum(x[:3]) + x[2]

    def g(x):
        return np.stack([np.prod(x), np.sum(x**2)])

    return f, g, np.array([1.0, 4.742994, 3.8211503, 1.3794082]), 17.0140173


@pytest.mark.parametrize("name", ["forward", "reverse", "autograd"])
def test_ipopt_problem_structures_and_values(name: str):
    require(name)
    f, g, x, _ = hs071()
    problem = di.interop.ipopt_problem(f, np.array([1.0, 5.0, 5.0, 1.0]), name, constraints=g)
    assert (problem.m, problem.x0.size) == (2, 4)
    J = np.zeros((2, 4))
    J[problem.jacobianstructure()] = problem.jacobian(x)
    np.testing.assert_allclose(J, [np.prod(x) / x, 2 * x], rtol=1e-10)
    H = np.zeros((4, 4))
    rows, columns = problem.hessianstructure()
    assert np.all(columns <= rows)
    H[rows, columns] = problem.hessian(x, np.array([2.0, 3.0]), 0.5)
    H = H + np.tril(H, -1).T
    of_product = np.array([[0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)])
    of_f = np.zeros((4, 4))
    of_f[0, 0], of_f[0, 1:3], of_f[0, 3] = 2 * x[3], x[3], 2 * x[0] + x[1] + x[2]
    of_f[1:3, 3] = x[0]
    of_f = of_f + np.triu(of_f, 1).T
    np.testing.assert_allclose(H, 0.5 * of_f + 2 * of_product + 3 * 2 * np.eye(4), rtol=1e-10, atol=1e-10)


def test_ipopt_solves_hs071():
    cyipopt = pytest.importorskip("cyipopt", reason="cyipopt is not installed (it is built against the Ipopt library)")
    f, g, solution, value = hs071()
    problem = di.interop.ipopt_problem(f, np.array([1.0, 5.0, 5.0, 1.0]), "reverse", constraints=g)
    nlp = cyipopt.Problem(
        n=4, m=problem.m, problem_obj=problem, lb=np.ones(4), ub=np.full(4, 5.0), cl=[25.0, 40.0], cu=[2e19, 40.0]
    )
    nlp.add_option("print_level", 0)
    nlp.add_option("sb", "yes")
    x, info = nlp.solve(problem.x0)
    assert info["status"] == 0 and info["obj_val"] == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(x, solution, atol=1e-5)


def test_ipopt_without_constraints_is_sparse():
    cyipopt = pytest.importorskip("cyipopt", reason="cyipopt is not installed (it is built against the Ipopt library)")

    def chained(x):
        return np.sum((1 - x) ** 2) + np.sum((x[1:] - x[:-1] ** 2) ** 2)

    problem = di.interop.ipopt_problem(chained, np.full(30, 0.5), di.Sparse("reverse"))
    assert len(problem.hessianstructure()[0]) == 30 + 29
    nlp = cyipopt.Problem(n=30, m=0, problem_obj=problem)
    nlp.add_option("print_level", 0)
    nlp.add_option("sb", "yes")
    x, info = nlp.solve(problem.x0)
    assert info["status"] == 0
    np.testing.assert_allclose(x, 1.0, atol=1e-6)


def test_an_entry_that_ipopt_was_not_told_of_is_an_error():
    def f(x):
        return x[0] ** 2 + (x[0] * x[1] if x[0] > 2 else 0 * x[1])

    problem = di.interop.ipopt_problem(f, np.ones(2), di.Sparse("reverse", detector="local"))
    with pytest.raises(di.DiffifaceError):
        problem.hessian(np.array([3.0, 1.0]), np.zeros(0), 1.0)


# ---- samplers


def normal(x, mean, precision):
    return -0.5 * (x - mean) @ precision @ (x - mean)


MEAN, PRECISION = np.array([1.0, -0.5]), np.array([[2.0, 0.6], [0.6, 1.0]])


def test_log_density(exact_engine: str):
    density = di.interop.log_density(normal, np.zeros(2), exact_engine, MEAN, PRECISION)
    x = np.array([0.2, 0.9])
    value, gradient = density.with_gradient(x)
    assert type(value) is float and value == density(x) == pytest.approx(normal(x, MEAN, PRECISION))
    assert gradient.dtype == np.float64 and gradient.flags.c_contiguous and gradient.flags.writeable
    np.testing.assert_allclose(gradient, -PRECISION @ (x - MEAN), rtol=1e-12)
    np.testing.assert_array_equal(density.gradient(x), gradient)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(density)).gradient(x), gradient)


def test_emcee():
    emcee = pytest.importorskip("emcee")
    density = di.interop.log_density(normal, np.zeros(2), "reverse", MEAN, PRECISION)
    sampler = emcee.EnsembleSampler(16, 2, density)
    sampler.random_state = np.random.RandomState(1).get_state()
    sampler.run_mcmc(np.random.default_rng(1).normal(size=(16, 2)) + MEAN, 600, progress=False)
    chain = sampler.get_chain(discard=100, flat=True)
    np.testing.assert_allclose(chain.mean(axis=0), MEAN, atol=0.2)
    np.testing.assert_allclose(np.cov(chain.T), np.linalg.inv(PRECISION), atol=0.35)


def test_dynesty():
    dynesty = pytest.importorskip("dynesty")
    density = di.interop.log_density(normal, np.zeros(2), "reverse", MEAN, PRECISION)
    sampler = dynesty.NestedSampler(density, lambda u: 20 * u - 10, 2, nlive=60, rstate=np.random.default_rng(3))
    sampler.run_nested(print_progress=False, dlogz=0.5)
    evidence = np.log(2 * np.pi / np.sqrt(np.linalg.det(PRECISION)) / 400)
    assert sampler.results.logz[-1] == pytest.approx(evidence, abs=1.0)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_nutpie():
    nutpie = pytest.importorskip("nutpie")

    def posterior(p, precision):
        return -0.5 * p["a"] @ precision @ p["a"] - 0.5 * (p["b"] - 3.0) ** 2

    start = {"a": np.zeros(2), "b": 0.0}
    model = di.interop.nutpie_model(posterior, start, "reverse", PRECISION)
    trace = nutpie.sample(model, draws=300, tune=300, chains=2, cores=1, seed=5, progress_bar=False)
    draws = trace.posterior
    assert draws["a"].shape == (2, 300, 2) and draws["b"].shape == (2, 300)
    assert float(draws["b"].mean()) == pytest.approx(3.0, abs=0.3)
    np.testing.assert_allclose(np.cov(draws["a"].values.reshape(-1, 2).T), np.linalg.inv(PRECISION), atol=0.4)


def test_nutpie_wants_a_dict():
    pytest.importorskip("nutpie")
    with pytest.raises(di.InputError, match="must be a dict"):
        di.interop.nutpie_model(normal, np.zeros(2), "reverse", MEAN, PRECISION)


# ---- what is written in JAX, through the bridge


def test_blackjax_samples_a_numpy_log_density():
    require("jax")
    blackjax = pytest.importorskip("blackjax")
    import jax

    with jax.enable_x64(True):
        density = di.to_jax(lambda x: normal(x, MEAN, PRECISION))
        kernel = blackjax.hmc(density, step_size=0.4, inverse_mass_matrix=np.ones(2), num_integration_steps=6)
        step = jax.jit(kernel.step)
        state, key, chain = kernel.init(jax.numpy.asarray(MEAN)), jax.random.key(0), []
        for _ in range(400):
            key, sub = jax.random.split(key)
            state, _ = step(sub, state)
            chain.append(np.asarray(state.position))
    np.testing.assert_allclose(np.mean(chain, axis=0), MEAN, atol=0.2)


def test_diffrax_integrates_a_numpy_right_hand_side_and_differentiates_through_it():
    require("jax")
    diffrax = pytest.importorskip("diffrax")
    import jax

    with jax.enable_x64(True):
        rhs = di.to_jax(lambda y, k: -k * y)

        def final(k):
            term = diffrax.ODETerm(lambda t, y, args: rhs(y, args))
            controller = diffrax.PIDController(rtol=1e-9, atol=1e-11)
            y0 = jax.numpy.ones(1)
            solution = diffrax.diffeqsolve(
                term, diffrax.Tsit5(), 0.0, 1.0, 0.1, y0, args=k, stepsize_controller=controller
            )
            return solution.ys[0, 0]

        value, slope = jax.value_and_grad(final)(jax.numpy.asarray(0.7))
    assert float(value) == pytest.approx(np.exp(-0.7), rel=1e-7)
    assert float(slope) == pytest.approx(-np.exp(-0.7), rel=1e-6)


def test_optimistix_solves_numpy_equations():
    require("jax")
    optimistix = pytest.importorskip("optimistix")
    import jax

    with jax.enable_x64(True):
        equations = di.to_jax(lambda x: np.stack([x[0] ** 2 + x[1] ** 2 - 2, x[0] - x[1]]))
        solver = optimistix.Newton(rtol=1e-10, atol=1e-10)
        found = optimistix.root_find(lambda x, _: equations(x), solver, jax.numpy.asarray([2.0, 0.5]))
        np.testing.assert_allclose(np.asarray(found.value), 1.0, atol=1e-8)


# ---- scikit-learn


def test_a_scikit_learn_estimator():
    pytest.importorskip("sklearn")
    import scipy.optimize
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    class Logit(ClassifierMixin, BaseEstimator):
        def __init__(self, backend="reverse", penalty=0.5):
            self.backend, self.penalty = backend, penalty

        def fit(self, X, y):
            self.classes_, outcome = np.unique(y, return_inverse=True)

            def cost(b, y, X):
                return minus_loglike(b, y, X) + self.penalty * np.sum(b**2)

            start = np.zeros(X.shape[1])
            callables = di.interop.scipy_callables(cost, start, self.backend, outcome.astype(float), X)
            self.coef_ = scipy.optimize.minimize(x0=start, **callables.for_method("trust-exact")).x
            return self

        def predict(self, X):
            return self.classes_[(X @ self.coef_ > 0).astype(int)]

    own = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10).fit(X, Y)
    for engine in ("reverse", "forward"):
        np.testing.assert_allclose(Logit(engine).fit(X, Y).coef_, own.coef_[0], atol=1e-5)
    assert cross_val_score(Logit(), X, Y, cv=3).mean() > 0.6
