"""Polynomials given by their coefficients, the highest power first: np.poly... and np.roots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.convolution import convolve
from diffiface.numpy_api.functions.joining import at_least, vander
from diffiface.numpy_api.functions.raw import cast, inexact, ndim, result_type
from diffiface.numpy_api.table import FUNCTIONS, numpy_function
from diffiface.primitives import Primitives


def _coefficients(p: Primitives, c: Any) -> Any:
    return at_least(p, array_in(c, p), 1)


def _length(p: Primitives, c: Any) -> int:
    return p.shape(c)[0]


@numpy_function(np.polyval, arrays=2)
def polyval(p: Primitives, p_: Any, x: Any) -> Any:
    result: Any = np.zeros(p.shape(x), p.dtype(x))
    for i in range(_length(p, p_)):
        result = p.add(p.multiply(result, x), p.getitem(p_, index=i))
    return result


# ---- arithmetic


def _sum_or_difference(operation: str) -> Callable[..., Any]:
    def combined(p: Primitives, a1: Any, a2: Any) -> Any:
        a, b = _coefficients(p, a1), _coefficients(p, a2)
        length = max(_length(p, a), _length(p, b))
        return getattr(p, operation)(_lengthened(p, a, length), _lengthened(p, b, length))

    return combined


def _lengthened(p: Primitives, c: Any, length: int) -> Any:
    missing = length - _length(p, c)
    return p.concatenate([np.zeros(missing, p.dtype(c)), c], axis=0) if missing else c


numpy_function(np.polyadd, arrays=2)(_sum_or_difference("add"))
numpy_function(np.polysub, arrays=2)(_sum_or_difference("subtract"))


def _without_leading_zeros(p: Primitives, c: Any) -> Any:
    nonzero = np.flatnonzero(known(p, c, "the degree of a polynomial"))
    return p.getitem(c, index=slice(int(nonzero[0]) if nonzero.size else _length(p, c) - 1, None))


@numpy_function(np.polymul, arrays=2)
def polymul(p: Primitives, a1: Any, a2: Any) -> Any:
    return convolve(p, *(_without_leading_zeros(p, _coefficients(p, a)) for a in (a1, a2)))


@numpy_function(np.polydiv, arrays=2)
def polydiv(p: Primitives, u: Any, v: Any) -> Any:
    u, v = (inexact(p, _coefficients(p, c)) for c in (u, v))
    dtype = result_type(p, u, v)
    rest, divisor = cast(p, u, dtype), cast(p, v, dtype)
    quotient = []
    steps = _length(p, u) - _length(p, v) + 1
    for _ in range(steps):
        factor = p.divide(p.getitem(rest, index=0), p.getitem(divisor, index=0))
        quotient.append(factor)
        head = p.subtract(p.getitem(rest, index=slice(0, _length(p, v))), p.multiply(factor, divisor))
        tail = p.getitem(rest, index=slice(_length(p, v), None))
        rest = p.concatenate([p.getitem(head, index=slice(1, None)), tail], axis=0)
    if not quotient:
        quotient = [np.zeros((), dtype)]
    if _length(p, rest) == 0:
        rest = np.zeros(1, dtype)
    while _length(p, rest) > 1 and np.allclose(known(p, rest, "numpy.polydiv")[0], 0, rtol=1e-14):
        rest = p.getitem(rest, index=slice(1, None))
    return p.stack(quotient, axis=0), rest


@numpy_function(np.polyder)
def polyder(p: Primitives, p_: Any, m: int = 1) -> Any:
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    c = p_
    for _ in range(m):
        degree = _length(p, c) - 1
        c = p.multiply(p.getitem(c, index=slice(0, max(degree, 0))), np.arange(degree, 0, -1))
    return c


@numpy_function(np.polyint)
def polyint(p: Primitives, p_: Any, m: int = 1, k: Any = None) -> Any:
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = np.zeros(m) if k is None else _coefficients(p, k)
    if _length(p, constants) == 1 < m:
        constants = p.broadcast_to(constants, shape=(m,))
    if _length(p, constants) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    c = p_
    for i in range(m):
        raised = p.divide(c, np.arange(_length(p, c), 0, -1))
        c = p.concatenate([raised, p.getitem(constants, index=slice(i, i + 1))], axis=0)
    return c


# ---- roots


@numpy_function(np.poly)
def poly(p: Primitives, seq_of_zeros: Any) -> Any:
    zeros = at_least(p, seq_of_zeros, 1)
    shape = tuple(p.shape(zeros))
    if len(shape) == 2 and shape[0] == shape[1] != 0:
        return _characteristic(p, inexact(p, zeros))
    if len(shape) != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if shape == (0,):
        return 1.0
    zeros = inexact(p, zeros)
    dtype = p.dtype(zeros)
    c: Any = np.ones(1, dtype)
    for i in range(shape[0]):
        factor = p.concatenate([np.ones(1, dtype), p.negative(p.getitem(zeros, index=slice(i, i + 1)))], axis=0)
        c = convolve(p, c, factor)
    if dtype.kind == "c":
        values = known(p, zeros, "numpy.poly")
        if np.all(np.sort(values) == np.sort(values.conjugate())):
            return p.real(c)
    return c


def _characteristic(p: Primitives, a: Any) -> Any:
    """Return the characteristic polynomial of a matrix, by the recursion of Faddeev and LeVerrier.

    It takes products and traces, where NumPy takes eigenvalues, whose derivatives fail where two of them meet.
    """
    n = p.shape(a)[0]
    identity = np.eye(n, dtype=p.dtype(a))
    steps = np.arange(n)
    coefficients: list[Any] = [np.ones((), p.dtype(a))]
    product = a
    for k in range(1, n + 1):
        trace = p.sum(p.getitem(product, index=(steps, steps)), axis=(0,), keepdims=False)
        coefficients.append(p.divide(trace, -float(k)))
        if k < n:
            product = p.matmul(a, p.add(product, p.multiply(coefficients[-1], identity)))
    return p.stack(coefficients, axis=0)


@numpy_function(np.roots)
def roots(p: Primitives, p_: Any) -> Any:
    c = _coefficients(p, p_)
    if ndim(p, c) != 1:
        raise ValueError("Input must be a rank-1 array.")
    c = inexact(p, _without_leading_zeros(p, c))
    values = np.roots(known(p, c, "numpy.roots"))
    if not values.size:
        return values
    # Newton's step at a root leaves the root where it is, and its derivative is the root's, by the implicit function
    # theorem. Each further step doubles the order of the derivatives that are right: three give the first seven.
    found: Any = values
    slope = cast(p, polyder(p, c), p.dtype(c))
    for _ in range(3):
        derivative = polyval(p, slope, found)
        if np.any(known(p, derivative, "numpy.roots") == 0):
            unsupported(p, "numpy.roots has no derivative at a repeated root", "write it without the repeated root")
        step = p.divide(polyval(p, c, found), derivative)
        found = p.subtract(found, p.subtract(step, known(p, step, "numpy.roots")))
    return found


# ---- least squares


@numpy_function(np.polyfit, arrays=2)
def polyfit(
    p: Primitives,
    x: Any,
    y: Any,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Any = None,
    cov: Any = False,
) -> Any:
    x, y = inexact(p, x), inexact(p, y)
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if ndim(p, x) != 1:
        raise TypeError("expected 1D vector for x")
    if _length(p, x) == 0:
        raise TypeError("expected non-empty vector for x")
    if ndim(p, y) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if _length(p, x) != _length(p, y):
        raise TypeError("expected x and y to have same length")
    count = int(deg) + 1
    rcond = _length(p, x) * float(np.finfo(p.dtype(x)).eps) if rcond is None else rcond
    matrix, target = vander(p, x, count), y
    if w is not None:
        weights = inexact(p, array_in(w, p))
        if tuple(p.shape(weights)) != (_length(p, y),):
            raise TypeError("expected w and y to have the same length")
        column = p.reshape(weights, shape=(_length(p, y), 1))
        matrix, target = p.multiply(matrix, column), p.multiply(target, column if ndim(p, y) == 2 else weights)
    scale = p.sqrt(p.sum(p.square(matrix), axis=(0,), keepdims=False))
    matrix = p.divide(matrix, scale)
    least_squares = FUNCTIONS[np.linalg.lstsq].translation
    solution, residuals, rank, singular = least_squares(p, matrix, target, rcond)
    upright = p.reshape(scale, shape=(count, 1))
    fitted = p.divide(solution, upright if ndim(p, y) == 2 else scale)
    if full:
        return fitted, residuals, rank, singular, rcond
    if not cov:
        return fitted
    inverse = p.inv(p.matmul(p.transpose(matrix, axes=(1, 0)), matrix))
    base = p.divide(inverse, p.multiply(upright, scale))
    factor: Any = 1
    if cov != "unscaled":
        if _length(p, x) <= count:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = p.divide(residuals, _length(p, x) - count)
    if ndim(p, y) == 2:
        base = p.reshape(base, shape=(count, count, 1))
    return fitted, p.multiply(base, factor)
