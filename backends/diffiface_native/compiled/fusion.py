"""What of a graph is computed together, and when: kernels of machine code, and NumPy calls between them.

A value is one of these:
- *given*: an input, or the result of a NumPy call, of which no kernel knows how to compute it;
- *fused*: elementwise, or moved by an affine map of indices (`index_map`); computed where it is read, at no array's cost;
- *reduced*: the sum or the maximum of something fused, or what is scattered to where arrays of indices say;
- *assembled*: an array of many single numbers, each of them fused. Who reads single entries of it (in code without loops)
  has them from there; who walks through it, from memory.

Kernels run in waves. A reduction, and a fused value that something outside reads, is *stored* by the kernel of the first
wave in which everything it is computed from is in memory. Other fused values are stored too where computing them again
would cost more than reading them: where they are read at many places, or in later waves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from diffiface_native.compiled import contraction
from diffiface_native.compiled.index_map import Map, assembles, broadcast, identity, moves, parts, settled_loops
from diffiface_native.compiled.indexed import Indexed, gathered, scattered
from diffiface_native.compiled.lowering import cost_of, lowers
from diffiface_native.compiled.nest import Nest, TooManyPieces, Wave, make_nests
from diffiface_native.recorded.graph import Graph, Value

_FLOAT = np.dtype(np.float64)

REDUCTIONS = frozenset({"sum", "max", "min"})
_VIEWS = frozenset({"getitem", "transpose", "broadcast_to", "reshape"})

_WORTH_STORING = 16
"""How much arithmetic may be done again, per entry, before an array is made of it."""
_MOST_PLACES = 12
"""At how many places a value may be read without being stored, however cheap."""
_MANY_ENTRIES = 16
"""From how many entries on a value is a loop's work, and reading one of them is not reading all of it."""
_WORTH_KEEPING = 4
"""What an entry must cost at least that is stored because outer loops would compute it again."""
_READ_AGAIN = 3
"""How often the entries of a computed operand may be read by a product without being stored."""


@dataclass(eq=False)
class Kernel:
    """Consecutive waves, run by one function of machine code."""

    waves: list[list[Nest]] = field(default_factory=list)
    stored: list[Value] = field(default_factory=list)
    loads: list[Value] = field(default_factory=list)
    """The Values in memory that are read, in order."""
    operations: int = 0
    """How many operations it computes."""


Step = Value | Kernel


