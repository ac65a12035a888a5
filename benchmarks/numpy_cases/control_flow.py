"""Branches and loops on values, Python's numbers and `math`, random numbers, formatting, checks."""

from __future__ import annotations

import numpy as np

from .inputs import expressions, functions


def branch(v):
    """if v[0] > .6: the branch that is taken depends on the value."""
    if v[0] > 0.6:
        return v**2
    return v


def loop_until(v):
    """while s < 3: as many turns as the value asks for."""
    s = v[0]
    while s < 3.0:
        s = s + v[1]
    return s


def error_state(v):
    """with np.errstate(...): ...."""
    with np.errstate(all="ignore"):
        return np.log(v)


def formatted(v):
    """f'{v}'."""
    assert f"{v}"
    return v**2


CASES = functions(branch, loop_until, error_state, formatted) | expressions("""
    float(v[0]) * v
    math.exp(v[0]) * v[1]
    v * math.floor(v[0]) + math.ceil(v[1])
    (v if np.all(np.isfinite(v)) else None)**2
    sum(v[i]**2 for i in range(v.shape[0]))
    v**2 if isinstance(v, np.ndarray) else None
    v * (1 if np.ndim(v) else 2) * np.size(v) * np.shape(v)[0]
    v + 0 * np.random.default_rng(0).normal(size=v.shape)
    np.random.default_rng(0).normal(v) + v
    v * (1. if np.allclose(v, v) else 0.)
    v * (1. if np.array_equal(v, v) else 0.)
    np.abs(np.exp(1j * v) + 1)
""")
