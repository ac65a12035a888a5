"""Products of matrices, and einsums of two arrays, that are small but for one index: computed inside kernels.

Over a short inner length a product is a few multiplications for each entry of the result: elementwise, as far as a
kernel is concerned. With a long inner length and few results it is that many sums over one loop. Where one index is long
(the rows of the data, say) and the others are not, it is one nest of loops over all indices, folded into the result, and
is run in blocks of rows with what is computed before and after it (`rows`). What is large both ways is left to BLAS.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from string import ascii_uppercase
from typing import Any

import numpy as np

from diffiface_native.compiled.index_map import FIXED, START, Map, Part, Place
from diffiface_native.recorded.graph import Value

_SHORT = 8
"""The longest inner length, and the most results, of products whose terms are written out one by one."""

_SMALL = 48**3
"""How many terms a product may have in all to be computed in a kernel whatever its shape."""
_LEAST_ROWS = 48
"""How long one index must be for the others to be looped over inside blocks of it."""
_MOST_COLUMNS = 512
"""How long the other indices may be."""
_MOST_OF_ALL = 1 << 15
"""How many terms there may be for each row."""
_BLAS = 65
"""Of a plain matrix product, the lesser of the two other lengths from which on BLAS is faster."""


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


# ---- one long index


def _subscripts(value: Value) -> tuple[list[str], str] | None:
    """Return the index letters of the two operands and of the result; None for what is no such product."""
    if value.operation == "einsum":
        given, _, result = value.parameters["subscripts"].replace(" ", "").partition("->")
        operands = given.split(",")
        if len(operands) != 2 or "." in given or any(len(set(part)) != len(part) for part in (*operands, result)):
            return None
        return operands, result
    if value.operation != "matmul":
        return None
    a, b = (np.ndim(_sample(argument)) for argument in value.arguments)
    stack = ascii_uppercase[: max(a, b, 2) - 2]
    rows, columns = "i" * (a > 1), "k" * (b > 1)
    operands = [f"{stack[len(stack) - max(0, a - 2) :]}{rows}j", f"{stack[len(stack) - max(0, b - 2) :]}j{columns}"]
    return operands, f"{stack}{rows}{columns}"


def _lengths(value: Value, operands: list[str]) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for letters, argument in zip(operands, value.arguments, strict=True):
        for letter, n in zip(letters, np.shape(_sample(argument)), strict=True):
            lengths[letter] = max(n, lengths.get(letter, 1))
    return lengths


def _domain(value: Value) -> tuple[str, dict[str, int]]:
    """Return the letters of a product, those of the result first, and their lengths."""
    found = _subscripts(value)
    assert found is not None
    operands, result = found
    lengths = _lengths(value, operands)
    return result + "".join(letter for letter in lengths if letter not in result), lengths


def _lengths_of_product(value: Value) -> tuple[list[int], bool] | None:
    """Return the lengths of all indices, sorted, and whether no index is in both operands and the result.

    None for what is not a product of two arrays of float64, summed over indices that both of them have.
    """
    found = _subscripts(value)
    if found is None or value.dtype != np.float64 or value.sample.size == 0:
        return None
    if any(getattr(_sample(a), "dtype", None) != np.float64 for a in value.arguments):
        return None
    (one, other), result = found
    shared = set(one) & set(other)
    summed = (set(one) | set(other)) - set(result)
    if not summed or not summed <= shared:
        return None
    return sorted(_lengths(value, [one, other]).values()), not shared & set(result)


def is_of_rows(value: Value) -> bool:
    """Say whether a value is a product with one long index whose others are so short that BLAS gains nothing."""
    found = _lengths_of_product(value)
    if found is None:
        return False
    (*others, longest), plain = found
    if max(others, default=1) > _MOST_COLUMNS or not are_rows(longest, prod(others)):
        return False
    # Of three lengths the least two: a plain product of matrices is BLAS's where both are large enough.
    return not (plain and len(others) > 1 and others[-2] >= _BLAS)


def is_small(value: Value) -> bool:
    """Say whether a value is a product of so few terms that the call of NumPy takes longer than they do."""
    found = _lengths_of_product(value)
    return found is not None and 0 < prod(found[0]) <= _SMALL


def is_looped_over(value: Value) -> bool:
    """Say whether a value is a product that is computed, in kernels, by loops over all its indices."""
    return not is_narrow(value) and not is_short(value) and (is_of_rows(value) or is_small(value))


def are_rows(count: int, terms: int) -> bool:
    """Say whether so many rows, with so many terms each, are worth being run in blocks."""
    return count >= _LEAST_ROWS and 0 < terms <= _MOST_OF_ALL


def longest_index(value: Value) -> int:
    """Return the length of a product's longest index."""
    return max(extents(value))


def extents(value: Value) -> tuple[int, ...]:
    """Return the lengths of the loops over all indices of a product: those of the result first."""
    letters, lengths = _domain(value)
    return tuple(lengths[letter] for letter in letters)


def factors(value: Value, places: Map) -> tuple[Map, tuple[Part, Part]]:
    """Return where in the result the product of two factors is added, and the factors; `places` are of the loops."""
    letters, _ = _domain(value)
    place = dict(zip(letters, places, strict=True))
    found = _subscripts(value)
    assert found is not None
    a, b = (
        (argument, tuple(START if n == 1 else place[i] for i, n in zip(own, np.shape(_sample(argument)), strict=True)))
        for argument, own in zip(value.arguments, found[0], strict=True)
    )
    return tuple(place[letter] for letter in found[1]), (a, b)


def times_read(value: Value) -> list[int]:
    """Return how often each entry of the two operands of a product of rows is read."""
    size = prod(extents(value))
    return [size // max(1, np.size(_sample(argument))) for argument in value.arguments]


def _sample(argument: Any) -> Any:
    return argument.sample if type(argument) is Value else argument
