"""scipy.signal: convolutions and correlations in any number of dimensions, linear filters, detrending."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import signal

from diffiface.numpy_api.conversion import trace_of
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.numpy_api.table import dressed_function

_DIRECT_LIMIT = 2**22
"""Up to this many products a convolution is one gather and one matrix product; larger ones go through the FFT."""


# ---- convolution


def _part(full: Any, first: tuple[int, ...], second: tuple[int, ...], mode: str) -> Any:
    """Return what `mode` asks for of the full convolution of arrays of these shapes."""
    if mode == "full":
        return full
    if mode not in ("same", "valid"):
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")
    if mode == "valid" and not all(n >= m for n, m in zip(first, second, strict=True)):
        if not all(m >= n for n, m in zip(first, second, strict=True)):
            raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
        first, second = second, first
    sizes = first if mode == "same" else tuple(n - m + 1 for n, m in zip(first, second, strict=True))
    starts = [(n + m - 1 - size) // 2 for n, m, size in zip(first, second, sizes, strict=True)]
    return full[tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))]


def _padded(x: Any, margins: list[tuple[int, int]]) -> Any:
    """Return x with zeros around it."""
    shape = tuple(n + before + after for n, (before, after) in zip(np.shape(x), margins, strict=True))
    if not isinstance(x, np.ndarray) or trace_of(x) is not None:
        result = np.zeros_like(x, shape=shape)
    else:
        result = np.zeros(shape, x.dtype)
    result[tuple(slice(before, before + n) for n, (before, _) in zip(np.shape(x), margins, strict=True))] = x
    return result


def _direct(large: Any, small: Any) -> Any:
    """Return the full convolution: each output is a window of the (padded) larger array times the smaller one."""
    sizes = [n + m - 1 for n, m in zip(np.shape(large), np.shape(small), strict=True)]
    padded = _padded(large, [(m - 1, m - 1) for m in np.shape(small)])
    # One index array per axis, over outputs and then over the places of the window (backwards: a convolution).
    rank = len(sizes)
    index = []
    for axis, (size, m) in enumerate(zip(sizes, np.shape(small), strict=True)):
        along = np.arange(size).reshape([-1 if i == axis else 1 for i in range(2 * rank)])
        window = np.arange(m)[::-1].reshape([-1 if i == rank + axis else 1 for i in range(2 * rank)])
        index.append(along + window)
    windows = np.reshape(padded[tuple(index)], (*sizes, int(np.prod(np.shape(small)))))
    return windows @ np.reshape(small, (-1,))


def _by_fft(first: Any, second: Any, axes: tuple[int, ...]) -> Any:
    sizes = [np.shape(first)[i] + np.shape(second)[i] - 1 for i in axes]
    if first.dtype.kind == "c" or second.dtype.kind == "c":
        product = np.fft.fftn(first, sizes, axes) * np.fft.fftn(second, sizes, axes)
        return np.fft.ifftn(product, sizes, axes)
    return np.fft.irfftn(np.fft.rfftn(first, sizes, axes) * np.fft.rfftn(second, sizes, axes), sizes, axes)


def _operands(in1: Any, in2: Any) -> tuple[Any, Any]:
    first, second = as_dressed(in1), as_dressed(in2)
    if np.ndim(first) != np.ndim(second):
        raise ValueError("in1 and in2 should have the same dimensionality")
    return first, second


@dressed_function(signal.convolve)
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    first, second = _operands(in1, in2)
    if np.ndim(first) == 0:
        return first * second
    if method not in ("auto", "direct", "fft"):
        raise ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'.")
    products = np.prod([n + m - 1 for n, m in zip(np.shape(first), np.shape(second), strict=True)], dtype=float)
    direct = method == "direct" or (method == "auto" and products * min(first.size, second.size) <= _DIRECT_LIMIT)
    if not direct:
        return fftconvolve(first, second, mode)
    large, small = (first, second) if first.size >= second.size else (second, first)
    if any(m > n for n, m in zip(np.shape(large), np.shape(small), strict=True)) and mode == "valid":
        raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
    return _part(_direct(large, small), np.shape(first), np.shape(second), mode)


@dressed_function(signal.fftconvolve, signal.oaconvolve)
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    first, second = _operands(in1, in2)
    rank = np.ndim(first)
    if rank == 0:
        return first * second
    chosen = tuple(range(rank)) if axes is None else tuple(int(axis) % rank for axis in np.atleast_1d(axes))
    full = _by_fft(first, second, chosen)
    # Along the other axes the arrays are broadcast: the part asked for is all there is.
    shapes = [
        tuple(np.shape(x)[i] if i in chosen else (np.shape(full)[i] if x is first else 1) for i in range(rank))
        for x in (first, second)
    ]
    return _part(full, shapes[0], shapes[1], mode)


def _reversed(x: Any) -> Any:
    x = x[(slice(None, None, -1),) * np.ndim(x)]
    return np.conj(x) if x.dtype.kind == "c" else x


@dressed_function(signal.correlate)
def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    first, second = _operands(in1, in2)
    if np.ndim(first) == 0:
        return first * np.conj(second)
    if mode == "valid" and all(m >= n for n, m in zip(np.shape(first), np.shape(second), strict=True)):
        # The second is the longer one: its windows against the first, from the far end.
        return _reversed(convolve(second, _reversed(first), mode, method))
    return convolve(first, _reversed(second), mode, method)


# ---- in two dimensions, with a choice of what lies beyond the edges


@dressed_function(signal.convolve2d)
def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    first, second = _operands(in1, in2)
    if mode == "valid" and all(m >= n for n, m in zip(np.shape(first), np.shape(second), strict=True)):
        first, second = second, first  # as SciPy does
    full = _full2d(first, second, mode, boundary, fillvalue)
    return _part(full, np.shape(first), np.shape(second), mode)


def _full2d(first: Any, second: Any, mode: str, boundary: str, fillvalue: Any) -> Any:
    """Return the full convolution with what lies beyond the first array's edges."""
    if np.ndim(first) != 2:
        raise ValueError("convolve2d inputs must both be 2-D arrays")
    if boundary not in ("fill", "pad", "wrap", "circular", "symm", "symmetric"):
        raise ValueError("Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or 'symm').")
    fill = boundary in ("fill", "pad")
    if mode == "valid" or (fill and trace_of(fillvalue) is None and fillvalue == 0):
        return _direct_of(first, second)
    margins = [(m - 1, m - 1) for m in np.shape(second)]
    if fill:
        inside = _padded(np.ones(np.shape(first), bool), margins)
        surrounded = np.where(inside, _padded(first, margins), fillvalue)
    else:
        places = [_beyond(n, m, boundary) for n, (m, _) in zip(np.shape(first), margins, strict=True)]
        surrounded = first[np.ix_(*places)]
    return _part(_direct_of(surrounded, second), np.shape(surrounded), np.shape(second), "valid")


