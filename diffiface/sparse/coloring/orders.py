"""The orders in which a greedy coloring visits vertices.

Source: Gebremedhin, Manne, Pothen, "What color is your Jacobian?", SIAM Review 47 (2005), section 7; vertices sorted by
degree in one array, to be exchanged in constant time, as in Batagelj, Zaveršnik, "An O(m) algorithm for cores
decomposition of networks" (2003).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from diffiface.sparse.coloring.compiled import compiled
from diffiface.sparse.coloring.graph import Graph

Order = Literal["natural", "random", "largest_first", "smallest_last", "incidence_degree"]
ORDERS: tuple[Order, ...] = get_args(Order)


def order_of(graph: Graph, order: Order, seed: int) -> np.ndarray:
    """Return the vertices of a graph in an order."""
    steps = len(graph.neighbours)
    if order == "natural":
        return np.arange(graph.size)
    if order == "random":
        return np.random.default_rng(seed).permutation(graph.size)
    if order == "largest_first":
        return np.argsort(-graph.degrees, kind="stable")
    if order == "smallest_last":
        return _smallest_last(steps, graph.starts, graph.neighbours)
    return _incidence_degree(steps, graph.starts, graph.neighbours)


@compiled
def _smallest_last(starts, neighbours):
    """Take away a vertex of least degree, again and again; visit them the other way round."""
    size = len(starts) - 1
    degree = np.empty(size, np.int64)
    for v in range(size):
        degree[v] = starts[v + 1] - starts[v]
    # `vertices` is sorted by degree; those of degree d start at `first[d]`, and v stands at `place[v]`.
    largest = 0
    for v in range(size):
        largest = max(largest, degree[v])
    first = np.zeros(largest + 2, np.int64)
    for v in range(size):
        first[degree[v] + 1] += 1
    for d in range(largest + 1):
        first[d + 1] += first[d]
    vertices = np.empty(size, np.int64)
    place = np.empty(size, np.int64)
    filled = first.copy()
    for v in range(size):
        place[v] = filled[degree[v]]
        vertices[place[v]] = v
        filled[degree[v]] += 1
    for i in range(size):
        v = vertices[i]
        for w in neighbours[starts[v] : starts[v + 1]]:
            if place[w] > i:
                # w becomes the first of its degree among those left, and then the last of the degree below.
                front = max(first[degree[w]], i + 1)
                other = vertices[front]
                vertices[front], vertices[place[w]] = w, other
                place[other], place[w] = place[w], front
                first[degree[w]] = front + 1
                degree[w] -= 1
    return vertices[::-1].copy()


@compiled
def _incidence_degree(starts, neighbours):
    """Visit next the vertex with the most visited neighbours."""
    size = len(starts) - 1
    largest = 0
    for v in range(size):
        largest = max(largest, starts[v + 1] - starts[v])
    # The unvisited stand in `vertices[:end]`, sorted by their visited neighbours; those with up to d end at `last[d]`.
    count = np.zeros(size, np.int64)
    last = np.full(largest + 1, size, np.int64)
    vertices = np.arange(size)[::-1].copy()
    place = np.empty(size, np.int64)
    for i in range(size):
        place[vertices[i]] = i
    visited = np.zeros(size, np.bool_)
    order = np.empty(size, np.int64)
    end = size
    for i in range(size):
        end -= 1
        v = vertices[end]
        visited[v] = True
        order[i] = v
        for w in neighbours[starts[v] : starts[v + 1]]:
            if not visited[w]:
                back = min(last[count[w]], end) - 1
                other = vertices[back]
                vertices[back], vertices[place[w]] = w, other
                place[other], place[w] = place[w], back
                last[count[w]] = back
                count[w] += 1
    return order
