"""Second derivatives by pairs of engines: every pair, every mode, against derivatives derived by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import diffiface as di
from tests.conftest import ENGINES, EXACT, OURS, require
from tests.problems import SCALAR_PROBLEMS, ScalarProblem

NUMERIC = tuple(engine for engine in ENGINES if engine not in EXACT)
WORKING = [
    (outer, inner)
    for outer, inner in itertools.product(ENGINES, ENGINES)
    if outer in NUMERIC or inner in OURS or outer == inner
]
REFUSED = [pair for pair in itertools.product(ENGINES, ENGINES) if pair not in WORKING]
MODES = ("forward_over_reverse", "reverse_over_forward", "reverse_over_reverse", "forward_over_forward")

SMALL = ScalarProblem(
    "small",
    lambda x, a: np.exp(x[0] * x[1]) + a * np.sum(x**3),
    np.array([0.5, -1.2]),
    (0.7,),
    lambda x, a: np.exp(x[0] * x[1]) * x[::-1] + 3 * a * x**2,
    lambda x, a: (
        np.exp(x[0] * x[1]) * np.array([[x[1] ** 2, 1 + x[0] * x[1]], [1 + x[0] * x[1], x[0] ** 2]])
        + np.diag(6 * a * x)
    ),
)
"""(Small, because jax compiles every operation of an eager run.)"""

working = pytest.mark.parametrize(("outer", "inner"), WORKING, ids=[f"{o} over {i}" for o, i in WORKING])


def pair_of(outer: str, inner: str, **options) -> di.SecondOrder:
    require(outer)
    require(inner)
    return di.SecondOrder(outer, inner, **options)


def tolerance_of(outer: str, inner: str) -> float:
    """How well second derivatives by these engines must agree with those derived by hand."""
    if outer in EXACT:
        return 1e-10
    return 1e-8 if inner in EXACT else 3e-5


def check(problem, backend, tolerance: float, ways=(False, True)) -> None:
    """Check the Hessian and the products with two tangents in one call, directly and prepared."""
    x, contexts = problem.x, problem.contexts
    H, g = problem.hessian(x, *contexts), problem.gradient(x, *contexts)
    t = np.linspace(-1.0, 1.5, x.size).reshape(x.shape)
    batch = (t, np.cos(3 * t))
    products = [np.tensordot(H, tangent, axes=x.ndim) for tangent in batch]
    options = {"rtol": 0, "atol": tolerance * max(1.0, np.abs(H).max())}
    for prepared in ways:
        prep = di.prepare_hvp(problem.f, backend, x + 0.01, batch, *contexts) if prepared else None
        y, gradient, found = di.value_gradient_and_hvp(problem.f, backend, x, batch, *contexts, prep=prep)
        assert y == pytest.approx(problem.f(x, *contexts), rel=1e-12)
        np.testing.assert_allclose(gradient, g, **options)
        assert isinstance(found, tuple)
        np.testing.assert_allclose(found, products, **options)
        prep = di.prepare_hessian(problem.f, backend, x + 0.01, *contexts) if prepared else None
        np.testing.assert_allclose(di.hessian(problem.f, backend, x, *contexts, prep=prep), H, **options)
    gradient, found = di.gradient_and_hvp(problem.f, backend, x, t, *contexts)
    np.testing.assert_allclose(gradient, g, **options)
    np.testing.assert_allclose(found, products[0], **options)


@working
def test_every_pair_that_nests(outer, inner):
    # numdifftools evaluates hundreds of times, and every eager evaluation by jax takes milliseconds.
    ways = (True,) if (outer, inner) == ("numdifftools", "jax") else (False, True)
    check(SMALL, pair_of(outer, inner), tolerance_of(outer, inner), ways)


@pytest.mark.parametrize("problem", SCALAR_PROBLEMS, ids=repr)
@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("forward", "reverse"),
        ("reverse", "forward"),
        ("reverse", "reverse"),
        ("torch", "forward"),
        ("autograd", "reverse"),
    ],
)
def test_other_problems(outer, inner, problem):
    check(problem, pair_of(outer, inner), tolerance_of(outer, inner))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("jax", "jax"),
        ("torch", "torch"),
        ("jax", "reverse"),
        ("reverse", "forward"),
        ("forward", "reverse"),
        ("reverse", "reverse"),
        ("forward", "forward"),
        ("autograd", "autograd"),
        ("finite_differences", "jax"),
        ("finite_differences", "finite_differences"),
    ],
)
def test_modes(outer, inner, mode):
    require(outer)
    require(inner)
    try:
        backend = di.SecondOrder(outer, inner, hvp_mode=mode)
    except di.UnsupportedOperationError as error:
        # Only a direction that an engine does not go in is a reason.
        first, second = mode.split("_over_")
        lacks = {"forward": "reverse", "reverse": "forward", "autograd": "forward"}
        assert lacks.get(outer) == first or lacks.get(inner) == second
        assert "of its own" in str(error)
        return
    check(SMALL, backend, tolerance_of(outer, inner))


@working
def test_second_derivatives(outer, inner):
    backend = pair_of(outer, inner)
    f = lambda t, a: np.stack([np.exp(a * t), np.sin(t) / t, a * np.ones(())])
    t, a = 0.7, 1.5
    s, c = np.sin(t), np.cos(t)
    first = [a * np.exp(a * t), c / t - s / t**2, 0.0]
    second = [a**2 * np.exp(a * t), -s / t - 2 * c / t**2 + 2 * s / t**3, 0.0]
    tolerance = tolerance_of(outer, inner)
    for prep in (None, di.prepare_second_derivative(f, backend, 1.0, a)):
        y, dy, ddy = di.value_derivative_and_second_derivative(f, backend, t, a, prep=prep)
        np.testing.assert_allclose(y, f(t, a), rtol=1e-12)
        np.testing.assert_allclose(dy, first, rtol=0, atol=tolerance)
        np.testing.assert_allclose(ddy, second, rtol=0, atol=tolerance * 10)


@pytest.mark.parametrize(("outer", "inner"), REFUSED, ids=[f"{o} over {i}" for o, i in REFUSED])
def test_pairs_that_do_not_nest_are_refused_at_once(outer, inner):
    require(outer)
    require(inner)
    with pytest.raises(di.UnsupportedOperationError) as caught:
        di.SecondOrder(outer, inner)
    message = str(caught.value)
    assert f"{outer!r} cannot differentiate the derivatives that {inner!r} takes" in message
    # The pairs it names can be made.
    outside, inside = message.split("; inside ")
    names = {name for name in ENGINES if repr(name) in outside.split("fix:")[1].split(" use ")[1]}
    assert "finite_differences" in names
    for name in names:
        di.SecondOrder(name, inner)
    names = {name for name in ENGINES if repr(name) in inside.split(" use ")[1]}
    assert set(OURS) <= names and inner not in names
    for name in names:
        di.SecondOrder(outer, name)


@working
def test_pytrees_and_contexts(outer, inner):
    backend = pair_of(outer, inner)
    f = lambda p, data: np.sum(p["w"] ** 2 * data["scale"]) * p["b"][0] ** 2
    x = {"w": np.array([1.0, -2.0]), "b": [0.5]}
    data = {"scale": np.array([2.0, 3.0])}
    t = {"w": np.array([1.0, 0.0]), "b": [1.0]}
    # With s = 2 w0^2 + 3 w1^2 = 14 and b = 0.5: H_ww = 2 b^2 scale, H_wb = 4 w scale b, H_bb = 2 s.
    found = di.hvp(f, backend, x, t, data)
    tolerance = tolerance_of(outer, inner) * 100
    np.testing.assert_allclose(found["w"], [1.0 + 4.0, -12.0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(found["b"][0], 4.0 + 28.0, rtol=0, atol=tolerance)
    H = di.hessian(f, backend, x, data)
    np.testing.assert_allclose(H["w"]["w"], [[1.0, 0.0], [0.0, 1.5]], rtol=0, atol=tolerance)
    np.testing.assert_allclose(H["b"][0]["b"][0], 28.0, rtol=0, atol=tolerance)


@working
def test_aux_and_argnums(outer, inner):
    backend = pair_of(outer, inner)
    f = lambda a, x: (np.sum(a * x**3), {"twice": 2 * x})
    a, x, t = np.array([1.0, 2.0]), np.array([0.5, -1.0]), np.array([1.0, 1.0])
    # (t stands after f's first argument, whichever is differentiated.)
    (y, aux), g, h = di.value_gradient_and_hvp(f, backend, a, t, x, argnums=1, has_aux=True)
    tolerance = tolerance_of(outer, inner) * 100
    np.testing.assert_allclose(h, 6 * a * x, rtol=0, atol=tolerance)
    np.testing.assert_allclose(g, 3 * a * x**2, rtol=0, atol=tolerance)
    assert y == pytest.approx(np.sum(a * x**3))
    np.testing.assert_array_equal(np.asarray(aux["twice"]), 2 * x)


def test_an_unused_option_of_the_inner_engine_reaches_prepared_use():
    require("jax")
    # Without jit jax follows the branch on a value; with it the branch is refused.
    f = lambda x: np.sum(x**3) if x[0] > 0 else np.sum(x**2)
    x, t = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    eager = di.SecondOrder(di.backend("jax", jit=False), "reverse")
    np.testing.assert_allclose(di.prepare_hvp(f, eager, x, t).hvp(x, t), 6 * x)
    prep = di.prepare_hvp(f, di.SecondOrder("jax", "reverse"), x, t)
    with pytest.raises(di.TracedValueError):
        prep.hvp(x, t)


@pytest.mark.parametrize("outer", EXACT)
def test_values_of_the_outer_engine_as_constants_of_the_inner_one(outer):
    require(outer)
    # a is a number of the outer trace; inside it meets functions that take lists of arrays.
    f = lambda x, a: np.sum(di.gradient(lambda u: np.sum(np.stack([u[0] * a, a])), "reverse", x)) * a
    for prep in (None, di.prepare_gradient(f, outer, np.ones(2), 2.0, argnums=1)):
        assert di.gradient(f, outer, np.ones(2), 3.0, argnums=1, prep=prep) == pytest.approx(6.0)


def test_foreign_arrays_come_back_as_they_came():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    for backend in (di.SecondOrder("torch", "reverse"), di.SecondOrder("torch", "torch")):
        h = di.hvp(lambda x: np.sum(x**3), backend, x, torch.ones(2, dtype=torch.float64))
        assert isinstance(h, torch.Tensor)
        np.testing.assert_allclose(h.numpy(), [6.0, 12.0])


def test_functions_written_for_an_engine():
    jnp = pytest.importorskip("jax.numpy")
    f = lambda x: jnp.sum(x**3)
    x, t = np.array([1.0, 2.0]), np.ones(2)
    for backend in (di.SecondOrder("jax", "jax", hvp_mode=mode) for mode in MODES):
        np.testing.assert_allclose(di.hvp(f, backend, x, t), 6 * x, rtol=1e-12)
        np.testing.assert_allclose(di.prepare_hessian(f, backend, x).hessian(x), np.diag(6 * x), rtol=1e-12)
    np.testing.assert_allclose(di.hvp(f, di.SecondOrder("finite_differences", "jax"), x, t), 6 * x, rtol=1e-8)
    with pytest.raises(di.InputError, match="written for jax"):
        di.hvp(f, di.SecondOrder("jax", "reverse"), x, t)


def test_a_pair_inside_another_derivative():
    pair = di.SecondOrder("forward", "reverse")
    third = lambda x: np.sum(di.hvp(lambda u: np.sum(u**4), pair, x, np.ones(2)))
    x = np.array([0.5, -1.0])
    for outer in ("forward", "reverse", require("jax")):
        np.testing.assert_allclose(di.gradient(third, outer, x), 24 * x, rtol=1e-12)
    mixed = di.SecondOrder("jax", "reverse")
    with pytest.raises(di.UnsupportedOperationError, match="cannot run"):
        di.gradient(lambda x: np.sum(di.hvp(lambda u: np.sum(u**4), mixed, x, np.ones(2))), "forward", x)


class TestStepsOfFiniteDifferences:
    def test_differences_of_differences_are_second_differences(self):
        calls = []

        def f(x):
            calls.append(x.copy())
            return np.sum(np.exp(x))

        x, t = np.array([0.3, -0.2, 0.5]), np.array([1.0, 0.5, -2.0])
        for options in ({}, {"hvp_mode": "forward_over_reverse"}):
            backend = di.SecondOrder("finite_differences", "finite_differences", **options)
            calls.clear()
            found = di.hvp(f, backend, x, t)
            # Four evaluations for each entry, and twice the entries for the gradient: nested there would be 2 (2 n + 1).
            np.testing.assert_allclose(found, np.exp(x) * t, rtol=2e-6)
            furthest = max(np.abs(point - x).max() for point in calls)
            assert furthest > 1e-4  # the step for second derivatives; a first-order step is 6e-6

    def test_the_step_over_an_exact_gradient_is_that_of_first_order(self):
        x, t = np.array([0.3, -0.2, 0.5]), np.array([1.0, 0.5, -2.0])
        found = di.hvp(lambda x: np.sum(np.exp(x)), di.SecondOrder("finite_differences", "reverse"), x, t)
        np.testing.assert_allclose(found, np.exp(x) * t, rtol=1e-9)

    def test_the_step_over_another_numeric_engine_is_wider(self):
        require("numdifftools")
        x, t = np.array([0.3, -0.2, 0.5]), np.array([1.0, 0.5, -2.0])
        for backend in (
            di.SecondOrder("finite_differences", "numdifftools"),
            di.SecondOrder("numdifftools", "finite_differences"),
        ):
            np.testing.assert_allclose(di.hvp(lambda x: np.sum(np.exp(x)), backend, x, t), np.exp(x) * t, rtol=1e-5)

    def test_complex_steps_do_not_go_through_another_engine(self):
        backend = di.SecondOrder(di.backend("finite_differences", method="complex_step"), "reverse")
        with pytest.raises(di.UnsupportedOperationError, match="imaginary axis"):
            di.hvp(lambda x: np.sum(x**3), backend, np.ones(2), np.ones(2))

    @pytest.mark.parametrize("inner", OURS)
    def test_the_error_bounds_hold(self, inner):
        backend = di.SecondOrder("finite_differences", inner)
        problem = SCALAR_PROBLEMS[0]
        report = di.compare(
            problem.f, problem.x, *problem.contexts, operator="hessian", backends=["forward", "jax", backend]
        )
        report.raise_if_disagreement()