class Plan:
    """The steps of a graph in the order in which to run them: what guards need first.

    What a guard is computed from is computed as NumPy does, to the last bit: a recording must not hold for an input
    for which f itself would have gone another way. Sums, exp and so on are NumPy's own there; with `strict`, everywhere.
    """

    def __init__(self, graph: Graph, *, strict: bool = False):
        first, rest = graph.in_order()
        self._graph = graph
        self._exact = {v.number for v in first} if graph.guards else set()
        self._strict = strict
        self._values = [*first, *rest]
        self._separate = len(first) if graph.guards else 0
        self._kind: dict[int, str] = {}
        self.stored: dict[int, int] = {}
        """Number of each fused or reduced value that is stored → its wave."""
        self._called: set[int] = set()
        """Numbers of the values that a NumPy step computes (views of what is in memory among them)."""
        self._cost: dict[int, float] = {}
        self._need: dict[int, int] = {}
        """When everything is in memory that a value is computed from."""
        self._there: dict[int, int] = {}
        """When a value is in memory itself, if it ever is."""
        self._entries_there: dict[int, int] = {}
        """When everything is there that single entries of a value are computed from, if they are computed one by one."""
        self._single: set[int] = set()
        """The values of which only single entries are read, outside all loops."""
        self._wanted: set[int] = set()
        self._indexed: dict[int, Indexed] = {}
        """Number of each value that kernels read, or write, at indices that arrays name → where."""
        self._kept: set[int] = set()
        """Fused values that nothing outside reads, but which are stored."""
        self._moves = True
        try:
            self.steps = self._made()
        except TooManyPieces:
            self._moves = False  # then slices, writes and joins are NumPy's
            self.steps = self._made()

    def _made(self) -> list[Step]:
        for table in (self._kind, self.stored, self._cost, self._need, self._there):
            table.clear()
        self._called.clear()
        self._indexed.clear()
        self._wanted.clear()
        self._kept.clear()
        self._entries_there.clear()
        self._single.clear()
        self._classify()
        self._find_wanted()
        self._find_places()
        self._find_waves()
        self._find_later_uses()
        return self._steps()

    # ---- what each value is

    def _classify(self) -> None:
        for value in self._values:
            kind = self._kind_of(value)
            self._kind[value.number] = kind
            if kind == "call":
                self._called.add(value.number)

    def _kind_of(self, value: Value) -> str:
        if value.operation == "input":
            return "input"
        exact = self._is_exact(value)
        if value.operation in REDUCTIONS:
            return "reduced" if _reduces(value) and not (exact and value.operation == "sum") else "call"
        if 0 in value.shape:
            return "call"
        if self._moves and not exact and contraction.is_narrow(value):
            return "reduced"
        if self._moves and not exact and contraction.is_short(value):
            return "fused"
        if self._moves and not exact and contraction.is_looped_over(value):
            return "reduced"
        if self._moves and assembles(value):
            return "assembled"
        if self._moves and moves(value):
            return "moved"
        indexed = self._find_indexed(value, exact)
        if indexed is not None:
            self._indexed[value.number] = indexed
            return "fused" if value.operation == "getitem" else "reduced"
        if self._moves and value.operation == "reshape" and value.dtype in (_FLOAT, np.dtype(np.bool_)):
            (argument,) = value.arguments
            # Another shape of an array of ours is read through its own strides: our arrays are in C order.
            if self._kind[argument.number] in ("input", "fused", "reduced"):
                return "reshaped"
        if lowers(value, exact=exact) and (self._moves or value.shape != ()):
            return "fused"
        return "call"

    def is_indexed(self, value: Value) -> bool:
        """Say whether kernels read, or write, a value at indices that arrays name."""
        return value.number in self._indexed

    def _find_indexed(self, value: Value, exact: bool) -> Indexed | None:
        if not self._moves or value.place is not None:
            return None
        if value.operation == "getitem":
            return gathered(value)
        return None if exact else scattered(value)

    def kind(self, value: Value) -> str:
        """Return what a value is: input, call, fused, moved, reshaped or reduced."""
        return self._kind[value.number]

    def reason(self, value: Value) -> str:
        """Say why a value is left to NumPy."""
        if self._kind[value.number] != "call":
            return "a view of what NumPy reads"
        if self._strict and value.operation not in ("getitem", "reshape", "transpose"):
            return "strict"
        if value.number in self._exact and value.operation not in ("getitem", "reshape", "transpose"):
            return "a guard depends on it"
        others = {str(v.dtype) for v in (value, *value.operands)} - {"float64", "bool"}
        if others:
            return f"of {', '.join(sorted(others))}"
        if not self._moves and (moves(value) or value.shape == ()):
            return "too many pieces"
        return "no machine code for it"

    def _find_wanted(self) -> None:
        """Find the values that must be in memory: what leaves the program, and what NumPy steps and reshapes read."""
        for output in self._graph.outputs:
            if type(output) is Value:
                self._want(output, as_view=False)
        for guard in self._graph.guards:
            self._want(guard.value, as_view=False)
        for value in reversed(self._values):
            if value.number in self._called or self._kind[value.number] == "reshaped":
                for operand in value.operands:
                    self._want(operand, as_view=value.number in self._called)
            elif value.number in self._indexed:
                read = value.operands[:1] if value.operation == "getitem" else []
                for operand in (*read, *self._indexed[value.number].indices):
                    if self._kind[operand.number] != "reshaped":  # (that is read in memory anyway)
                        self._want(operand, as_view=False)

    def _want(self, value: Value, as_view: bool) -> None:
        kind = self._kind[value.number]
        if value.number in self._wanted:
            return
        if as_view and kind in ("moved", "reshaped") and value.operation in _VIEWS:
            self._called.add(value.number)  # its operand is wanted when its turn comes: it has a lower number
        elif kind == "reshaped":
            self._called.add(value.number)
        elif kind in ("fused", "moved"):
            self._wanted.add(value.number)

    # ---- which fused values are read at so many places that they are stored

    def _find_places(self) -> None:
        self._find_costs()
        places: dict[int, set[Any]] = {}
        again: set[int] = set()
        """Numbers of the values whose entries a product reads again and again."""
        repeated: dict[int, int] = {}
        """Number of a value → how often the loops of what it is broadcast to would compute each entry."""
        for value in reversed(self._values):
            kind = self._kind[value.number]
            if kind == "reduced" and value.operation in ("matmul", "einsum"):
                narrow = contraction.is_narrow(value)
                for argument, times in zip(value.arguments, contraction.times_read(value), strict=True):
                    if type(argument) is Value:
                        places.setdefault(argument.number, set()).add((argument.shape, identity(argument.shape)))
                        if times >= _READ_AGAIN and not narrow:
                            again.add(argument.number)
                continue
            if kind == "reduced" and value.number in self._indexed:
                item, domain = value.arguments[1], self._indexed[value.number].shape
                if type(item) is Value:
                    map_ = broadcast(identity(domain), item.shape)
                    places.setdefault(item.number, set()).add((domain, map_))
                continue
            if kind == "reduced":
                (argument,) = value.arguments
                places.setdefault(argument.number, set()).add((argument.shape, identity(argument.shape)))
                continue
            if kind == "assembled":
                for operand in value.operands:
                    places.setdefault(operand.number, set()).add(((), identity(operand.shape)))
            if kind not in ("fused", "moved"):
                continue
            read = places.setdefault(value.number, set())
            if value.number in self._wanted:
                read.add((value.shape, identity(value.shape)))
            cost = self._cost[value.number]
            if value.number in again and kind == "moved":
                again.update(operand.number for operand in value.operands)
            if kind == "fused" and value.operation != "matmul" and value.number not in self._indexed:
                for operand in value.operands:
                    times = _times_repeated(value.shape, operand.shape)
                    repeated[operand.number] = max(times, repeated.get(operand.number, 1))
            is_repeated = (repeated.get(value.number, 1) - 1) * cost > _WORTH_STORING and cost >= _WORTH_KEEPING
            if kind == "fused" and (is_repeated or (value.number in again and cost >= 1)):
                self._kept.add(value.number)
                read = {(value.shape, identity(value.shape))}
            if all(_is_single(loops) for loops, _ in read):
                self._single.add(value.number)
            if len(read) > 1 and kind == "fused" and value.sample.size > 1:  # (a number is computed once in a nest)
                times = _times_read(read, value.sample.size)
                if (times - 1) * cost > _WORTH_STORING or times > _MOST_PLACES:
                    self._kept.add(value.number)
                    read = {(value.shape, identity(value.shape))}
            for operand, map_, loops in list(self._read(value, read)):
                places.setdefault(operand.number, set()).add((loops, map_))

        self._find_costs()

    def _find_costs(self) -> None:
        """Find what each value costs an entry that is computed from what is in memory, as far as that is known."""
        for value in self._values:
            kind = self._kind[value.number]
            is_computed = kind in ("fused", "moved") and value.number not in self._indexed
            computed = value.operands if is_computed else ()
            inner = sum(self._cost.get(o.number, 0.0) for o in computed if o.number not in self._kept)
            own = cost_of(value) if kind == "fused" else 0.0
            self._cost[value.number] = min(1e9, own + inner)

    def _read(self, value: Value, read: set[Any]) -> Iterator[tuple[Value, Map, tuple[int, ...]]]:
        """Yield the operands, where they are read, and the lengths of the loops around."""
        for loops, map_ in read:
            if value.number in self._indexed:
                continue  # (in memory)
            if value.operation == "matmul":
                for operand, inner in contraction.terms(value, map_)[0]:
                    yield operand, inner, loops
                continue
            if self._kind[value.number] != "moved":
                for operand in value.operands:
                    yield operand, broadcast(map_, operand.shape), loops
                continue
            found = parts(value, map_, None)
            large = max(np.size(_sample(argument)) for argument, _ in found)
            for (argument, inner), still in zip(found, settled_loops(value, map_), strict=True):
                if type(argument) is Value and argument.sample.size * 8 >= large:  # the edges do not count
                    around = tuple(1 if loop in still else n for loop, n in enumerate(loops))
                    yield argument, inner, around if any(n != 1 for n in around) else ()

    # ---- when each value is there

    def _find_waves(self) -> None:
        """Kernels run at even times, calls at odd ones. What guards need comes before all else."""
        floor = 0
        assembled = "assembled" in self._kind.values()
        for place, value in enumerate(self._values):
            if place == self._separate and place:
                floor = _next_wave(max(self._there.values()))
            number, kind = value.number, self._kind[value.number]
            from_memory = kind in ("call", "reshaped") or (kind == "fused" and number in self._indexed)
            by_entries = assembled and (number in self._single or (kind == "fused" and value.sample.size == 1))
            time_of = self._entries_there.__getitem__ if by_entries else self._time_of_number
            times = [self._there[o.number] if from_memory else time_of(o.number) for o in value.operands]
            when = max(times, default=0)
            if kind == "input":
                self._need[number] = self._there[number] = self._entries_there[number] = 0
                continue
            when = max(when, floor)
            if kind == "call":
                when += 1 - when % 2
                self._need[number] = self._there[number] = self._entries_there[number] = when
                continue
            self._need[number] = when
            if kind in ("reduced", "assembled") or number in self._wanted or number in self._kept:
                self.stored[number] = _next_wave(when)
            if kind in ("reduced", "reshaped") or number in self._indexed:
                self._entries_there[number] = self.stored.get(number, when)
            else:
                self._entries_there[number] = max(
                    (self._entries_there[o.number] for o in value.operands), default=floor
                )
            if number in self.stored:
                self._there[number] = self.stored[number]
            elif number in self._called or kind == "reshaped":
                self._there[number] = max(self._there[o.number] for o in value.operands)

    def _time_of_number(self, number: int) -> int:
        """Return when a kernel that walks through this value can run, at the earliest."""
        if self._kind[number] in ("reduced", "assembled") or number in self._kept:
            return self.stored[number]
        return self._need[number]

    def _find_later_uses(self) -> None:
        """Store what later waves read too, unless it is computed again for next to nothing."""
        waves: dict[int, set[int]] = {}
        for value in reversed(self._values):
            number, kind = value.number, self._kind[value.number]
            if kind not in ("fused", "moved", "reduced", "assembled"):
                continue
            used = waves.setdefault(number, set())
            own = _next_wave(self._need[number]) if number not in self.stored else self.stored[number]
            if kind in ("reduced", "assembled"):
                used = {own}
            elif number in self.stored:
                used = {w for w in used if w <= own} | {own}
            elif kind == "fused" and self._cost[number] > 2 and any(w > own for w in used):
                self.stored[number] = own
                used = {w for w in used if w <= own} | {own}
            for operand in value.operands:
                waves.setdefault(operand.number, set()).update(used)

    # ---- the steps

    def _steps(self) -> list[Step]:
        by_wave: dict[int, list[Value]] = {}
        for value in self._values:
            wave = self.stored.get(value.number)
            if wave is not None:
                by_wave.setdefault(wave, []).append(value)
        timed: list[tuple[float, int, Any]] = [(wave, -1, roots) for wave, roots in by_wave.items()]
        for value in self._values:
            if value.number in self._called:
                timed.append((self._call_time(value), value.number, value))
        steps: list[Step] = []
        for wave, _, step in sorted(timed, key=lambda entry: entry[:2]):
            if type(step) is Value:
                steps.append(step)
                continue
            if not steps or not isinstance(steps[-1], Kernel):
                steps.append(Kernel())
            self._add_wave(steps[-1], wave, step)  # pyright: ignore[reportArgumentType]
        return steps

    def _call_time(self, value: Value) -> float:
        """A view comes right behind what it is a view of."""
        there = self._there[value.number]
        return there if there % 2 else there + 0.5

    def _add_wave(self, kernel: Kernel, wave: int, roots: Sequence[Value]) -> None:
        nests = make_nests(
            roots,
            Wave(lambda v: self._in_memory(v, wave), self._is_moved, self._is_folded, self._indexed_of, self._is_exact),
        )
        kernel.waves.append(nests)
        kernel.stored.extend(roots)
        known = {v.number for v in kernel.loads}
        for nest in nests:
            kernel.operations += sum(not e.reads and e.operation != "number" for e in nest.expressions) + len(
                nest.folds
            )
            for value in nest.loaded_values():
                if value.number not in known:
                    known.add(value.number)
                    kernel.loads.append(value)

    def _indexed_of(self, value: Value) -> Indexed | None:
        return self._indexed.get(value.number)

    def _is_exact(self, value: Value) -> bool:
        return self._strict or value.number in self._exact

    def _is_moved(self, value: Value) -> bool:
        return self._kind[value.number] in ("moved", "assembled")

    def _is_folded(self, value: Value) -> bool:
        return self._kind[value.number] == "reduced"

    def _in_memory(self, value: Value, wave: int) -> bool:
        """Say whether a kernel of this wave reads a value from memory; if not, it computes it."""
        kind = self._kind[value.number]
        if kind in ("input", "call", "reshaped"):
            return True
        stored = self.stored.get(value.number)
        return stored is not None and stored < wave


def _times_read(read: set[Any], size: int) -> float:
    """Return how often a value is computed if it is computed where it is read: single entries are a part of it each."""
    single = sum(_is_single(loops) for loops, _ in read)
    return len(read) if size < _MANY_ENTRIES else max(1, len(read) - single + single / size)


def _times_repeated(loops: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Return how often loops over an array compute each entry of a smaller one that is broadcast to it.

    Outer loops compute it again; what does not change in the inner ones is computed outside of them.
    """
    moving = [len(loops) - len(shape) + axis for axis, n in enumerate(shape) if n != 1]
    return prod(n for loop, n in enumerate(loops) if loop < max(moving, default=0) and loop not in moving)


def _is_single(loops: tuple[int, ...]) -> bool:
    return all(n == 1 for n in loops)


def _next_wave(time: int) -> int:
    return time + 2 - time % 2


def _reduces(value: Value) -> bool:
    (argument,) = value.arguments
    fits = type(argument) is Value and argument.dtype == _FLOAT == value.dtype and argument.shape != ()
    return fits and 0 not in argument.shape and len(value.parameters["axis"]) > 0


def _sample(argument: Any) -> Any:
    return argument.sample if type(argument) is Value else argument
