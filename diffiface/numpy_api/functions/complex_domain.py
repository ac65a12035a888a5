"""numpy.emath (numpy.lib.scimath): functions that become complex where the real ones would be NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.raw import inexact
from diffiface.numpy_api.table import UFUNCS, numpy_function
from diffiface.primitives import Primitives


def _complex_where(p: Primitives, x: Any, outside: Callable[[np.ndarray], Any], name: str) -> Any:
    """Return the argument as complex if any element lies outside of the domain of the real function."""
    x = inexact(p, x)
    if p.dtype(x).kind != "c" and np.any(outside(known(p, x, f"numpy.emath.{name}"))):
        return p.astype(x, dtype=np.result_type(p.dtype(x), np.complex64))
    return x


def _negative(x: np.ndarray) -> Any:
    return x < 0


def _beyond_one(x: np.ndarray) -> Any:
    return np.abs(x) > 1


for _name, _outside in {
    "sqrt": _negative,
    "log": _negative,
    "log2": _negative,
    "log10": _negative,
    "arctanh": _beyond_one,
}.items():

    def _translation(p: Primitives, x: Any, *, name: str = _name, outside: Any = _outside) -> Any:
        return UFUNCS[getattr(np, name)].translation(p, _complex_where(p, x, outside, name))

    numpy_function(getattr(np.emath, _name))(_translation)


def _beyond_the_cut(p: Primitives, x: Any, real_part: Callable[[Any], Any], sign: float) -> Any:
    """Return arcsin or arccos of real numbers of which some lie beyond 1, from real functions.

    The complex functions would do for the values, but there their arguments lie on a cut, of which the derivative's
    square root does not know the side.
    """
    size = p.absolute(x)
    beyond = p.greater(size, 1)
    imaginary = p.where(beyond, p.arccosh(p.where(beyond, size, 2.0)), 0.0)
    real = p.where(beyond, real_part(p.sign(x)), real_part(p.where(beyond, 0.0, x)))
    return p.add(real, p.multiply(imaginary, sign * 1j))


@numpy_function(np.emath.arccos)
def arccos(p: Primitives, x: Any) -> Any:
    if p.dtype(_complex_where(p, x, _beyond_one, "arccos")).kind != "c" or p.dtype(x).kind == "c":
        return p.arccos(inexact(p, x))
    return _beyond_the_cut(p, inexact(p, x), p.arccos, -1.0)


@numpy_function(np.emath.arcsin)
def arcsin(p: Primitives, x: Any) -> Any:
    if p.dtype(_complex_where(p, x, _beyond_one, "arcsin")).kind != "c" or p.dtype(x).kind == "c":
        return p.arcsin(inexact(p, x))
    return _beyond_the_cut(p, inexact(p, x), p.arcsin, 1.0)


@numpy_function(np.emath.logn, arrays=2)
def logn(p: Primitives, n: Any, x: Any) -> Any:
    x, n = _complex_where(p, x, _negative, "logn"), _complex_where(p, n, _negative, "logn")
    return p.divide(p.log(x), p.log(n))


@numpy_function(np.emath.power, arrays=2)
def power(p: Primitives, x: Any, p_: Any) -> Any:
    x, p_ = (np.asarray(v, np.float64) if isinstance(v, (int, float)) else v for v in (x, p_))
    return p.power(_complex_where(p, x, _negative, "power"), inexact(p, p_))
