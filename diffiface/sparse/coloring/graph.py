"""The graphs that are colored."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from diffiface.sparse.pattern import SparsityPattern


class Graph(NamedTuple):
    """An undirected graph without loops: the neighbours of v are `neighbours[starts[v] : starts[v + 1]]`."""

    starts: np.ndarray
    neighbours: np.ndarray

    @property
    def size(self) -> int:
        return len(self.starts) - 1

    @property
    def degrees(self) -> np.ndarray:
        return np.diff(self.starts)

    @property
    def two_steps(self) -> int:
        """How many walks of two steps there are: the time of a coloring that looks at neighbours' neighbours."""
        return int(self.degrees[self.neighbours].sum(dtype=np.int64))

    def edges(self) -> np.ndarray:
        """Return the number of its edge for each place in `neighbours`: v—w and w—v are the same edge."""
        from scipy.sparse import csr_array, triu

        count = len(self.neighbours)
        upper = triu(
            csr_array((np.ones(count, np.int64), self.neighbours, self.starts), shape=(self.size,) * 2), format="csr"
        )
        upper.data = np.arange(1, len(upper.data) + 1)
        both = (upper + upper.T).tocsr()
        both.sort_indices()
        return both.data - 1


def adjacency(pattern: SparsityPattern) -> Graph:
    """Return the graph of a symmetric pattern: variables are neighbours where the matrix has an entry."""
    rows = pattern.rows
    off_diagonal = rows != pattern.indices
    return _graph(rows[off_diagonal], pattern.indices[off_diagonal], pattern.shape[0])


def conflicts(pattern: SparsityPattern) -> Graph:
    """Return the graph of columns (without loops): neighbours have an entry in a common row."""
    from scipy.sparse import csr_array

    ones = np.ones(pattern.nnz, np.int8)
    matrix = csr_array((ones, pattern.indices, pattern.indptr), shape=pattern.shape)
    product = (matrix.T.tocsr() @ matrix).tocsr()
    graph = Graph(product.indptr, product.indices)
    owners = np.repeat(np.arange(graph.size), graph.degrees)
    apart = owners != graph.neighbours
    return _graph(owners[apart], graph.neighbours[apart], graph.size)


def bipartite(pattern: SparsityPattern) -> Graph:
    """Return the graph of columns (numbered first) and rows: a column and a row are neighbours at an entry."""
    rows, columns = pattern.rows.astype(np.int64) + pattern.shape[1], pattern.indices.astype(np.int64)
    return _graph(np.concatenate([columns, rows]), np.concatenate([rows, columns]), sum(pattern.shape))


def _graph(a: np.ndarray, b: np.ndarray, size: int) -> Graph:
    from scipy.sparse import coo_array

    matrix = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(size, size)).tocsr()
    matrix.sort_indices()
    return Graph(matrix.indptr, matrix.indices)
