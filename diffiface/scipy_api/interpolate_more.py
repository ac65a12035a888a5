"""scipy.interpolate: splines given by coefficients or fitted by FITPACK, values on grids, and what is refused by name."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import interpolate

from diffiface.numpy_api.conversion import trace_of, undress
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.numpy_api.table import public_name
from diffiface.primitives import NUMPY
from diffiface.rebinding.substitutes import substitute, substitute_instances
from diffiface.scipy_api.interpolate import PiecewisePolynomial, is_traced, of_bspline, spline_class

# ---- splines given by their coefficients


@spline_class(interpolate.PPoly)
def _ppoly(c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> PiecewisePolynomial:
    c = np.moveaxis(np.moveaxis(as_dressed(c), axis, 0), axis + 1, 1) if axis else as_dressed(c)
    return PiecewisePolynomial(c, as_dressed(x), True if extrapolate is None else extrapolate, axis)


@spline_class(interpolate.BSpline, of_bspline)
def _bspline(t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> PiecewisePolynomial:
    if is_traced(t):
        p = trace_of(t)
        assert p is not None
        unsupported(p, "the derivative of scipy.interpolate.BSpline in its knots is not translated", "fix the knots")
    c = np.moveaxis(as_dressed(c), axis, 0)
    count = len(t) - k - 1
    # A spline is linear in its coefficients: its pieces are those of the splines with one coefficient.
    pieces = of_bspline(interpolate.BSpline(t, np.eye(count), k))
    return PiecewisePolynomial(np.tensordot(pieces.c, c[:count], 1), pieces.x, extrapolate, axis)


@spline_class(interpolate.Akima1DInterpolator)
def _akima(x: Any, y: Any, *args: Any, **keywords: Any) -> Any:
    _refuse((x, y), "scipy.interpolate.Akima1DInterpolator", "its slopes are not written out", _SPLINES)


# ---- splines that FITPACK fitted to plain data: piecewise polynomials in the points


class _FittedSpline(PiecewisePolynomial):
    """A spline of UnivariateSpline's family, which has its own ways beyond the ends."""

    def __call__(self, x: Any, nu: int = 0, ext: Any = None) -> Any:
        original: Any = self._original
        if not is_traced(x):
            return original(x, nu, ext)
        ext = original.ext if ext is None else ext
        x = as_dressed(x)
        first, last = self.x[0], self.x[-1]
        if ext in (3, "const"):
            x = np.clip(x, first, last)
        elif ext in (2, "raise") and np.any((x < first) | (x > last)):
            raise ValueError("Evaluation requested outside the interval of the spline (ext='raise')")
        value = super().__call__(x, nu, True)
        return np.where((x < first) | (x > last), 0.0, value) if ext in (1, "zeros") else value

    def integral(self, a: Any, b: Any) -> Any:
        """Return the integral from a to b; the spline counts as 0 outside its interval."""
        original: Any = self._original
        if not is_traced(a, b):
            return original.integral(a, b)
        lower, upper = (np.clip(as_dressed(end), self.x[0], self.x[-1]) for end in (a, b))
        return self.integrate(lower, upper, True)


_FITTED = (interpolate.UnivariateSpline, interpolate.InterpolatedUnivariateSpline, interpolate.LSQUnivariateSpline)


@substitute_instances(*_FITTED)
def _of_fitted(spline: Any) -> _FittedSpline:
    t, c, k = spline._eval_args
    pieces = interpolate.PPoly.from_spline((t, c, k))
    first, last = k, len(t) - k - 1  # the knots outside bound empty pieces
    return _FittedSpline(pieces.c[:, first:last], t[first : last + 1], True, 0, spline)


def _fitting(original: Any) -> Any:
    def refuse(*args: Any, **keywords: Any) -> Any:
        reason = (
            "FITPACK chooses the knots by a search; the spline can be differentiated in its points, not in the data"
        )
        _refuse((args, keywords), public_name(original), reason, _SPLINES)

    return refuse


_SPLINES = "use CubicSpline, PchipInterpolator, make_interp_spline, interp1d or np.interp"
for _class in _FITTED:
    spline_class(_class, _of_fitted)(_fitting(_class))


# ---- values on a regular grid


