"""The missing direction of a rule: a pushforward from a pullback and the reverse, both linear, by transposition.

The one that is given is run on values of our reverse engine, whose sweep is its transpose. Where it cannot be traced
(it runs on the host), it is run once for each unit vector instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.primitives import Primitives
from diffiface.tracing import tracing

Linear = Callable[[Primitives, Sequence[Any]], Sequence[Any]]
"""A linear map of lists of values: `linear(p, vectors)`, on the values of any trace."""


def transposed(p: Primitives, linear: Linear, domain: Sequence[Any], covectors: Sequence[Any]) -> list[Any]:
    """Apply the transpose of a linear map (for Re(conj(a) b)) to covectors; `domain` holds zeros like its arguments."""
    from diffiface import registry  # the front end, which imports this module

    def flat(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return tuple(linear(p, xs)), None

    batched = [p.reshape(c, shape=(1, *p.shape(c))) for c in covectors]
    with tracing(p):
        _, results, _ = registry.resolve("reverse").value_and_pullback(flat, list(domain), batched, ())
    return [p.getitem(result, index=0) for result in results]


def by_unit_vectors(
    p: Primitives,
    linear: Callable[[Sequence[Any]], Sequence[Any]],
    domain: Sequence[np.ndarray],
    covectors: Sequence[Any],
) -> list[Any]:
    """Apply the transpose of a linear map that can only be run: once for each unit vector."""
    results = []
    for place, zeros in enumerate(domain):
        entries = []
        for unit in _units(zeros):
            image = linear([unit if i == place else other for i, other in enumerate(domain)])
            entries.append(_paired(p, covectors, image))
        if zeros.dtype.kind == "c":  # the units of a complex number are 1 and i, the second half of the list
            half = len(entries) // 2
            entries = [p.add(a, p.multiply(1j, b)) for a, b in zip(entries[:half], entries[half:], strict=True)]
        flat = p.stack(entries, axis=0) if entries else np.zeros(0, zeros.dtype)
        results.append(p.reshape(flat, shape=zeros.shape))
    return results


def _units(zeros: np.ndarray) -> list[np.ndarray]:
    units = []
    for factor in (1, 1j) if zeros.dtype.kind == "c" else (1,):
        for place in range(zeros.size):
            unit = np.zeros(zeros.size, zeros.dtype)
            unit[place] = factor
            units.append(unit.reshape(zeros.shape))
    return units


def _paired(p: Primitives, covectors: Sequence[Any], vectors: Sequence[Any]) -> Any:
    """Return the sum of Re(conj(a) b)."""
    total: Any = 0.0
    for a, b in zip(covectors, vectors, strict=True):
        product = p.multiply(p.conjugate(a), b)
        if p.dtype(product).kind == "c":
            product = p.real(product)
        total = p.add(total, p.sum(product, axis=tuple(range(len(p.shape(product)))), keepdims=False))
    return total


def zeros_like(p: Primitives, raw: Any) -> np.ndarray:
    """Return zeros (a constant of any engine) for the tangent or cotangent of a value."""
    return np.zeros(p.shape(raw), float_of(p.dtype(raw)))


def float_of(dtype: Any) -> np.dtype:
    """Return the dtype of the derivatives of a value."""
    dtype = np.dtype(dtype)
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)
