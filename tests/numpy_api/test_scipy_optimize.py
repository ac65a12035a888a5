"""scipy.optimize inside f: SciPy's solutions, and their derivatives by the implicit function theorem."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy import optimize

import diffiface as di
from diffiface.errors import TracedValueError, UnsupportedOperationError
from tests.conftest import require

A = np.array([1.0, 2.0])
TIMES = np.linspace(0, 2, 12)
SEEN = 2 * np.exp(-0.7 * TIMES) + 0.05 * np.cos(9 * TIMES)


def check(f: Any, engine: str, expected: Any, rtol: float = 1e-9, a: np.ndarray = A) -> None:
    """Compare the value with that of f on plain numbers, exactly, and the gradient with a known one."""
    value, gradient = di.value_and_gradient(f, engine, a)
    assert value == f(a)
    np.testing.assert_allclose(gradient, expected, rtol=rtol, atol=1e-9)


# ---- roots: x**3 = a0 a1, so that dx = (a1, a0) / (3 x**2)

ROOT = 2.0 ** (1 / 3)
SLOPES = np.array([2.0, 1.0]) / (3 * ROOT**2)
BRACKETING = (optimize.brentq, optimize.brenth, optimize.ridder, optimize.bisect, optimize.toms748)


def cube(x: Any, product: Any) -> Any:
    return x**3 - product


ROOTS = {
    "args": lambda a: optimize.brentq(cube, 0.0, 3.0, args=(a[0] * a[1],), xtol=1e-14),
    "closure": lambda a: optimize.brentq(lambda x: x**3 - a[0] * a[1], 0.0, 3.0, xtol=1e-14),
    "partial": lambda a: optimize.brentq(functools.partial(cube, product=a.prod()), 0.0, 3.0, xtol=1e-14),
    "full_output": lambda a: optimize.brentq(cube, 0.0, 3.0, a[0] * a[1], 1e-14, full_output=True)[1].root,
    "a bracket that moves": lambda a: optimize.brentq(cube, 0.0 * a[0], 3.0 * a[1], args=(a.prod(),), xtol=1e-14),
    "root_scalar": lambda a: optimize.root_scalar(cube, (a.prod(),), bracket=(0, 3), xtol=1e-14).root,
    "root_scalar, with slope": lambda a: (
        optimize.root_scalar(lambda x: (x**3 - a.prod(), 3 * x**2), x0=1.0, fprime=True, xtol=1e-14).root
    ),
    "newton": lambda a: optimize.newton(cube, 1.0, args=(a.prod(),), tol=1e-14),
    "newton, with slope": lambda a: optimize.newton(lambda x: x**3 - a.prod(), 1.0, lambda x: 3 * x**2, tol=1e-14),
    "newton, of arrays": lambda a: optimize.newton(lambda x: x**3 - a, np.ones(2), tol=1e-14).prod(),
    "fixed_point": lambda a: optimize.fixed_point(lambda x: (x + np.sqrt(a.prod() / x)) / 2, 1.0, xtol=1e-14),
    "fsolve": lambda a: optimize.fsolve(lambda x: x**3 - a, [1.0, 1.0], xtol=1e-14).prod(),
    "root": lambda a: optimize.root(lambda x: x**3 - a, [1.0, 1.0], tol=1e-14).x.prod(),
    "root, with Jacobian": lambda a: optimize.root(
        lambda x: a * x**3 - a**2, [1.0, 1.0], jac=lambda x: np.diag(3 * a * x**2), tol=1e-14
    ).x.prod(),
}


@pytest.mark.filterwarnings("ignore:.*not making good progress:RuntimeWarning")
@pytest.mark.parametrize("how", ROOTS)
def test_roots(how: str) -> None:
    check(ROOTS[how], "reverse", SLOPES)


@pytest.mark.parametrize("method", BRACKETING)
def test_methods_of_bracketing(method: Any) -> None:
    check(lambda a: method(cube, 0.0, 3.0, args=(a.prod(),), xtol=1e-14, rtol=1e-14), "forward", SLOPES)


def test_a_root_and_a_minimum_on_every_engine(exact_engine: str) -> None:
    check(ROOTS["closure"], exact_engine, SLOPES)
    check(MINIMA["fun"], exact_engine, [0.0, 2.0])
    if exact_engine == "jax":  # whose second derivative compiles for ten seconds what its first has shown
        return
    hessian = di.hessian(ROOTS["closure"], exact_engine, A)  # of (a0 a1)**(1/3)
    np.testing.assert_allclose(hessian, [[-2 / 9 * ROOT, 1 / 18 * ROOT], [1 / 18 * ROOT, -1 / 18 * ROOT]], rtol=1e-9)


def test_derivatives_of_high_order() -> None:
    root = lambda b: optimize.brentq(lambda x: x**3 - b, 0.0, 3.0, xtol=1e-14)
    first = lambda b: di.derivative(root, "forward", b)
    third = lambda b: di.second_derivative(first, "reverse", b)
    expected = 1 / 3 * (-2 / 3) * (-5 / 3) * (-8 / 3) * 2.0 ** (1 / 3 - 4)
    assert di.derivative(third, "forward", 2.0) == pytest.approx(expected, rel=1e-10)


# ---- minima: of (x0 - a0)**2 + (x1 - a1 x0)**2 + a0 a1 at x = (a0, a0 a1)


def bowl(x: Any, a: Any) -> Any:
    return (x[0] - a[0]) ** 2 + (x[1] - a[1] * x[0]) ** 2 + a[0] * a[1]


def with_slopes(x: Any, a: Any) -> Any:
    second = 2 * (x[1] - a[1] * x[0])
    return bowl(x, a), np.array([2 * (x[0] - a[0]) - a[1] * second, second])


def minimize(a: Any, **options: Any) -> Any:
    return optimize.minimize(lambda x: bowl(x, a), [0.0, 0.0], **options)


MINIMA = {
    "fun": lambda a: minimize(a).fun + a[1] - a[0] - a[0],
    "args": lambda a: optimize.minimize(bowl, [0.0, 0.0], args=(a,)).x[1],
    "with slopes": lambda a: optimize.minimize(with_slopes, [0.0, 0.0], args=(a,), jac=True).x[1],
    "slopes apart": lambda a: optimize.minimize(
        bowl, [0.0, 0.0], (a,), jac=lambda x, a: with_slopes(x, a)[1], method="CG"
    ).x[1],
    "Nelder-Mead": lambda a: minimize(a, method="Nelder-Mead", tol=1e-8).x[1],
    "fmin_bfgs": lambda a: optimize.fmin_bfgs(bowl, [0.0, 0.0], args=(a,), disp=False)[1],
    "a bound that holds": lambda a: minimize(a, bounds=[(None, 0.5), (None, None)]).x[1] * 2 + a[0] * a[1] - a[1],
    "a bound that is far": lambda a: minimize(a, bounds=optimize.Bounds([-5, -5], np.inf)).x[1],
    "minimize_scalar": lambda a: optimize.minimize_scalar(lambda x: (x - a.prod()) ** 2 + x).x,
    "between bounds": lambda a: optimize.minimize_scalar(lambda x: (x - a.prod()) ** 2, bounds=(0, 9)).x,
    "brent": lambda a: optimize.brent(lambda x: np.cosh(x - a.prod())),
    "fminbound": lambda a: optimize.fminbound(lambda x: np.cosh(x - a.prod()), 0.0, 9.0),
}


@pytest.mark.parametrize("how", [how for how in MINIMA if how != "fun"])
def test_minima(how: str) -> None:
    check(MINIMA[how], "reverse", [2.0, 1.0], rtol=1e-6)


def test_jac_of_a_minimum_is_kept_and_approximations_are_refused() -> None:
    assert di.derivative(lambda t: minimize(t * A).jac.sum(), "reverse", 1.0) == 0
    with pytest.raises(UnsupportedOperationError, match="hess_inv of a minimum"):
        di.derivative(lambda t: minimize(t * A).hess_inv.sum(), "reverse", 1.0)
    assert di.derivative(lambda t: t * minimize(t * A).success, "reverse", 1.0) == 1


# ---- least squares: a line through data, whose coefficients are linear in the data

LINE = np.linalg.pinv(np.stack([np.ones(12), TIMES], axis=1))


def line(t: Any, start: Any, slope: Any) -> Any:
    return start + slope * t


FITS = {
    "least_squares": lambda y: optimize.least_squares(lambda q: line(TIMES, *q) - y, [0.0, 0.0]).x,
    "leastsq": lambda y: optimize.leastsq(lambda q, y: line(TIMES, *q) - y, [0.0, 0.0], args=(y,))[0],
    "curve_fit": lambda y: optimize.curve_fit(line, TIMES, y)[0],
    "curve_fit, weights": lambda y: optimize.curve_fit(line, TIMES, y, sigma=np.full(12, 2.0))[0],
    "curve_fit, covariance": lambda y: optimize.curve_fit(line, TIMES, y, sigma=0.5 * np.eye(12))[0],
    "curve_fit, bounds": lambda y: optimize.curve_fit(line, TIMES, y, bounds=([-9, -9], [9, 9]))[0],
    "nnls": lambda y: (
        optimize.nnls(np.stack([np.ones(12), -TIMES, TIMES], axis=1), y)[0] @ np.array([[1, 0], [0, -1], [0, 1]])
    ),
}


@pytest.mark.parametrize("how", FITS)
def test_fits(how: str) -> None:
    values, jacobian = di.value_and_jacobian(FITS[how], "forward", SEEN)
    np.testing.assert_array_equal(values, FITS[how](SEEN))
    np.testing.assert_allclose(jacobian, LINE, atol=1e-9)


def test_the_covariance_of_a_fit() -> None:
    spread = lambda y: np.sqrt(np.diag(optimize.curve_fit(line, TIMES, y)[1]))
    design = np.stack([np.ones(12), TIMES], axis=1)
    rest = SEEN - design @ (LINE @ SEEN)
    expected = np.sqrt(np.diag(np.linalg.inv(design.T @ design)))[:, None] * rest / np.linalg.norm(rest) / np.sqrt(10)
    np.testing.assert_allclose(di.jacobian(spread, "forward", SEEN), expected, atol=1e-7)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_losses_of_least_squares(loss: str) -> None:
    def fit(t: Any, **tight: Any) -> Any:
        residuals = lambda q: q[0] * np.exp(-q[1] * TIMES) - t * SEEN - (1 - t) * TIMES
        return optimize.least_squares(residuals, [1.0, 1.0], loss=loss, f_scale=0.1, **tight)

    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-14}
    h = 1e-4
    for read in (lambda r: r.x.sum(), lambda r: r.cost):
        expected = (read(fit(0.9 + h, **tight)) - read(fit(0.9 - h, **tight))) / (2 * h)
        assert di.derivative(lambda t: read(fit(t, **tight)), "forward", 0.9) == pytest.approx(expected, rel=1e-4)


def test_jacobian_and_gradient_of_least_squares() -> None:
    def fit(t: Any) -> Any:
        return optimize.least_squares(lambda q: t * line(TIMES, *q) - SEEN, [0.0, 0.0])

    np.testing.assert_allclose(di.derivative(lambda t: fit(t).jac[:, 1], "forward", 1.5), TIMES)
    np.testing.assert_allclose(di.derivative(lambda t: fit(t).grad, "forward", 1.5), 0, atol=1e-7)


def test_an_assignment_is_a_choice_of_entries() -> None:
    costs = np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])
    chosen = di.gradient(lambda c: np.sum(c[optimize.linear_sum_assignment(c)] ** 2) / 2, "reverse", costs)
    np.testing.assert_array_equal(chosen, [[0, 1, 0], [2, 0, 0], [0, 0, 2]])


# ---- what has no derivative, and what depends on nothing


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda a: optimize.minimize(lambda x: (x[0] - a[0]) ** 2, [1.0, 1.0]).x[0], "singular Jacobian"),
        (lambda a: optimize.bisect(lambda x: (x - a[0]) ** 3, 0.0, 2.0), "singular Jacobian"),
        (lambda a: minimize(a, options={"maxiter": 1}).x[0], "is no solution"),
        (lambda a: minimize(a, constraints={"type": "eq", "fun": lambda x: x[0] - 1}).x[0], "constraints="),
        (lambda a: minimize(a, bounds=[(None, a[0]), (None, None)]).x[0], "bounds that are differentiated"),
        (lambda a: optimize.linprog(a, bounds=(1, 2)).fun, r"linprog is not translated(.|\n)*di.implicit"),
        (
            lambda a: optimize.differential_evolution(lambda x: bowl(x, a), [(0, 3)] * 2, maxiter=1).x[0],
            r"differential_evolution is not translated(.|\n)*scipy.optimize.minimize(.|\n)*di.implicit",
        ),
    ],
)
def test_refused(f: Any, message: str) -> None:
    with pytest.raises(UnsupportedOperationError, match=message):
        di.gradient(f, "reverse", A)


def test_under_jit_the_message_names_di_implicit() -> None:
    require("jax")
    with pytest.raises(TracedValueError, match=r"brentq runs on plain numbers(.|\n)*di.implicit"):
        di.prepare_gradient(ROOTS["closure"], "jax", A).gradient(A)


def test_prepared_gradients_solve_anew() -> None:
    prep = di.prepare_gradient(ROOTS["closure"], "reverse", A)
    for a in (A, np.array([4.0, 2.0])):
        np.testing.assert_allclose(prep.gradient(a), a[::-1] / (3 * a.prod() ** (2 / 3)), rtol=1e-10)


def test_solutions_that_depend_on_nothing_are_scipys() -> None:
    def f(a: Any) -> Any:
        target = np.ones(2)  # made inside f
        start = optimize.minimize(lambda x: np.sum((x - target) ** 2), a).x  # a is the place to start only
        return np.sum(start * a) + optimize.brentq(lambda x: x**2 - 2, 0.0, 2.0)

    np.testing.assert_allclose(di.gradient(f, "reverse", A), [1.0, 1.0], rtol=1e-6)


def test_a_counter_of_calls_counts() -> None:
    calls = []

    def f(a: Any) -> Any:
        count = 0

        def equation(x: Any) -> Any:
            nonlocal count
            count += 1
            return cube(x, a.prod())

        root = optimize.brentq(equation, 0.0, 3.0)
        calls.append(count)
        return root

    di.gradient(f, "reverse", A)
    assert calls[0] > 5
