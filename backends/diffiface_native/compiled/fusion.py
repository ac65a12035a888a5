"""Which values of a graph are computed together: fused kernels, and single NumPy calls between them.

Every value has a level, one more than what it waits for. Elementwise values of one shape and level make one kernel,
with the sums over them; what a kernel needs from outside has a lower level, so kernels run in the order of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from diffiface_native.compiled.lowering import lowers
from diffiface_native.recorded.graph import Graph, Value
from diffiface_native.recorded.replay import is_view

_FLOAT = np.dtype(np.float64)
_SMALLEST = 2
"""A kernel of fewer operations than this costs more than the NumPy call it replaces."""


@dataclass(eq=False)
class Kernel:
    """Values over one domain, in order, computed in one pass."""

    domain: tuple[int, ...]
    level: int
    members: list[Value] = field(default_factory=list)
    stored: list[Value] = field(default_factory=list)
    """The members that something outside needs."""

    @property
    def loads(self) -> list[Value]:
        """The Values from outside that are read, in order."""
        inside = {v.number for v in self.members}
        found: dict[int, Value] = {}
        for member in self.members:
            for operand in member.operands:
                if operand.number not in inside:
                    found[operand.number] = operand
        return list(found.values())


Step = Value | Kernel


def plan(graph: Graph) -> list[Step]:
    """Return the steps of a graph in the order in which to run them: what guards need first."""
    kernel_of: dict[int, Kernel] = {}
    steps = [step for part in graph.in_order() for step in _Planner(part, kernel_of).steps()]
    _mark_stored(graph, kernel_of)
    return steps


def _mark_stored(graph: Graph, kernel_of: dict[int, Kernel]) -> None:
    needed = {output.number for output in graph.outputs if type(output) is Value}
    needed |= {guard.value.number for guard in graph.guards}
    for value in graph.live():
        kernel = kernel_of.get(value.number)
        for operand in value.operands:
            if kernel is None or kernel_of.get(operand.number) is not kernel:
                needed.add(operand.number)
    for kernel in {id(k): k for k in kernel_of.values()}.values():
        kernel.stored = [v for v in kernel.members if v.number in needed or v.operation == "sum"]


def domain_of(value: Value) -> tuple[int, ...] | None:
    """Return the shape over which a kernel computes a value; None for what no kernel computes."""
    if value.place is not None or value.operation == "input":
        return None
    if value.operation == "sum":
        (argument,) = value.arguments
        fits = type(argument) is Value and argument.dtype == _FLOAT == value.dtype and argument.shape != ()
        return argument.shape if fits and 0 not in argument.shape else None
    if value.shape == () or 0 in value.shape or not lowers(value):
        return None
    return value.shape


class _Planner:
    """Plans values that may use, besides each other, whatever was computed before them."""

    def __init__(self, values: Sequence[Value], kernel_of: dict[int, Kernel]):
        self._values = values
        self._kernel_of = kernel_of
        """Value number → its kernel."""
        self._level: dict[int, int] = {}
        self._kernels: dict[tuple[int, tuple[int, ...]], Kernel] = {}

    def steps(self) -> list[Step]:
        singles: list[Value] = []
        for value in self._values:
            domain = domain_of(value)
            if domain is None:
                self._level[value.number] = self._level_of_single(value)
                if value.operation != "input":
                    singles.append(value)
            else:
                self._place(value, domain)
        steps: list[tuple[int, int, Step]] = [(self._level[v.number], v.number, v) for v in singles]
        for kernel in self._kernels.values():
            if len(kernel.members) < _SMALLEST:
                steps.extend((kernel.level, v.number, v) for v in kernel.members)
                for member in kernel.members:
                    del self._kernel_of[member.number]
            else:
                steps.append((kernel.level, kernel.members[0].number, kernel))
        return [step for _, _, step in sorted(steps, key=lambda entry: entry[:2])]

    def _level_of(self, operand: Value) -> int:
        return self._level.get(operand.number, 0)

    def _level_of_single(self, value: Value) -> int:
        levels = [self._level_of(operand) for operand in value.operands]
        if not levels:
            return 0
        # A view is there as soon as what it views; it comes right behind it in the order of numbers.
        waits = 0 if is_view(value) and value.operands[0].number not in self._kernel_of else 1
        return max(levels) + waits

    def _place(self, value: Value, domain: tuple[int, ...]) -> None:
        level = 1
        for operand in value.operands:
            kernel = self._kernel_of.get(operand.number)
            joins = kernel is not None and kernel.domain == domain and operand.operation != "sum"
            level = max(level, self._level_of(operand) + (0 if joins else 1))
        kernel = self._kernels.setdefault((level, domain), Kernel(domain, level))
        kernel.members.append(value)
        self._kernel_of[value.number] = kernel
        self._level[value.number] = level
