"""einsum of two arrays by matrix products: NumPy's own runs a plain loop, ten times slower, when there are batch indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

_LEAST_WORK = 2048
"""Multiplications in one matrix product from which on it is faster than a plain loop, all it takes included."""


@dataclass(frozen=True)
class _Plan:
    """How two arrays become stacks of matrices, and their product the result."""

    swapped: bool
    left_axes: tuple[int, ...]
    right_axes: tuple[int, ...]
    batch: int
    """How many axes, leading in both, are batch axes."""
    rows: int
    summed: int
    result_axes: tuple[int, ...]


def einsum(arrays: Sequence[Any], *, subscripts: str) -> Any:
    """Return what `np.einsum` returns, for the explicit subscripts that the primitive takes."""
    plan = _plan(subscripts) if len(arrays) == 2 else None
    if plan is None:
        return np.einsum(subscripts, *arrays)
    a, b = map(np.asarray, arrays)
    if a.dtype.kind not in "fc" or b.dtype.kind not in "fc":
        return np.einsum(subscripts, a, b)
    left, right = (b, a) if plan.swapped else (a, b)
    left, right = left.transpose(plan.left_axes), right.transpose(plan.right_axes)
    first, last = plan.batch + plan.rows, plan.batch + plan.summed
    batch, rows, columns = left.shape[: plan.batch], left.shape[plan.batch : first], right.shape[last:]
    summed = left.shape[first:]
    if summed != right.shape[plan.batch : last] or batch != right.shape[: plan.batch]:
        return np.einsum(subscripts, a, b)  # (it broadcasts lengths of one, or says what does not fit)
    n, k, m = math.prod(rows), math.prod(summed), math.prod(columns)
    if n * k * m < _LEAST_WORK:
        return np.einsum(subscripts, a, b)
    product = np.matmul(left.reshape(*batch, n, k), right.reshape(*batch, k, m))
    return np.ascontiguousarray(product.reshape(*batch, *rows, *columns).transpose(plan.result_axes))


@lru_cache(maxsize=1024)
def _plan(subscripts: str) -> _Plan | None:
    """Return how to do it; None where nothing is summed over both arrays, or an index is repeated or alone."""
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    one, _, other = inputs.partition(",")
    if "." in subscripts or any(len(set(part)) != len(part) for part in (one, other, output)):
        return None
    shared = set(one) & set(other)
    if (set(one) ^ set(other)) - set(output) or not shared - set(output):
        return None
    # The result's last index should be the products' last, so that what is copied into C order is copied in runs.
    swapped = output[-1:] in set(one) - shared
    left, right = (other, one) if swapped else (one, other)
    batch = [i for i in output if i in shared]
    rows = [i for i in output if i in left and i not in shared]
    columns = [i for i in output if i in right and i not in shared]
    summed = [i for i in left if i in shared and i not in output]
    there = [*batch, *rows, *columns]
    return _Plan(
        swapped,
        tuple(map(left.index, [*batch, *rows, *summed])),
        tuple(map(right.index, [*batch, *summed, *columns])),
        len(batch),
        len(rows),
        len(summed),
        tuple(map(there.index, output)),
    )
