"""A nest that only folds, as LLVM IR: a block of results at a time, kept in registers until each is complete.

Products of matrices and sums over short axes read every entry many times. Here the loops over the results are the outer
ones, and a few steps of up to three of them are written out together, so that what is loaded once serves several results,
and so that the sums do not wait for each other. Lanes are along any loop, over results or over terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, prod

from diffiface_native.compiled.fold_block import LANES, Block, Parts
from diffiface_native.compiled.lowering import cost_of_operation
from diffiface_native.compiled.nest import Expression, Nest
from diffiface_native.compiled.nest_text import Function
from diffiface_native.compiled.walks import Access, Walk

_REGISTERS = 10
"""How many registers may hold results; others are for what is loaded."""
_LONG_FUNCTION = 20.0
"""From what cost on (`cost_of_operation`) a function is written out twice at most."""
_BLOCKS = range(1, 9)
"""How many steps of one loop may be written out together."""


@dataclass(frozen=True)
class Stretch:
    """A part of a loop: from where to where, and how many steps of it are written out together."""

    start: int
    stop: int
    step: int


@dataclass
class Blocking:
    """How the loops of a nest are run."""

    vector: int
    """The loop along which the lanes are."""
    blocked: tuple[int, ...]
    """The loops of which several steps are written out together, the lanes' own last."""
    steps: tuple[int, ...]
    """How many of each: of the lanes' own loop, how many registers."""


def only_folds(nest: Nest, walks: Sequence[Access]) -> bool:
    """Say whether a nest stores nothing and folds over the same loops into all its results (at these places)."""
    kept = {tuple(stride != 0 for stride in walk.strides) for walk in walks}
    return not nest.stores and len(kept) == 1


def vector_loop(extents: Sequence[int], loads: Sequence[Access], folds: Sequence[Access]) -> int | None:
    """Return the loop to have the lanes along: all arrays stand still along it or are walked entry by entry."""
    loops = [
        loop
        for loop, length in enumerate(extents)
        if length > 1 and all(walk.strides[loop] in (0, 1) for walk in (*loads, *folds) if walk.strides)
    ]
    return max(loops, key=lambda loop: (folds[0].strides[loop], extents[loop]), default=None)


