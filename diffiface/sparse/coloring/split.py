"""Coloring rows and columns by a split: full rows are read by rows, all else by columns (and the other way round).

An arrowhead, or a band with a dense row and a dense column, needs a handful of products this way.
"""

from __future__ import annotations

import numpy as np

from diffiface.sparse.coloring.colored import ColoredPattern
from diffiface.sparse.coloring.columns import color_columns
from diffiface.sparse.pattern import SparsityPattern

_MOST_SPLITS = 8


def color_by_split(pattern: SparsityPattern) -> list[ColoredPattern]:
    """Return colorings of rows and columns, one for each split that was tried."""
    by_rows = [ColoredPattern(pattern, rest, full) for full, rest in _splits(pattern)]
    by_columns = [ColoredPattern(pattern, full, rest) for full, rest in _splits(pattern.transposed())]
    return by_rows + by_columns


def _splits(pattern: SparsityPattern) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of colors: of the rows that are full (-1 for others), of the columns for the other rows' entries."""
    counts = np.diff(pattern.indptr)
    levels = np.unique(counts)[::-1]
    return [_split(pattern, counts >= level) for level in levels[: min(_MOST_SPLITS, len(levels) - 1)]]


def _split(pattern: SparsityPattern, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    entry_is_full = full[pattern.rows]
    rows = np.flatnonzero(full)
    row_colors = np.full(pattern.shape[0], -1)
    chosen = SparsityPattern.of(pattern.matrix()[rows], pattern.origin).transposed()
    row_colors[rows] = color_columns(chosen, np.arange(chosen.shape[1]))
    rest = pattern.matrix()
    rest.data = ~entry_is_full
    rest.eliminate_zeros()
    remaining = SparsityPattern.of(rest, pattern.origin)
    column_colors = color_columns(remaining, np.arange(remaining.shape[1]))
    # A column without an entry in the other rows is in nobody's way, and nobody reads it.
    empty = np.bincount(remaining.indices, minlength=pattern.shape[1]) == 0
    column_colors[empty] = -1
    return row_colors, np.unique(column_colors, return_inverse=True)[1] - (1 if empty.any() else 0)
