"""Ufuncs that take floating-point numbers apart or count their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.raw import cast, inexact, result_type
from diffiface.numpy_api.table import ufunc
from diffiface.primitives import Primitives


def _times_power_of_two(p: Primitives, x: Any, exponent: Any) -> Any:
    # In two steps, because 2**exponent may overflow or vanish where the product does not.
    half = np.asarray(exponent) // 2
    dtype = p.dtype(x)
    for part in (half, exponent - half):
        x = p.multiply(x, np.ldexp(np.ones((), dtype), part))
    return x


@ufunc(np.ldexp)
def ldexp(p: Primitives, x: Any, exponent: Any) -> Any:
    if p.dtype(exponent).kind not in "bi":
        raise TypeError("ufunc 'ldexp' not supported for the input types: the exponent must be an integer")
    return _times_power_of_two(p, inexact(p, x), known(p, exponent, "the exponent of numpy.ldexp"))


@ufunc(np.frexp)
def frexp(p: Primitives, x: Any) -> tuple[Any, Any]:
    x = inexact(p, x)
    _, exponent = np.frexp(known(p, x, "numpy.frexp"))
    return _times_power_of_two(p, x, -exponent), exponent


@ufunc(np.nextafter)
def nextafter(p: Primitives, a: Any, b: Any) -> Any:
    # A constant step away from a: the derivative is a's.
    a = inexact(p, a)
    a = cast(p, a, result_type(p, a, b))
    x, y = known(p, a, "numpy.nextafter"), known(p, b, "numpy.nextafter")
    return p.add(a, np.nextafter(x, y.astype(x.dtype)) - x)


@ufunc(np.spacing, kind="zero derivative")
def spacing(p: Primitives, x: Any) -> Any:
    return np.spacing(known(p, inexact(p, x), "numpy.spacing"))
