"""scipy.integrate: SciPy's values, and derivatives in samples, points, parameters and end points."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import integrate

import diffiface as di
from diffiface.errors import TracedValueError, UnsupportedOperationError
from tests.conftest import require

OURS = ("forward", "reverse")


def differences(f: Any, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return np.array(
        [(8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h) for e in h * np.eye(x.size)]
    )


def check(f: Any, x: np.ndarray, engines: tuple[str, ...] = OURS, rtol: float = 1e-6) -> None:
    for engine in engines:
        value, gradient = di.value_and_gradient(f, engine, x)
        assert value == pytest.approx(f(x), rel=1e-12, abs=1e-13), engine
        np.testing.assert_allclose(gradient, differences(f, x), rtol=rtol, atol=1e-7, err_msg=engine)


RULES = (integrate.trapezoid, integrate.simpson, integrate.cumulative_trapezoid, integrate.cumulative_simpson)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
def test_rules_for_samples(rule: Any, n: int) -> None:
    rng = np.random.default_rng(n)
    y, x = rng.normal(size=n), np.cumsum(0.2 + rng.random(n))
    check(lambda v: np.sum(np.sin(rule(v))), y)
    check(lambda v: np.sum(np.sin(rule(v**2, dx=0.3))), y)
    check(lambda v: np.sum(np.sin(rule(v**2, x=x))), y)
    check(lambda v: np.sum(np.sin(rule(y, x=v))), x)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("axis", [0, 1, -2])
def test_rules_along_an_axis(rule: Any, axis: int) -> None:
    y = np.random.default_rng(0).normal(size=(5, 4))
    x = np.linspace(0, 1, y.shape[axis]) ** 2
    initial = {"initial": 0} if "cumulative" in rule.__name__ else {}
    check(lambda v: np.sum(np.sin(rule(v.reshape(5, 4), x=x, axis=axis, **initial))), y.ravel())


def test_rules_second_derivative_and_other_engines(exact_engine: str) -> None:
    y = np.array([0.3, -0.2, 0.8, 1.1, 0.4])
    check(lambda v: integrate.simpson(v**2, dx=0.1) + integrate.romb(v**3), y, (exact_engine,))
    if exact_engine in OURS:
        hessian = di.hessian(lambda v: integrate.simpson(v**2, dx=0.3), exact_engine, y)
        np.testing.assert_allclose(hessian, 0.2 * np.diag([1.0, 4, 2, 4, 1]), atol=1e-14)


# ---- quad


def test_quad_in_args_closure_and_end_points() -> None:
    v = np.array([0.7, 1.3])
    check(lambda v: integrate.quad(lambda t, a: np.exp(-a * t * t) * v[1], 0, 2, args=(v[0],))[0], v)
    check(lambda v: integrate.quad(lambda t: np.exp(v[0] * t), v[1], v[0])[0], v)
    check(lambda v: integrate.quad(lambda t: np.exp(-v[0] * t), v[1], np.inf)[0], v)
    check(lambda v: integrate.quad(lambda t: np.exp(v[0] * t), -np.inf, v[1])[0], v)
    check(lambda v: integrate.quad(lambda t: np.exp(-v[0] * t), np.inf, v[1])[0], v)


def test_quad_against_closed_forms(exact_engine: str) -> None:
    a = 0.8
    value, slope = di.value_and_derivative(
        lambda a: integrate.quad(lambda t: np.exp(-a * t * t), -np.inf, np.inf)[0], exact_engine, a
    )
    assert value == pytest.approx(np.sqrt(np.pi / a), rel=1e-10)
    assert slope == pytest.approx(-0.5 * np.sqrt(np.pi) * a**-1.5, rel=1e-8)


def test_quad_second_derivative_at_the_end_point() -> None:
    second = di.second_derivative(lambda b: integrate.quad(np.sin, 0.0, b)[0], "forward", 0.9)
    assert second == pytest.approx(np.cos(0.9), rel=1e-10)


def test_quad_with_a_singularity_and_break_points() -> None:
    def f(v: Any) -> Any:
        return integrate.quad(lambda t: v[0] * t ** (v[1] - 1), 0, 1)[0]

    value, gradient = di.value_and_gradient(f, "reverse", np.array([0.7, 0.5]))
    assert value == pytest.approx(1.4, abs=1e-8)
    np.testing.assert_allclose(gradient, [2.0, -2.8], rtol=1e-7)
    slope = di.derivative(lambda a: integrate.quad(lambda t: a * abs(t - 0.3), 0, 1, points=[0.3])[0], "forward", 2.0)
    assert slope == pytest.approx(0.3**2 / 2 + 0.7**2 / 2, rel=1e-12)


def test_quad_warns_where_it_does_not_converge() -> None:
    with pytest.warns(integrate.IntegrationWarning):
        di.derivative(lambda a: integrate.quad(lambda t: a / t, 0, 1)[0], "forward", 1.0)


def test_quad_of_plain_numbers_is_scipys() -> None:
    def f(v: Any) -> Any:
        return v * integrate.quad(lambda t: t**2, 0, 1, full_output=1)[0]

    assert di.derivative(f, "reverse", 2.0) == pytest.approx(1 / 3)


def test_quad_refuses_what_it_does_not_know() -> None:
    with pytest.raises(UnsupportedOperationError, match="weight"):
        di.derivative(lambda a: integrate.quad(lambda t: a * t, 0, 1, weight="cos", wvar=1.0)[0], "reverse", 2.0)


def test_quad_under_jit_says_so() -> None:
    with pytest.raises(TracedValueError, match="jit"):
        prep = di.prepare_derivative(lambda a: integrate.quad(lambda t: a * t, 0, 1)[0], require("jax"), 2.0)
        prep.derivative(2.0)


# ---- solve_ivp


def oscillator(v: Any, method: str, t_eval: Any) -> Any:
    def right_side(t: float, y: Any, k: Any) -> Any:
        return np.array([y[1], -k * y[0] - 0.1 * y[1] + v[1] * np.sin(t)])

    start = np.array([v[0], 1.0])
    return integrate.solve_ivp(right_side, (0, 2.0), start, method, t_eval, args=(v[1],), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", ["RK45", "RK23", "DOP853"])
@pytest.mark.parametrize("t_eval", [None, np.linspace(0, 2, 4)])
def test_solve_ivp(method: str, t_eval: Any) -> None:
    v = np.array([0.7, 1.3])

    def f(v: Any) -> Any:
        return np.sum(oscillator(v, method, t_eval).y[:, -1] ** 2)

    plain = oscillator(v, method, t_eval)
    for engine in OURS:
        value, gradient = di.value_and_gradient(f, engine, v)
        assert value == pytest.approx(np.sum(plain.y[:, -1] ** 2), rel=1e-12)
        reference = differences(lambda v: np.sum(oscillator(v, "DOP853", [2.0]).y[:, -1] ** 2), v, 1e-3)
        np.testing.assert_allclose(gradient, reference, rtol=1e-6)


def test_solve_ivp_on_other_engines(exact_engine: str) -> None:
    value, gradient = di.value_and_gradient(
        lambda k: integrate.solve_ivp(lambda t, y: -k * y, (0, 1), [2.0]).y[0, -1], exact_engine, 1.5
    )
    assert value == pytest.approx(integrate.solve_ivp(lambda t, y: -1.5 * y, (0, 1), [2.0]).y[0, -1], rel=1e-12)
    assert gradient == pytest.approx(-2 * np.exp(-1.5), rel=5e-3)


def test_solve_ivp_in_the_end_of_the_interval() -> None:
    slope = di.derivative(
        lambda T: integrate.solve_ivp(lambda t, y: -y, (0, T), [1.0], rtol=1e-9, atol=1e-9).y[0, -1], "reverse", 1.5
    )
    assert slope == pytest.approx(-np.exp(-1.5), rel=1e-7)


@pytest.mark.parametrize("keywords", [{"method": "BDF"}, {"dense_output": True}, {"events": lambda t, y: y[0]}])
def test_solve_ivp_refuses(keywords: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOperationError, match="solve_ivp"):
        di.derivative(
            lambda k: integrate.solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], **keywords).y[0, -1], "reverse", 1.0
        )


def test_nothing_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        di.gradient(lambda v: integrate.simpson(v, x=np.arange(5.0)), "reverse", np.arange(5.0))


# ---- odeint


def pendulum(y: Any, t: Any, damping: Any, pull: Any) -> Any:
    angle, speed = y
    return [speed, -damping * speed - pull * np.sin(angle)]


TIMES = np.linspace(0.0, 2.0, 5)


def test_odeint_in_the_start_the_parameters_and_the_times() -> None:
    def last(v: Any) -> Any:
        y = integrate.odeint(pendulum, v[:2], TIMES * v[4], args=(v[2], v[3]), rtol=1e-12, atol=1e-12)
        return np.sum(y[1:] ** 2)

    x = np.array([1.0, 0.2, 0.25, 5.0, 1.1])
    exactly = differences(last, x, 1e-4)
    for engine in OURS:
        value, gradient = di.value_and_gradient(last, engine, x)
        assert value == last(x), engine
        # (The differences of LSODA's own numbers are good for six digits.)
        np.testing.assert_allclose(gradient, exactly, rtol=5e-6, err_msg=engine)
    prep = di.prepare_gradient(last, "reverse", x)
    np.testing.assert_allclose(prep.gradient(x + 0.1), di.gradient(last, "forward", x + 0.1), rtol=1e-9)


def test_odeint_against_a_closed_form(exact_engine: str) -> None:
    if exact_engine == "jax":
        exact_engine = di.backend("jax", jit=False)  # type: ignore[assignment]
    decay = lambda k: integrate.odeint(lambda t, y, k: -k * y, 2.0, [0.0, 1.0], k, tfirst=True)[-1, 0]
    assert di.gradient(decay, exact_engine, 1.5) == pytest.approx(-2 * np.exp(-1.5), rel=1e-8)


def test_odeint_gives_its_report_and_takes_its_options() -> None:
    def f(k: Any) -> Any:
        y, report = integrate.odeint(lambda y, t: -k * y, [1.0], [0.0, 1.0], full_output=True, mxstep=500)
        assert report["message"] == "Integration successful."
        return y[-1, 0]

    assert di.gradient(f, "forward", 1.0) == pytest.approx(-np.exp(-1.0), rel=1e-8)
