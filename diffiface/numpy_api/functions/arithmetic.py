"""Ufuncs: those that are a primitive, and those that are a few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.functions.raw import cast, inexact, ndim, result_type
from diffiface.numpy_api.table import UFUNCS, Kind, available, numpy_function, ufunc
from diffiface.primitives import PRIMITIVES, Primitives


def _primitive(name: str) -> Callable[..., Any]:
    # Written out by number of arguments: this is the way of every operation on every engine.
    def of_one(p: Primitives, x: Any) -> Any:
        return getattr(p, name)(x)

    def of_two(p: Primitives, x: Any, y: Any) -> Any:
        return getattr(p, name)(x, y)

    return {1: of_one, 2: of_two}[getattr(np, name).nin]


_KINDS: dict[str, Kind] = {"smooth": "differentiable", "zero": "zero derivative", "none": "zero derivative"}

for _name, _definition in PRIMITIVES.items():
    if isinstance(getattr(np, _name, None), np.ufunc):
        ufunc(
            getattr(np, _name),
            discrete=_definition.derivative == "none",
            kind=_KINDS[_definition.derivative],
            primitive=_name,
        )(_primitive(_name))


# ---- one argument


@ufunc(np.positive)
def positive(p: Primitives, x: Any) -> Any:
    return x


@ufunc(np.fabs)
def fabs(p: Primitives, x: Any) -> Any:
    return p.absolute(inexact(p, x))


@ufunc(np.degrees, np.rad2deg)
def degrees(p: Primitives, x: Any) -> Any:
    return p.multiply(inexact(p, x), 180 / np.pi)


@ufunc(np.radians, np.deg2rad)
def radians(p: Primitives, x: Any) -> Any:
    return p.multiply(inexact(p, x), np.pi / 180)


@ufunc(np.sign, kind="zero derivative", note="Of a complex number it is z / abs(z), which has a derivative.")
def sign(p: Primitives, x: Any) -> Any:
    if p.dtype(x).kind != "c":
        return p.sign(x)
    zero = p.equal(x, 0)
    return p.where(zero, 0.0, p.divide(x, p.absolute(p.where(zero, 1.0, x))))


@ufunc(np.signbit, discrete=True)
def signbit(p: Primitives, x: Any) -> Any:
    # 1/x tells -0.0 from 0.0
    return p.logical_or(p.less(x, 0), p.logical_and(p.equal(x, 0), p.less(p.reciprocal(inexact(p, x)), 0)))


@ufunc(np.modf)
def modf(p: Primitives, x: Any) -> tuple[Any, Any]:
    whole = p.trunc(x)
    return p.subtract(x, whole), whole


# ---- two arguments


@ufunc(np.fmax)
def fmax(p: Primitives, a: Any, b: Any) -> Any:
    return p.where(p.isnan(a), b, p.where(p.isnan(b), a, p.maximum(a, b)))


@ufunc(np.fmin)
def fmin(p: Primitives, a: Any, b: Any) -> Any:
    return p.where(p.isnan(a), b, p.where(p.isnan(b), a, p.minimum(a, b)))


@ufunc(np.logaddexp2)
def logaddexp2(p: Primitives, a: Any, b: Any) -> Any:
    ln2 = float(np.log(2.0))
    return p.divide(p.logaddexp(p.multiply(a, ln2), p.multiply(b, ln2)), ln2)


@ufunc(np.float_power)
def float_power(p: Primitives, a: Any, b: Any) -> Any:
    dtype = np.result_type(result_type(p, a, b), np.float64)
    return p.power(cast(p, a, dtype), cast(p, b, dtype))


@ufunc(np.copysign)
def copysign(p: Primitives, a: Any, b: Any) -> Any:
    magnitude = p.absolute(a)
    return p.where(signbit(p, b), p.negative(magnitude), magnitude)


@ufunc(np.heaviside, note="Differentiable in the value at 0.")
def heaviside(p: Primitives, x: Any, at_zero: Any) -> Any:
    x = inexact(p, x)
    step = p.where(p.greater(x, 0), 1.0, p.where(p.isnan(x), np.nan, 0.0))
    return cast(p, p.where(p.equal(x, 0), at_zero, step), result_type(p, x, at_zero))


@ufunc(np.fmod)
def fmod(p: Primitives, a: Any, b: Any) -> Any:
    # The sign is a's: remainder of the magnitudes, which agrees with C's exactly.
    rest = p.remainder(p.absolute(a), p.absolute(b))
    return p.where(p.less(a, 0), p.negative(rest), rest)


@ufunc(np.divmod)
def divmod_(p: Primitives, a: Any, b: Any) -> tuple[Any, Any]:
    return p.floor_divide(a, b), p.remainder(a, b)


# ---- contractions of the last axes


@ufunc(np.vecdot)
def vecdot(p: Primitives, a: Any, b: Any) -> Any:
    a = p.conjugate(a) if p.dtype(a).kind == "c" else a
    return p.sum(p.multiply(a, b), axis=(max(ndim(p, a), ndim(p, b)) - 1,), keepdims=False)


@ufunc(*available(np, "matvec"))
def matvec(p: Primitives, a: Any, b: Any) -> Any:
    column = p.reshape(b, shape=(*p.shape(b), 1))
    product = p.matmul(a, column)
    return p.reshape(product, shape=tuple(p.shape(product))[:-1])


@ufunc(*available(np, "vecmat"))
def vecmat(p: Primitives, a: Any, b: Any) -> Any:
    a = p.conjugate(a) if p.dtype(a).kind == "c" else a
    shape = tuple(p.shape(a))
    product = p.matmul(p.reshape(a, shape=(*shape[:-1], 1, shape[-1])), b)
    shape = tuple(p.shape(product))
    return p.reshape(product, shape=(*shape[:-2], shape[-1]))


# ---- functions of elements that are not ufuncs


@numpy_function(np.clip)
def clip(p: Primitives, a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    if low is not None:
        a = p.maximum(a, low)
    return a if high is None else p.minimum(a, high)


@numpy_function(np.round, np.around, kind="zero derivative", note="slope 1 where rounding changes nothing")
def round_(p: Primitives, a: Any, decimals: int = 0) -> Any:
    dtype = p.dtype(a)
    if dtype.kind == "c":
        return p.add(round_(p, p.real(a), decimals), p.multiply(1j, round_(p, p.imag(a), decimals)))
    if dtype.kind != "f" and decimals >= 0:
        return a if dtype.kind in "iu" else p.rint(a)
    if decimals == 0:
        return p.rint(a)
    scale = float(np.float64(10.0) ** abs(decimals))  # (infinite where NumPy's is)
    if decimals < 0:
        return p.multiply(p.rint(p.divide(a, scale)), scale)
    scaled = p.multiply(a, scale)
    # Floats of this size are whole numbers: as NumPy computes it, x is not rounded there, so the result follows x.
    whole = p.less(p.absolute(scaled), 2.0 ** np.finfo(dtype).nmant)
    return p.divide(p.where(whole, p.rint(scaled), scaled), scale)


@numpy_function(np.fix, kind="zero derivative")
def fix(p: Primitives, x: Any) -> Any:
    return p.trunc(x)


def replaced_nan(p: Primitives, x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    """Return numbers in the place of NaN and infinity, those of real and imaginary parts each for itself."""
    if p.dtype(x).kind == "c":
        real, imaginary = (replaced_nan(p, part, nan, posinf, neginf) for part in (p.real(x), p.imag(x)))
        return p.add(real, p.multiply(1j, imaginary))
    limits = np.finfo(p.dtype(x))
    x = p.where(p.isnan(x), nan, x)
    x = p.where(p.equal(x, np.inf), float(limits.max) if posinf is None else posinf, x)
    return p.where(p.equal(x, -np.inf), float(limits.min) if neginf is None else neginf, x)


@numpy_function(np.angle)
def angle(p: Primitives, z: Any, deg: bool = False) -> Any:
    # np.angle(x) of a real x is arctan2(0, x)
    imaginary = p.imag(z) if p.dtype(z).kind == "c" else 0.0
    real = p.real(z) if p.dtype(z).kind == "c" else z
    result = p.arctan2(imaginary, real)
    return degrees(p, result) if deg else result


@numpy_function(np.sinc)
def sinc(p: Primitives, x: Any) -> Any:
    # The series near 0 keeps the derivatives, which sin(y)/y would lose there.
    y = p.multiply(x, np.pi)
    small = p.less(p.absolute(y), 1e-3)
    safe = p.where(small, 1.0, y)
    square = p.square(p.where(small, y, 0.0))
    series = p.add(1.0, p.multiply(square, p.add(-1 / 6, p.multiply(square, 1 / 120))))
    return p.where(small, series, p.divide(p.sin(safe), safe))


@numpy_function(np.isclose, arrays=2, kind="zero derivative")
def isclose(p: Primitives, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    near = p.less_equal(p.absolute(p.subtract(a, b)), p.add(atol, p.multiply(rtol, p.absolute(b))))
    close = p.logical_or(p.logical_and(near, p.isfinite(b)), p.equal(a, b))
    return p.logical_or(close, p.logical_and(p.isnan(a), p.isnan(b))) if equal_nan else close


@numpy_function(np.isposinf, kind="zero derivative")
def isposinf(p: Primitives, x: Any) -> Any:
    return p.equal(x, np.inf)


@numpy_function(np.isneginf, kind="zero derivative")
def isneginf(p: Primitives, x: Any) -> Any:
    return p.equal(x, -np.inf)


# ---- the modified Bessel function, which is SciPy's


@numpy_function(np.i0)
def i0(p: Primitives, x: Any) -> Any:
    import scipy.special

    from diffiface.scipy_api import special as special

    return UFUNCS[scipy.special.i0].translation(p, inexact(p, x))


@numpy_function(np.kaiser, arrays=0)
def kaiser(p: Primitives, M: int, beta: Any) -> Any:
    if M == 1:
        return np.ones(1)
    middle = (M - 1) / 2.0
    shape = np.sqrt(1 - ((np.arange(M) - middle) / middle) ** 2)
    return p.divide(i0(p, p.multiply(shape, beta)), i0(p, p.multiply(1.0, beta)))
