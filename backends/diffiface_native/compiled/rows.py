"""Which nests of a kernel are run together, block of rows by block of rows.

Much that is differentiated is a sum over observations: arrays with one long axis, the rows, and little else. Computed nest
by nest, every intermediate array goes through memory, and is large though its rows are small. So the nests that have the
rows among their loops make a *group*: a block of some dozen rows goes through all of them before the next one starts. What
only the group reads is never an array: it is kept for the rows of one block, in memory that stays in the nearest cache.
A group has products of rows (`contraction`) in it, for which this was made; other nests run one after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from diffiface_native.compiled import contraction
from diffiface_native.compiled.index_map import Map
from diffiface_native.compiled.nest import Nest
from diffiface_native.recorded.graph import Value


@dataclass
class RowGroup:
    """Nests to be run in blocks of rows, in this order."""

    rows: int
    """How many rows there are."""
    nests: list[Nest] = field(default_factory=list)
    loops: list[int] = field(default_factory=list)
    """Which of each nest's loops is that over the rows."""
    axes: dict[int, int] = field(default_factory=dict)
    """Number of each value with rows that is computed here → which of its axes the rows are."""
    whole: set[int] = field(default_factory=set)
    """Numbers of the values of which no part is computed elsewhere."""


Item = Nest | RowGroup


def local_values(items: Sequence[Item]) -> set[int]:
    """Return the numbers of the values with rows that are computed and read, in these items, in one group only."""
    found: set[int] = set()
    elsewhere: Counter[int] = Counter()
    for item in items:
        nests = item.nests if isinstance(item, RowGroup) else [item]
        numbers = {value.number for nest in nests for value in nest.loaded_values()}
        numbers |= {target.value.number for nest in nests for target in (*nest.stores, *nest.folds)}
        elsewhere.update(numbers)
        if isinstance(item, RowGroup):
            found |= set(item.axes)
    return {number for number in found if elsewhere[number] == 1}


def schedule(waves: Sequence[Sequence[Nest]]) -> list[Item]:
    """Return the nests of consecutive waves in an order that gathers groups of rows."""
    nests = [nest for wave in waves for nest in wave]
    rows = _length_of_rows(nests)
    return _Scheduler(nests, rows).items() if rows else list(nests)


def _length_of_rows(nests: Sequence[Nest]) -> int:
    """Return the length of the rows for which there is most to do in products; 0 if there are none."""
    work: Counter[int] = Counter()
    for nest in nests:
        if _profits(nest):
            work[max(nest.extents)] += prod(nest.extents)
    return work.most_common(1)[0][0] if work else 0


def _profits(nest: Nest) -> bool:
    """Say whether a nest reads its arrays' rows again and again: a product of rows, or a sum over all pairs of columns."""
    if any(contraction.is_of_rows(t.value) and not contraction.is_narrow(t.value) for t in nest.folds):
        return bool(nest.extents)
    inner = prod(nest.extents) // max(nest.extents, default=1)
    return bool(nest.folds) and len(nest.extents) > 2 and contraction.are_rows(max(nest.extents), inner)


class _Scheduler:
    def __init__(self, nests: Sequence[Nest], rows: int):
        self._rows = rows
        self._pending = list(nests)
        self._left: Counter[int] = Counter(t.value.number for nest in nests for t in (*nest.stores, *nest.folds))
        """How many contributions to each value are still to be written."""
        self._all = self._left.copy()

    def items(self) -> list[Item]:
        """Return all nests, alone or in groups: what has no rows as soon as it can be, then as large a group as there is."""
        found: list[Item] = []
        while self._pending:
            alone = [nest for nest in self._pending if not self._row_loops(nest) and self._is_ready(nest)]
            if alone:
                found.append(alone[0])
                self._finish(alone[:1])
                continue
            group = self._group()
            if any(map(_profits, group.nests)):
                found.append(group)
            else:
                found.extend(group.nests)
            self._finish(group.nests)
        return found

    def _finish(self, nests: Sequence[Nest]) -> None:
        done = set(map(id, nests))
        self._pending = [nest for nest in self._pending if id(nest) not in done]
        for nest in nests:
            self._left.subtract(target.value.number for target in (*nest.stores, *nest.folds))

    def _is_ready(self, nest: Nest) -> bool:
        return not any(self._left[self._owner(value)] > 0 for value in nest.loaded_values())

    def _owner(self, value: Value) -> int:
        """Return the number of the value whose memory is read: of what is another one's, reshaped, it is that one's."""
        while value.number not in self._left and value.operation == "reshape" and value.operands:
            value = value.operands[0]
        return value.number

    def _group(self) -> RowGroup:
        """Gather the nests with rows that can run in one pass over them; the first that is pending always can."""
        group = RowGroup(self._rows)
        left = self._left.copy()
        for nest in self._pending:
            for loop in self._row_loops(nest):
                targets = {t.value.number: row_axis(t.map, loop) for t in (*nest.stores, *nest.folds)}
                axes = {number: axis for number, axis in targets.items() if axis is not None}
                agrees = all(group.axes.get(number, axis) == axis for number, axis in axes.items())
                if agrees and self._fits(nest, loop, group, left):
                    break
            else:
                continue
            group.nests.append(nest)
            group.loops.append(loop)
            group.axes.update(axes)
            left.subtract(target.value.number for target in (*nest.stores, *nest.folds))
        here = Counter(t.value.number for nest in group.nests for t in (*nest.stores, *nest.folds))
        group.whole = {number for number, count in here.items() if count == self._all[number]}
        return group

    def _fits(self, nest: Nest, loop: int, group: RowGroup, left: Counter[int]) -> bool:
        """Say whether all that a nest reads is there, row by row, when its turn comes."""
        for expression in nest.expressions:
            if expression.operation != "load" or type(expression.value) is not Value:
                continue
            number = self._owner(expression.value)
            if left[number] > 0:
                return False
            if self._left[number] > 0:  # it is computed in this group
                axis = group.axes.get(number)
                if expression.value.number != number or axis is None or row_axis(expression.map, loop) != axis:
                    return False
        return True

    def _row_loops(self, nest: Nest) -> list[int]:
        """Return which loops of a nest may be over the rows: of their length, and storing row by row, or adding rows up."""
        found = []
        if nest.looks_up:
            return found  # (what indices lead to may be in any row)
        for loop, n in enumerate(nest.extents):
            targets = [t for t in (*nest.stores, *nest.folds) if any(place[0] == loop for place in t.map)]
            if n == self._rows and all(row_axis(target.map, loop) is not None for target in targets):
                found.append(loop)
        return found


def row_axis(map_: Map, loop: int) -> int | None:
    """Return the axis along which a map goes from row to row; None if it does not, or in another way."""
    axes = [axis for axis, place in enumerate(map_) if place[0] == loop]
    return axes[0] if len(axes) == 1 and map_[axes[0]] == (loop, 1, 0) else None
