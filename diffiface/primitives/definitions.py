"""The closed set of array primitives: the name, the signature and the NumPy meaning of each.

A primitive takes arrays first and static parameters (axes, shapes, indices, dtypes) as keywords.
Axes are non-negative, shapes are tuples: the dress (`diffiface.numpy_api`) has already settled every
default and convenience of the NumPy call it translates, so an engine implements one plain case.
The function in this table *is* the meaning: an engine's version must return the same numbers.

`derivative` says what differentiation does with it:
  "smooth"      has a derivative rule in every argument;
  "zero"        float in, float out, but piecewise constant (floor, sign): the derivative is zero;
  "none"        the result is boolean or integer: nothing to differentiate.
`samples` are argument tuples from which the generated tests are made; the arrays in them sit away
from kinks and ties.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Derivative = Literal["smooth", "zero", "none"]


@dataclass(frozen=True)
class Sample:
    """One call of a primitive: the arrays (or lists of arrays), then the static parameters."""

    arrays: tuple[Any, ...]
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Primitive:
    """A member of the closed set."""

    name: str
    definition: Callable[..., Any]
    kind: str
    derivative: Derivative
    samples: tuple[Sample, ...] = ()


PRIMITIVES: dict[str, Primitive] = {}


def define(
    name: str,
    definition: Callable[..., Any],
    kind: str,
    *samples: Sample,
    derivative: Derivative = "smooth",
) -> None:
    """Add one primitive to the table."""
    PRIMITIVES[name] = Primitive(name, definition, kind, derivative, samples)


def _sample(*arrays: Any, **parameters: Any) -> Sample:
    return Sample(arrays, parameters)


# Arrays for the samples: distinct entries, no zeros, inside (0, 1) or (0.2, 2) as the functions need.
_v = np.array([0.31, 0.72, 0.55, 0.18])
_w = np.array([0.83, 0.24, 0.41, 0.67])
_signed = np.array([-1.3, 0.4, 2.2, -0.6])
_m = np.array([[0.31, 0.72, 0.55], [0.18, 0.93, 0.44]])
_n = np.array([[0.52, 0.27, 0.81], [0.66, 0.39, 0.15]])
_t = np.linspace(0.1, 1.3, 12).reshape(2, 3, 2) ** 1.5
_square = np.array([[2.0, 0.3, -0.4], [0.1, 1.5, 0.2], [-0.3, 0.6, 1.8]])
_col = np.array([0.7, -0.2, 1.1])
_mask = np.array([True, False, True, False])


# ---- elementwise, one argument

for _name in (
    "negative absolute square sqrt cbrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan "
    "arcsin arccos arctan sinh cosh tanh arcsinh arctanh"
).split():
    define(_name, getattr(np, _name), "elementwise", _sample(_v), _sample(_m))
define("arccosh", np.arccosh, "elementwise", _sample(1 + _v))
define("conjugate", np.conjugate, "elementwise", _sample(_v))
define("real", np.real, "elementwise", _sample(_v))
define("imag", np.imag, "elementwise", _sample(_v + 1j * _w))
for _name in ("sign", "floor", "ceil", "trunc", "rint"):
    define(_name, getattr(np, _name), "elementwise", _sample(3 * _signed), derivative="zero")
for _name in ("isnan", "isinf", "isfinite", "logical_not"):
    define(_name, getattr(np, _name), "elementwise", _sample(_signed), derivative="none")
define("invert", np.invert, "elementwise", _sample(_mask), derivative="none")

# ---- elementwise, two arguments (broadcasting)

for _name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "arctan2", "hypot", "logaddexp"):
    define(
        _name,
        getattr(np, _name),
        "elementwise",
        _sample(_v, _w),
        _sample(_m, _col),
        _sample(_m, 0.5),
        _sample(2.0, _v),
    )
define("power", np.power, "elementwise", _sample(_v, _w), _sample(_m, _col), _sample(_v, 3), _sample(2.0, _v))
define("remainder", np.remainder, "elementwise", _sample(_v, 0.25 + 0 * _v), _sample(_m, _col))
define("floor_divide", np.floor_divide, "elementwise", _sample(_v, 0.25), derivative="zero")
for _name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    define(_name, getattr(np, _name), "elementwise", _sample(_v, _w), _sample(_m, 0.5), derivative="none")
for _name in ("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"):
    define(_name, getattr(np, _name), "elementwise", _sample(_mask, ~_mask), derivative="none")

# ---- selection and conversion


def where(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)


def astype(x: Any, *, dtype: np.dtype) -> Any:
    return np.asarray(x).astype(dtype)


define("where", where, "selection", _sample(_mask, _v, _w), _sample(_m > 0.5, _m, 1.0), _sample(_mask, 0.0, _v))
define("astype", astype, "selection", _sample(_v, dtype=np.dtype("float64")))

# ---- reductions: `axis` is a tuple of axes (possibly all of them), never None


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def definition(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return function(x, axis=axis, keepdims=keepdims)

    definition.__name__ = function.__name__
    return definition


_reduction_samples = (
    _sample(_v, axis=(0,), keepdims=False),
    _sample(_t, axis=(0, 1, 2), keepdims=False),
    _sample(_t, axis=(1,), keepdims=True),
    _sample(_t, axis=(0, 2), keepdims=False),
)
for _name in ("sum", "max", "min"):
    define(_name, _reduction(getattr(np, _name)), "reduction", *_reduction_samples)
for _name in ("any", "all"):
    define(
        _name,
        _reduction(getattr(np, _name)),
        "reduction",
        _sample(_m > 0.5, axis=(0,), keepdims=False),
        derivative="none",
    )


def prod(x: Any, *, axis: int, keepdims: bool) -> Any:
    return np.prod(x, axis=axis, keepdims=keepdims)


define("prod", prod, "reduction", _sample(_v, axis=0, keepdims=False), _sample(_t, axis=1, keepdims=True))


def cumsum(x: Any, *, axis: int) -> Any:
    return np.cumsum(x, axis=axis)


def cumprod(x: Any, *, axis: int) -> Any:
    return np.cumprod(x, axis=axis)


def argmax(x: Any, *, axis: int) -> Any:
    return np.argmax(x, axis=axis)


def argmin(x: Any, *, axis: int) -> Any:
    return np.argmin(x, axis=axis)


def argsort(x: Any, *, axis: int) -> Any:
    return np.argsort(x, axis=axis, kind="stable")


def searchsorted(a: Any, v: Any, *, side: Literal["left", "right"]) -> Any:
    return np.searchsorted(a, v, side=side)


define("cumsum", cumsum, "reduction", _sample(_v, axis=0), _sample(_t, axis=1))
define("cumprod", cumprod, "reduction", _sample(_v, axis=0), _sample(_t, axis=1))
define("argmax", argmax, "reduction", _sample(_m, axis=1), derivative="none")
define("argmin", argmin, "reduction", _sample(_m, axis=0), derivative="none")
define("argsort", argsort, "sorting", _sample(_m, axis=1), derivative="none")
define("searchsorted", searchsorted, "sorting", _sample(np.sort(_v), _w, side="left"), derivative="none")

# ---- shape


def reshape(x: Any, *, shape: tuple[int, ...]) -> Any:
    return np.reshape(x, shape)


def transpose(x: Any, *, axes: tuple[int, ...]) -> Any:
    return np.transpose(x, axes)


def broadcast_to(x: Any, *, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(x, shape)


def concatenate(arrays: list[Any], *, axis: int) -> Any:
    return np.concatenate(arrays, axis=axis)


def stack(arrays: list[Any], *, axis: int) -> Any:
    return np.stack(arrays, axis=axis)


define("reshape", reshape, "shape", _sample(_m, shape=(3, 2)), _sample(_v, shape=(2, 1, 2)))
define("transpose", transpose, "shape", _sample(_t, axes=(2, 0, 1)))
define("broadcast_to", broadcast_to, "shape", _sample(_col, shape=(2, 3)), _sample(_m[:, :1], shape=(4, 2, 3)))
define("concatenate", concatenate, "shape", _sample([_m, _n, _m[:1]], axis=0), _sample([_m, _n[:, :2]], axis=1))
define("stack", stack, "shape", _sample([_v, _w], axis=0), _sample([_m, _n], axis=1))

# ---- indexing: `index` is what NumPy accepts between brackets; writes return a new array


def getitem(x: Any, *, index: Any) -> Any:
    return np.asarray(x)[index]


def setitem(x: Any, value: Any, *, index: Any) -> Any:
    result = np.array(x)
    result[index] = value
    return result


def add_at(x: Any, value: Any, *, index: Any) -> Any:
    result = np.array(x)
    np.add.at(result, index, value)
    return result


_indices = (
    (_m, 1),
    (_m, (slice(None), slice(0, 2))),
    (_v, slice(None, None, -1)),
    (_t, (slice(None), None, 1, slice(1, None, -1))),
    (_t, (Ellipsis, 0)),
    (_v, np.array([0, 2, 2])),
    (_m, (np.array([0, 1, 1]), np.array([2, 0, 0]))),
    (_t, (np.array([0, 1]), slice(None), np.array([1, 0]))),
    (_v, _mask),
)
define("getitem", getitem, "indexing", *(_sample(_array, index=_index) for _array, _index in _indices))
define(
    "setitem",
    setitem,
    "indexing",
    _sample(_m, _col, index=1),
    _sample(_m, 2.0, index=(slice(None), 1)),
    _sample(_v, _w[:2], index=slice(0, 4, 2)),
    _sample(_v, _w, index=slice(None, None, -1)),
    _sample(_v, _w[:2], index=np.array([3, 1])),
    _sample(_v, _w[:2], index=_mask),
)
define(
    "add_at",
    add_at,
    "indexing",
    _sample(_v, _w[:3], index=np.array([0, 2, 2])),
    _sample(_m, 0.5, index=(np.array([0, 1, 1]), np.array([2, 0, 0]))),
)

# ---- contraction


def einsum(arrays: list[Any], *, subscripts: str) -> Any:
    """Explicit form only; no index repeated within one operand; every index in the output or in two operands."""
    return np.einsum(subscripts, *arrays)


define(
    "matmul",
    np.matmul,
    "contraction",
    _sample(_m, _n.T),
    _sample(_m, _col),
    _sample(_col, _m.T),
    _sample(_v, _w),
    _sample(_t, _m),
    _sample(_square, _t.reshape(2, 3, 2)),
)
define(
    "einsum",
    einsum,
    "contraction",
    _sample([_m, _n], subscripts="ij,kj->ik"),
    _sample([_v, _w], subscripts="i,j->ij"),
    _sample([_col, _m, _n], subscripts="j,ij,kj->ki"),
)
