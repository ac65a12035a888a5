"""From products with seeds to the entries of the matrix: read off directly, or solved for by substitution."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from diffiface.errors import InputError
from diffiface.sparse.coloring.colored import ColoredPattern
from diffiface.sparse.coloring.compiled import compiled
from diffiface.sparse.coloring.graph import adjacency


class Decompression(Protocol):
    """The way from products to entries, in the order of the pattern.

    `by_columns[c, i]` is the sum of row i over the columns of color c, `by_rows[c, j]` the sum of column j over the
    rows of color c.
    """

    def __call__(self, by_columns: np.ndarray | None, by_rows: np.ndarray | None) -> np.ndarray: ...


def decompression_of(colored: ColoredPattern, by_substitution: bool) -> Decompression:
    """Return the way to a colored matrix; raise `InputError` if the colors do not allow it."""
    if by_substitution and colored.symmetric:
        return Substituted(colored)
    colored.check()
    if colored.columns is not None and colored.rows is not None:
        return ReadFromBoth(colored)
    return Read(colored)


class Read:
    """Every entry stands alone somewhere in the products with columns, or with rows."""

    def __init__(self, colored: ColoredPattern):
        pattern, (by_column, _) = colored.pattern, colored.readings
        i, j = pattern.rows.astype(np.intp), pattern.indices.astype(np.intp)
        # Where in the products (as one array, in C order) each entry stands.
        if colored.columns is None:
            assert colored.rows is not None
            self.places = colored.rows[i] * pattern.shape[1] + j
        elif colored.symmetric:
            mirrored = colored.columns[i] * pattern.shape[0] + j
            self.places = np.where(by_column, colored.columns[j] * pattern.shape[0] + i, mirrored)
        else:
            self.places = colored.columns[j] * pattern.shape[0] + i

    def __call__(self, by_columns: np.ndarray | None, by_rows: np.ndarray | None) -> np.ndarray:
        products = by_rows if by_columns is None else by_columns
        assert products is not None
        return products.reshape(-1).take(self.places)


class ReadFromBoth:
    """Every entry stands alone in the products with columns or in those with rows."""

    def __init__(self, colored: ColoredPattern):
        assert colored.columns is not None and colored.rows is not None
        pattern, (by_column, by_row) = colored.pattern, colored.readings
        i, j = pattern.rows.astype(np.intp), pattern.indices.astype(np.intp)
        self._entries = np.flatnonzero(by_column), np.flatnonzero(by_row & ~by_column)
        column_places, row_places = colored.columns[j] * pattern.shape[0] + i, colored.rows[i] * pattern.shape[1] + j
        self._places = column_places[self._entries[0]], row_places[self._entries[1]]
        self._count = pattern.nnz

    def __call__(self, by_columns: np.ndarray | None, by_rows: np.ndarray | None) -> np.ndarray:
        assert by_columns is not None and by_rows is not None
        values = np.empty(self._count, np.result_type(by_columns, by_rows))
        for entries, places, products in zip(self._entries, self._places, (by_columns, by_rows), strict=True):
            if len(entries):
                values[entries] = products.reshape(-1).take(places)
        return values


class Substituted:
    """Entries of a symmetric matrix from an acyclic coloring: from the leaves of the two-colored trees inwards.

    In the order in which entries become known, what is to be solved is a triangular system with ones on its diagonal:
    the product at a place is the sum of the entries that meet there, of which the last one is new.
    """

    def __init__(self, colored: ColoredPattern):
        from scipy.sparse import csc_array
        from scipy.sparse.linalg import splu

        pattern, colors = colored.pattern, colored.columns
        assert colors is not None
        graph = adjacency(pattern)
        edges, owners = graph.edges(), np.repeat(np.arange(graph.size), graph.degrees)
        # The places where edges meet: a row and a color. Each edge is met at two, one for each of its ends.
        keys, places = np.unique(
            owners.astype(np.int64) * colored.n_colors + colors[graph.neighbours], return_inverse=True
        )
        ends = np.full((2, len(edges) // 2), -1, np.int64)
        upper = owners < graph.neighbours
        ends[0, edges[upper]], ends[1, edges[~upper]] = places[upper], places[~upper]
        order, sources = _from_the_leaves(len(edges), ends, len(keys))
        if len(order) < len(edges) // 2:
            raise InputError(
                f"the colors close a cycle of two colors, so {len(edges) // 2 - len(order)} entries cannot be solved for",
                fix="leave colors= away, or give an acyclic coloring (or decompression='direct')",
            )
        # Row r of the system: all edges that meet at the place from which the r-th edge becomes known.
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        row_of_place = np.full(len(keys), -1, np.int64)
        row_of_place[sources] = np.arange(len(order))
        rows, columns = row_of_place[ends].reshape(-1), np.tile(rank, 2)
        there = rows >= 0
        system = csc_array((np.ones(int(there.sum())), (rows[there], columns[there])), shape=(len(order),) * 2)
        self._factors = splu(system, permc_spec="NATURAL", diag_pivot_thresh=0.0) if len(order) else None
        size, where = pattern.shape[0], keys[sources]
        self._sources = where % max(colored.n_colors, 1) * size + where // max(colored.n_colors, 1)
        i, j = pattern.rows.astype(np.intp), pattern.indices
        self._off_diagonal = np.flatnonzero(i != j)
        self._diagonal = np.flatnonzero(i == j)
        self._diagonal_places = colors[i[self._diagonal]] * size + i[self._diagonal]
        # The graph lists neighbours in the order of the pattern's entries without its diagonal.
        self._ranks = rank[edges]

    def __call__(self, by_columns: np.ndarray | None, by_rows: np.ndarray | None) -> np.ndarray:
        assert by_columns is not None
        products = by_columns.reshape(-1)
        values = np.empty(len(self._diagonal) + len(self._off_diagonal), products.dtype)
        values[self._diagonal] = products.take(self._diagonal_places)
        if self._factors is not None:
            known: Any = self._factors.solve(products.take(self._sources).astype(np.float64))
            values[self._off_diagonal] = known[self._ranks]
        return values


@compiled
def _from_the_leaves(ends, places):
    """Return the edges in the order in which they become known, and the place from which each does.

    `ends[0, e]` and `ends[1, e]` are the places where edge e is met. A place with one unknown edge makes it known.
    """
    count = ends.shape[1]
    unknown = np.zeros(places, np.int64)
    total = np.zeros(places, np.int64)  # the sum of the numbers of the unknown edges: of one, its number
    for e in range(count):
        for side in range(2):
            unknown[ends[side, e]] += 1
            total[ends[side, e]] += e
    waiting = np.empty(2 * count, np.int64)
    length = 0
    for place in range(places):
        if unknown[place] == 1:
            waiting[length] = place
            length += 1
    order = np.empty(count, np.int64)
    sources = np.empty(count, np.int64)
    found = 0
    done = 0
    while done < length:
        place = waiting[done]
        done += 1
        if unknown[place] != 1:
            continue
        e = total[place]
        order[found] = e
        sources[found] = place
        found += 1
        for side in range(2):
            end = ends[side, e]
            unknown[end] -= 1
            total[end] -= e
            if unknown[end] == 1:
                waiting[length] = end
                length += 1
    return order[:found], sources[:found]
