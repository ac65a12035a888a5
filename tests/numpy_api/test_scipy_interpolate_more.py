"""Splines given by coefficients or fitted by FITPACK, values on grids: against central differences of SciPy itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import interpolate

import diffiface as di

ENGINES = ("forward", "reverse", "jax", "torch", "autograd")
X = np.linspace(0.0, 3.0, 8)
Y = np.sin(X) + 0.1 * X**2
Q = np.array([0.31, 1.12, 2.74])
FITTED_OUTSIDE = interpolate.UnivariateSpline(X, Y, s=0.01)
KNOTS = np.array([0.0, 0, 0, 0, 1, 1.6, 2, 3, 3, 3, 3])
GRID = (np.array([0.0, 0.4, 1.0, 1.5]), np.array([2.0, 1.1, 0.5]))
VALUES = np.cos(np.arange(12.0)).reshape(4, 3)
PLACES = np.array([[0.13, 0.71], [0.62, 1.52], [1.2, 0.9]])


def on_grid(values, places, **options):
    return interpolate.RegularGridInterpolator(GRID, values, **options)(places)


FUNCTIONS = {
    "UnivariateSpline made outside": lambda t: FITTED_OUTSIDE(Q + t),
    "its derivative": lambda t: FITTED_OUTSIDE(Q + t, 1),
    "its integral": lambda t: FITTED_OUTSIDE.integral(0.1 + t, 2.0 * t),
    "UnivariateSpline made inside": lambda t: interpolate.UnivariateSpline(X, Y, k=4, s=0.0)(Q + t),
    "zeros beyond the ends": lambda t: interpolate.UnivariateSpline(X, Y, s=0.0, ext=1)(4.0 * Q * t),
    "constant beyond the ends": lambda t: interpolate.UnivariateSpline(X, Y, s=0.0)(4.0 * Q * t, ext="const"),
    "InterpolatedUnivariateSpline": lambda t: interpolate.InterpolatedUnivariateSpline(X, Y)(Q * t),
    "LSQUnivariateSpline": lambda t: interpolate.LSQUnivariateSpline(X, Y, [1.0, 2.0])(Q * t),
    "BSpline's coefficients": lambda t: interpolate.BSpline(KNOTS, np.cos(np.arange(7.0) * t), 3)(Q),
    "BSpline's coefficients and points": lambda t: interpolate.BSpline(KNOTS, np.arange(7.0) ** t, 3)(Q + t / 9),
    "BSpline of two columns": lambda t: interpolate.BSpline(KNOTS, np.ones((7, 2)) * t, 3)(Q),
    "PPoly's points": lambda t: interpolate.PPoly(np.arange(6.0).reshape(3, 2), [0.0, 1.0, 3.0])(Q * t),
    "PPoly's coefficients": lambda t: interpolate.PPoly(np.arange(6.0).reshape(3, 2) * t, [0.0, 1.0, 3.0])(Q + t),
    "grid, places": lambda t: on_grid(VALUES, PLACES * t),
    "grid, values": lambda t: on_grid(VALUES**2 * t, PLACES),
    "grid, both, a filling": lambda t: on_grid(VALUES * t, PLACES * 2 * t, bounds_error=False, fill_value=7.0),
    "grid, extrapolated": lambda t: on_grid(VALUES * t, PLACES * 2 * t, bounds_error=False, fill_value=None),
    "grid, coordinates apart": lambda t: on_grid(VALUES, (np.array([0.1, 0.5]) * t, np.array([0.7, 0.9]))),
    "grid, one place": lambda t: on_grid(VALUES, PLACES[0] * t)[0],
    "grid, vectors": lambda t: on_grid(np.stack([VALUES, VALUES**2], -1) * t, PLACES * t),
    "interpn": lambda t: interpolate.interpn(GRID, VALUES * t, PLACES * t),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_derivatives(engine, name):
    f = lambda t: np.sum(FUNCTIONS[name](t) * 1.0)
    backend = di.backend("jax", jit=False) if engine == "jax" else engine
    value, slope = di.value_and_derivative(f, backend, 0.9)
    h = 1e-5
    assert np.isclose(value, f(0.9), rtol=1e-12)
    assert np.isclose(slope, (f(0.9 + h) - f(0.9 - h)) / (2 * h), rtol=1e-6, atol=1e-8)


# A cubic spline's second derivative is known by the spline itself.
@pytest.mark.parametrize("engine", ["forward", "reverse", "torch", "autograd"])
def test_second_derivatives(engine):
    found = di.second_derivative(lambda t: FITTED_OUTSIDE(t) ** 1, engine, 1.13)
    assert np.isclose(found, FITTED_OUTSIDE(1.13, 2))


@pytest.mark.parametrize(
    ("f", "fix"),
    [
        (lambda t: np.sum(interpolate.UnivariateSpline(X, Y * t)(Q)), "make_interp_spline"),
        (lambda t: np.sum(interpolate.RBFInterpolator(X[:, None], Y)((Q + t)[:, None])), "np.linalg.solve"),
        (lambda t: np.sum(interpolate.BarycentricInterpolator(X, Y)(Q + t)), "CubicSpline"),
        (lambda t: np.sum(on_grid(VALUES * t, PLACES, method="nearest")), "method='linear'"),
        (lambda t: np.sum(interpolate.BSpline(KNOTS * t, np.ones(7), 3)(Q)), "fix the knots"),
        (lambda t: np.sum(interpolate.splev(Q + t, interpolate.splrep(X, Y))), "make_interp_spline"),
    ],
)
def test_refusals_name_the_way_out(f, fix):
    with pytest.raises(di.UnsupportedOperationError, match=r"scipy\.interpolate") as error:
        di.derivative(f, "reverse", 0.9)
    assert fix in str(error.value)


def test_places_outside_the_grid_are_an_error_as_in_scipy():
    with pytest.raises(ValueError, match="out of bounds"):
        di.derivative(lambda t: np.sum(on_grid(VALUES, PLACES * t)), "reverse", 9.0)
