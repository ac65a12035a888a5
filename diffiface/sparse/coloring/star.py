"""Star coloring: every path of four vertices has at least three colors, so each entry can be read off directly.

Source: Gebremedhin, Tarafdar, Manne, Pothen, "New acyclic and star coloring algorithms with application to computing
Hessians", SIAM J. Sci. Comput. 29 (2007), algorithm 4.1.
"""

from __future__ import annotations

import numpy as np

from diffiface.sparse.coloring.compiled import compiled
from diffiface.sparse.coloring.graph import Graph


def color_star(graph: Graph, order: np.ndarray) -> np.ndarray:
    """Return a star coloring, visiting the vertices in the order given."""
    return _color_star(graph.two_steps, graph.starts, graph.neighbours, graph.edges(), np.asarray(order, np.int64))


@compiled
def _color_star(starts, neighbours, edges, order):
    size = len(starts) - 1
    colors = np.full(size, -1, np.int64)
    taken = np.full(size + 1, -1, np.int64)
    treated = np.full(size, -1, np.int64)
    # For each color: the vertex that last met it, its neighbour of that color, and their edge.
    met_by = np.full(size + 1, -1, np.int64)
    met = np.full(size + 1, -1, np.int64)
    met_edge = np.full(size + 1, -1, np.int64)
    # Edges of two colors that hang together are a star; its hub is -1 as long as it is a single edge.
    star = np.full(len(neighbours) // 2, -1, np.int64)
    hub = np.full(len(neighbours) // 2, -1, np.int64)
    stars = 0
    for v in order:
        for k in range(starts[v], starts[v + 1]):
            w = neighbours[k]
            color = colors[w]
            if color < 0:
                continue
            taken[color] = v
            if met_by[color] == v:  # two neighbours of one color: v must not get the color of their other neighbours
                other = met[color]
                if treated[other] != v:
                    for x in neighbours[starts[other] : starts[other + 1]]:
                        if x != v and colors[x] >= 0:
                            taken[colors[x]] = v
                    treated[other] = v
                for x in neighbours[starts[w] : starts[w + 1]]:
                    if x != v and colors[x] >= 0:
                        taken[colors[x]] = v
                treated[w] = v
            else:
                met_by[color], met[color], met_edge[color] = v, w, edges[k]
                for j in range(starts[w], starts[w + 1]):
                    x = neighbours[j]
                    if x != v and colors[x] >= 0 and hub[star[edges[j]]] == x:
                        taken[colors[x]] = v  # w is a leaf of x's star, which with v would be a path of four
        color = 0
        while taken[color] == v:
            color += 1
        colors[v] = color
        for k in range(starts[v], starts[v + 1]):
            w = neighbours[k]
            if colors[w] < 0:
                continue
            joined = -1
            for j in range(starts[w], starts[w + 1]):
                x = neighbours[j]
                if x != v and colors[x] == color:
                    joined = star[edges[j]]
                    hub[joined] = w
                    break
            if joined < 0:
                if met_by[colors[w]] == v and met[colors[w]] != w:
                    joined = star[met_edge[colors[w]]]
                    hub[joined] = v
                else:
                    joined = stars
                    stars += 1
            star[edges[k]] = joined
    return colors
