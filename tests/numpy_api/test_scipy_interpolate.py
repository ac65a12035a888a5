"""scipy.interpolate: SciPy's values, and derivatives in the points, the knots and the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import interpolate

import diffiface as di
from diffiface.errors import UnsupportedOperationError
from tests.conftest import require

AT = np.array([-0.3, 0.05, 0.33, 0.7, 1.4])


def data(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    x = np.cumsum(0.3 + rng.random(n))
    return (x - x[0]) / (x[-1] - x[0]), rng.normal(size=n), rng.normal(size=(n, 2))


def check(f: Any, x: np.ndarray, engines: tuple[str, ...] = ("forward", "reverse")) -> None:
    h = 1e-5
    differences = np.stack([(f(x + e) - f(x - e)) / (2 * h) for e in h * np.eye(x.size)], -1)
    for engine in engines:
        value, jacobian = di.value_and_jacobian(f, engine, x)
        np.testing.assert_allclose(value, f(x), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(jacobian, differences, rtol=1e-5, atol=1e-6 * (1 + np.abs(differences).max()))


@pytest.mark.parametrize("n", [2, 3, 4, 7])
@pytest.mark.parametrize("bc", ["not-a-knot", "natural", "clamped", ((1, 0.3), (2, 0.4)), ((2, -0.3), (1, 0.4))])
def test_cubic_spline(n: int, bc: Any) -> None:
    x, y, _ = data(n)
    for nu in range(4):
        check(lambda v, nu=nu: interpolate.CubicSpline(x, v, bc_type=bc)(AT, nu), y)
    check(lambda v: interpolate.CubicSpline(v, y, bc_type=bc)(AT), x)
    check(lambda v: interpolate.CubicSpline(x, y, bc_type=bc)(v), AT)


def test_cubic_spline_of_rows_periodic_integrals_derivatives() -> None:
    x, y, Y = data(6)
    check(lambda v: interpolate.CubicSpline(x, np.reshape(v, (6, 2)))(AT), Y.ravel())
    check(lambda v: interpolate.CubicSpline(x, np.reshape(v, (2, 6)), axis=1)(np.reshape(AT, (5, 1))), Y.ravel())
    check(lambda v: interpolate.CubicSpline(x, np.concatenate([v, v[:1]]), bc_type="periodic")(AT), y[:-1])
    check(lambda v: interpolate.CubicSpline(x, v).integrate(0.1, 0.8), y)
    check(lambda v: interpolate.CubicSpline(x, v).derivative()(AT), y)
    check(lambda v: interpolate.CubicSpline(x, v).antiderivative()(AT), y)
    check(lambda v: interpolate.CubicSpline(x, v, extrapolate=False)(AT[1:4]), y)


def test_splines_made_outside(exact_engine: str) -> None:
    x, y, _ = data(7)
    for spline in (
        interpolate.CubicSpline(x, y),
        interpolate.PchipInterpolator(x, y),
        interpolate.Akima1DInterpolator(x, y, extrapolate=True),
        interpolate.make_interp_spline(x, y),
        interpolate.interp1d(x, y, fill_value="extrapolate"),
    ):
        prep = di.prepare_gradient(lambda v, s=spline: np.sum(s(v)), exact_engine, AT)
        h = 1e-6
        expected = (spline(AT + h) - spline(AT - h)) / (2 * h)
        np.testing.assert_allclose(prep.gradient(AT), expected, rtol=1e-6, atol=1e-6)


def test_second_derivative_of_a_spline() -> None:
    x, y, _ = data(7)
    spline = interpolate.CubicSpline(x, y)
    assert di.second_derivative(lambda t: spline(t), "forward", 0.4) == pytest.approx(float(spline(0.4, 2)), rel=1e-10)


def test_pchip_and_hermite() -> None:
    x, y, _ = data(6)
    check(lambda v: interpolate.PchipInterpolator(x, v)(AT), y)
    check(lambda v: interpolate.PchipInterpolator(x, np.cumsum(v**2))(AT), y)
    check(lambda v: interpolate.PchipInterpolator(v, np.cumsum(y**2))(AT), x)
    check(lambda v: interpolate.CubicHermiteSpline(x, y, v)(AT), np.cos(y))


def test_make_interp_spline() -> None:
    x, y, Y = data(6)
    for k in (1, 2, 3, 5):
        check(lambda v, k=k: interpolate.make_interp_spline(x, v, k)(AT), y)
        check(lambda v, k=k: interpolate.make_interp_spline(x, y, k)(v, 1), AT)
    check(lambda v: interpolate.make_interp_spline(x, np.reshape(v, (6, 2)))(AT), Y.ravel())


def test_linear() -> None:
    x, y, Y = data(6)
    check(lambda v: interpolate.interp1d(x, v, bounds_error=False, fill_value=(1, 2))(AT), y)
    check(lambda v: interpolate.interp1d(x, v, fill_value="extrapolate")(AT), y)
    check(lambda v: interpolate.interp1d(v[::-1], y, fill_value="extrapolate")(AT), x)
    check(
        lambda v: interpolate.interp1d(x, np.reshape(v, (2, 6)), fill_value="extrapolate")(AT.reshape(5, 1)), Y.ravel()
    )
    with pytest.raises(ValueError, match="interpolation range"):
        di.jacobian(lambda v: interpolate.interp1d(x, v)(AT), "forward", y)


@pytest.mark.parametrize("engine", ["jax", "torch", "autograd"])
def test_data_on_other_engines(engine: str) -> None:
    x, y, _ = data(6)
    check(lambda v: interpolate.CubicSpline(x, v)(AT), y, (require(engine),))


@pytest.mark.parametrize(
    "f",
    [
        lambda v: interpolate.splrep(np.arange(5.0), v)[1].sum(),
        lambda v: interpolate.interp1d(np.arange(5.0), v, kind="cubic")(1.5),
        lambda v: interpolate.griddata(np.arange(5.0), v, 1.5),
    ],
)
def test_refusals(f: Any) -> None:
    with pytest.raises(UnsupportedOperationError, match="CubicSpline"):
        di.gradient(f, "reverse", np.array([0.1, 0.4, 0.2, 0.6, 0.3]))
