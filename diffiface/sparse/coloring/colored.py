"""A colored pattern: which rows or columns share a color, and from where each entry is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diffiface.errors import InputError
from diffiface.sparse.pattern import SparsityPattern


@dataclass(frozen=True, eq=False)
class ColoredPattern:
    """Colors of the columns, of the rows, or of both; -1 for a row or column that no entry is read from.

    Args:
        pattern: what is colored.
        columns: the color of each column (None where columns are not colored), counted from 0.
        rows: the color of each row, counted from 0 for themselves.
        symmetric: whether the matrix is: an entry may then be read from its mirror image.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_hessian(lambda x: np.sum((x[1:] - x[:-1]) ** 4), di.Sparse("reverse"), np.ones(5))
    >>> prep.n_colors, prep.colors
    (3, array([0, 1, 0, 2, 0]))
    """

    pattern: SparsityPattern
    columns: np.ndarray | None
    rows: np.ndarray | None = None
    symmetric: bool = False

    @property
    def n_colors(self) -> int:
        """How many products with the matrix (or its transpose) are needed."""
        return _number(self.columns) + _number(self.rows)

    @property
    def colors(self) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The colors of what is colored: columns or rows, or `(columns, rows)`."""
        if self.columns is not None and self.rows is not None:
            return self.columns, self.rows
        return self.columns if self.columns is not None else self.rows  # type: ignore[return-value]

    def column_seeds(self, dtype: np.dtype) -> np.ndarray:
        """Return for each color the sum of the unit vectors of its columns: shape `(colors, columns)`."""
        return _seeds(self.columns, dtype)

    def row_seeds(self, dtype: np.dtype) -> np.ndarray:
        """Return for each color the sum of the unit vectors of its rows: shape `(colors, rows)`."""
        return _seeds(self.rows, dtype)

    @cached_property
    def readings(self) -> tuple[np.ndarray, np.ndarray]:
        """Say of each entry whether it can be read from its column's color, and from its row's (or mirror's).

        It can where it is the only entry of that color in its row (column): products then show it alone.
        """
        pattern, i, j = self.pattern, self.pattern.rows, self.pattern.indices
        by_column = np.zeros(pattern.nnz, bool) if self.columns is None else alone(i, self.columns[j], self.n_colors)
        if self.symmetric:
            assert self.columns is not None
            return by_column, alone(j, self.columns[i], self.n_colors)
        by_row = np.zeros(pattern.nnz, bool) if self.rows is None else alone(j, self.rows[i], self.n_colors)
        return by_column, by_row

    def check(self) -> None:
        """Raise `InputError` unless every entry can be read."""
        by_column, by_row = self.readings
        lost = np.flatnonzero(~(by_column | by_row))
        if lost.size:
            shown = [(int(self.pattern.rows[e]), int(self.pattern.indices[e])) for e in lost[:5]]
            raise InputError(
                f"the colors hide {lost.size} entries of the matrix behind others of their color, such as {shown}",
                fix="leave colors= away, or color so that each entry stands alone with its color in its row",
            )

    def pruned(self) -> ColoredPattern:
        """Return the coloring without the colors from which nothing need be read, the rest numbered anew."""
        if self.columns is None or (self.rows is None and not self.symmetric):
            return self  # one way to read each entry: every color is needed
        i, j = self.pattern.rows, self.pattern.indices
        if self.symmetric:
            used = _cover(self.columns[j], self.columns[i], *self.readings, self.n_colors)
            return ColoredPattern(self.pattern, _kept(self.columns, used), symmetric=True)
        assert self.rows is not None
        own = _number(self.columns)
        used = _cover(self.columns[j], self.rows[i] + own, *self.readings, self.n_colors)
        return ColoredPattern(self.pattern, _kept(self.columns, used[:own]), _kept(self.rows, used[own:]))


def _number(colors: np.ndarray | None) -> int:
    return 0 if colors is None else int(colors.max(initial=-1)) + 1


def _seeds(colors: np.ndarray | None, dtype: np.dtype) -> np.ndarray:
    assert colors is not None
    seeds = np.zeros((_number(colors), len(colors)), dtype)
    members = np.flatnonzero(colors >= 0)
    seeds[colors[members], members] = 1
    return seeds


def _kept(colors: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return the colors that are used, numbered anew, and -1 for all others."""
    number = np.append(np.where(used, np.cumsum(used) - 1, -1), -1)  # (a color of -1 stays one)
    return number[colors]


def alone(lines: np.ndarray, colors: np.ndarray, n_colors: int) -> np.ndarray:
    """Say of each entry, given its line and its color, whether no other one has both."""
    keys = lines.astype(np.int64) * (n_colors + 1) + colors + 1  # (a color may be -1)
    if keys.max(initial=0) < 16 * len(keys) + 1000:
        alone = np.bincount(keys, minlength=1)[keys] == 1
    else:
        _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        alone = counts[inverse] == 1
    return alone & (colors >= 0)


def _cover(
    first: np.ndarray, second: np.ndarray, first_works: np.ndarray, second_works: np.ndarray, n_colors: int
) -> np.ndarray:
    """Choose few colors such that each entry can be read from one: those without a choice, then the greediest.

    (Where a color does not work it may be -1, and is looked up in vain.)
    """
    used = np.zeros(n_colors + 1, bool)
    used[first[first_works & ~second_works]] = True
    used[second[second_works & ~first_works]] = True
    same = first_works & second_works & (first == second)
    used[first[same]] = True
    open_entries = np.flatnonzero(first_works & second_works & ~used[first] & ~used[second])
    # What is left is an entry's choice between two colors; the choices are few, however many entries have them.
    pairs = np.unique(np.stack([first[open_entries], second[open_entries]], axis=1), axis=0)
    while len(pairs):
        best = int(np.bincount(pairs.reshape(-1), minlength=n_colors).argmax())
        used[best] = True
        pairs = pairs[(pairs != best).all(axis=1)]
    return used[:n_colors]
