"""scipy.fft: the transforms of numpy.fft under SciPy's signatures, and cosine and sine transforms.

`overwrite_x`, `workers` and `plan` change no number, so they are taken and not used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft

from diffiface.numpy_api.functions import fourier
from diffiface.numpy_api.functions.raw import axis_of, ndim
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives
from diffiface.rebinding.rebound import HANDLERS
from diffiface.rebinding.substitutes import substitute_for

# SciPy's transforms are callable objects of a class of their own.
HANDLERS[type(scipy.fft.fft)] = substitute_for

# ---- the transforms NumPy has


def _along_one_axis(name: str) -> None:
    transform = getattr(fourier, name)

    @numpy_function(getattr(scipy.fft, name))
    def translation(
        p: Primitives,
        x: Any,
        n: Any = None,
        axis: int = -1,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        plan: Any = None,
    ) -> Any:
        return transform(p, x, n, axis, norm)


def _along_axes(name: str, default: Any) -> None:
    transform = getattr(fourier, name)

    @numpy_function(getattr(scipy.fft, name))
    def translation(
        p: Primitives,
        x: Any,
        s: Any = None,
        axes: Any = default,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        plan: Any = None,
    ) -> Any:
        return transform(p, x, s, axes, norm)


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _along_one_axis(_name)
for _name in ("fft2", "ifft2", "rfft2", "irfft2"):
    _along_axes(_name, (-2, -1))
for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    _along_axes(_name, None)


@numpy_function(scipy.fft.fftshift)
def fftshift(p: Primitives, x: Any, axes: Any = None) -> Any:
    return fourier.fftshift(p, x, axes)


@numpy_function(scipy.fft.ifftshift)
def ifftshift(p: Primitives, x: Any, axes: Any = None) -> Any:
    return fourier.ifftshift(p, x, axes)


# ---- cosine and sine transforms: linear maps, whose matrices SciPy gives


def _mapped(
    p: Primitives, transform: Callable[..., Any], x: Any, kind: int, n: Any, axis: int, norm: Any, orthogonalize: Any
) -> Any:
    """Apply the matrix of a transform along an axis: n² multiplications, and exact derivatives of every order."""
    axis = axis_of(p, x, axis)
    length = p.shape(x)[axis]
    columns = np.eye(length, dtype=p.dtype(x) if p.dtype(x).kind == "f" else np.float64)
    matrix = transform(columns, type=kind, n=n, axis=0, norm=norm, orthogonalize=orthogonalize)
    order = list(range(ndim(p, x)))
    order[axis], order[-1] = order[-1], order[axis]
    moved = p.transpose(x, axes=tuple(order))
    return p.transpose(p.matmul(moved, matrix.T.copy()), axes=tuple(order))


def _linear(name: str) -> Callable[..., Any]:
    transform = getattr(scipy.fft, name)

    @numpy_function(transform)
    def translation(
        p: Primitives,
        x: Any,
        type: int = 2,
        n: Any = None,
        axis: int = -1,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        orthogonalize: Any = None,
    ) -> Any:
        return _mapped(p, transform, x, type, n, axis, norm, orthogonalize)

    return translation


def _linear_along_axes(name: str, one: Callable[..., Any]) -> None:
    @numpy_function(getattr(scipy.fft, name))
    def translation(
        p: Primitives,
        x: Any,
        type: int = 2,
        s: Any = None,
        axes: Any = None,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        orthogonalize: Any = None,
    ) -> Any:
        if axes is None:
            axes = range(ndim(p, x)) if s is None else range(ndim(p, x) - len(s), ndim(p, x))
        axes = (axes,) if isinstance(axes, int) else tuple(axes)
        lengths = (None,) * len(axes) if s is None else ((s,) if isinstance(s, int) else tuple(s))
        if len(lengths) != len(axes):
            raise ValueError("when given, axes and shape arguments have to be of the same length")
        for n, axis in zip(lengths, axes, strict=True):
            x = one(p, x, type, n, axis, norm, orthogonalize=orthogonalize)
        return x


for _name in ("dct", "idct", "dst", "idst"):
    _linear_along_axes(_name + "n", _linear(_name))
