"""What the distributions share: arguments made floats, and choices whose untaken side has no derivative to spoil."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.array import dress
from diffiface.numpy_api.conversion import array_in, trace_of

FLOAT = np.dtype(np.float64)


def to_float(value: Any) -> Any:
    """Return an argument in double precision, in which SciPy's distributions compute whatever they are given."""
    p = trace_of(value)
    if p is None:
        return np.asarray(value, dtype=FLOAT)[()]
    dressed = dress(array_in(value, p), p)
    return dressed if dressed.dtype == FLOAT else dressed.astype(FLOAT)


def _known(mask: Any) -> bool:
    return isinstance(mask, (bool, np.bool_)) or type(mask) is np.ndarray


def always(mask: Any) -> bool:
    """Say whether a condition holds everywhere, as far as that is known (under jit it is not)."""
    return _known(mask) and bool(np.all(mask))


def never(mask: Any) -> bool:
    """Say whether a condition is known to hold nowhere."""
    return _known(mask) and not bool(np.any(mask))


def choose(mask: Any, value: Any, otherwise: Any) -> Any:
    """Return `np.where`, without an operation (but for the shape) where the condition holds everywhere."""
    if always(mask) and np.ndim(mask) <= np.ndim(value) and np.shape(mask) in ((), np.shape(value)):
        return value
    return np.where(mask, value, otherwise)


def piecewise(mask: Any, x: Any, inside: Any, outside: Any, point_inside: Any, point_outside: Any) -> Any:
    """Return `inside(x)` where the mask holds and `outside(x)` elsewhere.

    Each side is computed at a harmless point where the other is taken, so that what it is there (infinite, NaN)
    cannot reach the derivative.
    """
    if always(mask):
        return inside(x)
    if never(mask):
        return outside(x)
    return np.where(mask, inside(np.where(mask, x, point_inside)), outside(np.where(mask, point_outside, x)))
