"""Functions that autograd lacks, or differentiates wrongly, as autograd primitives with their rules."""

# autograd.numpy is filled when it is imported, which type checkers cannot see.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import autograd.scipy.special as asp
import numpy as np
import scipy.special
from autograd.extend import defvjp, defvjp_argnums, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f

Pullback = Callable[[Any], Any]

_INVERSE_SQRT_2PI = 1 / math.sqrt(2 * math.pi)

cbrt = primitive(np.cbrt)
defvjp(cbrt, lambda ans, x: lambda g: g / (3 * ans**2))

hypot = primitive(np.hypot)
defvjp(
    hypot,
    lambda ans, x, y: unbroadcast_f(x, lambda g: g * x / ans),
    lambda ans, x, y: unbroadcast_f(y, lambda g: g * y / ans),
)

log_expit = primitive(scipy.special.log_expit)
defvjp(log_expit, lambda ans, x: lambda g: g * asp.expit(-x))

ndtr = primitive(scipy.special.ndtr)
defvjp(ndtr, lambda ans, x: lambda g: g * _INVERSE_SQRT_2PI * anp.exp(-(x**2) / 2))

log_ndtr = primitive(scipy.special.log_ndtr)
defvjp(log_ndtr, lambda ans, x: lambda g: g * _INVERSE_SQRT_2PI * anp.exp(-(x**2) / 2 - ans))

xlogy = primitive(scipy.special.xlogy)
defvjp(
    xlogy,
    lambda ans, x, y: unbroadcast_f(x, lambda g: g * anp.log(y)),
    lambda ans, x, y: unbroadcast_f(y, lambda g: g * x / y),
)

broadcast_to = primitive(np.broadcast_to)
defvjp(broadcast_to, lambda ans, x, shape: unbroadcast_f(x, lambda g: g))


@primitive
def setitem(x: Any, value: Any, index: Any) -> np.ndarray:
    """Return x with the entries of an index replaced."""
    result = np.array(x)
    result[index] = value
    return result


def _survivors(shape: tuple[int, ...], index: Any) -> np.ndarray:
    """Say which of the written values are still there at the end: of several writes to one place the last one."""
    places = np.asarray(np.arange(math.prod(shape)).reshape(shape)[index])
    writer = np.empty(math.prod(shape), dtype=np.intp)
    writer[places.reshape(-1)] = np.arange(places.size)
    return (writer[places.reshape(-1)] == np.arange(places.size)).reshape(places.shape)


def _pull_to_x_of_setitem(ans: Any, x: Any, value: Any, index: Any) -> Pullback:
    return lambda g: setitem(g, 0.0, index)


def _pull_to_value_of_setitem(ans: Any, x: Any, value: Any, index: Any) -> Pullback:
    survivors = _survivors(np.shape(ans), index)
    return unbroadcast_f(value, lambda g: g[index] if survivors.all() else g[index] * survivors)


defvjp(setitem, _pull_to_x_of_setitem, _pull_to_value_of_setitem)


@primitive
def add_at(x: Any, value: Any, index: Any) -> np.ndarray:
    """Return x with values added at the entries of an index, repeated ones repeatedly."""
    result = np.array(x)
    np.add.at(result, index, value)
    return result


defvjp(
    add_at,
    lambda ans, x, value, index: lambda g: g,
    lambda ans, x, value, index: unbroadcast_f(value, lambda g: g[index]),
)


@primitive
def stack(axis: int, *arrays: Any) -> np.ndarray:
    """Return the arrays side by side. (The rule of anp.concatenate is quadratic in their number.)"""
    return np.stack(arrays, axis=axis)


def _pull_to_arrays_of_stack(argnums: Any, ans: Any, arguments: Any, keywords: Any) -> Pullback:
    axis, *arrays = arguments
    behind = (slice(None),) * axis
    numbers = [argnum - 1 for argnum in argnums]
    # A real array beside complex ones takes the real part.
    real = {i for i in numbers if np.iscomplexobj(ans) and not anp.iscomplexobj(arrays[i])}
    return lambda g: (anp.real(g[(*behind, i)]) if i in real else g[(*behind, i)] for i in numbers)


defvjp_argnums(stack, _pull_to_arrays_of_stack)


def prod(x: Any, axis: int, keepdims: bool) -> Any:
    """Multiply halves until one entry is left: autograd's own rule divides by the entries, which may be zero."""
    x = anp.moveaxis(x, axis, 0)
    while anp.shape(x)[0] > 1:
        length = anp.shape(x)[0]
        half = length // 2
        product = x[:half] * x[half : 2 * half]
        x = anp.concatenate([product, x[2 * half :]]) if length % 2 else product
    if anp.shape(x)[0] == 0:
        x = np.ones((1, *anp.shape(x)[1:]))
    return anp.moveaxis(x, 0, axis) if keepdims else x[0]


def cumprod(x: Any, axis: int) -> Any:
    """Multiply by what stands 1, 2, 4, … places before: autograd has no rule at all."""
    x = anp.moveaxis(x, axis, 0)
    distance = 1
    while distance < anp.shape(x)[0]:
        x = anp.concatenate([x[:distance], x[distance:] * x[:-distance]])
        distance *= 2
    return anp.moveaxis(x, 0, axis)
