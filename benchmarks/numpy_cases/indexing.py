"""Subscripts, selection, sorting, searching, interpolation, iteration."""

from __future__ import annotations

from .inputs import expressions

CASES = expressions("""
    v[0] * v[-1] * v[1:3]
    v[::-1] * v
    v[::2]**2
    M(v)[1, ..., 0] * M(v)[:, 1]
    v[np.array([0, 0, 2])]**2
    v[[0, 3, 3]]**2
    v[MASK]**2
    v[v > .5]**2
    M(v)[np.ix_([0, 1], [0, 2])]**2
    M(v)[[0, 1], [2, 0]]**2
    v[np.int64(2)] * 2
    np.take(v, [0, 2, 2])**2
    np.take_along_axis(M(v), np.argsort(M(v), axis=1), axis=1) * m23
    np.where(v > .5, v**2, 3*v)
    np.where(v > .5, v, 0)
    np.where(c > 0, v, c)
    v[np.where(v > .5)]**2
    v[np.nonzero(v > .5)[0]]**2
    np.select([v < .3, v < .6], [v, v**2], default=1.)
    np.piecewise(v, [v < .4, v >= .4], [lambda q: q**2, lambda q: 2*q])
    np.clip(v, .3, .7) * v
    np.clip(v, None, .7) * v
    np.compress(c > 0, v)**2
    np.sort(v) * c
    np.sort(M(v), axis=0) * m23
    v * np.searchsorted(np.array([.3, .6]), v)
    v * np.digitize(v, [.3, .6])
    np.unique(v)**2
    np.interp(v, np.linspace(0, 1, 5), np.arange(5.)**2)
    np.interp(np.array([.1, .55]), np.linspace(0, 1, 6), v)
    np.apply_along_axis(lambda r: r.sum()**2, 1, M(v))
    sum(q**2 for q in v)
    sum(i * q * w for i, (q, w) in enumerate(zip(v, c)))
    (lambda a, b, *r: a*b + r[0])(*v)
    np.choose(np.array([0, 1]), [v[:2], v[2:4]])**2
    np.nan_to_num(v)**2
    np.round(v, 1) + np.around(v)
""")
