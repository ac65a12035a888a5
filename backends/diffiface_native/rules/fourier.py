"""Rules of the Fourier transforms. They are linear, and the matrix of the complex ones is symmetric."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.broadcasting import along
from diffiface_native.rules.rule import UnaryRule


def _fft_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: int) -> Any:
    return p.fft(t, axis=axis + 1)


def _fft_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: int) -> Any:
    return p.fft(ct, axis=axis)


def _ifft_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: int) -> Any:
    return p.ifft(t, axis=axis + 1)


def _ifft_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: int) -> Any:
    return p.ifft(ct, axis=axis)


def _rfft_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: int) -> Any:
    return p.rfft(t, axis=axis + 1)


def _rfft_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: int) -> Any:
    shape = list(p.shape(ct))
    kept, shape[axis] = shape[axis], p.shape(x)[axis]
    spectrum = p.setitem(np.zeros(shape, p.dtype(ct)), ct, index=along(axis, slice(0, kept)))
    return p.real(p.fft(spectrum, axis=axis))


def _irfft_jvp(p: Primitives, t: Any, y: Any, x: Any, *, axis: int, n: int) -> Any:
    return p.irfft(t, axis=axis + 1, n=n)


def _irfft_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, axis: int, n: int) -> Any:
    counts = np.full(p.shape(x)[axis], 2.0)  # each number of the half spectrum but the ends stands for two
    counts[0] = 1.0
    if n % 2 == 0:
        counts[-1] = 1.0
    ndim = len(p.shape(x))
    weights = (counts / n).astype(p.dtype(y)).reshape([-1 if i == axis else 1 for i in range(ndim)])
    return p.multiply(p.conjugate(p.rfft(ct, axis=axis)), weights)


UNARY: dict[str, UnaryRule] = {
    "fft": UnaryRule(_fft_jvp, _fft_vjp),
    "ifft": UnaryRule(_ifft_jvp, _ifft_vjp),
    "rfft": UnaryRule(_rfft_jvp, _rfft_vjp),
    "irfft": UnaryRule(_irfft_jvp, _irfft_vjp),
}
