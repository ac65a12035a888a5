"""scipy.stats' distributions of vectors and matrices, and its summaries of samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import diffiface as di
from diffiface.errors import UnsupportedOperationError
from tests.conftest import require

A = np.array([[1.3, 0.2, -0.1], [0.4, 0.9, 0.3], [0.1, -0.2, 1.1]])
X = np.array([[0.3, -0.7, 1.1], [1.2, 0.1, -0.4]])
POINTS = np.array([[0.2, 0.5], [0.3, 0.1], [0.5, 0.4]])


def spd(v: Any) -> Any:
    """Return a positive definite matrix made of nine numbers."""
    m = np.reshape(v, (3, 3))
    return m @ m.T + np.eye(3)


def softmax(v: Any) -> Any:
    e = np.exp(v - np.max(v))
    return e / np.sum(e)


W = spd(A)
COUNTS = np.array([[2.0, 1, 3], [0, 5, 1]])

# Functions of a vector of nine numbers, as users write them.
CASES: dict[str, Callable[[Any], Any]] = {
    "normal": lambda v: np.sum(stats.multivariate_normal.logpdf(X, v[:3], spd(v)) ** 2),
    "normal, x": lambda v: stats.multivariate_normal.logpdf(v[:3], np.ones(3), W),
    "normal, variance": lambda v: np.sum(stats.multivariate_normal.logpdf(X, v[:3], 1.5 + v[0])),
    "normal, diagonal": lambda v: np.sum(stats.multivariate_normal.pdf(X, np.zeros(3), 1 + v[:3] ** 2)),
    "normal, one dimension": lambda v: np.sum(stats.multivariate_normal.logpdf(v, v[0], 1 + v[1] ** 2)),
    "normal, frozen": lambda v: (
        stats.multivariate_normal(v[:3], W).logpdf(X[0]) + stats.multivariate_normal(np.zeros(3), W).logpdf(v[:3])
    ),
    "normal, entropy": lambda v: stats.multivariate_normal.entropy(np.zeros(3), spd(v)),
    "t": lambda v: np.sum(stats.multivariate_t.logpdf(X, v[:3], spd(v), 2.5 + v[0])),
    "t, pdf": lambda v: np.sum(stats.multivariate_t.pdf(v[:3], None, W, 4)),
    "dirichlet": lambda v: np.sum(stats.dirichlet.logpdf(POINTS, 1 + v[:3] ** 2)),
    "dirichlet, x": lambda v: stats.dirichlet.logpdf(softmax(v[:3]), [1.5, 2.0, 0.7]),
    "dirichlet, one fewer": lambda v: stats.dirichlet.pdf(softmax(v[:3])[:2], [1.5, 2.0, 2.7]),
    "dirichlet, moments": lambda v: (
        np.sum(stats.dirichlet.mean(1 + v[:3] ** 2) * stats.dirichlet.var(2 + v[:3] ** 2))
        + stats.dirichlet.entropy(1 + v[:3] ** 2)
    ),
    "wishart": lambda v: stats.wishart.logpdf(spd(v), 4.5 + v[0], W),
    "wishart, scale": lambda v: stats.wishart.logpdf(W, 4.5, spd(v)) + stats.wishart.entropy(5.5 + v[1], spd(v)),
    "wishart, several": lambda v: np.sum(stats.wishart.logpdf(np.stack([W, 2 * W], -1), 4.5, spd(v))),
    "inverse wishart": lambda v: stats.invwishart.logpdf(spd(v), 5.5 + v[0], W) + stats.invwishart.logpdf(W, 5, spd(v)),
    "wishart, means": lambda v: np.sum(stats.wishart.mean(4 + v[0], W)) + np.sum(stats.invwishart.mean(6 + v[0], W)),
    "multinomial": lambda v: np.sum(stats.multinomial.logpmf(COUNTS, 6, softmax(v[:3]))),
    "multinomial, pmf": lambda v: stats.multinomial(6, softmax(v[:3])).pmf([1, 2, 3]),
    # samples
    "zscore": lambda v: np.sum(stats.zscore(v, ddof=1) ** 3),
    "zmap": lambda v: np.sum(stats.zmap(v[:4], v) ** 3),
    "gmean": lambda v: stats.gmean(v**2 + 1) + stats.gmean(v**2 + 1, weights=np.arange(1.0, 10)),
    "hmean": lambda v: np.sum(stats.hmean(np.reshape(v**2 + 1, (3, 3)), axis=1)),
    "pmean": lambda v: stats.pmean(v**2 + 1, 3),
    "skew": lambda v: stats.skew(v) + stats.skew(v, bias=False),
    "kurtosis": lambda v: stats.kurtosis(v) + stats.kurtosis(v, fisher=False, bias=False),
    "moment": lambda v: stats.moment(v, 3) + stats.moment(v, 2, center=0.5),
    "sem": lambda v: stats.sem(v) + np.sum(stats.sem(np.reshape(v, (3, 3)), axis=None, ddof=0)),
    "variation": lambda v: stats.variation(v, ddof=1),
    "iqr": lambda v: stats.iqr(v) + stats.iqr(v, scale="normal", rng=(10, 80)),
    "pearsonr": lambda v: stats.pearsonr(v, np.arange(9.0))[0] + stats.pearsonr(v, np.cos(np.arange(9.0))).pvalue,
    "entropy": lambda v: stats.entropy(v**2 + 0.1) + stats.entropy(v**2 + 0.1, np.arange(1.0, 10), base=2),
    "boxcox": lambda v: np.sum(stats.boxcox(v**2 + 1, 0.3)) + stats.boxcox_llf(v[0], v**2 + 1),
}
V = np.array([0.3, -0.8, 0.5, 1.1, -0.2, 0.7, -0.4, 0.9, 0.6])


def _differences(f: Callable[[Any], Any], v: np.ndarray, h: float = 2e-4) -> np.ndarray:
    return np.array(
        [(45 * (f(v + e) - f(v - e)) - 9 * (f(v + 2 * e) - f(v - 2 * e)) + f(v + 3 * e) - f(v - 3 * e)) / (60 * h)
         for e in h * np.eye(v.size)]
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_value_and_first_two_derivatives(case: str) -> None:
    f = CASES[case]
    expected = _differences(f, V)
    for engine in ("forward", "reverse"):
        value, gradient = di.value_and_gradient(f, engine, V)
        assert value == pytest.approx(f(V), rel=1e-11)
        np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8)
    second = np.stack(_differences(lambda v: di.gradient(f, "forward", v), V), 0)
    np.testing.assert_allclose(di.hessian(f, "forward", V), second, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("engine", ["jax", "torch", "autograd"])
@pytest.mark.parametrize("case", ["normal", "t", "dirichlet, x", "wishart", "multinomial", "skew"])
def test_other_engines(case: str, engine: str) -> None:
    f = CASES[case]
    prep = di.prepare_gradient(f, require(engine), V)
    np.testing.assert_allclose(prep.gradient(V), di.gradient(f, "forward", V), rtol=1e-8, atol=1e-10)


def test_frozen_outside() -> None:
    for frozen in (
        stats.multivariate_normal(np.zeros(3), W),
        stats.multivariate_t(np.zeros(3), W, 4.0),
        stats.dirichlet([1.5, 2.0, 0.7]),
    ):
        x = np.array([0.2, 0.3, 0.5])
        value = di.value_and_gradient(lambda v, d=frozen: d.logpdf(v), "reverse", x)[0]
        assert value == pytest.approx(float(frozen.logpdf(x)), rel=1e-12)


@pytest.mark.parametrize(
    ("f", "part"),
    [
        (lambda v: stats.multivariate_normal.logpdf(v[:3], cov=np.ones((3, 3)), allow_singular=True), "allow_singular"),
        (lambda v: stats.multivariate_normal.cdf(v[:3], cov=W), "multivariate_normal.cdf"),
        (lambda v: stats.wishart.rvs(4 + v[0], W).sum(), "random numbers"),
        (lambda v: stats.matrix_normal.logpdf(np.reshape(v, (3, 3))), "matrix_normal.logpdf"),
    ],
)
def test_refusals(f: Callable[[Any], Any], part: str) -> None:
    with pytest.raises(UnsupportedOperationError) as caught:
        di.gradient(f, "reverse", V)
    assert part in str(caught.value)


def test_allow_singular_changes_nothing_at_full_rank() -> None:
    f = lambda v: stats.multivariate_normal.logpdf(v[:3], cov=W, allow_singular=True)
    g = lambda v: stats.multivariate_normal.logpdf(v[:3], cov=W)
    for engine in ("forward", "reverse"):
        np.testing.assert_allclose(di.gradient(f, engine, V), di.gradient(g, engine, V), rtol=1e-13)


def test_wrong_arguments_raise_as_in_scipy() -> None:
    for f in (
        lambda v: stats.dirichlet.logpdf(v[:3], [1.0, 2.0, 3.0]),
        lambda v: stats.wishart.logpdf(W, v[0], W),
        lambda v: stats.multivariate_normal.logpdf(v[:3], np.zeros(2), W),
    ):
        with pytest.raises(ValueError):
            f(V)
        with pytest.raises(ValueError):
            di.gradient(f, "reverse", V)
