"""Coloring columns so that no two of one color have an entry in the same row: distance-2 coloring, greedily.

Source: Curtis, Powell, Reid, "On the estimation of sparse Jacobian matrices" (1974); Coleman, Moré, "Estimation of
sparse Jacobian matrices and graph coloring problems" (1983).
"""

from __future__ import annotations

import numpy as np

from diffiface.sparse.coloring.compiled import compiled
from diffiface.sparse.pattern import SparsityPattern


def color_columns(pattern: SparsityPattern, order: np.ndarray) -> np.ndarray:
    """Return a color for each column, visiting the columns in the order given."""
    columns = pattern.shape[1]
    counts = np.diff(pattern.indptr)
    if columns == 0 or counts.max(initial=0) == columns:  # a full row: every column needs a color of its own
        return np.arange(columns)
    transposed = pattern.transposed()
    steps = int((counts.astype(np.int64) ** 2).sum())
    return _color_columns(
        steps, pattern.indptr, pattern.indices, transposed.indptr, transposed.indices, np.asarray(order, np.int64)
    )


@compiled
def _color_columns(row_starts, row_columns, column_starts, column_rows, order):
    columns = len(column_starts) - 1
    colors = np.full(columns, -1, np.int64)
    taken = np.full(columns + 1, -1, np.int64)
    for v in order:
        for row in column_rows[column_starts[v] : column_starts[v + 1]]:
            for w in row_columns[row_starts[row] : row_starts[row + 1]]:
                if colors[w] >= 0:
                    taken[colors[w]] = v
        color = 0
        while taken[color] == v:
            color += 1
        colors[v] = color
    return colors
