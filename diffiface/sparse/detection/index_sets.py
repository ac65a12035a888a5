"""Sets of variables, one for each entry of an array: on which entries of x it may depend.

Most arrays of most functions are unions of few *columns*: an array of the same shape that names one variable (or
none) for each entry. Slicing, rolling, stacking and the like only rearrange such columns, which NumPy does to arrays
of integers as it does to the numbers themselves. What depends on many variables at once (a sum, a product with a
matrix) is held as *rows*, a compressed list of variables for each entry. Both are atoms of a set of index sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from diffiface.errors import UnsupportedOperationError

NONE = np.int32(-1)
"""No variable."""

_MOST_ATOMS = 16
"""How many atoms a union may have before they are merged into one."""

_FEW = 8
"""How many entries a reduction may unite column by column rather than as rows."""

_MOST_PAIRS = 2**31 - 1


class Rows(NamedTuple):
    """The variables of entry i (counted in C order) are `indices[starts[i] : starts[i + 1]]`."""

    starts: np.ndarray
    indices: np.ndarray

    def take(self, entries: np.ndarray) -> Rows:
        """Return the rows of these entries; an entry of -1 has no variables."""
        present = np.maximum(entries, 0)
        counts = np.where(entries < 0, 0, np.diff(self.starts)[present] if len(self.starts) > 1 else 0)
        starts = starts_of(counts)
        shifts = np.repeat(self.starts[:-1][present] - starts[:-1], counts) if counts.any() else 0
        return Rows(starts, self.indices[np.arange(starts[-1]) + shifts])


Atom = np.ndarray | Rows


class IndexSets:
    """The sets of variables of an array's entries; `atoms` are computed when first asked for."""

    __slots__ = ("_atoms", "_make", "shape")

    def __init__(self, shape: tuple[int, ...], atoms: Iterable[Atom] | Callable[[], Iterable[Atom]]):
        self.shape = shape
        self._make = atoms if callable(atoms) else None
        self._atoms: tuple[Atom, ...] | None = None if callable(atoms) else tuple(atoms)

    @classmethod
    def of_variables(cls, shape: tuple[int, ...], first: int) -> IndexSets:
        """Return the sets of an array whose entries are themselves variables, numbered from `first`."""
        count = math.prod(shape)
        return cls(shape, [np.arange(first, first + count, dtype=np.int32).reshape(shape)])

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """What the sets are unions of: columns, which broadcast to `shape`, and rows."""
        if self._atoms is None:
            assert self._make is not None
            self._atoms, self._make = tuple(self._make()), None
        return self._atoms

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    # ---- unions

    @staticmethod
    def union(shape: tuple[int, ...], members: Sequence[IndexSets]) -> IndexSets:
        """Unite, entry by entry, the sets of arrays that broadcast to a shape."""
        if len(members) == 1 and members[0].shape == shape:
            return members[0]
        atoms: list[Atom] = []
        for member in members:
            for atom in member.broadcast(shape).atoms:
                if not any(_same(atom, known) for known in atoms):
                    atoms.append(atom)
        sets = IndexSets(shape, atoms)
        return sets if len(atoms) <= _MOST_ATOMS else IndexSets(shape, [sets.rows()])

    def broadcast(self, shape: tuple[int, ...]) -> IndexSets:
        """Return the sets of the array broadcast to a shape."""
        if shape == self.shape:
            return self
        return rearranged(lambda arrays: np.broadcast_to(arrays[0], shape), [self], shape)

    def reduce(self, axes: Sequence[int], shape: tuple[int, ...]) -> IndexSets:
        """Unite the sets along some axes; the result's shape may keep them with length 1 or not."""
        axes = tuple(axes)
        if not axes:
            return self

        def make() -> list[Atom]:
            lengths = [self.shape[a] for a in axes]
            columns = [atom for atom in self.atoms if not isinstance(atom, Rows)]
            if len(columns) == len(self.atoms) and math.prod(lengths) * len(columns) <= _FEW:
                front = [np.moveaxis(np.broadcast_to(c, self.shape), axes, range(len(axes))) for c in columns]
                return [np.asarray(c[place]).reshape(shape) for c in front for place in np.ndindex(*lengths)]
            kept = [1 if a in axes else n for a, n in enumerate(self.shape)]
            targets = np.arange(math.prod(kept), dtype=np.int32).reshape(kept)
            return [self._sent_to(np.broadcast_to(targets, self.shape), math.prod(shape))]

        return IndexSets(shape, make)

    def accumulate(self, axis: int) -> IndexSets:
        """Unite along an axis each entry's set with those of all entries before it."""
        length = self.shape[axis]

        def make() -> list[Atom]:
            entries, variables = self.pairs()
            inner = math.prod(self.shape[axis + 1 :])
            counts = length - entries // inner % length
            check_count(counts.sum(dtype=np.int64))
            starts = starts_of(counts)
            steps = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
            return [rows_of(np.repeat(entries, counts) + steps * inner, np.repeat(variables, counts), self.size)]

        return IndexSets(self.shape, make)

    def everywhere(self, shape: tuple[int, ...]) -> IndexSets:
        """Return the sets of an array each of whose entries depends on all entries of this one."""
        return self.reduce(range(len(self.shape)), ()).broadcast(shape)

    def masked(self, mask: np.ndarray) -> IndexSets:
        """Return the sets with those of some entries emptied (where the mask is False)."""
        return rearranged(lambda arrays: np.where(mask, arrays[0], NONE), [self], self.shape)

    def sent(self, targets: np.ndarray, shape: tuple[int, ...]) -> IndexSets:
        """Return the sets of an array to whose entry `targets[i]` entry i has been added."""
        return IndexSets(shape, lambda: [self._sent_to(targets, math.prod(shape))])

    def _sent_to(self, targets: np.ndarray, count: int) -> Rows:
        entries, variables = self.pairs()
        return rows_of(targets.reshape(-1)[entries], variables, count)

    # ---- all of it at once

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (entry, variable) for each dependence, unsorted and perhaps several times."""
        entries, variables = [], []
        for atom in self.atoms:
            if not isinstance(atom, Rows):
                flat = np.broadcast_to(atom, self.shape).reshape(-1)
                present = np.flatnonzero(flat >= 0)
                entries.append(present)
                variables.append(flat[present])
            else:
                entries.append(np.repeat(np.arange(self.size), np.diff(atom.starts)))
                variables.append(atom.indices)
        if not entries:
            return np.zeros(0, np.intp), np.zeros(0, np.int32)
        return np.concatenate(entries), np.concatenate(variables)

    def rows(self) -> Rows:
        """Return everything as rows, each sorted and without repetition."""
        return rows_of(*self.pairs(), self.size)


def rearranged(
    operation: Callable[[list[np.ndarray]], np.ndarray], operands: Sequence[IndexSets], shape: tuple[int, ...]
) -> IndexSets:
    """Return the sets of what an operation makes that only moves, repeats and drops entries.

    `operation` takes one array of integers for each operand and returns them moved, with -1 for what is none's.
    """
    columns = [[np.broadcast_to(a, o.shape) for a in o.atoms if not isinstance(a, Rows)] for o in operands]
    absent = [np.broadcast_to(NONE, o.shape) for o in operands]
    atoms: list[Atom] = []
    for k in range(max(map(len, columns), default=0)):
        atoms.append(np.asarray(operation([c[k] if k < len(c) else a for c, a in zip(columns, absent, strict=True)])))
    for i, operand in enumerate(operands):
        rows = [atom for atom in operand.atoms if isinstance(atom, Rows)]
        if rows:
            entries = np.arange(operand.size, dtype=np.int32).reshape(operand.shape)
            moved = np.asarray(operation([entries if j == i else a for j, a in enumerate(absent)])).reshape(-1)
            for atom in rows:
                check_count(np.diff(atom.starts)[moved[moved >= 0]].sum(dtype=np.int64))
                atoms.append(atom.take(moved))
    return IndexSets(shape, atoms)


def rows_of(entries: np.ndarray, variables: np.ndarray, count: int) -> Rows:
    """Return the rows, each sorted and without repetition, of a list of (entry, variable)."""
    from scipy.sparse import coo_array

    check_count(len(entries))
    width = int(variables.max(initial=-1)) + 1
    ones = np.ones(len(entries), np.int8)
    rows = coo_array((ones, (entries, variables)), shape=(count, max(width, 1))).tocsr()
    rows.sum_duplicates()
    return Rows(rows.indptr, rows.indices)


def starts_of(counts: np.ndarray) -> np.ndarray:
    """Return where each of consecutive groups of these lengths starts, and where the last one ends."""
    starts = np.zeros(len(counts) + 1, np.intp)
    np.cumsum(counts, out=starts[1:])
    return starts


def check_count(count: int) -> None:
    """Raise if a pattern has grown beyond what can be held: it is as good as dense."""
    if count > _MOST_PAIRS:
        raise UnsupportedOperationError(
            f"the function makes its values depend on each other in {count:.2g} pairs: the pattern is as good as dense",
            fix="use the dense operator, or give the pattern that you know: Sparse(..., detector=pattern)",
        )


def _same(a: Atom, b: Atom) -> bool:
    """Say whether two atoms are the same; most that differ do so at once in the first, middle or last entry."""
    if a is b:
        return True
    if isinstance(a, Rows) or isinstance(b, Rows) or a.shape != b.shape or a.size == 0:
        return False
    some = [0, a.size // 2, -1]
    return bool((a.flat[some] == b.flat[some]).all() and np.array_equal(a, b))
