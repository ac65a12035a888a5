"""Evaluating f at many points, one after the other or by an executor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from itertools import islice

import numpy as np

from diffiface.adapter import RealFunction, evaluate_shifted

_POINTS_IN_FLIGHT = 256


def evaluations(
    function: RealFunction, points: Iterable[np.ndarray], executor: Executor | None, chunk_size: int | None
) -> Iterator[np.ndarray]:
    """Yield f's vector at each point; at most `chunk_size` points are with the executor at a time."""
    if executor is None:
        yield from map(function, points)
        return
    remaining = iter(points)
    while chunk := list(islice(remaining, chunk_size or _POINTS_IN_FLIGHT)):
        # A module-level function of f, a point and the contexts is all that a process pool has to pickle.
        # (Lists, since the executor of a Dask cluster takes no iterators.)
        leaves, continued, count = list(map(function.x_layout.split, chunk)), np.iscomplexobj(chunk[0]), len(chunk)
        fixed = [function.contexts] * count, [continued] * count
        for ys in executor.map(evaluate_shifted, [function.f] * count, leaves, *fixed):
            yield function.collect(ys, continued)
