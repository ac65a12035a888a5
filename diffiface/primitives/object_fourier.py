"""Fourier transforms of arrays of Python objects: written out as products with the matrix of the transform."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.primitives.complex_entries import ComplexEntry
from diffiface.primitives.numpy_arrays import NUMPY
from diffiface.primitives.object_arrays import ObjectArray, ObjectArrayPrimitives, object_array


class ObjectFourier(ObjectArrayPrimitives):
    """The primitives of Fourier transforms. A transform of length n counts for n**2 operations and more."""

    def fft(self, x: Any, *, axis: int) -> Any:
        return self._transformed(x, axis, inverse=False) if isinstance(x, ObjectArray) else NUMPY.fft(x, axis=axis)

    def ifft(self, x: Any, *, axis: int) -> Any:
        return self._transformed(x, axis, inverse=True) if isinstance(x, ObjectArray) else NUMPY.ifft(x, axis=axis)

    def rfft(self, x: Any, *, axis: int) -> Any:
        if not isinstance(x, ObjectArray):
            return NUMPY.rfft(x, axis=axis)
        n = x.shape[axis]
        real, cosines, sines = self._last(x, axis), *_waves(n, n // 2 + 1)
        return self._joined_parts(self.matmul(real, cosines), self.negative(self.matmul(real, sines)), axis)

    def irfft(self, x: Any, *, axis: int, n: int) -> Any:
        if not isinstance(x, ObjectArray):
            return NUMPY.irfft(x, axis=axis, n=n)
        count = n // 2 + 1
        cosines, sines = (wave.T for wave in _waves(n, count))
        # Every frequency stands for itself and its negative, but for 0 and n / 2, which are their own.
        weights = np.full((count, 1), 2.0 / n)
        weights[0] = 1.0 / n
        if n % 2 == 0:
            weights[-1] = 1.0 / n
        z = self._last(x, axis)
        real, imaginary = self.real(z), self.imag(z)
        y = self.subtract(self.matmul(real, weights * cosines), self.matmul(imaginary, weights * sines))
        return self._back(y, axis)

    def _transformed(self, x: ObjectArray, axis: int, inverse: bool) -> Any:
        n = x.shape[axis]
        cosines, sines = _waves(n, n)
        if inverse:
            cosines, sines = cosines / n, -sines / n
        z = self._last(x, axis)
        if z.dtype.kind != "c":
            return self._joined_parts(self.matmul(z, cosines), self.negative(self.matmul(z, sines)), axis)
        real, imaginary = self.real(z), self.imag(z)  # (a + b i)(cos - i sin)
        return self._joined_parts(
            self.add(self.matmul(real, cosines), self.matmul(imaginary, sines)),
            self.subtract(self.matmul(imaginary, cosines), self.matmul(real, sines)),
            axis,
        )

    def _last(self, x: ObjectArray, axis: int) -> Any:
        return self.transpose(x, axes=(*(i for i in range(len(x.shape)) if i != axis), axis))

    def _back(self, x: ObjectArray, axis: int) -> Any:
        rank = len(x.shape)
        return self.transpose(x, axes=(*range(axis), rank - 1, *range(axis, rank - 1)))

    def _joined_parts(self, real: ObjectArray, imaginary: ObjectArray, axis: int) -> Any:
        entries = [ComplexEntry(a, b) for a, b in zip(real.flat(), imaginary.flat(), strict=True)]
        dtype = np.result_type(real.dtype, np.complex64)
        return self._back(ObjectArray(object_array(entries, real.shape), dtype), axis)


def _waves(n: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines and sines of 2 pi j k / n for j < n, k < count; what should be 0 is 0, and shows in no formula."""
    angles = 2 * np.pi * (np.outer(np.arange(n), np.arange(count)) % n) / n
    return tuple(np.where(np.abs(wave) < 1e-15 * n, 0.0, wave) for wave in (np.cos(angles), np.sin(angles)))  # type: ignore[return-value]