class FoldText:
    """Writes one nest that only folds."""

    def __init__(
        self, kernel: Function, nest: Nest, prefix: str, extents: Sequence[int], walk: Walk, vector: int, complete: bool
    ):
        """Prepare to write a nest whose lanes are along the loop `vector`.

        `complete` says that no other nest folds into the same results, and this one is run once: they are stored.
        """
        self._kernel = kernel
        self._nest = nest
        self._prefix = prefix
        self._extents = extents
        self._complete = complete
        self._walks = {place: walk(e.value, e.map) for place, e in enumerate(nest.expressions) if e.operation == "load"}
        self._folds = [walk(t.value, t.map) for t in nest.folds]
        self._depends: list[frozenset[int]] = []
        """On which loops each expression depends."""
        for place, expression in enumerate(nest.expressions):
            found: set[int] = set().union(*(self._depends[a] for a in expression.arguments))
            if place in self._walks:
                found = {loop for loop, stride in enumerate(self._walks[place].strides) if stride}
            self._depends.append(frozenset(found))
        self._counters: dict[int, str] = {}
        """Loop → its counter, of the loops that are being written: a name, or a number."""
        self._parts = Parts(kernel, nest, self._walks, self._folds, self._depends, self._counters)
        self._kept = [loop for loop in range(len(extents)) if self._folds[0].strides[loop]]
        self._folded = [loop for loop in range(len(extents)) if loop not in self._kept]
        self.blocking = self._choose(vector)

    # ---- how many steps of which loops are written out together

    def _choose(self, vector: int) -> Blocking:
        """Choose the block that does the least per term, loads included, of those whose results fit in the registers."""
        candidates = [loop for loop in self._kept if loop != vector][-2:]
        blocked = (*candidates, vector)
        choices = [[n for n in _BLOCKS if self._may_take(loop, n)] for loop in candidates]
        registers = -(-self._extents[vector] // LANES)
        if any(
            vector in loops and cost_of_operation(e.operation) >= _LONG_FUNCTION for e, loops in self._expressions()
        ):
            registers = min(registers, 2)  # exp and the like are long enough for sums not to wait
        choices.append([n for n in range(1, _REGISTERS + 1) if n <= registers])
        best: tuple[float, tuple[int, ...]] = (inf, (1,) * len(blocked))
        for steps in product(*choices):
            count = prod(steps) * len(self._folds)
            if count > max(_REGISTERS, len(self._folds)):
                continue
            cost = self._cost(dict(zip(blocked, steps, strict=True)))
            # Fewer than eight sums wait for each other: two a cycle can begin, each takes four.
            cost *= max(1.0, 8 / count) ** 0.5
            if cost < best[0] - 1e-9:
                best = cost, steps
        return Blocking(vector, blocked, best[1])

    def _expressions(self) -> Iterator[tuple[Expression, frozenset[int]]]:
        """Yield the expressions with the loops they depend on."""
        return zip(self._nest.expressions, self._depends, strict=True)

    def _may_take(self, loop: int, n: int) -> bool:
        return self._extents[loop] % n == 0 or self._extents[loop] >= 4 * n

    def _cost(self, steps: dict[int, int]) -> float:
        """Return how long the expressions of one block take, per term."""
        total = float(prod(steps.values()) * len(self._folds))
        for expression, depends in self._expressions():
            if depends & set(self._folded) or depends & steps.keys():
                times = prod(n for loop, n in steps.items() if loop in depends)
                total += times * cost_of_operation(expression.operation)
        return total / prod(steps.values())

    # ---- the loops

    def write(self) -> None:
        self._write_outer([loop for loop in self._kept if loop != self.blocking.vector], {})

    def _write_outer(self, loops: Sequence[int], steps: dict[int, int]) -> None:
        """Write the loops over results, the lanes' own last, then the block of results."""
        if not loops:
            if self.blocking.vector in self._kept:
                for stretch in self._vector_stretches():
                    with_lanes = {**steps, self.blocking.vector: stretch.step}
                    self._loop(self.blocking.vector, stretch, lambda s=with_lanes, t=stretch: self._write_block(s, t))
            else:
                self._write_block({**steps, self.blocking.vector: self.blocking.steps[-1]}, None)
            return
        loop, *rest = loops
        for stretch in self._stretches(loop):
            inner = {**steps, loop: stretch.step} if loop in self.blocking.blocked else steps
            self._loop(loop, stretch, lambda inner=inner: self._write_outer(rest, inner))

    def _stretches(self, loop: int) -> list[Stretch]:
        length = self._extents[loop]
        step = dict(zip(self.blocking.blocked, self.blocking.steps, strict=True)).get(loop, 1)
        main = length - length % step
        return [s for s in (Stretch(0, main, step), Stretch(main, length, length - main)) if s.start < s.stop]

    def _vector_stretches(self) -> list[Stretch]:
        """Return the parts of the lanes' loop: whole blocks, then one that is shorter and may leave lanes unused.

        `step` counts registers here.
        """
        length, registers = self._extents[self.blocking.vector], self.blocking.steps[-1]
        main = length - length % (LANES * registers)
        rest = Stretch(main, length, -(-(length - main) // LANES))
        return [s for s in (Stretch(0, main, registers), rest) if s.start < s.stop]

    def _loop(self, loop: int, stretch: Stretch, body: Callable[[], None]) -> None:
        """Write a loop over a stretch, or its body alone where it is run once."""
        step = stretch.step * (LANES if loop == self.blocking.vector else 1)
        tag = f"{self._prefix}s{len(self._kernel.lines)}"
        if stretch.start + step >= stretch.stop:
            self._counters[loop] = str(stretch.start)
            body()
            return
        self._kernel.allocations.append(f"  %{tag}.counter = alloca i64")
        self._kernel.lines += [
            f"  store i64 {stretch.start}, ptr %{tag}.counter",
            f"  br label %{tag}",
            f"{tag}:",
            f"  %{tag}.i = load i64, ptr %{tag}.counter",
        ]
        self._counters[loop] = f"%{tag}.i"
        body()
        self._kernel.lines += [
            f"  %{tag}.next = add nuw nsw i64 %{tag}.i, {step}",
            f"  store i64 %{tag}.next, ptr %{tag}.counter",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {stretch.stop}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        ]

    # ---- one block of results

    def _write_block(self, steps: dict[int, int], stretch: Stretch | None) -> None:
        """Write the loops over terms around the expressions of a block, and what becomes of the results.

        With a stretch the lanes are results; it may have fewer of them than registers have lanes.
        """
        block = Block(self._parts, self.blocking.vector, steps, f"{self._prefix}b{len(self._kernel.lines)}")
        block.start()
        self._write_terms(block, stretch, [loop for loop in self._folded if loop != self.blocking.vector])
        if stretch is None:
            block.finish_sums(self._complete)
        else:
            block.finish_lanes(stretch.stop - stretch.start, self._complete)

    def _write_terms(self, block: Block, stretch: Stretch | None, loops: Sequence[int]) -> None:
        if loops:
            every = Stretch(0, self._extents[loops[0]], 1)
            self._loop(loops[0], every, lambda: self._write_terms(block, stretch, loops[1:]))
        elif stretch is not None:
            block.write(stretch.step, stretch.stop - stretch.start)
        else:
            for part in self._vector_stretches():
                self._loop(self.blocking.vector, part, lambda p=part: block.write(p.step, p.stop - p.start))
