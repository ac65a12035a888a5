"""numpy.fft: lengths, norms and several axes made of the plain transforms along one axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from diffiface.numpy_api.functions.matrices import conjugate
from diffiface.numpy_api.functions.raw import along, axis_of, inexact, ndim, take
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives

_OPPOSITE = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _resized(p: Primitives, x: Any, n: int, axis: int) -> Any:
    """Cut an axis to a length, or fill it up with zeros."""
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    shape = list(p.shape(x))
    if shape[axis] > n:
        return take(p, x, axis, slice(0, n))
    if shape[axis] < n:
        kept, shape[axis] = shape[axis], n
        return p.setitem(np.zeros(shape, p.dtype(x)), x, index=along(axis, slice(0, kept)))
    return x


def _scaled(p: Primitives, y: Any, n: int, norm: str | None, inverse: bool) -> Any:
    """Go from the primitives' norm (1/n in the inverse) to another one."""
    if norm not in _OPPOSITE:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    if norm == "ortho":
        return p.multiply(y, np.sqrt(n).item() if inverse else (1 / np.sqrt(n)).item())
    if norm == "forward":
        return p.multiply(y, float(n) if inverse else 1.0 / n)
    return y


def _length(p: Primitives, x: Any, n: Any, axis: int) -> int:
    return p.shape(x)[axis] if n is None else int(n)


def _complex_transform(p: Primitives, a: Any, n: Any, axis: int, norm: str | None, inverse: bool) -> Any:
    a = inexact(p, a)
    axis = axis_of(p, a, axis)
    n = _length(p, a, n, axis)
    a = _resized(p, a, n, axis)
    return _scaled(p, (p.ifft if inverse else p.fft)(a, axis=axis), n, norm, inverse)


@numpy_function(np.fft.fft)
def fft(p: Primitives, a: Any, n: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    return _complex_transform(p, a, n, axis, norm, inverse=False)


@numpy_function(np.fft.ifft)
def ifft(p: Primitives, a: Any, n: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    return _complex_transform(p, a, n, axis, norm, inverse=True)


@numpy_function(np.fft.rfft)
def rfft(p: Primitives, a: Any, n: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    a = inexact(p, a)
    if p.dtype(a).kind == "c":
        raise TypeError("rfft takes real numbers; use numpy.fft.fft for complex ones")
    axis = axis_of(p, a, axis)
    n = _length(p, a, n, axis)
    return _scaled(p, p.rfft(_resized(p, a, n, axis), axis=axis), n, norm, inverse=False)


@numpy_function(np.fft.irfft)
def irfft(p: Primitives, a: Any, n: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    a = inexact(p, a)
    axis = axis_of(p, a, axis)
    n = (p.shape(a)[axis] - 1) * 2 if n is None else int(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return _scaled(p, p.irfft(_resized(p, a, n // 2 + 1, axis), axis=axis, n=n), n, norm, inverse=True)


@numpy_function(np.fft.hfft)
def hfft(p: Primitives, a: Any, n: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    return irfft(p, conjugate(p, a), n, axis, _opposite(norm))


@numpy_function(np.fft.ihfft)
def ihfft(p: Primitives, a: Any, n: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    return p.conjugate(rfft(p, a, n, axis, _opposite(norm)))


def _opposite(norm: str | None) -> str:
    if norm not in _OPPOSITE:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return _OPPOSITE[norm]


# ---- several axes


def _plan(p: Primitives, a: Any, s: Any, axes: Any) -> list[tuple[Any, int]]:
    """Return the length (None: as it is) and the axis of each transform."""
    if axes is None:
        axes = range(-len(s), 0) if s is not None else range(ndim(p, a))
    lengths: Sequence[Any] = [None] * len(axes) if s is None else list(s)
    if len(lengths) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    places = [axis_of(p, a, axis) for axis in axes]  # one axis may be transformed twice
    return [(None if n is None or n == -1 else n, axis) for n, axis in zip(lengths, places, strict=True)]


Transform = Callable[..., Any]


def _each(p: Primitives, transform: Transform, a: Any, plan: Sequence[tuple[Any, int]], norm: str | None) -> Any:
    for n, axis in plan:
        a = transform(p, a, n, axis, norm)
    return a


@numpy_function(np.fft.fftn)
def fftn(p: Primitives, a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    return _each(p, fft, a, _plan(p, a, s, axes)[::-1], norm)


@numpy_function(np.fft.ifftn)
def ifftn(p: Primitives, a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    return _each(p, ifft, a, _plan(p, a, s, axes)[::-1], norm)


@numpy_function(np.fft.rfftn)
def rfftn(p: Primitives, a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    *others, (n, axis) = _plan(p, a, s, axes)
    return _each(p, fft, rfft(p, a, n, axis, norm), others[::-1], norm)


@numpy_function(np.fft.irfftn)
def irfftn(p: Primitives, a: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
    *others, (n, axis) = _plan(p, a, s, axes)
    if s is not None and s[-1] == -1:  # NumPy then takes the length of the input, not of the real output
        n = p.shape(a)[axis]
    return irfft(p, _each(p, ifft, a, others, norm), n, axis, norm)


@numpy_function(np.fft.fft2)
def fft2(p: Primitives, a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return fftn(p, a, s, axes, norm)


@numpy_function(np.fft.ifft2)
def ifft2(p: Primitives, a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return ifftn(p, a, s, axes, norm)


@numpy_function(np.fft.rfft2)
def rfft2(p: Primitives, a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return rfftn(p, a, s, axes, norm)


@numpy_function(np.fft.irfft2)
def irfft2(p: Primitives, a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Any:
    return irfftn(p, a, s, axes, norm)


# ---- order and frequencies


def _rolled(p: Primitives, x: Any, axes: Any, backwards: bool) -> Any:
    rank = ndim(p, x)
    for axis in range(rank) if axes is None else normalize_axis_tuple(axes, rank, allow_duplicate=True):
        n = p.shape(x)[axis]
        x = take(p, x, axis, np.roll(np.arange(n), -(n // 2) if backwards else n // 2))
    return x


@numpy_function(np.fft.fftshift)
def fftshift(p: Primitives, x: Any, axes: Any = None) -> Any:
    return _rolled(p, x, axes, backwards=False)


@numpy_function(np.fft.ifftshift)
def ifftshift(p: Primitives, x: Any, axes: Any = None) -> Any:
    return _rolled(p, x, axes, backwards=True)


@numpy_function(np.fft.fftfreq, arrays=0, note="with a step that is differentiated")
def fftfreq(p: Primitives, n: int, d: Any = 1.0) -> Any:
    return p.divide(np.fft.fftfreq(n), d)


@numpy_function(np.fft.rfftfreq, arrays=0, note="with a step that is differentiated")
def rfftfreq(p: Primitives, n: int, d: Any = 1.0) -> Any:
    return p.divide(np.fft.rfftfreq(n), d)
