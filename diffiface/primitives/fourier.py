"""Discrete Fourier transforms along one axis, with NumPy's default norm: only the inverse ones divide by the length.

Padding, other norms and several axes are made of these in the dress.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.primitives.definitions import Sample, define


def fft(x: Any, *, axis: int) -> Any:
    return np.fft.fft(x, axis=axis)


def ifft(x: Any, *, axis: int) -> Any:
    return np.fft.ifft(x, axis=axis)


def rfft(x: Any, *, axis: int) -> Any:
    """Transform real numbers: the first half of the spectrum, of length `n // 2 + 1`."""
    return np.fft.rfft(x, axis=axis)


def irfft(x: Any, *, axis: int, n: int) -> Any:
    """Return the n real numbers whose half spectrum is `x`, of length `n // 2 + 1`."""
    return np.fft.irfft(x, n, axis=axis)


def _sample(*arrays: Any, **parameters: Any) -> Sample:
    return Sample(arrays, parameters)


_v = np.array([0.31, 0.72, -0.55, 0.18, 0.83])
_m = np.array([[0.31, 0.72, 0.55, 0.12], [0.18, -0.93, 0.44, 0.25], [0.61, 0.27, -0.81, 0.39]])
_z = _m + 1j * _m[::-1]

for _name, _function in {"fft": fft, "ifft": ifft}.items():
    define(_name, _function, "Fourier", _sample(_v, axis=0), _sample(_m, axis=1), _sample(_z, axis=0))
define("rfft", rfft, "Fourier", _sample(_v, axis=0), _sample(_m, axis=1), _sample(_m, axis=0))
define("irfft", irfft, "Fourier", _sample(_z, axis=1, n=6), _sample(_z, axis=0, n=5), _sample(_v, axis=0, n=8))
