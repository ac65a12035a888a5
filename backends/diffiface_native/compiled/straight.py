"""A nest without loops: straight-line code on numbers, with the loops that `rolling` finds in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from diffiface_native.compiled.index_map import Map
from diffiface_native.compiled.lowering import Lanes, double, lower
from diffiface_native.compiled.nest import Expression, Nest
from diffiface_native.compiled.rolling import NUMBER, Loop, entry, find_loops, is_carried
from diffiface_native.compiled.straight_order import in_order
from diffiface_native.compiled.straight_products import StraightProducts

MOST_OPERATIONS = 4_000
"""How much code may be left after rolling: LLVM takes more than its share of time on more."""


class TooMuchCode(Exception):
    """The code would take longer to compile than anyone will wait."""


@dataclass(frozen=True)
class Cell:
    """An entry of an array that the kernel was given."""

    slot: int
    element: str
    """ "double" or "i8"."""
    offset: int


@dataclass(frozen=True)
class LoopStore:
    """What each iteration of a loop stores of one of its operations: `first` moves on by `step` entries."""

    first: Cell
    step: int


class Rolled:
    """The operations of a nest in order, and which of them are iterations of a loop.

    `cell` says which entry of an array a load reads, or a target is stored in; None for a Python float.
    """

    def __init__(self, nest: Nest, cell: Callable[[Any, Map], Cell | None]):
        self.expressions = nest.expressions
        self.order = in_order(nest.expressions)
        """Position → place in the list of expressions."""
        self.position = {place: position for position, place in enumerate(self.order)}
        self.cells = {
            i: found
            for i, e in enumerate(nest.expressions)
            if e.operation == "load" and (found := cell(e.value, e.map)) is not None
        }
        """Place of a load → what it reads."""
        nodes = [
            (f"{e.operation} {'b' if e.is_truth else 'f'}", tuple(map(self._code, e.arguments)))
            for e in (nest.expressions[place] for place in self.order)
        ]
        self._operands = [operands for _, operands in nodes]
        self.loops = find_loops(nodes)
        self._loop_at: dict[int, Loop] = {loop.start: loop for loop in self.loops}
        self._loop_of: dict[int, Loop] = {}
        for loop in self.loops:
            self._loop_of.update(dict.fromkeys(range(loop.start, loop.stop), loop))
        self.tapes: dict[tuple[int, int], int] = {}
        """(start of a loop, place in its body) → where in the scratch memory its values of all iterations are."""
        self.scratch = 0
        """How many numbers the tapes hold."""
        self.stores: dict[tuple[int, int], list[LoopStore]] = {}
        """(start of a loop, place in its body) → what is stored in every iteration."""
        self.left_over: list[int] = []
        """Which of the nest's stores are written after all loops."""
        self._find_stores([(t.expression, cell(t.value, t.map)) for t in nest.stores])
        ends = [*(nest.stores[i] for i in self.left_over), *nest.folds]
        read_at_the_end = [self.position[t.expression] for t in ends if t.expression in self.position]
        self._find_tapes(read_at_the_end)
        self._fused: dict[int, int] = {}
        """Position of a sum (in a loop: in the first iteration) → which of its operands is a product taken unrounded."""
        self._unrounded: set[int] = set()
        """The positions of these products."""
        if not nest.exact:
            self._find_products([self.position.get(t.expression, -1) for t in (*nest.stores, *nest.folds)])
        self.code = len(self.order) - sum(loop.period * (loop.count - 1) for loop in self.loops) + len(ends)
        """How many operations are left to be written."""

    def _code(self, place: int) -> int:
        """Return what stands for an operand where loops are looked for."""
        if place in self.position:
            return self.position[place]
        if self.expressions[place].operation == "number":
            return NUMBER
        cell = self.cells.get(place)
        return -2 - place if cell is None else entry(cell.slot, cell.offset)

    def _find_products(self, ends: Sequence[int]) -> None:
        products = StraightProducts(self.expressions, self.order, self._operands, ends)
        outside = [segment for segment in self.segments() if not isinstance(segment, Loop)]
        self._fused = products.between_loops(outside, self.loop_of)
        for loop in self.loops:
            self._fused |= products.in_loop(loop)
        self._unrounded = {self._operands[at][k] for at, k in self._fused.items()}

    def product_in(self, position: int) -> int | None:
        """Return which operand of a sum (in a loop: of the first iteration) is a product that is not rounded."""
        return self._fused.get(position)

    def is_part_of_sum(self, position: int) -> bool:
        """Say whether a product is computed where it is added."""
        return position in self._unrounded

    def operands(self, position: int) -> tuple[int, ...]:
        return self._operands[position]

    def given(self, position: int, k: int) -> int:
        """Return the place of an operand that no operation computes: a load or a number."""
        return self.expressions[self.order[position]].arguments[k]

    def _find_stores(self, targets: Sequence[tuple[int, Cell | None]]) -> None:
        """Find the stores that every iteration of a loop makes, to entries that are equally far apart."""
        by_operation: dict[tuple[int, int], dict[tuple[int, str], list[tuple[int, int, int]]]] = {}
        for i, (place, cell) in enumerate(targets):
            position = self.position.get(place, -1)
            loop = self._loop_of.get(position)
            if loop is None or cell is None:
                self.left_over.append(i)
                continue
            by_array = by_operation.setdefault((loop.start, loop.place(position)), {})
            by_array.setdefault((cell.slot, cell.element), []).append((loop.iteration(position), cell.offset, i))
        for key, by_array in by_operation.items():
            for (slot, element), found in by_array.items():
                found.sort()
                step = found[1][1] - found[0][1] if len(found) > 1 else 0
                wanted = [(k, found[0][1] + step * k) for k in range(self._loop_at[key[0]].count)]
                if [(k, offset) for k, offset, _ in found] == wanted:
                    self.stores.setdefault(key, []).append(LoopStore(Cell(slot, element, found[0][1]), step))
                else:
                    self.left_over += [i for _, _, i in found]

    def loop_of(self, position: int) -> Loop | None:
        return self._loop_of.get(position)

    def segments(self) -> list[Loop | int]:
        """Return the loops, and the positions of the operations outside them, in order."""
        found: list[Loop | int] = []
        position = 0
        while position < len(self.order):
            loop = self._loop_at.get(position)
            found.append(position if loop is None else loop)
            position = position + 1 if loop is None else loop.stop
        return found

    def _find_tapes(self, targets: Sequence[int]) -> None:
        """Tape what is read from outside a loop of other iterations than its last."""
        for position in targets:
            self._tape(position)
        for segment in self.segments():
            if not isinstance(segment, Loop):
                for operand in self._operands[segment]:
                    self._tape(operand)
                continue
            for place in range(segment.period):
                at = segment.start + place
                for k, operand in enumerate(self._operands[at]):
                    step = self._operands[at + segment.period][k] - operand
                    if operand < 0:
                        continue
                    if is_carried(segment, operand, step):  # the first iterations read what came before
                        for back in range(operand, segment.start, segment.period):
                            self._tape(back)
                    elif step:
                        self._tape(operand, always=True)
                    else:
                        self._tape(operand)

    def _tape(self, position: int, always: bool = False) -> None:
        """Keep the values of an operation that is read outside its loop."""
        loop = self._loop_of.get(position)
        if loop is None or (not always and loop.iteration(position) == loop.count - 1):
            return
        key = (loop.start, loop.place(position))
        if key not in self.tapes:
            self.tapes[key] = self.scratch
            self.scratch += loop.count


