"""Products of matrices that are small in one direction, computed inside kernels.

Over a short inner length a product is a few multiplications for each entry of the result: elementwise, as far as a
kernel is concerned. With a long inner length and few results it is that many sums over one loop. What is large both ways
is left to BLAS.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diffiface_native.compiled.index_map import FIXED, Map, Part, Place
from diffiface_native.recorded.graph import Value

_SHORT = 8
"""The longest inner length, and the most results, that a kernel computes."""


def _of_floats(value: Value) -> bool:
    """Say whether a value is the product of two Values that are vectors or matrices of float64."""
    return (
        value.operation == "matmul"
        and value.dtype == np.float64
        and all(type(a) is Value and a.dtype == np.float64 and a.sample.ndim <= 2 for a in value.arguments)
    )


def inner_length(value: Value) -> int:
    """Return over how many terms the entries of a product are sums."""
    return value.arguments[0].shape[-1]


def is_short(value: Value) -> bool:
    """Say whether a value is a product with few terms for each entry."""
    return _of_floats(value) and 1 <= inner_length(value) <= _SHORT and value.sample.size > 0


def is_narrow(value: Value) -> bool:
    """Say whether a value is a product with many terms and few entries."""
    return _of_floats(value) and inner_length(value) > _SHORT and 1 <= value.sample.size <= _SHORT


def terms(value: Value, map_: Map) -> list[tuple[Part, Part]]:
    """Return the factors of each term of a short product's entry."""
    return [_factors(value, map_, (FIXED, 0, j)) for j in range(inner_length(value))]


def entries(value: Value, inner: Place) -> Iterator[tuple[Map, tuple[Part, Part]]]:
    """Yield, for each entry of a narrow product, where it is in the result and the factors of its terms."""
    for index in np.ndindex(value.shape):
        map_ = tuple((FIXED, 0, i) for i in index)
        yield map_, _factors(value, map_, inner)


def _factors(value: Value, map_: Map, inner: Place) -> tuple[Part, Part]:
    a, b = value.arguments
    own = map_[:1] if a.sample.ndim == 2 else ()
    rest = map_[len(own) :]
    if inner_length(value) == 1:
        inner = (FIXED, 0, 0)
    return (a, (*own, inner)), (b, (inner, *rest))
