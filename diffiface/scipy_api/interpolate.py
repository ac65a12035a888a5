"""scipy.interpolate: piecewise polynomials in one variable, with derivatives in the points and in the data.

Splines made outside the function and used inside are replaced by `PiecewisePolynomial`; CubicSpline and its relations
made inside, of values that are being differentiated, are computed here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import interpolate

from diffiface.numpy_api.array import dress
from diffiface.numpy_api.conversion import array_in, trace_of
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.rebinding.substitutes import substitute, substitute_instances
from diffiface.scipy_api import interpolation_slopes as slopes


def is_traced(*values: Any) -> bool:
    """Say whether a value is being differentiated."""
    return trace_of(values) is not None


def _at(a: Any, places: Any) -> Any:
    """Return a[places], where the places may be known only when a compiled function runs, and a be plain."""
    p = trace_of((a, places))
    return a[places] if p is None else dress(array_in(a, p), p)[places]


class PiecewisePolynomial:
    """A piecewise polynomial as SciPy's PPoly: c[k, i] is the coefficient of (x - breaks[i])**(degree - k)."""

    def __init__(self, c: Any, breaks: Any, extrapolate: Any, axis: int, original: Any = None):
        self.c = c
        self.x = breaks
        self.extrapolate = extrapolate
        self.axis = axis
        self._original = original

    @property
    def __class__(self) -> type:
        return PiecewisePolynomial if self._original is None else type(self._original)

    def __getattr__(self, name: str) -> Any:
        original = self.__dict__.get("_original")
        if original is None or name.startswith("__"):
            raise AttributeError(f"this piecewise polynomial has no attribute {name!r} while it is differentiated")
        return getattr(original, name)

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        if self._original is not None and not is_traced(x):
            return self._original(x, nu, extrapolate)
        if nu < 0:
            return self.antiderivative(-nu)(x, 0, extrapolate)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        x = as_dressed(x)
        shape = np.shape(x)
        x = np.reshape(x, (-1,))
        first, last = self.x[0], self.x[-1]
        if extrapolate == "periodic":
            x = first + (x - first) % (last - first)
        pieces = np.shape(self.c)[1]
        piece = np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, pieces - 1)
        trailing = np.shape(self.c)[2:]
        distance = np.reshape(x - _at(self.x, piece), (-1, *(1 for _ in trailing)))
        degree = np.shape(self.c)[0] - 1
        value: Any = np.zeros((np.shape(x)[0], *trailing)) + 0.0 * distance
        for k in range(degree - nu + 1):
            falling = float(np.prod(np.arange(degree - k - nu + 1, degree - k + 1)))
            value = value * distance + falling * _at(self.c[k], piece)
        if not extrapolate:
            outside = np.reshape((x < first) | (x > last), np.shape(distance))
            value = np.where(outside, np.nan, value)
        value = np.reshape(value, (*shape, *trailing))
        rank = len(shape)
        if self.axis:
            order = list(range(np.ndim(value)))
            value = np.transpose(value, order[rank : rank + self.axis] + order[:rank] + order[rank + self.axis :])
        return value[()] if isinstance(value, np.ndarray) and not np.ndim(value) else value

    def derivative(self, nu: int = 1) -> PiecewisePolynomial:
        """Return the derivative as a piecewise polynomial."""
        if nu < 0:
            return self.antiderivative(-nu)
        c = self.c
        for _ in range(nu):
            degree = np.shape(c)[0] - 1
            if not degree:
                c = 0.0 * c
                break
            powers = np.arange(degree, 0, -1.0).reshape(-1, *(1 for _ in np.shape(c)[1:]))
            c = c[:-1] * powers
        return PiecewisePolynomial(c, self.x, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> PiecewisePolynomial:
        """Return an antiderivative as a piecewise polynomial: 0 at the first break."""
        c = self.c
        for _ in range(nu):
            degree = np.shape(c)[0]
            ones = tuple(1 for _ in np.shape(c)[2:])
            raised = c / np.arange(degree, 0, -1.0).reshape(-1, 1, *ones)
            width = np.reshape(np.diff(self.x), (-1, *ones))
            rise: Any = 0.0
            for k in range(degree):
                rise = (rise + raised[k]) * width
            start = np.concatenate([0.0 * rise[:1], np.cumsum(rise, axis=0)[:-1]])
            c = np.concatenate([raised, np.reshape(start, (1, *np.shape(start)))])
        extrapolate = False if self.extrapolate == "periodic" else self.extrapolate
        return PiecewisePolynomial(c, self.x, extrapolate, self.axis)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """Return the integral from a to b."""
        if self._original is not None and not is_traced(a, b):
            return self._original.integrate(a, b, extrapolate)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        if extrapolate == "periodic":
            p = trace_of((self.c, self.x, a, b))
            assert p is not None
            unsupported(p, "the integral of a periodic spline is not translated", "integrate within one period")
        whole = self.antiderivative()
        return whole(b, 0, extrapolate) - whole(a, 0, extrapolate)


# ---- splines made outside


@substitute_instances(
    interpolate.PPoly,
    interpolate.CubicSpline,
    interpolate.CubicHermiteSpline,
    interpolate.PchipInterpolator,
    interpolate.Akima1DInterpolator,
)
def of_polynomial(spline: Any) -> Any:
    """Return a spline of SciPy's as piecewise polynomial."""
    return PiecewisePolynomial(spline.c, spline.x, spline.extrapolate, spline.axis, spline)


@substitute_instances(interpolate.BSpline)
def of_bspline(spline: Any) -> Any:
    """Return a spline given by coefficients of B-splines as piecewise polynomial."""
    coefficients = np.reshape(spline.c, (np.shape(spline.c)[0], -1))
    # SciPy converts one column at a time.
    columns = [
        interpolate.PPoly.from_spline((spline.t, coefficients[:, j], spline.k)) for j in range(coefficients.shape[1])
    ]
    # The knots outside the spline's own interval bound empty pieces.
    first, last = spline.k, len(spline.t) - spline.k - 1
    c = np.stack([column.c[:, first:last] for column in columns], -1)
    c = c.reshape(*c.shape[:2], *np.shape(spline.c)[1:])
    return PiecewisePolynomial(c, spline.t[first : last + 1], spline.extrapolate, spline.axis, spline)


@substitute_instances(interpolate.interp1d)
def _of_interp1d(function: Any) -> Any:
    return (
        _Linear(function.x, np.moveaxis(np.asarray(function.y), function.axis, 0), function)
        if (function._kind == "linear")
        else function
    )


# ---- splines made inside


class _SplineClass(type):
    """So that `isinstance(s, CubicSpline)` means what it means outside."""

    original: Any
    make: Any
    """Makes the spline of data that are being differentiated."""
    of: Any
    """Makes what replaces SciPy's own spline of plain data."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.original)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.original, name)

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        if is_traced(args, keywords):
            return cls.make(*args, **keywords)
        return cls.of(cls.original(*args, **keywords))


def spline_class(original: Any, of: Any = of_polynomial) -> Any:
    """Enter the function that makes a spline inside f; `of` gives what replaces one of plain data."""

    def enter(make: Any) -> Any:
        members = {"original": original, "make": staticmethod(make), "of": staticmethod(of)}
        substitute(original, _SplineClass(original.__name__, (), members))
        return make

    return enter


def _data(x: Any, y: Any, axis: int) -> tuple[Any, Any, int]:
    """Return the knots, the values with the knots along the first axis, and the (non-negative) axis."""
    x, y = as_dressed(x), as_dressed(y)
    axis = axis % np.ndim(y)
    if np.ndim(x) != 1 or np.shape(x)[0] < 2:
        raise ValueError("`x` must be 1-dimensional with at least 2 elements.")
    if np.shape(x)[0] != np.shape(y)[axis]:
        raise ValueError(f"The length of `y` along `axis`={axis} doesn't match the length of `x`")
    return x, np.moveaxis(y, axis, 0) + 0.0, axis


def _hermite(x: Any, y: Any, slope: Any, extrapolate: Any, axis: int) -> PiecewisePolynomial:
    """Return the cubic pieces with these values and slopes at the knots."""
    width = slopes.like_rows(np.diff(x), y)
    secant = np.diff(y, axis=0) / width
    bend = (slope[:-1] + slope[1:] - 2 * secant) / width
    c = np.stack([bend / width, (secant - slope[:-1]) / width - bend, slope[:-1] + 0.0 * secant, y[:-1] + 0.0 * secant])
    return PiecewisePolynomial(c, x, extrapolate, axis)


@spline_class(interpolate.CubicSpline)
def _cubic_spline(x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None) -> Any:
    x, y, axis = _data(x, y, axis)
    if extrapolate is None:
        extrapolate = "periodic" if isinstance(bc_type, str) and bc_type == "periodic" else True
    return _hermite(x, y, slopes.cubic_spline(x, y, bc_type), extrapolate, axis)


@spline_class(interpolate.CubicHermiteSpline)
def _cubic_hermite(x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> Any:
    slope = np.moveaxis(as_dressed(dydx), axis, 0)
    x, y, axis = _data(x, y, axis)
    return _hermite(x, y, slope, True if extrapolate is None else extrapolate, axis)


@spline_class(interpolate.PchipInterpolator)
def _pchip(x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> Any:
    x, y, axis = _data(x, y, axis)
    return _hermite(x, y, slopes.pchip(x, y), True if extrapolate is None else extrapolate, axis)


@substitute(interpolate.make_interp_spline)
def _make_interp_spline(
    x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0, check_finite: bool = True
) -> Any:
    if not is_traced(x, y, t):
        return of_bspline(interpolate.make_interp_spline(x, y, k, t, bc_type, axis, check_finite))
    p = trace_of((x, y, t))
    assert p is not None
    if is_traced(x, t) or bc_type is not None:
        unsupported(
            p,
            "scipy.interpolate.make_interp_spline with differentiated x or t, or with bc_type=, is not translated",
            "differentiate it in y only, or use CubicSpline",
        )
    x, y, axis = _data(x, y, axis)
    # The coefficients are linear in y: SciPy's spline of each unit vector gives the matrix.
    unit = of_bspline(interpolate.make_interp_spline(x, np.eye(np.shape(x)[0]), k, t, None, 0, check_finite))
    return PiecewisePolynomial(np.tensordot(unit.c, y, 1), unit.x, True, axis)


# ---- linear interpolation


class _Linear:
    """interp1d(kind="linear"), evaluated at differentiated points or of differentiated values."""

    def __init__(self, x: Any, rows: Any, original: Any):
        self._x, self._rows, self._original = x, rows, original

    @property
    def __class__(self) -> type:
        return type(self._original)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._original, name)

    def __call__(self, x: Any) -> Any:
        if not is_traced(x, self._rows, self._x):
            return self._original(x)
        original = self._original
        x = as_dressed(x)
        shape = np.shape(x)
        x = np.reshape(x, (-1,))
        below, above = x < self._x[0], x > self._x[-1]
        if original.bounds_error and bool(np.any(below) or np.any(above)):
            raise ValueError("A value in x_new is outside the interpolation range.")
        piece = np.clip(np.searchsorted(self._x, x) - 1, 0, np.shape(self._x)[0] - 2)
        trailing = np.shape(self._rows)[1:]
        start = _at(self._x, piece)
        share = np.reshape((x - start) / (_at(self._x, piece + 1) - start), (-1, *(1 for _ in trailing)))
        low = _at(self._rows, piece)
        value = low + share * (_at(self._rows, piece + 1) - low)
        if not original._extrapolate:
            left, right = original._fill_value_below, original._fill_value_above
            value = np.where(np.reshape(below, np.shape(share)), left, value)
            value = np.where(np.reshape(above, np.shape(share)), right, value)
        value = np.reshape(value, (*shape, *trailing))
        axis, rank = original.axis % (len(trailing) + 1), len(shape)
        return np.moveaxis(value, list(range(rank)), list(range(axis, axis + rank))) if axis else value


@substitute(interpolate.interp1d)
def _interp1d(
    x: Any,
    y: Any,
    kind: Any = "linear",
    axis: int = -1,
    copy: bool = True,
    bounds_error: Any = None,
    fill_value: Any = np.nan,
    assume_sorted: bool = False,
) -> Any:
    if not is_traced(x, y, fill_value):
        return _of_interp1d(interpolate.interp1d(x, y, kind, axis, copy, bounds_error, fill_value, assume_sorted))
    p = trace_of((x, y, fill_value))
    assert p is not None
    if kind != "linear" or is_traced(fill_value):
        unsupported(
            p,
            f"scipy.interpolate.interp1d with kind={kind!r} or a differentiated fill_value is not translated",
            "use kind='linear', CubicSpline or make_interp_spline",
        )
    x, y = as_dressed(x), as_dressed(y)
    if not assume_sorted:
        order = np.argsort(x, kind="stable")
        x, y = x[order], np.take(y, order, axis)
    # SciPy's own object on placeholders settles the bounds and the values beyond them.
    example = np.zeros(np.shape(y))
    settled = interpolate.interp1d(
        np.arange(np.shape(x)[0], dtype=float), example, kind, axis, True, bounds_error, fill_value, True
    )
    return _Linear(x, np.moveaxis(y, axis, 0), settled)