class StraightText:
    """Writes the operations of a rolled nest."""

    def __init__(
        self,
        rolled: Rolled,
        lanes: Lanes,
        prefix: str,
        scratch: str,
        outside: Callable[[int], str],
        table: Callable[[Sequence[float]], str],
    ):
        self._rolled = rolled
        self._lanes = lanes
        self._prefix = prefix
        self._scratch = scratch
        """The pointer to the memory of the tapes."""
        self._outside = outside
        """Place of a load or a number → its name."""
        self._table = table
        """Numbers → the pointer to an array of them."""
        self._names: dict[int, str] = {}
        """Position → name, of operations outside loops and of the last iterations."""

    def write(self) -> None:
        for segment in self._rolled.segments():
            if isinstance(segment, Loop):
                self._write_loop(segment)
            else:
                if not self._rolled.is_part_of_sum(segment):
                    self._names[segment] = self._computed(segment, self._name_of_operand)

    def _name_of_operand(self, position: int, k: int) -> str:
        operand = self._rolled.operands(position)[k]
        return self.name(operand) if operand >= 0 else self._outside(self._rolled.given(position, k))

    def _computed(self, position: int, operand: Callable[[int, int], str]) -> str:
        """Write one operation; `operand` names an operand of a position by its number."""
        operation, product = self._expression(position).operation, self._rolled.product_in(position)
        if product is None:
            count = len(self._rolled.operands(position))
            return lower(self._lanes, operation, [operand(position, k) for k in range(count)])
        at = self._rolled.operands(position)[product]
        factors = [operand(at, k) for k in range(len(self._rolled.operands(at)))]
        a, b, rest = factors[0], factors[-1], operand(position, 1 - product)
        if operation == "subtract" and product == 0:
            rest = lower(self._lanes, "negative", [rest])
        elif operation == "subtract":
            a = lower(self._lanes, "negative", [a])
        return self._lanes.multiply_add(a, b, rest)

    def _expression(self, position: int) -> Expression:
        return self._rolled.expressions[self._rolled.order[position]]

    def name(self, position: int) -> str:
        """Return the name of an operation's result, as it is known outside the loops."""
        if position in self._names:
            return self._names[position]
        loop = self._rolled.loop_of(position)
        assert loop is not None
        return self._from_tape(loop, position, str(loop.iteration(position)))

    def _from_tape(self, loop: Loop, position: int, iteration: str) -> str:
        lanes = self._lanes
        loaded = lanes.emit(f"load double, ptr {self._tape_at(loop, position, iteration)}")
        if self._expression(position).is_truth:
            return lanes.emit(f"fcmp une double {loaded}, 0.0")
        return loaded

    def _tape_at(self, loop: Loop, position: int, iteration: str) -> str:
        start = self._rolled.tapes[loop.start, loop.place(position)]
        base = self._lanes.emit(f"getelementptr double, ptr {self._scratch}, i64 {start}")
        return self._lanes.emit(f"getelementptr double, ptr {base}, i64 {iteration}")

    # ---- one loop

    def _write_loop(self, loop: Loop) -> None:
        lanes, tag = self._lanes, f"{self._prefix}r{loop.start}"
        lags = self._lags(loop)
        initial = {
            (place, lag): self.name(loop.start + place - lag * loop.period)
            for place, most in lags.items()
            for lag in range(1, most + 1)
        }
        given = self._given_before(loop)
        before = f"{tag}.before"
        lanes.lines += [f"  br label %{before}", f"{before}:", f"  br label %{tag}", f"{tag}:"]
        lanes.lines.append(f"  %{tag}.k = phi i64 [ 0, %{before} ], [ %{tag}.next, %{tag}.latch ]")
        heads = len(lanes.lines)
        body: dict[int, str] = {}

        def operand(position: int, k: int) -> str:
            place = position - loop.start
            return given[place, k] if (place, k) in given else self._operand(loop, place, k, body, tag)

        for place in range(loop.period):
            position = loop.start + place
            if self._rolled.is_part_of_sum(position):
                continue
            body[place] = self._computed(position, operand)
            for store in self._rolled.stores.get((loop.start, place), ()):
                self._store(store, body[place], tag)
            if (loop.start, place) in self._rolled.tapes:
                value = body[place]
                if self._expression(position).is_truth:
                    value = lanes.emit(f"uitofp i1 {value} to double")
                lanes.lines.append(f"  store double {value}, ptr {self._tape_at(loop, position, f'%{tag}.k')}")
        carried = []
        for (place, lag), start in initial.items():
            kind = "i1" if self._expression(loop.start + place).is_truth else "double"
            latest = body[place] if lag == 1 else f"%{tag}.p{place}l{lag - 1}"
            carried.append(f"  %{tag}.p{place}l{lag} = phi {kind} [ {start}, %{before} ], [ {latest}, %{tag}.latch ]")
        lanes.lines[heads:heads] = carried
        lanes.lines += [
            f"  br label %{tag}.latch",
            f"{tag}.latch:",
            f"  %{tag}.next = add nuw nsw i64 %{tag}.k, 1",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {loop.count}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        ]
        last = loop.start + (loop.count - 1) * loop.period
        self._names.update({last + place: name for place, name in body.items()})

    def _given_before(self, loop: Loop) -> dict[tuple[int, int], str]:
        """Name the operands that are the same load or number in every iteration (place in the body, which operand)."""
        names = {}
        for place in range(loop.period):
            for k, operand in enumerate(self._operands(loop, place)):
                if operand < 0 and not self._step(loop, place, k):
                    numbers = self._numbers(loop, place, k) if operand == NUMBER else []
                    if len({double(number) for number in numbers}) < 2:  # (several come from a table)
                        names[place, k] = self._outside(self._rolled.given(loop.start + place, k))
        return names

    def _numbers(self, loop: Loop, place: int, k: int) -> list[Any]:
        """Return the number that an operand is in each iteration."""
        positions = range(loop.start + place, loop.stop, loop.period)
        return [self._rolled.expressions[self._rolled.given(position, k)].value for position in positions]

    def _store(self, store: LoopStore, value: str, tag: str) -> None:
        lanes, element = self._lanes, store.first.element
        if element == "i8":
            value = lanes.emit(f"zext i1 {value} to i8")
        lanes.lines.append(f"  store {element} {value}, ptr {self._walked(store.first, store.step, tag)}")

    def _walked(self, first: Cell, step: int, tag: str) -> str:
        """Point at the entry whose turn it is in this iteration."""
        lanes = self._lanes
        ahead = lanes.emit(f"mul nsw i64 %{tag}.k, {step}")
        index = lanes.emit(f"add nsw i64 {ahead}, {first.offset}")
        return lanes.emit(f"getelementptr {first.element}, ptr %data{first.slot}, i64 {index}")

    def _from_memory(self, loop: Loop, place: int, k: int, tag: str) -> str:
        """Load what is in a different place of an array, or of a table of numbers, in each iteration."""
        lanes, position = self._lanes, loop.start + place
        if self._operands(loop, place)[k] == NUMBER:
            numbers = self._numbers(loop, place, k)
            at = lanes.emit(f"getelementptr double, ptr {self._table(numbers)}, i64 %{tag}.k")
            loaded = lanes.emit(f"load double, ptr {at}")
            return lanes.emit(f"fcmp une double {loaded}, 0.0") if type(numbers[0]) is bool else loaded
        cell = self._rolled.cells[self._rolled.given(position, k)]
        loaded = lanes.emit(f"load {cell.element}, ptr {self._walked(cell, self._step(loop, place, k), tag)}, align 1")
        return lanes.emit(f"trunc i8 {loaded} to i1") if cell.element == "i8" else loaded

    def _operands(self, loop: Loop, place: int) -> tuple[int, ...]:
        return self._rolled.operands(loop.start + place)

    def _step(self, loop: Loop, place: int, k: int) -> int:
        at = loop.start + place
        return self._rolled.operands(at + loop.period)[k] - self._rolled.operands(at)[k]

    def _lags(self, loop: Loop) -> dict[int, int]:
        """Return, by place in the body, from how many iterations ago its value is read at most."""
        lags: dict[int, int] = {}
        for place in range(loop.period):
            for k, operand in enumerate(self._operands(loop, place)):
                if 0 <= operand < loop.start and is_carried(loop, operand, self._step(loop, place, k)):
                    own = loop.place(operand)
                    lags[own] = max(lags.get(own, 0), -loop.iteration(operand))
        return lags

    def _operand(self, loop: Loop, place: int, k: int, body: dict[int, str], tag: str) -> str:
        operand, step = self._operands(loop, place)[k], self._step(loop, place, k)
        if operand < 0:
            return self._from_memory(loop, place, k, tag)
        if is_carried(loop, operand, step):
            if operand >= loop.start:
                return body[operand - loop.start]
            return f"%{tag}.p{loop.place(operand)}l{-loop.iteration(operand)}"
        if step == 0:
            return self.name(operand)
        taped = self._rolled.loop_of(operand)
        assert taped is not None
        ahead = self._lanes.emit(f"mul nsw i64 %{tag}.k, {step // taped.period}")
        iteration = self._lanes.emit(f"add nsw i64 {ahead}, {taped.iteration(operand)}")
        return self._from_tape(taped, operand, iteration)
