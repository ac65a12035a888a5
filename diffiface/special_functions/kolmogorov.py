"""Derivatives of Kolmogorov's distribution of every order, by its alternating series. Loaded when first used."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

_TERMS = np.arange(1, 61)
_NEGLIGIBLE = 0.12
"""Below this x the distribution function differs from 1 by less than 1e-35, as do its derivatives from 0."""


def kolmogorov_derivative(order: int, x: Any) -> Any:
    """Return a derivative of `scipy.special.kolmogorov`, twice the sum of (-1)^(k-1) exp(-2 k^2 x^2)."""
    array = np.asarray(x, dtype=np.float64)
    scaled = np.sqrt(2.0) * _TERMS * np.maximum(array, _NEGLIGIBLE)[..., None]
    signs = -((-1.0) ** _TERMS) * (-np.sqrt(2.0) * _TERMS) ** order
    total = 2 * np.sum(signs * special.eval_hermite(order, scaled) * np.exp(-(scaled**2)), axis=-1)
    result = np.where(array > _NEGLIGIBLE, total, np.where(np.isnan(array), np.nan, 0.0))
    dtype = getattr(x, "dtype", np.dtype(float))
    return result.astype(dtype if dtype.kind == "f" else float)[()]