class _GridValues:
    """A RegularGridInterpolator with method="linear": a weighted sum of the corners of a cell."""

    def __init__(self, grid: Any, values: Any, original: Any, is_original: bool):
        self._grid, self._values, self._original, self._is_original = grid, values, original, is_original

    @property
    def __class__(self) -> type:
        return interpolate.RegularGridInterpolator

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_original"], name)

    def __call__(self, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
        if self._is_original and not is_traced(xi):
            return self._original(xi, method, nu=nu)
        if (method or self._original.method) != "linear":
            _refuse(
                (xi, self._values), "scipy.interpolate.RegularGridInterpolator", "only 'linear' is", "method='linear'"
            )
        axes = len(self._grid)
        if isinstance(xi, tuple):
            xi = np.stack(np.broadcast_arrays(*map(as_dressed, xi)), axis=-1)
        xi = as_dressed(xi)
        if np.ndim(xi) < 2 and (np.size(xi) % axes == 0):  # one point is a list of one, as SciPy has it
            xi = np.reshape(xi, (-1, axes))
        if np.shape(xi)[-1] != axes:
            raise ValueError(f"The requested sample points xi have dimension {np.shape(xi)[-1]}, not {axes}")
        shape = np.shape(xi)[:-1]
        points = np.reshape(xi, (-1, axes))
        trailing = np.shape(self._values)[axes:]
        value = self._interpolated(points, trailing)
        outside = np.any([(points[:, i] < g[0]) | (points[:, i] > g[-1]) for i, g in enumerate(self._grid)], axis=0)
        if self._original.bounds_error:
            if np.any(outside):
                raise ValueError("One of the requested xi is out of bounds")
        elif self._original.fill_value is not None:
            column = np.reshape(outside, (-1, *(1 for _ in trailing)))
            value = np.where(column, self._original.fill_value, value)
        return np.reshape(value, shape + trailing)

    def _interpolated(self, points: Any, trailing: tuple[int, ...]) -> Any:
        cells, weights = [], []
        for i, line in enumerate(self._grid):
            cell = np.clip(np.searchsorted(line, points[:, i], side="right") - 1, 0, len(line) - 2)
            upper = (points[:, i] - line[cell]) / (line[cell + 1] - line[cell])
            cells.append(cell)
            weights.append((1 - upper, upper))
        total: Any = 0.0
        for corner in itertools.product((0, 1), repeat=len(self._grid)):
            weight: Any = 1.0
            for i, side in enumerate(corner):
                weight = weight * weights[i][side]
            value = self._values[tuple(cell + side for cell, side in zip(cells, corner, strict=True))]
            total = total + np.reshape(weight, (-1, *(1 for _ in trailing))) * value
        return total


@substitute_instances(interpolate.RegularGridInterpolator)
def _of_grid(original: Any) -> _GridValues:
    return _GridValues(original.grid, original.values, original, True)


@spline_class(interpolate.RegularGridInterpolator, _of_grid)
def _grid(points: Any, values: Any, method: str = "linear", *args: Any, **keywords: Any) -> _GridValues:
    if is_traced(points, args, keywords) or method != "linear":
        _refuse(
            (points, values, args, keywords),
            "scipy.interpolate.RegularGridInterpolator",
            "only method='linear' on a grid of plain numbers is translated",
            "use method='linear', and grid points that do not depend on x",
        )
    values = as_dressed(values)
    # SciPy's own object, of placeholders, checks the arguments and turns the grid to ascending order.
    original = interpolate.RegularGridInterpolator(points, np.zeros(np.shape(values)), method, *args, **keywords)
    turned = [i for i, line in enumerate(points) if line[0] > line[-1]]
    return _GridValues(original.grid, np.flip(values, axis=tuple(turned)) if turned else values, original, False)


@substitute(interpolate.interpn)
def interpn(
    points: Any, values: Any, xi: Any, method: str = "linear", bounds_error: bool = True, fill_value: Any = np.nan
) -> Any:
    """Interpolate values on a grid, as scipy.interpolate.interpn does."""
    if not is_traced(points, values, xi):
        return interpolate.interpn(points, values, xi, method, bounds_error, fill_value)
    if is_traced(values):
        return _grid(points, values, method, bounds_error, fill_value)(xi)
    return _of_grid(interpolate.RegularGridInterpolator(points, values, method, bounds_error, fill_value))(xi)


# ---- what is refused by name

_FITPACK = "FITPACK's smoothing splines choose their knots by a search"
_ON_GRIDS = "use RegularGridInterpolator with method='linear', or in one variable CubicSpline"
REFUSED: dict[str, tuple[str, str]] = {
    "splrep splev splint sproot splder splantider make_lsq_spline make_smoothing_spline": (_FITPACK, _SPLINES),
    "RectBivariateSpline SmoothBivariateSpline bisplrep bisplev LSQBivariateSpline RectSphereBivariateSpline": (
        "splines of two variables are evaluated by FITPACK",
        _ON_GRIDS,
    ),
    "griddata LinearNDInterpolator CloughTocher2DInterpolator NearestNDInterpolator": (
        "scattered data are interpolated on a triangulation in C",
        _ON_GRIDS,
    ),
    "NdPPoly NdBSpline": ("it is evaluated in C", _ON_GRIDS),
    "RBFInterpolator": (
        "it is evaluated in C",
        "write the sum of kernels with NumPy, with weights from np.linalg.solve",
    ),
    "barycentric_interpolate krogh_interpolate pchip_interpolate BarycentricInterpolator KroghInterpolator BPoly AAA": (
        "it is not written out",
        _SPLINES,
    ),
}
"""Names of scipy.interpolate, why they are refused for traced values, and what to write instead."""


def _refuse(values: Any, name: str, reason: str, fix: str) -> Any:
    p = trace_of(values)
    if p is None or p is NUMPY:
        return
    unsupported(p, f"{name} of a value that is being differentiated: {reason}", fix)


class _Refusing:
    """An object of SciPy's that is the object itself until it is called with traced values."""

    def __init__(self, original: Any, reason: str, fix: str):
        self._original, self._reason, self._fix = original, reason, fix

    @property
    def __class__(self) -> type:
        return type(self._original)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_original"], name)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        _refuse((args, keywords), public_name(type(self._original)), self._reason, self._fix)
        return self._original(*undress(args), **undress(keywords))


def _enter_refusal(name: str, reason: str, fix: str) -> None:
    original = getattr(interpolate, name)

    def call(*args: Any, **keywords: Any) -> Any:
        _refuse((args, keywords), f"scipy.interpolate.{name}", reason, fix)
        return original(*undress(args), **undress(keywords))

    call.__name__, call.__doc__ = name, original.__doc__
    if not isinstance(original, type):
        substitute(original, call)
        return
    wrap = substitute_instances(original)(lambda instance: _Refusing(instance, reason, fix))
    spline_class(original, wrap)(call)


for _names, (_reason, _fix) in REFUSED.items():
    for _name in _names.split():
        if hasattr(interpolate, _name):
            _enter_refusal(_name, _reason, _fix)
