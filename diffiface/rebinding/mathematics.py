"""The functions of `math` and `cmath`, for traced values."""

from __future__ import annotations

import cmath
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array, Scalar, dress
from diffiface.rebinding.substitutes import find_dressed, substitute

_RENAMED = {
    "acos": "arccos", "asin": "arcsin", "atan": "arctan", "atan2": "arctan2", "acosh": "arccosh", "asinh": "arcsinh",
    "atanh": "arctanh", "pow": "power",
}  # fmt: skip
_SAME = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh degrees exp exp2 expm1 fabs floor fmod isfinite "
    "isinf isnan log10 log1p log2 modf pow radians sin sinh sqrt tan tanh trunc"
).split()


def _for_traced(function: Callable[..., Any], traced: Callable[..., Any]) -> None:
    """Enter `traced` for calls with a dressed argument."""

    @functools.wraps(function)
    def run(*args: Any, **keywords: Any) -> Any:
        for argument in args:
            kind = type(argument)
            if kind is Scalar or kind is Array:
                return traced(*map(_number, args), **keywords)
        return function(*args, **keywords)

    substitute(function, run)


def _number(value: Any) -> Any:
    """Refuse arrays as `math` does."""
    if type(value) is Array:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
    return value


def _primitive(name: str) -> Callable[[Any], Any]:
    def run(x: Scalar) -> Any:
        return dress(getattr(x._p, name)(x._read()), x._p)

    return run


for _name in _SAME:
    if hasattr(math, _name):
        _for_traced(getattr(math, _name), getattr(np, _RENAMED.get(_name, _name)))
for _name, _traced in {"erf": "erf", "erfc": "erfc", "lgamma": "gammaln"}.items():
    _for_traced(getattr(math, _name), _primitive(_traced))


def _log(x: Any, base: Any = None) -> Any:
    return np.log(x) if base is None else np.log(x) / np.log(base)


def _gamma(x: Any) -> Any:
    import scipy.special

    return scipy.special.gamma(x)


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> bool:
    return bool(a == b or abs(a - b) <= max(rel_tol * max(abs(a), abs(b)), abs_tol))


def _hypot(first: Any, *others: Any) -> Any:
    return functools.reduce(np.hypot, others, abs(first))


_for_traced(math.log, _log)
_for_traced(math.gamma, _gamma)
_for_traced(math.isclose, _isclose)
_for_traced(math.hypot, _hypot)
_for_traced(math.ldexp, lambda x, exponent: x * 2.0**exponent)
if hasattr(math, "fma"):  # Python 3.13
    _for_traced(getattr(math, "fma"), lambda x, y, z: x * y + z)  # noqa: B009


@substitute(math.fsum)
@functools.wraps(math.fsum)
def fsum(seq: Any) -> Any:
    """`math.fsum`: the plain sum, if one is traced."""
    items = [*seq]
    return math.fsum(items) if find_dressed(items) is None else sum(items)


@substitute(math.prod)
@functools.wraps(math.prod)
def prod(iterable: Any, *, start: Any = 1) -> Any:
    """`math.prod`."""
    return functools.reduce(lambda a, b: a * b, iterable, start)


@substitute(math.dist)
@functools.wraps(math.dist)
def dist(p: Any, q: Any) -> Any:
    """`math.dist`."""
    if find_dressed((p, q)) is None:
        return math.dist(p, q)
    return np.sqrt(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)))


def _sumprod(p: Any, q: Any) -> Any:
    items, others = [*p], [*q]
    if find_dressed((items, others)) is None:
        return getattr(math, "sumprod")(items, others)  # noqa: B009
    return sum(a * b for a, b in zip(items, others, strict=True))


if hasattr(math, "sumprod"):  # Python 3.12
    substitute(getattr(math, "sumprod"), _sumprod)  # noqa: B009


# ---- cmath: always complex


def _complex(ufunc: np.ufunc) -> Callable[[Any], Any]:
    return lambda z: ufunc(z + 0j)


for _name in "acos acosh asin asinh atan atanh cos cosh exp log10 sin sinh sqrt tan tanh".split():
    _for_traced(getattr(cmath, _name), _complex(getattr(np, _RENAMED.get(_name, _name))))
_for_traced(cmath.log, lambda z, base=None: _log(z + 0j, None if base is None else base + 0j))
_for_traced(cmath.phase, lambda z: np.angle(z))
_for_traced(cmath.polar, lambda z: (np.abs(z), np.angle(z)))
_for_traced(cmath.rect, lambda r, phi: r * np.exp(1j * phi))
for _name in ("isfinite", "isinf", "isnan"):
    _for_traced(getattr(cmath, _name), getattr(np, _name))
