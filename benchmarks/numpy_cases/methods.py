"""Methods and attributes of arrays, operators, Python's own functions on arrays."""

from __future__ import annotations

import numpy as np

from .inputs import c, expressions, functions


def sort_in_place(v):
    """w.sort()."""
    w = v.copy()
    w.sort()
    return w * c


def fill(v):
    """w.fill(v[0])."""
    w = np.zeros_like(v)
    w.fill(v[0])
    return w


CASES = functions(sort_in_place, fill) | expressions("""
    v.sum() + v.mean() + v.prod()
    v.max() * v.min() + v[v.argmax()]
    v.std() + v.var(ddof=1)
    v.reshape(2, -1).T.ravel() * v.reshape((3, 2)).flatten()
    M(v).dot(v[:3]).sum() + v.cumsum()
    v.clip(.3, .7) * v + v.round(1)
    M(v).transpose(1, 0) @ M(v).swapaxes(0, 1).T
    v.take([0, 1]).repeat(2) * v[None, :4].squeeze()
    v.copy().astype(float)**2
    v[0].item()**2
    sum(q**2 for q in v.tolist())
    S(v).diagonal() * S(v).trace()
    v * v.size * v.shape[0] * v.ndim * len(v)
    v * (v > 2).any() + v * (v > 0).all()
    sum(q**2 for q in M(v).flat)
    -(+v) + abs(v) + v**2 - 2**v + 1/v + v/3 + v//.1 + v % .3 + 2 % v + (v > .5) * v
    abs(v) + round(v[0], 1) + divmod(v, .3)[1]
    max(v) * min(v) + sum(v) + sorted(v)[0]
    np.float64(2.) * v + np.float64(1.) - np.float64(3.) / v + np.float32(2) * v + np.int64(2) * v
    [1., 2., 3., 4., 5., 6.] * v + v * [1, 2, 3, 4, 5, 6]
    c * v + c - v + c / v + c**2 * v + (c > v) * v
    np.array(2.) * v + v ** np.array(2.)
""")
