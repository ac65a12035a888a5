"""Regular grids: colors by a linear form of the grid coordinates, modulo the number of colors.

A variable numbered `j` on a grid of strides 1, s, t, ... has the coordinates `j % s`, `j // s % (t // s)`, ... Where all
columns that share a row differ by few vectors v of coordinates, the colors `(a . coordinates) % p` are right if
`a . v % p` is never 0. The least such p is the best a greedy algorithm can hope for (5 on a five-point grid, where it
finds 7), and where the pattern is no grid the search ends soon.

The vectors are collected as they are needed: from a few rows first, then from rows in which a candidate fails.
"""

from __future__ import annotations

import itertools

import numpy as np

from diffiface.sparse.coloring.colored import alone
from diffiface.sparse.pattern import SparsityPattern

_MOST_STRIDES = 4
_MOST_DIFFERENCES = 300
_FULLEST = 64
"""A row with more entries belongs to no stencil."""

_SAMPLE = 32
_MOST_FAILURES = 20


def color_lattice(pattern: SparsityPattern, least: int, most: int) -> np.ndarray | None:
    """Return colors of the columns, at least `least` and at most `most` of them, or None if no linear form is found."""
    counts = np.diff(pattern.indptr)
    if most < max(least, 1) or counts.max(initial=0) > _FULLEST:
        return None
    strides = _strides(pattern)
    coordinates = _coordinates(pattern.shape[1], strides)
    lines = pattern.rows
    differences = _differences(coordinates, pattern, np.unique(np.linspace(0, len(counts) - 1, _SAMPLE).astype(int)))
    failures = 0
    for count in range(max(least, 1), most + 1):
        factors = list(itertools.product(range(1, count), repeat=len(strides) - 1))
        forms = np.concatenate(
            [np.ones((len(factors), 1), int), np.array(factors, int).reshape(len(factors), -1)], axis=1
        )
        while True:
            forms = forms[(forms @ differences.T % count != 0).all(axis=1)]
            if not len(forms):
                break
            colors = coordinates @ forms[0] % count
            failed = np.unique(lines[~alone(lines, colors[pattern.indices], count)])
            if not failed.size:
                return np.unique(colors, return_inverse=True)[1]
            failures += 1
            more = _differences(coordinates, pattern, failed[:_SAMPLE])
            differences = _distinct(np.concatenate([differences, more]))
            if failures > _MOST_FAILURES or len(differences) > _MOST_DIFFERENCES:
                return None
    return None


def _strides(pattern: SparsityPattern) -> list[int]:
    """Return the strides of the grid: distances of entries from the diagonal that divide each other and the size."""
    present = np.bincount(np.abs(pattern.indices - pattern.rows), minlength=1)
    strides = [1]
    for distance in np.flatnonzero(present)[:_MOST_DIFFERENCES].tolist():
        if distance > strides[-1] and distance % strides[-1] == 0 and pattern.shape[1] % distance == 0:
            strides.append(distance)
    return strides[:_MOST_STRIDES]


def _coordinates(size: int, strides: list[int]) -> np.ndarray:
    """Return the coordinates of each variable, an array of shape `(size, len(strides))`."""
    numbers = np.arange(size)
    lengths = [b // a for a, b in itertools.pairwise(strides)]
    columns = [numbers // stride % length for stride, length in zip(strides, lengths, strict=False)]
    return np.stack([*columns, numbers // strides[-1]], axis=1)


def _differences(coordinates: np.ndarray, pattern: SparsityPattern, rows: np.ndarray) -> np.ndarray:
    """Return the vectors by which columns that share one of these rows differ."""
    counts, starts = np.diff(pattern.indptr)[rows], pattern.indptr[rows]
    pairs = counts.astype(np.int64) ** 2
    owners = np.repeat(np.arange(len(rows)), pairs)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    first, second = starts[owners] + within // counts[owners], starts[owners] + within % counts[owners]
    vectors = coordinates[pattern.indices[first]] - coordinates[pattern.indices[second]]
    return _distinct(vectors[vectors.any(axis=1)])


def _distinct(vectors: np.ndarray) -> np.ndarray:
    """Return each vector once (as `np.unique` along an axis does, which is slow)."""
    shifted = vectors - vectors.min(axis=0, initial=0)
    numbers = shifted @ np.cumprod([1, *(shifted.max(axis=0, initial=0) + 1)[:-1]])
    return vectors[np.unique(numbers, return_index=True)[1]]
