"""Sets of values: which elements are chosen is decided by the values, which must be known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.raw import axis_of, flat, take
from diffiface.numpy_api.table import available, numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.unique)
def unique(
    p: Primitives,
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    values = known(p, ar, "numpy.unique")
    _, first, *more = np.unique(values, True, return_inverse, return_counts, axis, equal_nan=equal_nan)
    result = take(p, flat(p, ar), 0, first) if axis is None else take(p, ar, axis_of(p, ar, axis), first)
    more = [first, *more] if return_index else more
    return (result, *more) if more else result


def _unique_all(function: Callable[..., Any], returned: tuple[bool, bool, bool]) -> None:
    # The result's class, a named tuple, has no public name.
    kind: Any = type(function(np.zeros(1)))

    @numpy_function(function)
    def unique_all(p: Primitives, x: Any, /) -> Any:
        result = unique(p, x, *returned, equal_nan=False)
        return result if kind is np.ndarray else kind(*result)


for _name, _returned in {
    "unique_all": (True, True, True),
    "unique_counts": (False, False, True),
    "unique_inverse": (False, True, False),
    "unique_values": (False, False, False),
}.items():
    for _function in available(np, _name):
        _unique_all(_function, _returned)


def _elements(p: Primitives, a: Any, places: np.ndarray) -> Any:
    return p.getitem(flat(p, a), index=places)


@numpy_function(np.intersect1d, arrays=2)
def intersect1d(p: Primitives, ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    values, others = (known(p, a, "numpy.intersect1d") for a in (ar1, ar2))
    _, first, second = np.intersect1d(values, others, assume_unique, return_indices=True)
    result = _elements(p, ar1, first)
    return (result, first, second) if return_indices else result


@numpy_function(np.union1d, arrays=2)
def union1d(p: Primitives, ar1: Any, ar2: Any) -> Any:
    return unique(p, p.concatenate([flat(p, array_in(a, p)) for a in (ar1, ar2)], axis=0))


@numpy_function(np.setdiff1d, arrays=2)
def setdiff1d(p: Primitives, ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    values, others = (known(p, a, "numpy.setdiff1d") for a in (ar1, ar2))
    candidates = np.arange(values.size) if assume_unique else np.unique(values, return_index=True)[1]
    return _elements(p, ar1, candidates[np.isin(values.ravel()[candidates], others, invert=True)])


@numpy_function(np.setxor1d, arrays=2)
def setxor1d(p: Primitives, ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    sets = [flat(p, a) if assume_unique else unique(p, a) for a in (ar1, ar2)]
    joined = p.concatenate(sets, axis=0)
    values = known(p, joined, "numpy.setxor1d")
    _, first, counts = np.unique(values, return_index=True, return_counts=True)
    return _elements(p, joined, first[counts == 1])
