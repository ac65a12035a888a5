"""scipy.stats' distributions of one variable: SciPy's values, and derivatives in x, the shapes, loc and scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import diffiface as di
from diffiface.errors import UnsupportedOperationError
from diffiface.scipy_api.distributions import REPLACEMENTS
from diffiface.scipy_api.distributions.continuous import Continuous
from diffiface.scipy_api.distributions.counts import Discrete
from tests.conftest import require

INF = np.inf
CONTINUOUS: dict[str, list[tuple[float, ...]]] = {
    "norm": [()],
    "logistic": [()],
    "t": [(3.5,), (0.7,), (80.0,)],
    "cauchy": [()],
    "laplace": [()],
    "gumbel_r": [()],
    "gumbel_l": [()],
    "hypsecant": [()],
    "skewnorm": [(2.0,), (-1.0,)],
    "gennorm": [(1.5,)],
    "loggamma": [(0.8,)],
    "exponnorm": [(1.3,)],
    "vonmises": [(2.0,)],
    "expon": [()],
    "lognorm": [(0.8,)],
    "gamma": [(1.6,), (7.3,)],
    "erlang": [(3.0,)],
    "chi2": [(3.0,), (11.5,)],
    "chi": [(3.2,)],
    "f": [(3.0, 7.0), (12.5, 4.2)],
    "weibull_min": [(1.7,), (2.4,)],
    "weibull_max": [(2.4,)],
    "pareto": [(3.1,)],
    "lomax": [(2.2,)],
    "halfnorm": [()],
    "halfcauchy": [()],
    "rayleigh": [()],
    "maxwell": [()],
    "invgamma": [(3.4,)],
    "invgauss": [(1.3,)],
    "fisk": [(2.3,)],
    "gompertz": [(0.9,)],
    "uniform": [()],
    "beta": [(2.3, 1.7), (5.0, 6.0)],
    "powerlaw": [(1.6,)],
    "truncnorm": [(-1.0, 2.0), (1.5, 4.0), (-6.0, -3.0), (-INF, 1.0), (0.5, INF)],
    "truncexpon": [(2.5,)],
    "loguniform": [(0.5, 6.0)],
    "reciprocal": [(0.5, 6.0)],
    "triang": [(0.35,)],
    "genextreme": [(0.2,), (-0.3,), (0.0,)],
    "genpareto": [(0.3,), (-0.4,), (0.0,)],
}
DISCRETE: dict[str, tuple[tuple[float, ...], list[int]]] = {
    # shapes, and which of them are counts (not differentiated)
    "bernoulli": ((0.3,), []),
    "binom": ((12, 0.35), [0]),
    "poisson": ((3.4,), []),
    "nbinom": ((4.5, 0.4), []),
    "geom": ((0.3,), []),
    "betabinom": ((9, 2.3, 1.4), [0]),
    "logser": ((0.6,), []),
}
SEARCHED = {  # what SciPy finds numerically and is refused here
    "skewnorm": {"ppf", "isf"},
    "exponnorm": {"ppf", "isf"},
    "loggamma": {"ppf", "isf"},
    "invgauss": {"ppf", "isf"},
    "gennorm": {"cdf", "logcdf", "sf", "logsf", "ppf", "isf"},
    "vonmises": {"cdf", "logcdf", "sf", "logsf", "ppf", "isf"},
    "betabinom": {"cdf", "logcdf", "sf", "logsf"},
    "logser": {"cdf", "logcdf", "sf", "logsf"},
}
LOC, SCALE = 0.3, 1.7
Q = np.array([1e-3, 0.07, 0.3, 0.55, 0.72, 0.97, 0.999])
METHODS = "pdf logpdf cdf logcdf sf logsf ppf isf".split()


def ours(name: str) -> Any:
    """Return what stands in the place of a distribution."""
    return REPLACEMENTS[name](getattr(stats, name), name)


def central(f: Any, size: int, step: float) -> np.ndarray:
    """Return the Jacobian at 0 by sixth-order central differences."""
    columns = []
    for e in step * np.eye(size):
        columns.append((45 * (f(e) - f(-e)) - 9 * (f(2 * e) - f(-2 * e)) + (f(3 * e) - f(-3 * e))) / (60 * step))
    return np.stack(columns, -1)


def test_every_written_distribution_has_a_case() -> None:
    for name, cls in REPLACEMENTS.items():
        if issubclass(cls, Continuous):
            assert name in CONTINUOUS
        if issubclass(cls, Discrete):
            assert name in DISCRETE


@pytest.mark.parametrize(("name", "shapes"), [(n, s) for n, cases in CONTINUOUS.items() for s in cases])
def test_continuous(name: str, shapes: tuple[float, ...]) -> None:
    original = getattr(stats, name)
    x = original.ppf(Q, *shapes, LOC, SCALE)
    size = len(shapes) + 3
    for method in METHODS:
        if method in SEARCHED.get(name, ()):
            continue
        at = Q if method in ("ppf", "isf") else x

        def f(d: Any, distribution: Any, method: str = method, at: Any = at) -> Any:
            moved = [s + d[i + 1] if np.isfinite(s) else s for i, s in enumerate(shapes)]
            return getattr(distribution, method)(at + d[0], *moved, LOC + d[size - 2], scale=SCALE + d[size - 1])

        value, jacobian = di.value_and_jacobian(lambda d, f=f: f(d, ours(name)), "forward", np.zeros(size))
        np.testing.assert_allclose(value, f(np.zeros(size), original), rtol=1e-12, atol=1e-14, err_msg=method)
        by_rows = di.jacobian(lambda d, f=f: f(d, ours(name)), "reverse", np.zeros(size))
        np.testing.assert_allclose(by_rows, jacobian, rtol=1e-9, atol=1e-12, err_msg=method)
        # At each entry the best of several steps: their errors differ by orders of magnitude from tail to centre.
        errors = []
        for step in (5e-3, 5e-4, 4e-5, 4e-6):
            with np.errstate(all="ignore"):
                difference = central(lambda d, f=f: f(d, original), size, step)
            errors.append(np.abs(difference - jacobian) / (np.abs(jacobian) + 1e-3 + np.abs(jacobian).max(0) * 1e-3))
        assert np.nanmin(errors, axis=0).max() < 2e-6, (method, np.nanmin(errors, axis=0))


@pytest.mark.parametrize("name", CONTINUOUS)
def test_second_derivatives_of_logpdf(name: str) -> None:
    shapes = CONTINUOUS[name][0]
    x = getattr(stats, name).ppf(np.array([0.2, 0.6]), *shapes, LOC, SCALE)
    size = len(shapes) + 3

    def f(d: Any) -> Any:
        moved = [s + d[i + 1] for i, s in enumerate(shapes)]
        return np.sum(ours(name).logpdf(x + d[0], *moved, LOC + d[size - 2], SCALE + d[size - 1]))

    zero = np.zeros(size)
    expected = central(lambda d: di.gradient(f, "forward", d), size, 1e-3)
    np.testing.assert_allclose(di.hessian(f, "forward", zero), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_outside_the_support_and_at_its_edges_as_in_scipy(name: str) -> None:
    original = getattr(stats, name)
    for shapes in CONTINUOUS[name]:
        low, high = original.support(*shapes, LOC, SCALE)
        x = np.array([-INF, low - 1, low, high, high + 1, INF, np.nan, -1e3, 1e3, original.median(*shapes, LOC, SCALE)])
        q = np.array([-0.1, 0.0, 1.0, 1.1, np.nan, 0.5])
        for method in METHODS:
            if method in SEARCHED.get(name, ()):
                continue
            at = q if method in ("ppf", "isf") else x
            with np.errstate(all="ignore"):
                expected = getattr(original, method)(at, *shapes, LOC, SCALE)
            found = di.value_and_pushforward(
                lambda d, method=method, at=at: getattr(ours(name), method)(at, *shapes, LOC + d, SCALE),
                "forward",
                0.0,
                1.0,
            )[0]
            if method in ("pdf", "logpdf"):  # where SciPy's formula subtracts infinities, ours is the limit
                limit = 0.0 if method == "pdf" else -INF
                expected = np.where(np.isinf(at) & np.isnan(expected), limit, expected)
            if method.startswith(
                "log"
            ):  # where SciPy takes the logarithm of a probability that underflowed, ours is finite
                found, expected = np.maximum(found, -700), np.maximum(expected, -700)
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14, err_msg=f"{method} at {at}")


@pytest.mark.parametrize("name", CONTINUOUS)
def test_no_nan_gradient_from_entries_outside_the_support(name: str) -> None:
    shapes = CONTINUOUS[name][0]
    inside = getattr(stats, name).median(*shapes)
    x = np.array([-50.0, inside, 50.0])
    for method in ("pdf", "cdf"):
        if method in SEARCHED.get(name, ()):
            continue

        def f(d: Any, method: str = method) -> Any:
            return np.sum(getattr(ours(name), method)(x, *[s + 0 * d for s in shapes], d, 1 + d))

        assert np.isfinite(di.gradient(f, "reverse", 0.0)), method


@pytest.mark.parametrize("name", ["norm", "gamma", "beta", "t"])
def test_invalid_parameters_give_nan(name: str) -> None:
    shapes = CONTINUOUS[name][0]
    scales = np.array([-1.0, 0.0, 1.0])
    for method in ("logpdf", "cdf", "ppf"):
        with np.errstate(all="ignore"):
            expected = getattr(getattr(stats, name), method)(0.4, *shapes, 0.0, scales)
        found = di.value_and_jacobian(
            lambda s, method=method: getattr(ours(name), method)(0.4, *shapes, 0.0, s),
            "forward",
            scales,
        )[0]
        np.testing.assert_allclose(found, expected)
        assert np.isnan(found[:2]).all()


# ---- discrete


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name: str) -> None:
    shapes, counts = DISCRETE[name]
    original = getattr(stats, name)
    free = [i for i in range(len(shapes)) if i not in counts]
    k = np.array([-1.0, 0, 1, 2, 5, 9, 2.5, 30, np.nan, INF]) + 1.0
    for method in "pmf logpmf cdf logcdf sf logsf".split():
        if method in SEARCHED.get(name, ()):
            continue

        def f(d: Any, distribution: Any, method: str = method) -> Any:
            moved = [s + d[free.index(i)] if i in free else s for i, s in enumerate(shapes)]
            return getattr(distribution, method)(k, *moved, loc=1)

        zero = np.zeros(len(free))
        with np.errstate(all="ignore"):
            expected = f(zero, original)
            expected = np.where(np.isinf(k) & np.isnan(expected), 0.0 if method == "pmf" else -INF, expected)
            differences = central(lambda d, f=f: f(d, original), len(free), 1e-4)
            differences[np.isinf(k)] = 0.0
        for engine in ("forward", "reverse"):
            value, jacobian = di.value_and_jacobian(lambda d, f=f: f(d, ours(name)), engine, zero)
            np.testing.assert_allclose(value, expected, rtol=2e-12, atol=1e-15, err_msg=method)
            finite = np.isfinite(expected)
            np.testing.assert_allclose(jacobian[finite], differences[finite], rtol=1e-7, atol=1e-9, err_msg=method)


def test_quantiles_of_discrete_distributions_are_constants() -> None:
    value, slope = di.value_and_derivative(lambda mu: ours("poisson").ppf(0.4, mu), "forward", 3.3)
    assert value == stats.poisson.ppf(0.4, 3.3) and slope == 0.0


# ---- moments


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_moments(name: str) -> None:
    shapes = CONTINUOUS[name][0] if name in CONTINUOUS else DISCRETE[name][0]
    parameters = (*shapes, LOC, SCALE) if name in CONTINUOUS else (*shapes, 1)
    last = len(parameters) - 1
    checked = 0
    for method in ("mean", "var", "std", "entropy", "median"):

        def f(d: Any, method: str = method) -> Any:
            return getattr(ours(name), method)(*parameters[:last], parameters[last] + d)

        try:
            value = di.value_and_derivative(f, "forward", 0.0)[0]
        except UnsupportedOperationError as error:
            assert name in str(error)
            continue
        checked += 1
        np.testing.assert_allclose(
            value, getattr(getattr(stats, name), method)(*parameters), rtol=1e-11, err_msg=method
        )
    assert checked or name in SEARCHED


# ---- what users write


def logistic_loglike(b: Any, y: Any, X: Any) -> Any:
    p = stats.logistic.cdf(X @ b)
    return np.sum(np.log(np.where(y, p, 1 - p)))


def _logit_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 3))
    return np.array([0.3, -0.4, 0.2]), rng.random(40) < 0.5, X


def test_the_lectures_function_on_every_exact_engine(exact_engine: str) -> None:
    b, y, X = _logit_data()
    value, gradient = di.value_and_gradient(logistic_loglike, exact_engine, b, y, X)
    assert value == pytest.approx(logistic_loglike(b, y, X), rel=1e-12)
    np.testing.assert_allclose(gradient, X.T @ (y - 1 / (1 + np.exp(-X @ b))), rtol=1e-10)


def test_the_lectures_function_from_an_imported_name(exact_engine: str) -> None:
    from scipy.stats import logistic

    def loglike(b: Any, y: Any, X: Any) -> Any:
        p = logistic.cdf(X @ b)
        return np.sum(np.log(np.where(y, p, 1 - p)))

    b, y, X = _logit_data()
    prep = di.prepare_gradient(loglike, exact_engine, b, y, X)
    np.testing.assert_allclose(prep.gradient(b, y, X), X.T @ (y - 1 / (1 + np.exp(-X @ b))), rtol=1e-10)


def test_frozen_inside_and_outside(exact_engine: str) -> None:
    x = np.array([0.4, 1.2])
    outside = stats.gamma(2.5, scale=1.3)

    def f(v: Any) -> Any:
        return stats.norm(v[0], scale=v[1]).logpdf(0.7) + outside.logpdf(v[1]) + stats.norm(0, 1).cdf(v[0])

    def logpdf_slopes(v: np.ndarray) -> np.ndarray:
        z = (0.7 - v[0]) / v[1]
        return np.array([z / v[1] + stats.norm.pdf(v[0]), (z**2 - 1) / v[1] + 1.5 / v[1] - 1 / 1.3])

    value, gradient = di.value_and_gradient(f, exact_engine, x)
    assert value == pytest.approx(f(x), rel=1e-12)
    np.testing.assert_allclose(gradient, logpdf_slopes(x), rtol=1e-9)


@pytest.mark.parametrize("engine", ["jax", "torch", "autograd"])
@pytest.mark.parametrize(
    "name",
    # (truncnorm's program takes JAX six seconds)
    [
        "norm",
        "t",
        "gamma",
        "beta",
        "lognorm",
        pytest.param("truncnorm", marks=pytest.mark.nightly),
        "weibull_min",
        "poisson",
    ],
)
def test_other_engines(name: str, engine: str) -> None:
    engine = require(engine)
    shapes = CONTINUOUS[name][0] if name in CONTINUOUS else DISCRETE[name][0]
    method = "logpdf" if name in CONTINUOUS else "logpmf"
    x = getattr(stats, name).ppf([0.2, 0.7], *shapes)

    def f(d: Any) -> Any:
        moved = [s + d[i] for i, s in enumerate(shapes)]
        distribution = ours(name)
        return np.sum(getattr(distribution, method)(x, *moved, loc=0)) + np.sum(distribution.cdf(x, *moved) ** 2)

    d = np.zeros(max(len(shapes), 1))
    if not shapes:

        def f(d: Any) -> Any:
            return np.sum(ours(name).logpdf(x, d[0])) + np.sum(ours(name).cdf(x, d[0]) ** 2)

    prep = di.prepare_gradient(f, engine, d)  # compiled, where the engine compiles
    value, gradient = prep.value_and_gradient(d)
    expected = di.value_and_gradient(f, "forward", d)
    assert value == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-8)


def test_float32_is_computed_in_double_precision_as_in_scipy() -> None:
    x = np.array([0.5, 1.5], np.float32)
    value, gradient = di.value_and_gradient(lambda v: np.sum(ours("norm").logpdf(v)), "reverse", x)
    assert value == pytest.approx(float(np.sum(stats.norm.logpdf(x))), rel=1e-12)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, -x, rtol=1e-6)


def test_arrays_of_every_layout() -> None:
    base = np.linspace(0.2, 2.0, 12)
    readonly = base.copy()
    readonly.flags.writeable = False
    for x in (base[::-2], np.asfortranarray(base.reshape(3, 4)), readonly, np.zeros((0,)), np.float64(0.3)):
        value, jacobian = di.value_and_jacobian(lambda v: ours("gamma").logpdf(v, 2.0), "forward", x)
        np.testing.assert_allclose(value, stats.gamma.logpdf(x, 2.0), rtol=1e-12)
        assert np.shape(jacobian) == np.shape(x) * 2


# ---- messages


def _refused(f: Any) -> str:
    with pytest.raises(UnsupportedOperationError) as caught:
        di.gradient(f, "reverse", np.array([0.5, 1.5]))
    return str(caught.value)


def test_refusals_name_the_method_and_the_way_out() -> None:
    assert "norm.rvs" in _refused(lambda v: stats.norm.rvs(v[0], size=3).sum())
    assert "random numbers" in _refused(lambda v: stats.norm(v[0]).rvs(3).sum())
    assert "skewnorm.ppf" in _refused(lambda v: stats.skewnorm.ppf(v[0], 2.0))
    assert "levy_stable" in _refused(lambda v: stats.levy_stable.pdf(v[0], 1.5, 0.2))


def test_wrong_parameters_are_type_errors() -> None:
    for f in (
        lambda v: stats.norm.pdf(v[0], 1, 2, 3),
        lambda v: stats.norm.pdf(v[0], sigma=3),
        lambda v: stats.norm.pdf(v[0], 0, loc=3),
        lambda v: stats.gamma.pdf(v[0]),
    ):
        with pytest.raises(TypeError):
            di.gradient(f, "reverse", np.array([0.5, 1.5]))


def test_plain_arguments_get_scipys_own_numbers() -> None:
    q = np.linspace(0.01, 0.99, 7)
    assert np.array_equal(ours("skewnorm").ppf(q, 2.0), stats.skewnorm.ppf(q, 2.0))
    assert ours("norm").fit([1.0, 2.0, 4.0]) == stats.norm.fit([1.0, 2.0, 4.0])
    assert isinstance(ours("norm"), stats.rv_continuous)
