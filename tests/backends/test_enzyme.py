"""Enzyme: where it is known to go wrong, what is refused, and the shared checks.

Enzyme compiles for a second or more for every operator of every function, so what runs in CI is chosen: each test
holds several cases in one function. The shared checks of every primitive and of the contract run nightly.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import special

import diffiface as di
from diffiface.testing import select, test_backend, test_differentiation
from tests.backends import engine_checks, primitive_checks

jax, jnp = pytest.importorskip("jax"), pytest.importorskip("jax.numpy")
pytest.importorskip("enzyme_ad")
Enzyme = pytest.importorskip("diffiface_enzyme.adapter").Enzyme
EnzymePrimitives = pytest.importorskip("diffiface_enzyme.primitives").EnzymePrimitives

X = np.array([0.3, 0.0, 2.0, 2.0])
AGAIN = np.array([0, 2, 0])


def where_enzyme_goes_wrong(x, a):
    """Products with a zero, running sums and products, ties, repeated indices, atanh, acosh, tan."""
    y = np.zeros(4)
    y[AGAIN] = x[:3] ** 2  # of two writes to one place the last counts
    np.add.at(y, AGAIN, x[1:])
    products = np.prod(x) + np.sum(np.cumprod(x[::2])) + np.sum(np.cumsum(x) ** 2)
    extremes = np.max(x) - np.min(x[2:]) + np.sum(np.sort(x) * np.arange(4))
    return np.sum(y**3) + a * products + extremes + np.sum(x[AGAIN] ** 3) + np.tan(x[0]) * np.arctanh(x[0] / 2)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_where_enzyme_goes_wrong(mode):
    prep = di.prepare_gradient(where_enzyme_goes_wrong, di.backend("enzyme", mode=mode), X, 1.0)
    for a in (1.0, -0.5):
        expected = di.gradient(where_enzyme_goes_wrong, "reverse", X, a)
        # At a tie engines differ, each by a convention; ours share.
        np.testing.assert_allclose(prep.gradient(X, a), expected, rtol=1e-12)


def test_second_derivatives_of_indices():
    f = lambda x: np.sum(x[AGAIN] ** 3) * x[1]
    x = np.array([0.3, -1.2, 2.0])
    exact = di.hessian(f, "reverse", x)
    np.testing.assert_allclose(di.hessian(f, "enzyme", x), exact, rtol=1e-12)
    np.testing.assert_allclose(di.hvp(f, di.backend("enzyme", mode="forward"), x, x), exact @ x, rtol=1e-12)


def test_third_derivative_by_nesting():
    slope = lambda x: di.derivative(lambda u: np.sin(u * x), "enzyme", x)  # x cos(x**2), which has x in a closure
    x = 0.7
    exact = -6 * x * np.sin(x**2) - 4 * x**3 * np.cos(x**2)
    np.testing.assert_allclose(di.second_derivative(slope, "enzyme", x), exact, rtol=1e-12)


def test_functions_for_jax_and_its_arrays():
    f = lambda x, w: jnp.sum(w * jax.nn.relu(x) * jnp.logaddexp(x, 0.0))
    x, w = jnp.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, 3.0])
    found = di.gradient(f, "enzyme", x, w)
    assert isinstance(found, jax.Array) and found.dtype == np.float32
    np.testing.assert_allclose(found, di.gradient(f, "jax", x, w), rtol=1e-6)


@jax.custom_jvp
def straight_through(x):
    return jnp.round(x)


straight_through.defjvp(lambda primals, tangents: (straight_through(*primals), tangents[0]))


@pytest.mark.parametrize(
    ("f", "operation"),
    [
        (lambda x: jnp.sum(jnp.sort(x)), "sort"),  # crashes the process
        (lambda x: jnp.sum(jnp.arctanh(x / 9)), "atanh"),  # of the wrong sign
        (lambda x: jnp.sum(jnp.arccosh(x + 9)), "acosh"),
        (lambda x: jnp.sum(jnp.tan(x)), "tan"),
        (lambda x: jnp.sum(jax.lax.stop_gradient(x) * x), "stop_gradient"),  # differentiated in spite of it
        (lambda x: jnp.zeros(9).at[AGAIN].set(x[:3])[0], "scatter"),
        (lambda x: jnp.sum(straight_through(x)), "custom_jvp_call"),
        (lambda x: jnp.linalg.cholesky(jnp.outer(x, x) + jnp.eye(4))[1, 1], "cholesky"),
        (lambda x: jnp.sum(jnp.abs(jnp.fft.fft(x))), "complex"),
        (lambda x: jnp.sum(jax.pure_callback(np.sin, x, x)), "pure_callback"),
        (lambda x: jax.lax.fori_loop(0, 3, lambda i, y: jnp.tan(y), x[0]), "tan"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_operations_of_jax_that_are_refused(f, operation):
    for mode in ("forward", "reverse"):
        with pytest.raises(di.UnsupportedOperationError, match=operation):
            di.gradient(f, di.backend("enzyme", mode=mode), X)


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda x: np.linalg.solve(np.eye(4), x)[0], "'solve'.*LAPACK"),
        (lambda x: np.linalg.det(np.outer(x, x) + np.eye(4)), "LAPACK"),
        (lambda x: np.real(np.sum(np.exp(1j * x))), "complex"),
        (lambda x: np.sum(special.gammaln(x)), "'gammaln'.*NaN"),
        (lambda x: np.sum(special.jv(0, x)), "'jv'.*outside"),
        (lambda x: np.sum(ruled(x)), "rule of .*would be passed over"),
    ],
)
def test_numpy_functions_that_are_refused(f, why):
    with pytest.raises(di.UnsupportedOperationError, match=why):
        di.gradient(f, "enzyme", X)


@di.rule(jvp=lambda primals, tangents: (primals[0], 2 * tangents[0]))
def ruled(x):
    return x


def test_branches_and_errors_of_f():
    with pytest.raises(di.TracedValueError):
        di.gradient(lambda x: x[0] if x[0] > 0 else x[1], "enzyme", X)
    with pytest.raises(ZeroDivisionError):
        di.gradient(lambda x: 1 / 0, "enzyme", X)
    with pytest.raises(di.UnsupportedOperationError, match="complex"):
        di.gradient(np.sum, "enzyme", X + 1j)


def test_what_the_check_does_not_know_is_an_error_of_ours():
    f = lambda x: jnp.sum(jax.lax.while_loop(lambda y: jnp.sum(y) < 50.0, lambda y: 2 * y + 1, x))
    with pytest.raises(di.UnsupportedOperationError, match="Enzyme cannot differentiate this program"):
        di.gradient(f, "enzyme", X)


def test_options():
    b = di.backend("enzyme", mode="reverse")
    assert repr(b) == "backend('enzyme', mode='reverse')" and pickle.loads(pickle.dumps(b)) == b
    assert di.backend("enzyme", mode="both") == di.backend("enzyme") != b
    assert (di.capabilities(b).mode, di.capabilities("enzyme").mode) == (di.adapter.Mode.REVERSE, di.adapter.Mode.BOTH)
    for wrong in ("sideways", 3, di.adapter.Mode.NUMERIC):
        with pytest.raises(di.InputError, match="'forward', 'reverse' or 'both'"):
            di.backend("enzyme", mode=wrong)


def test_the_kit_on_one_scenario():
    few = {"names": "vector to number", "tags": ["basic"], "operators": ["gradient"]}
    test_differentiation("enzyme", select(di.testing.default_scenarios(), **few), properties=["prepared", "out="])


# ---- nightly: minutes of compiling

# What is not about branches on values, of which a compiled function has none, and not complex.
CONTRACT = [
    check
    for check in engine_checks.ALL
    if check.__name__ not in ("check_complex", "check_branches_on_values", "check_concrete_values")
]
REFUSED = frozenset("fft ifft rfft irfft imag".split()) | {
    name
    for name in dir(EnzymePrimitives)
    if getattr(getattr(EnzymePrimitives, name), "__qualname__", "")[:8] == "_refused"
}


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    case = primitive_checks._Case(name, primitive_checks.PRIMITIVES[name].samples[number])
    if name in REFUSED or any(map(np.iscomplexobj, case.active)):
        with pytest.raises(di.UnsupportedOperationError):
            primitive_checks.check(Enzyme(), name, number)
    else:
        primitive_checks.check(Enzyme(), name, number)


@pytest.mark.nightly
@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_contract(check):
    check(Enzyme())


@pytest.mark.nightly
def test_the_kit():
    test_backend("enzyme", tags=["basic"])
