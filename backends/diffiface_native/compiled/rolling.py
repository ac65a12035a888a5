"""Python loops found again in straight-line code: a block of operations that repeats becomes a loop.

A loop over numbers is recorded written out, and its derivative runs through it backwards. In the list of what is
computed both are stretches with a period: after so many operations comes the same operation, on operands that are

- *local* or *carried*: as far back in the list as before, in this iteration or an earlier one;
- *fixed*: the very same, computed before the loop;
- *taped*: in another loop that came before, a constant number of iterations away from last time;
- *walked*: in an array in memory, a constant number of entries away from last time;
- a *number* that is written in the code, whatever it is: where it is another one each time, it comes from a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LONGEST = 2_000
"""The longest body that is looked for."""
_LEAST_SAVED = 64
"""How many operations a loop must save."""
_FEWEST = 4
"""How many times a block must repeat."""
_TRIES = 4
_MOST_PASSED_ON = 60
"""From how many iterations ago a value is passed on, rather than read where another loop has kept it."""

Node = tuple[str, tuple[int, ...]]
"""An operation and the positions of its operands; negative ones stand for what is there before everything."""

NUMBER = -1
"""Stands for any number."""
_ARRAY = 1 << 40


def entry(array: int, offset: int) -> int:
    """Return what stands for an entry of an array in memory: neighbours are neighbours."""
    return offset - (array + 2) * _ARRAY


def _are_entries_of_one_array(a: int, b: int) -> bool:
    return a < -_ARRAY and b < -_ARRAY and a // _ARRAY == b // _ARRAY


@dataclass(frozen=True)
class Loop:
    """The positions from `start` on are `count` iterations of `period` operations each."""

    start: int
    period: int
    count: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.count

    def iteration(self, position: int) -> int:
        return (position - self.start) // self.period

    def place(self, position: int) -> int:
        """Return which operation of the body a position is."""
        return (position - self.start) % self.period


def find_loops(nodes: Sequence[Node]) -> list[Loop]:
    """Return the loops in a list of operations, in order, none overlapping another."""
    if len(nodes) < _LEAST_SAVED:
        return []
    codes: dict[tuple[str, int], int] = {}
    kinds = np.array([codes.setdefault((name, len(operands)), len(codes)) for name, operands in nodes], np.int32)
    most = max(len(operands) for _, operands in nodes)
    operands = np.full((len(nodes), most), -1, np.int64)
    for i, (_, own) in enumerate(nodes):
        operands[i, : len(own)] = own
    found: list[Loop] = []
    for start, stop, period in _repetitions(kinds):
        found.extend(_loops_within(operands, start, stop, period, found))
    return found


def _repetitions(kinds: np.ndarray) -> list[tuple[int, int, int]]:
    """Return stretches (start, stop, period) in which the kinds of operations repeat, in order."""
    n = len(kinds)
    taken = np.zeros(n, bool)
    stretches = []
    for period in range(1, min(_LONGEST, n // 2) + 1):
        same = (kinds[:-period] == kinds[period:]) & ~(taken[:-period] | taken[period:])
        if not same.any():
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]])))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if (stop - start) // period + 1 >= _FEWEST and stop - start >= _LEAST_SAVED:
                stretches.append((start, stop + period, period))
                taken[start : stop + period] = True
    return sorted(stretches)


def _loops_within(operands: np.ndarray, start: int, stop: int, period: int, earlier: Sequence[Loop]) -> list[Loop]:
    """Return the loops of this period in a stretch: where the operands repeat as well."""
    step = operands[start + period : stop] - operands[start : stop - period]
    steady = np.all(step[period:] == step[:-period], axis=1)
    found: list[Loop] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], steady, [False]])))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        count = (last - first) // period + 2  # the steps of two neighbours agree: three iterations, at least
        for _ in range(_TRIES):
            if count < _FEWEST:
                break
            count = min(count, _iterations(Loop(start + first, period, count), operands, [*earlier, *found]))
            if count >= _FEWEST and (count - 1) * period >= _LEAST_SAVED:
                found.append(Loop(start + first, period, count))
                break
            first += period  # an operand may have been computed in the first iteration
            count = (last - first) // period + 2
    return found


def _iterations(loop: Loop, operands: np.ndarray, earlier: Sequence[Loop]) -> int:
    """Return for how many iterations every operand can be had."""
    count = loop.count
    for at in range(loop.start, loop.start + loop.period):
        for first, second in zip(operands[at].tolist(), operands[at + loop.period].tolist(), strict=True):
            step = second - first
            if first < 0 or second < 0:
                count = count if step == 0 or _are_entries_of_one_array(first, second) else 0
            elif is_carried(loop, first, step):
                continue
            elif step == 0:
                count = count if first < loop.start else 0
            else:
                count = min(count, _iterations_within(first, step, earlier))
    return count


def is_carried(loop: Loop, first: int, step: int) -> bool:
    """Say whether an operand is of this iteration, or of one shortly before: it is kept in registers, or passed on.

    What another loop computed one by one is as far back each time, too, but too far for that.
    """
    return step == loop.period and loop.start - first <= _MOST_PASSED_ON * loop.period


def _iterations_within(first: int, step: int, earlier: Sequence[Loop]) -> int:
    """Return how often one can go on by `step` and stay at one place of the body of the same loop."""
    for loop in earlier:
        if loop.start <= first < loop.stop:
            if step % loop.period:
                return 0
            return (loop.stop - 1 - first if step > 0 else first - loop.start) // abs(step) + 1
    return 0
