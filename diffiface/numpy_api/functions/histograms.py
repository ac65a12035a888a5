"""Histograms: counts are piecewise constant; weights and the edges of the bins have derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.differences import diff
from diffiface.numpy_api.functions.raw import cast, flat, inexact
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.histogram_bin_edges)
def histogram_bin_edges(p: Primitives, a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    if not isinstance(bins, (int, str, np.integer)):
        return array_in(bins, p)
    values = known(p, a, "numpy.histogram_bin_edges")
    plain = np.histogram_bin_edges(values, bins, range)
    if range is not None or values.size == 0 or plain[0] != values.min() or plain[-1] != values.max():
        return plain  # they do not depend on the values
    a = inexact(p, flat(p, a))
    low, high = p.min(a, axis=(0,), keepdims=False), p.max(a, axis=(0,), keepdims=False)
    count = len(plain) - 1
    # NumPy's own numbers, and a change of the extremes shared out along the bins.
    shares = np.arange(count + 1) / count
    moved = p.add(p.multiply(1 - shares, low), p.multiply(shares, high))
    return p.astype(p.add(plain, p.subtract(moved, known(p, moved, "numpy.histogram"))), dtype=plain.dtype)


@numpy_function(np.histogram)
def histogram(
    p: Primitives, a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    edges = histogram_bin_edges(p, a, bins, range)
    values, borders = known(p, a, "numpy.histogram").ravel(), known(p, edges, "numpy.histogram")
    if weights is None:
        counts: Any = np.histogram(values, borders)[0]
    else:
        weights = array_in(weights, p)
        if tuple(p.shape(weights)) != tuple(p.shape(a)):
            raise ValueError("weights should have the same shape as a.")
        inside = np.flatnonzero((values >= borders[0]) & (values <= borders[-1]))
        # Every bin is half-open but the last.
        places = np.minimum(np.searchsorted(borders, values[inside], side="right") - 1, len(borders) - 2)
        held = p.getitem(flat(p, weights), index=inside)
        counts = p.add_at(np.zeros(len(borders) - 1, p.dtype(weights)), held, index=places)
    if density:
        total = p.sum(counts, axis=(0,), keepdims=False)
        counts = p.divide(p.divide(counts, cast(p, diff(p, edges), np.float64)), total)
    return counts, edges
