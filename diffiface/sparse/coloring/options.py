"""How a pattern is to be colored: options, and the choice between orders."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from diffiface.errors import InputError
from diffiface.sparse.coloring.acyclic import color_acyclic
from diffiface.sparse.coloring.colored import ColoredPattern
from diffiface.sparse.coloring.columns import color_columns
from diffiface.sparse.coloring.graph import Graph, adjacency, bipartite, conflicts
from diffiface.sparse.coloring.lattice import color_lattice
from diffiface.sparse.coloring.orders import ORDERS, Order, order_of
from diffiface.sparse.coloring.split import color_by_split
from diffiface.sparse.coloring.star import color_star
from diffiface.sparse.pattern import SparsityPattern

Decompression = Literal["direct", "substitution"]
_MOST_CONFLICTS = 50_000_000
"""So many pairs of columns may share a row for their graph to be made, which only orders by degree need."""

_FEW_ENTRIES = 200_000
"""Coloring a symmetric pattern of so many entries takes some milliseconds."""


@dataclass(frozen=True)
class Coloring:
    """How rows or columns are grouped.

    Args:
        order: in which the greedy algorithm visits them: "natural", "random", "largest_first", "smallest_last" or
            "incidence_degree"; a tuple of them for the one that needs the fewest colors; "auto" for "natural", and
            the others by degree only where that is not obviously good.
        decompression: of Hessians: "direct" reads each entry off (a star coloring), "substitution" solves for them
            (an acyclic coloring, with fewer colors and rounding errors that add up along the way).
        seed: of the order "random".
        postprocess: drop the colors from which no entry need be read.
        colors: the color of each column (a Jacobian's by pushforwards, a Hessian's) or row (by pullbacks), given.

    >>> import diffiface as di
    >>> di.sparse.Coloring("smallest_last", decompression="substitution")
    Coloring(order='smallest_last', decompression='substitution', seed=0, postprocess=True, colors=None)
    """

    order: Order | Literal["auto"] | tuple[Order, ...] = "auto"
    decompression: Decompression = "direct"
    seed: int = 0
    postprocess: bool = True
    colors: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for order in self.order if isinstance(self.order, tuple) else (self.order,):
            if order not in (*ORDERS, "auto"):
                raise InputError(f"order={order!r} is not known", fix=f"one of {', '.join(ORDERS)}, a tuple, or 'auto'")
        if self.order == ():
            raise InputError("order=() names no order", fix="give at least one, or 'auto'")
        if self.decompression not in get_args(Decompression):
            raise InputError(
                f"decompression={self.decompression!r} is not known", fix="it is 'direct' or 'substitution'"
            )
        if self.colors is not None:
            object.__setattr__(self, "colors", tuple(int(color) for color in self.colors))

    def columns(self, pattern: SparsityPattern) -> ColoredPattern:
        """Color the columns of a Jacobian, to be computed by pushforwards."""
        if self.colors is not None:
            return ColoredPattern(pattern, self._given(pattern.shape[1], "columns"))
        shared = functools.cache(lambda: conflicts(pattern))
        return ColoredPattern(pattern, self._fewest(pattern, lambda order: color_columns(pattern, order), shared))

    def rows(self, pattern: SparsityPattern) -> ColoredPattern:
        """Color the rows of a Jacobian, to be computed by pullbacks."""
        return ColoredPattern(pattern, None, self.columns(pattern.transposed()).columns)

    def symmetric(self, pattern: SparsityPattern) -> ColoredPattern:
        """Color the columns of a Hessian."""
        if self.colors is not None:
            return ColoredPattern(pattern, self._given(pattern.shape[0], "variables"), symmetric=True)
        graph = adjacency(pattern)
        color = color_star if self.decompression == "direct" else color_acyclic
        # (With its diagonal, columns that share no row are no neighbours either.) A symmetric matrix may need fewer
        # colors than its fullest row has entries: where it costs little, every order is tried.
        enough = 2 if pattern.nnz <= _FEW_ENTRIES else None
        colors = self._fewest(pattern.with_diagonal(), lambda order: color(graph, order), lambda: graph, enough)
        colored = ColoredPattern(pattern, colors, symmetric=True)
        return colored.pruned() if self.postprocess and self.decompression == "direct" else colored

    def both(self, pattern: SparsityPattern) -> ColoredPattern:
        """Color columns and rows of a Jacobian, each entry to be read from one of them.

        Tried are star colorings of the graph of columns and rows, of which only the needed colors are kept
        (Montoison, Dalle, Gebremedhin, "Revisiting sparse matrix coloring and bicoloring", 2025), and in "auto" also
        splits into the fullest rows, read by rows, and the rest, read by columns, the other way round, and no split.
        """
        if self.colors is not None:
            raise InputError("colors= names colors of columns or rows, but both are colored here", fix="leave it away")
        graph, columns = bipartite(pattern), pattern.shape[1]
        tried = self.order if isinstance(self.order, tuple) else ORDERS if self.order == "auto" else (self.order,)
        candidates = color_by_split(pattern) if self.order == "auto" else []
        for order in tried:
            colors = color_star(graph, order_of(graph, order, self.seed))
            colored = ColoredPattern(pattern, _renumbered(colors[:columns]), _renumbered(colors[columns:]))
            candidates.append(colored.pruned())
        if self.order == "auto":
            by_columns, by_rows = self.columns(pattern).columns, self.rows(pattern).rows
            assert by_columns is not None and by_rows is not None
            none = [np.full(count, -1) for count in pattern.shape]
            candidates += [ColoredPattern(pattern, by_columns, none[0]), ColoredPattern(pattern, none[1], by_rows)]
        return min(candidates, key=lambda colored: colored.n_colors)

    def _given(self, count: int, what: str) -> np.ndarray:
        colors = np.array(self.colors, np.int64)
        if colors.shape != (count,) or colors.min(initial=0) < -1:
            raise InputError(
                f"colors= has {colors.size} numbers, but there are {count} {what}",
                fix="give the color of each, counted from 0 (-1 for none)",
            )
        return colors

    def _fewest(
        self,
        pattern: SparsityPattern,
        color: Callable[[np.ndarray], np.ndarray],
        graph: Callable[[], Graph],
        enough: int | None = None,
    ) -> np.ndarray:
        """Color in one order after the other and keep the fewest colors.

        "auto" stops as soon as there are no more than `enough`: entries in the fullest row, if not said otherwise, as a
        coloring of columns cannot have fewer. Else it looks for a regular grid, and then tries the orders that need the
        graph of columns that share a row, if that is not too large.
        """
        if self.order != "auto":
            orders = self.order if isinstance(self.order, tuple) else (self.order,)
            return min((color(self._visits(order, pattern, graph)) for order in orders), key=_count)
        best = color(self._visits("natural", pattern, graph))
        counts = np.diff(pattern.indptr).astype(np.int64)
        fullest = int(counts.max(initial=0))
        if _count(best) <= (fullest if enough is None else enough):
            return best
        regular = color_lattice(pattern, fullest, _count(best) - 1)
        if regular is not None:
            return regular
        if (counts**2).sum() > _MOST_CONFLICTS:
            return best
        for order in ("largest_first", "smallest_last"):
            best = min(best, color(self._visits(order, pattern, graph)), key=_count)
        return best

    def _visits(self, order: Order, pattern: SparsityPattern, graph: Callable[[], Graph]) -> np.ndarray:
        no_edges = Graph(np.zeros(pattern.shape[1] + 1, np.int64), np.zeros(0, np.int64))
        return order_of(no_edges if order in ("natural", "random") else graph(), order, self.seed)


def _count(colors: np.ndarray) -> int:
    return int(colors.max(initial=-1)) + 1


def _renumbered(colors: np.ndarray) -> np.ndarray:
    return np.unique(colors, return_inverse=True)[1].reshape(colors.shape)
