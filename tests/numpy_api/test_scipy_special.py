"""scipy.special: every name is translated or refused; derivatives against differences and mpmath; edges and dtypes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special as special

import diffiface as di
import diffiface.scipy_api.special  # enters the translations
from diffiface.adapter import NUMPY, UnsupportedOperationError
from diffiface.numpy_api.table import FUNCTIONS, UFUNCS
from diffiface.operators.cascade import engine_method
from diffiface.special_functions import SPECIAL_FUNCTIONS
from diffiface.special_functions.tail_integrals import betainc_ab, gammainc_a
from diffiface.special_functions.zeta_derivatives import zeta_s
from tests.numpy_api.special_points import DIFFERENTIABLE, point

# Not functions of numbers.
NO_FUNCTIONS = {"errstate", "geterr", "seterr", "test"}

# SciPy's own values are right to six digits only (those of specfun).
ROUGH = {"itairy_ai", "itairy_bi", "itairy_minus_ai", "itairy_minus_bi"}
ONCE = {"smirnov", "smirnovi"}


def test_every_name_is_translated_or_refused():
    names = {n for n in dir(special) if not n.startswith("_") and callable(getattr(special, n))} - NO_FUNCTIONS
    names -= {n for n in names if isinstance(getattr(special, n), type)}
    missing = {n for n in names if getattr(special, n) not in UFUNCS and getattr(special, n) not in FUNCTIONS}
    assert not missing


def test_each_refusal_has_a_reason():
    refused = [e for f, e in [*UFUNCS.items(), *FUNCTIONS.items()] if "scipy.special" in e.name and e.kind == "refused"]
    assert refused and all(e.note for e in refused)


def _flat(name: str, place: int) -> Callable[..., Any]:
    arguments = list(point(name))

    def values(p: Any, x: Any) -> Any:
        y = p.special(*arguments[:place], x, *arguments[place + 1 :], function=name)
        return p.add(p.real(y), p.imag(y)) if p.dtype(y).kind == "c" else y

    def flat(p: Any, xs: Any, contexts: Any) -> tuple[tuple[Any, ...], Any]:
        return (p.sum(values(p, xs[0]), axis=(0,), keepdims=False),), None

    flat.values = values
    return flat


def _difference(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """The derivative of an entrywise function, by central differences of eighth order."""
    h = 1e-3 * np.maximum(np.abs(x), 0.05)
    weights = {1: 672, 2: -168, 3: 32, 4: -3}
    return sum(w * (f(x + k * h) - f(x - k * h)) for k, w in weights.items()) / (840 * h)


@pytest.mark.parametrize(("name", "place"), DIFFERENTIABLE)
def test_first_and_second_derivative(name, place):
    forward, reverse = di.backend("forward"), di.backend("reverse")
    flat = _flat(name, place)
    x = float(point(name)[place]) * np.array([1.0, 1.02])
    ones = np.ones((1, 2))

    def gradient(x: np.ndarray) -> np.ndarray:
        return reverse.value_and_gradient(flat, (x,), ())[1][0]

    found = gradient(x)
    expected = _difference(lambda x: np.asarray(flat.values(NUMPY, x), float), x)
    np.testing.assert_allclose(found, expected, rtol=5e-6 if name in ROUGH else 2e-8, atol=1e-11)
    pushed = forward.value_and_pushforward(flat, (x,), (ones,), ())[1][0][0]
    np.testing.assert_allclose(pushed, found.sum(), rtol=1e-11, atol=1e-14)
    if name in ONCE:
        with pytest.raises(UnsupportedOperationError, match="no known derivative"):
            engine_method(reverse, "hvp")(flat, (x,), (ones,), ())
        return
    second = engine_method(reverse, "hvp")(flat, (x,), (ones,), ())[2][0][0]
    np.testing.assert_allclose(second, _difference(gradient, x), rtol=2e-7, atol=1e-10)


@pytest.mark.parametrize("engine", ["forward", "reverse"])
def test_an_order_cannot_be_differentiated(engine):
    with pytest.raises(UnsupportedOperationError, match=r"jv has no known derivative in argument 1, the order"):
        di.gradient(lambda v: np.sum(special.jv(v, 1.2)), engine, np.array([0.5, 1.5]))


@pytest.mark.parametrize("function", [special.ncfdtr, special.pdtrik, special.nctdtr])
def test_refused_by_name(function):
    arguments = (2.0, 3.0, 0.5, 1.5)[: function.nin - 1]
    with pytest.raises(UnsupportedOperationError, match="is not differentiated"):
        di.gradient(lambda x: np.sum(function(*arguments, x)), "reverse", np.array([0.5]))


# ---- the derivatives in the parameters of the incomplete functions

_A = [1e-3, 0.3, 1.0, 10.0, 400.0]


@pytest.mark.parametrize("a", _A)
@pytest.mark.parametrize("ratio", [0.01, 0.5, 1.0, 1.3])
def test_gammainc_in_a_against_mpmath(a, ratio):
    x = a * ratio
    with mpmath.workdps(40):
        step = mpmath.mpf(a) * mpmath.mpf(10) ** -10
        expected = mpmath.diff(lambda a: mpmath.gammainc(a, 0, x, regularized=True), mpmath.mpf(a), h=step)
    assert gammainc_a(1, a, x) == pytest.approx(float(expected), rel=2e-11, abs=1e-300)


@pytest.mark.parametrize(("a", "b"), [(0.01, 0.02), (0.5, 0.5), (1.0, 3.0), (30.0, 40.0)])
@pytest.mark.parametrize("x", [0.001, 0.3, 0.5, 0.77])
def test_betainc_in_a_and_b_against_mpmath(a, b, x):
    with mpmath.workdps(40):
        h = mpmath.mpf(10) ** -10
        in_a = mpmath.diff(lambda a: mpmath.betainc(a, b, 0, x, regularized=True), mpmath.mpf(a), h=h)
        in_b = mpmath.diff(lambda b: mpmath.betainc(a, b, 0, x, regularized=True), mpmath.mpf(b), h=h)
    assert betainc_ab(1, 0, a, b, x) == pytest.approx(float(in_a), rel=2e-11, abs=1e-300)
    assert betainc_ab(0, 1, a, b, x) == pytest.approx(float(in_b), rel=2e-11, abs=1e-300)


def test_incomplete_functions_at_the_ends_and_outside():
    np.testing.assert_array_equal(gammainc_a(1, 2.0, np.array([0.0, np.inf])), 0.0)
    np.testing.assert_array_equal(betainc_ab(1, 0, 2.0, 3.0, np.array([0.0, 1.0])), 0.0)
    assert np.isnan(gammainc_a(1, -1.0, 1.0)) and np.isnan(gammainc_a(1, 2.0, -1.0))
    assert gammainc_a(1, np.ones((0, 1)), np.ones(3)).shape == (0, 3)


# ---- zeta functions in their exponent


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("s", [0.2, 1.0001, 1.5, 2.3, 12.0, 60.0])
@pytest.mark.parametrize("q", [1e-3, 0.3, 1.0, 50.0, 1e4])
def test_zeta_in_its_exponent_against_mpmath(order, s, q):
    with mpmath.workdps(60):
        expected = mpmath.zeta(mpmath.mpf(s), mpmath.mpf(q), order)
    assert zeta_s(order, s, q) == pytest.approx(float(expected), rel=5e-12, abs=1e-300)


@pytest.mark.parametrize("engine", ["forward", "reverse"])
@pytest.mark.parametrize("function", [special.zeta, special.zetac])
def test_riemanns_zeta_left_of_its_pole_too(engine, function):
    for s in (-20.5, -4.0, -1.001, -0.999, 0.0, 0.5, 0.99, 1.01, 3.0):
        with mpmath.workdps(40):
            first, second = (float(mpmath.zeta(s, 1, order)) for order in (1, 2))
        assert di.derivative(lambda x: function(x), engine, s) == pytest.approx(first, rel=2e-12)
        assert di.second_derivative(lambda x: function(x), engine, s) == pytest.approx(second, rel=2e-11)


def test_zeta_outside_of_its_range():
    assert np.isnan(zeta_s(1, 2.5, -0.3)) and np.isnan(zeta_s(1, -3.0, 1.0)) and np.isnan(zeta_s(1, 1.0, 1.0))
    assert zeta_s(1, np.ones((0, 1)), np.ones(3)).shape == (0, 3)
    assert zeta_s(1, np.float32(2.5), np.float32(1)).dtype == np.float32


# ---- edges


@pytest.mark.parametrize("engine", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (lambda x: special.xlog1py(x, 2.0), 0.0, np.log(3)),
        (lambda x: special.xlogy(x, 2.0), 0.0, np.log(2)),
        (lambda x: special.xlogy(0.0, x), 0.0, 0.0),
        (lambda x: special.rel_entr(0.0, x), 0.0, 0.0),
        (lambda x: special.kl_div(x, 2.0), 2.0, 0.0),
        (lambda x: special.exprel(x), 0.0, 0.5),
        (lambda x: special.boxcox(2.0, x), 0.0, np.log(2) ** 2 / 2),
        (lambda x: special.ellipk(x), 0.0, np.pi / 8),
        (lambda x: special.ellipkinc(0.7, x), 0.0, (0.7 - np.sin(0.7) * np.cos(0.7)) / 4),
        (lambda x: special.sici(x)[0], 0.0, 1.0),
        (lambda x: special.spence(x), 1.0, -1.0),
        (lambda x: special.j1(x), 0.0, 0.5),
        (lambda x: special.eval_legendre(0, x), 0.3, 0.0),
        (lambda x: special.eval_legendre(3, x), 1.0, 6.0),
        (lambda x: special.agm(x, 1.0), 1.0, 0.5),
        (lambda x: special.rgamma(x), -2.0, 2.0),
        (lambda x: special.stdtr(3.0, x), 0.0, 2 / (np.pi * np.sqrt(3))),
    ],
)
def test_limits(engine, function, x, expected):
    assert di.derivative(function, engine, x) == pytest.approx(expected, abs=1e-14)


def test_second_derivatives_at_removable_singularities():
    assert di.second_derivative(special.exprel, "reverse", 0.0) == pytest.approx(1 / 3)
    assert di.second_derivative(special.spence, "reverse", 1.0) == pytest.approx(0.5)
    assert di.second_derivative(special.ellipk, "reverse", 0.0) == pytest.approx(9 * np.pi / 64)


@pytest.mark.parametrize("name", ["j0", "gamma", "erfinv", "logit", "ellipk", "gammainc", "betainc", "eval_legendre"])
def test_single_precision_stays(name):
    *first, last = point(name)
    x = np.array([last], np.float32)
    function = getattr(special, name)
    for engine in ("forward", "reverse"):
        y, g = di.value_and_gradient(lambda x: np.sum(function(*first, x)), engine, x)
        assert g.dtype == np.float32 and np.asarray(y).dtype == function(*first, x).dtype


def test_broadcasting_and_layouts():
    a = np.array([[0.5], [1.5]])
    x = np.asfortranarray(np.linspace(0.1, 2, 12).reshape(2, 3, 2).swapaxes(1, 2))[:, ::-1]
    f = lambda a: np.sum(special.gammainc(a, x))
    expected = np.sum(gammainc_a(1, a, x), axis=(0, 2), keepdims=True)[0]
    for engine in ("forward", "reverse"):
        np.testing.assert_allclose(di.gradient(f, engine, a), expected, rtol=1e-13)
    assert di.gradient(lambda x: np.sum(special.jv(1.0, x)), "reverse", np.ones((0, 2))).shape == (0, 2)


def test_complex_values():
    z = np.array([0.4 + 0.3j, 1.2 - 0.5j])
    found = di.gradient(lambda z: np.sum(special.jv(0.5, z).real), "reverse", z)
    slope = (special.jv(-0.5, z) - special.jv(1.5, z)) / 2
    np.testing.assert_allclose(found, np.conj(slope), rtol=1e-13)  # the direction of steepest ascent
    with pytest.raises(UnsupportedOperationError, match="no complex derivative"):
        di.gradient(lambda z: np.sum(special.ive(0.5, z).real), "reverse", z)


# ---- functions that are Python code in SciPy

X = np.array([[0.3, -1.2, 0.8], [2.0, 0.1, -0.4]])
MASK = np.array([[1.0, 0.0, 2.0], [0.5, 0.1, 1.0]])


@pytest.mark.parametrize("engine", ["forward", "reverse"])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: special.logsumexp(x),
        lambda x: special.logsumexp(x, axis=1),
        lambda x: special.logsumexp(x, axis=(0, 1), keepdims=True),
        lambda x: special.logsumexp(x, axis=0, b=MASK),
        lambda x: special.logsumexp(x, b=-MASK, return_sign=True)[0],
        lambda x: special.softmax(x, axis=1),
        lambda x: special.log_softmax(x, axis=0),
        lambda x: special.polygamma(2, x + 3),
        lambda x: special.polygamma(np.array([0, 1, 3]), x + 3),
        lambda x: special.multigammaln(x + 5, 3),
        lambda x: special.comb(x + 6, 2),
        lambda x: special.comb(6.0, x + 2),
        lambda x: special.perm(x + 6, 2),
        lambda x: special.factorial(x + 1.5),
        lambda x: special.zeta(2.5, x + 2),
        lambda x: special.zeta(x + 2.5, 0.7),
        lambda x: special.zeta(2 * x + 0.3),
        lambda x: special.zetac(2 * x + 0.3),
        lambda x: special.spherical_jn(2, x + 3),
        lambda x: special.spherical_kn(1, x + 3, derivative=True),
        lambda x: special.jvp(1.5, x + 3, 2),
        lambda x: special.kvp(1.5, x + 3),
        lambda x: special.lambertw(x + 2).real,
        lambda x: special.softplus(x),
    ],
)
def test_python_functions(engine, f):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = lambda x: np.sum(np.sin(f(x)))
        y, gradient = di.value_and_gradient(plain, engine, X)
        assert y == pytest.approx(plain(X), rel=1e-13)
        for index in np.ndindex(X.shape):

            def along(t: np.ndarray, index: Any = index) -> np.ndarray:
                shifted = X.copy()
                shifted[index] = t[0]
                return np.array([plain(shifted)])

            assert gradient[index] == pytest.approx(_difference(along, X[index][None])[0], rel=1e-7, abs=1e-10)


def test_logsumexp_does_not_overflow():
    x = np.array([1000.0, 1000.0, -np.inf])
    y, g = di.value_and_gradient(lambda x: special.logsumexp(x), "reverse", x)
    assert y == pytest.approx(1000 + np.log(2))
    np.testing.assert_allclose(g, [0.5, 0.5, 0.0])


def test_the_table_knows_each_source():
    for function in SPECIAL_FUNCTIONS.values():
        assert callable(function.value)
