"""Acyclic coloring: no cycle has only two colors, so entries follow by substitution from the leaves of trees inwards.

Source: Gebremedhin, Tarafdar, Manne, Pothen, "New acyclic and star coloring algorithms with application to computing
Hessians", SIAM J. Sci. Comput. 29 (2007), algorithm 3.1.
"""

from __future__ import annotations

import numpy as np

from diffiface.sparse.coloring.compiled import compiled
from diffiface.sparse.coloring.graph import Graph


def color_acyclic(graph: Graph, order: np.ndarray) -> np.ndarray:
    """Return an acyclic coloring, visiting the vertices in the order given."""
    return _color_acyclic(graph.two_steps, graph.starts, graph.neighbours, graph.edges(), np.asarray(order, np.int64))


@compiled
def _color_acyclic(starts, neighbours, edges, order):
    size = len(starts) - 1
    colors = np.full(size, -1, np.int64)
    taken = np.full(size + 1, -1, np.int64)
    met_by = np.full(size + 1, -1, np.int64)
    met_edge = np.full(size + 1, -1, np.int64)
    # Trees of two colors are disjoint sets of edges; for each tree, the vertex that last visited it and by whom.
    parent = np.arange(len(neighbours) // 2)
    visited_by = np.full(len(neighbours) // 2, -1, np.int64)
    visited_through = np.full(len(neighbours) // 2, -1, np.int64)
    for v in order:
        for w in neighbours[starts[v] : starts[v + 1]]:
            if colors[w] >= 0:
                taken[colors[w]] = v
        for w in neighbours[starts[v] : starts[v + 1]]:
            if colors[w] < 0:
                continue
            for j in range(starts[w], starts[w + 1]):
                x = neighbours[j]
                if x == v or colors[x] < 0 or taken[colors[x]] == v:
                    continue
                tree = edges[j]
                while parent[tree] != tree:
                    parent[tree] = parent[parent[tree]]
                    tree = parent[tree]
                if visited_by[tree] != v:
                    visited_by[tree], visited_through[tree] = v, w
                elif visited_through[tree] != w:  # the tree reaches v from two sides: its color would close a cycle
                    taken[colors[x]] = v
        color = 0
        while taken[color] == v:
            color += 1
        colors[v] = color
        for k in range(starts[v], starts[v + 1]):
            w = neighbours[k]
            if colors[w] < 0:
                continue
            mine = edges[k]
            if met_by[colors[w]] != v:
                met_by[colors[w]], met_edge[colors[w]] = v, mine
            else:  # another neighbour of w's color: one tree with that edge
                other = met_edge[colors[w]]
                while parent[other] != other:
                    other = parent[other]
                parent[mine] = other
            for j in range(starts[w], starts[w + 1]):
                x = neighbours[j]
                if x != v and colors[x] == color:
                    other = edges[j]
                    while parent[other] != other:
                        parent[other] = parent[parent[other]]
                        other = parent[other]
                    root = mine
                    while parent[root] != root:
                        root = parent[root]
                    parent[other] = root
    return colors
