"""Colorings: right by definition, checked by a checker that knows nothing of how they were made; and few."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffiface as di
from diffiface.sparse import ColoredPattern, Coloring, SparsityPattern
from diffiface.sparse.coloring import acyclic, columns, orders, star
from diffiface.sparse.coloring.graph import adjacency, conflicts
from diffiface.sparse.coloring.orders import ORDERS, order_of
from diffiface.sparse.decompression import decompression_of
from tests.sparse.patterns import arrowhead, band, grid

# ---- the definitions, in the plainest way


def is_column_coloring(matrix: np.ndarray, colors: np.ndarray) -> bool:
    """No two columns of one color have an entry in the same row."""
    return all(len(set(colors[row])) == row.sum() for row in matrix.astype(bool))


def is_proper(matrix: np.ndarray, colors: np.ndarray) -> bool:
    return all(i == j or colors[i] != colors[j] for i, j in np.argwhere(matrix))


def is_star_coloring(matrix: np.ndarray, colors: np.ndarray) -> bool:
    """No path of four vertices has two colors only."""
    edges = [(int(i), int(j)) for i, j in np.argwhere(matrix) if i != j]
    near = {v: {j for i, j in edges if i == v} for v in range(len(matrix))}
    paths = ((a, b, c, d) for b, c in edges for a in near[b] - {c} for d in near[c] - {b, a})
    return is_proper(matrix, colors) and all(len({colors[v] for v in path}) > 2 for path in paths)


def is_acyclic_coloring(matrix: np.ndarray, colors: np.ndarray) -> bool:
    """The edges between any two colors form a forest: as many as vertices less the trees."""
    for pair in itertools.combinations(set(colors.tolist()), 2):
        members = np.flatnonzero(np.isin(colors, pair))
        edges = [(int(i), int(j)) for i, j in np.argwhere(matrix) if i < j and i in members and j in members]
        root = {int(v): int(v) for v in members}

        def find(v: int, root: dict[int, int] = root) -> int:
            while root[v] != v:
                v = root[v]
            return v

        for i, j in edges:
            if find(i) == find(j):
                return False
            root[find(i)] = find(j)
    return is_proper(matrix, colors)


def test_the_checkers_see_what_is_wrong() -> None:
    path = band(4, 1).matrix().toarray()
    assert is_star_coloring(path, np.array([0, 1, 2, 0])) and not is_star_coloring(path, np.array([0, 1, 0, 1]))
    assert is_acyclic_coloring(path, np.array([0, 1, 0, 1])) and not is_acyclic_coloring(path, np.array([0, 0, 1, 0]))
    square = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]])
    assert not is_acyclic_coloring(square, np.array([0, 1, 0, 1])) and is_acyclic_coloring(
        square, np.array([0, 1, 2, 1])
    )
    assert is_column_coloring(np.array([[1, 1, 0], [0, 0, 1]]), np.array([0, 1, 0]))
    assert not is_column_coloring(np.array([[1, 1, 0], [0, 1, 1]]), np.array([0, 1, 1]))


@st.composite
def patterns(draw: st.DrawFn, square: bool = False) -> np.ndarray:
    rows = draw(st.integers(0, 9))
    columns = rows if square else draw(st.integers(0, 9))
    density = draw(st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0]))
    return np.random.default_rng(draw(st.integers(0, 999))).random((rows, columns)) < density


@settings(deadline=None, max_examples=60)
@given(patterns(), st.sampled_from([*ORDERS, "auto"]))
def test_columns_and_rows(matrix: np.ndarray, order: str) -> None:
    pattern = SparsityPattern.of(matrix, "known")
    assert is_column_coloring(matrix, Coloring(order).columns(pattern).colors)
    assert is_column_coloring(matrix.T, Coloring(order).rows(pattern).colors)


@settings(deadline=None, max_examples=60)
@given(patterns(square=True), st.sampled_from([*ORDERS, "auto"]))
def test_star_and_acyclic(matrix: np.ndarray, order: str) -> None:
    pattern = SparsityPattern.of(matrix | matrix.T, "known")
    symmetric = pattern.matrix().toarray()
    assert is_star_coloring(symmetric, Coloring(order, postprocess=False).symmetric(pattern).colors)
    colored = Coloring(order, decompression="substitution").symmetric(pattern)
    assert is_acyclic_coloring(symmetric, colored.colors)


def _decompressed(colored: ColoredPattern, values: np.ndarray, substitution: bool = False) -> np.ndarray:
    """Multiply a matrix with the seeds and get it back."""
    by_columns = None if colored.columns is None else colored.column_seeds(np.dtype(float)) @ values.T
    by_rows = None if colored.rows is None else colored.row_seeds(np.dtype(float)) @ values
    entries = decompression_of(colored, substitution)(by_columns, by_rows)
    return colored.pattern.matrix(entries).toarray()


@settings(deadline=None, max_examples=100)
@given(patterns(), st.sampled_from([*ORDERS, "auto"]))
def test_every_entry_comes_back(matrix: np.ndarray, order: str) -> None:
    values = matrix * np.random.default_rng(0).integers(1, 99, matrix.shape)
    pattern, coloring = SparsityPattern.of(matrix, "known"), Coloring(order)
    for colored in (coloring.columns(pattern), coloring.rows(pattern), coloring.both(pattern)):
        np.testing.assert_array_equal(_decompressed(colored, values), values)


@settings(deadline=None, max_examples=100)
@given(patterns(square=True), st.sampled_from([*ORDERS, "auto"]), st.booleans())
def test_every_entry_of_a_symmetric_matrix_comes_back(matrix: np.ndarray, order: str, postprocess: bool) -> None:
    values = matrix * np.random.default_rng(0).integers(1, 99, matrix.shape)
    values = values + values.T
    pattern = SparsityPattern.of(values, "known")
    direct = Coloring(order, postprocess=postprocess).symmetric(pattern)
    np.testing.assert_array_equal(_decompressed(direct, values), values)
    substituted = Coloring(order, decompression="substitution").symmetric(pattern)
    np.testing.assert_allclose(_decompressed(substituted, values, substitution=True), values, atol=1e-9)


# ---- how many


@pytest.mark.parametrize("half_bandwidth", [1, 2, 5])
def test_bands(half_bandwidth: int) -> None:
    """Coleman and Moré (1984): 2b + 1 directly, b + 1 by substitution."""
    pattern = band(100, half_bandwidth)
    assert Coloring().columns(pattern).n_colors == 2 * half_bandwidth + 1
    assert Coloring().symmetric(pattern).n_colors == 2 * half_bandwidth + 1
    assert Coloring(decompression="substitution").symmetric(pattern).n_colors == half_bandwidth + 1


def test_arrowheads() -> None:
    """A dense row and column cost one color each, whatever the size (a column coloring needs them all)."""
    pattern = arrowhead(50)
    assert Coloring().symmetric(pattern).n_colors == 2
    assert Coloring(decompression="substitution").symmetric(pattern).n_colors == 2
    assert Coloring().columns(pattern).n_colors == 50
    assert Coloring().both(pattern).n_colors == 3


def test_a_bidiagonal_matrix_with_a_dense_row_and_column() -> None:
    matrix = np.eye(60) + np.diag(np.ones(59), 1)
    matrix[0] = matrix[:, 0] = 1
    assert Coloring().both(SparsityPattern.of(matrix, "known")).n_colors <= 4


@pytest.mark.parametrize("size", [(12, 15), (32, 32), (30, 47)])
def test_five_point_grids(size: tuple[int, int]) -> None:
    """Five is least: the columns of a point and its four neighbours share a row."""
    pattern = grid(*size)
    assert Coloring().columns(pattern).n_colors == 5
    assert Coloring("natural").columns(pattern).n_colors > 5  # what a greedy algorithm finds
    assert Coloring().symmetric(pattern).n_colors <= 5


def test_a_periodic_grid_and_a_random_matrix() -> None:
    assert Coloring().columns(grid(32, 32, periodic=True)).n_colors == 8
    random = np.random.default_rng(1).random((60, 60)) < 0.05
    best = Coloring(ORDERS).columns(SparsityPattern.of(random, "known")).n_colors
    assert best <= min(Coloring(order).columns(SparsityPattern.of(random, "known")).n_colors for order in ORDERS)


def test_postprocessing_drops_what_nothing_is_read_from() -> None:
    matrix = arrowhead(30).matrix().toarray()
    np.fill_diagonal(matrix, False)  # without a diagonal, only the hub's color is read
    pattern = SparsityPattern.of(matrix, "known")
    assert Coloring(postprocess=False).symmetric(pattern).n_colors == 2
    colored = Coloring().symmetric(pattern)
    assert colored.n_colors == 1 and (colored.colors[1:] == -1).all()


# ---- orders


def test_orders_are_what_they_are_called() -> None:
    graph = adjacency(arrowhead(6))
    assert order_of(graph, "natural", 0).tolist() == [0, 1, 2, 3, 4, 5]
    assert order_of(graph, "largest_first", 0)[0] == 0
    assert order_of(graph, "smallest_last", 0)[:2].tolist().count(0) == 1
    assert order_of(graph, "random", 1).tolist() != order_of(graph, "random", 2).tolist()


@settings(deadline=None, max_examples=40)
@given(patterns(square=True))
def test_dynamic_orders(matrix: np.ndarray) -> None:
    """At every step the vertex is one of least (most) degree among those left (to those visited)."""
    graph = conflicts(SparsityPattern.of(matrix, "known"))
    near = [set(graph.neighbours[graph.starts[v] : graph.starts[v + 1]].tolist()) for v in range(graph.size)]
    last_first = order_of(graph, "smallest_last", 0)[::-1].tolist()
    left = set(range(graph.size))
    for v in last_first:
        assert len(near[v] & left) == min(len(near[w] & left) for w in left)
        left.remove(v)
    visited: set[int] = set()
    for v in order_of(graph, "incidence_degree", 0).tolist():
        others = set(range(graph.size)) - visited
        assert len(near[v] & visited) == max(len(near[w] & visited) for w in others)
        visited.add(v)


@pytest.mark.parametrize(
    ("module", "name"),
    [(columns, "_color_columns"), (star, "_color_star"), (acyclic, "_color_acyclic"), (orders, "_smallest_last")],
)
def test_machine_code_and_python_agree(module: object, name: str) -> None:
    pytest.importorskip("numba")
    pattern = SparsityPattern.of(np.random.default_rng(3).random((80, 80)) < 0.08, "known").symmetric()
    graph, order, transposed = adjacency(pattern), np.arange(80), pattern.transposed()
    arguments = {
        "_color_columns": (pattern.indptr, pattern.indices, transposed.indptr, transposed.indices, order),
        "_smallest_last": (graph.starts, graph.neighbours),
    }.get(name, (graph.starts, graph.neighbours, graph.edges(), order))
    loop = getattr(module, name)
    np.testing.assert_array_equal(loop.__wrapped__(*arguments), loop(10**9, *arguments))


# ---- given colors


def test_given_colors() -> None:
    pattern = band(6, 1)
    colored = Coloring(colors=(0, 1, 2, 0, 1, 2)).columns(pattern)
    colored.check()
    assert colored.n_colors == 3
    with pytest.raises(di.InputError, match=r"hide 2 entries .*\(1, 0\)"):
        decompression_of(Coloring(colors=(0, 1, 0, 2, 3, 4)).columns(pattern), False)
    with pytest.raises(di.InputError, match="has 2 numbers, but there are 6 columns"):
        Coloring(colors=(0, 1)).columns(pattern)
    with pytest.raises(di.InputError, match="close a cycle of two colors"):
        decompression_of(Coloring(colors=(0, 0, 1, 1)).symmetric(SparsityPattern.of(np.ones((4, 4)), "known")), True)


@pytest.mark.parametrize("options", [{"order": "best"}, {"decompression": "fast"}, {"order": ()}])
def test_unknown_options(options: dict[str, object]) -> None:
    with pytest.raises(di.InputError, match=r"not known|no order"):
        Coloring(**options)  # type: ignore[arg-type]