def _direct_of(first: Any, second: Any) -> Any:
    return _direct(first, second) if first.size >= second.size else _direct(second, first)


def _beyond(n: int, margin: int, boundary: str) -> np.ndarray:
    """Return the places along an axis of length n from which the values beyond its ends are taken."""
    places = np.arange(-margin, n + margin)
    if boundary in ("wrap", "circular"):
        return places % n
    period = places % (2 * n)
    return np.where(period < n, period, 2 * n - 1 - period)


@dressed_function(signal.correlate2d)
def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    first, second = _operands(in1, in2)
    if mode == "valid" and all(m >= n for n, m in zip(np.shape(first), np.shape(second), strict=True)):
        # As SciPy has it: the first array moves over the second, and is the one that is conjugated.
        return convolve2d(second, _reversed(first), mode, boundary, fillvalue)[::-1, ::-1]
    full = _full2d(first, _reversed(second), mode, boundary, fillvalue)
    if mode != "same":
        return _part(full, np.shape(first), np.shape(second), mode)
    # Mirrored with the second array: the middle of an even number of places is the later one here.
    starts = [m - 1 - (m - 1) // 2 for m in np.shape(second)]
    return full[tuple(slice(start, start + n) for start, n in zip(starts, np.shape(first), strict=True))]


# ---- filters


@dressed_function(signal.lfilter)
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    if zi is not None:
        p = trace_of((b, a, x, zi))
        assert p is not None
        unsupported(
            p, "scipy.signal.lfilter with zi= is not translated", "prepend the samples that led to this state to x"
        )
    b, a = np.atleast_1d(as_dressed(b)), np.atleast_1d(as_dressed(a))
    rows = np.moveaxis(as_dressed(x), axis, -1)
    n = np.shape(rows)[-1]
    response = _response(b / a[0], a / a[0], n)
    # y = x convolved with the filter's response to a unit pulse: a lower triangular Toeplitz matrix.
    lag = np.arange(n)[:, None] - np.arange(n)
    matrix = np.where(lag >= 0, response[np.maximum(lag, 0)], 0.0)
    return np.moveaxis(np.squeeze(matrix @ np.expand_dims(rows, -1), -1), -1, axis)


def _response(b: Any, a: Any, n: int) -> Any:
    """Return the first n values of the filter's response to a unit pulse (a[0] is 1)."""
    taps = b[:n] if np.shape(b)[0] >= n else _padded(b, [(0, n - np.shape(b)[0])])
    if np.shape(a)[0] == 1:
        return taps
    if trace_of(a) is None:
        pulse = np.zeros(n)
        pulse[0] = 1.0
        decay = signal.lfilter([1.0], a, pulse)
        return convolve(taps, decay)[:n] if trace_of(taps) is not None else np.convolve(taps, decay)[:n]
    lag = np.arange(n)[:, None] - np.arange(n)
    within = (lag >= 0) & (lag < np.shape(a)[0])
    recursion = np.where(within, a[np.where(within, lag, 0)], 0.0)
    return np.linalg.solve(recursion, taps)


@dressed_function(signal.detrend)
def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0) -> Any:
    rows = np.moveaxis(as_dressed(data), axis, -1)
    if type in ("constant", "c"):
        return np.moveaxis(rows - np.mean(rows, -1, keepdims=True), -1, axis)
    if type not in ("linear", "l"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    n = np.shape(rows)[-1]
    breaks = np.sort(np.unique(np.concatenate([np.atleast_1d(0), np.ravel(bp), np.atleast_1d(n)])))
    if np.any(breaks > n):
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    parts = []
    for start, end in itertools.pairwise(breaks):
        count = int(end - start)
        design = np.column_stack([np.arange(1, count + 1) / count, np.ones(count)])
        remover = np.eye(count) - design @ np.linalg.pinv(design)
        parts.append(rows[..., int(start) : int(end)] @ remover.T)
    return np.moveaxis(np.concatenate(parts, -1), -1, axis)
