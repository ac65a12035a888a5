"""A nest without loops: straight-line code on numbers, with the loops that `rolling` finds in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from diffiface_native.compiled.lowering import Lanes, lower
from diffiface_native.compiled.nest import Expression, Nest
from diffiface_native.compiled.rolling import Loop, find_loops

MOST_OPERATIONS = 4_000
"""How much code may be left after rolling: LLVM takes more than its share of time on more."""


class TooMuchCode(Exception):
    """The code would take longer to compile than anyone will wait."""


class Rolled:
    """The operations of a nest in order, and which of them are iterations of a loop."""

    def __init__(self, nest: Nest):
        self.expressions = nest.expressions
        self.order = [i for i, e in enumerate(nest.expressions) if e.operation not in ("load", "number")]
        """Position → place in the list of expressions."""
        self.position = {place: position for position, place in enumerate(self.order)}
        nodes = [
            (f"{e.operation} {'b' if e.is_truth else 'f'}", tuple(self.position.get(a, -1 - a) for a in e.arguments))
            for e in (nest.expressions[place] for place in self.order)
        ]
        self._operands = [operands for _, operands in nodes]
        self.loops = find_loops(nodes)
        self._loop_at: dict[int, Loop] = {loop.start: loop for loop in self.loops}
        self._loop_of: dict[int, Loop] = {}
        for loop in self.loops:
            self._loop_of.update(dict.fromkeys(range(loop.start, loop.stop), loop))
        self.code = len(self.order) - sum(loop.period * (loop.count - 1) for loop in self.loops)
        """How many operations are left to be written."""
        self.tapes: dict[tuple[int, int], int] = {}
        """(start of a loop, place in its body) → where in the scratch memory its values of all iterations are."""
        self.scratch = 0
        """How many numbers the tapes hold."""
        self._find_tapes(
            [self.position[t.expression] for t in (*nest.stores, *nest.folds) if t.expression in self.position]
        )

    def operands(self, position: int) -> tuple[int, ...]:
        return self._operands[position]

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
                    if step == segment.period:  # local or carried: the first iterations read what came before
                        for back in range(operand, segment.start, segment.period):
                            self._tape(back)
                    elif step:
                        self._tape(operand, always=True)
                    else:
                        self._tape(operand)

    def _tape(self, position: int, always: bool = False) -> None:
        loop = self._loop_of.get(position)
        if loop is None or (not always and loop.iteration(position) == loop.count - 1):
            return
        key = (loop.start, loop.place(position))
        if key not in self.tapes:
            self.tapes[key] = self.scratch
            self.scratch += loop.count


class StraightText:
    """Writes the operations of a rolled nest."""

    def __init__(self, rolled: Rolled, lanes: Lanes, prefix: str, scratch: str, outside: Callable[[int], str]):
        self._rolled = rolled
        self._lanes = lanes
        self._prefix = prefix
        self._scratch = scratch
        """The pointer to the memory of the tapes."""
        self._outside = outside
        """Place of a load or a number → its name."""
        self._names: dict[int, str] = {}
        """Position → name, of operations outside loops and of the last iterations."""

    def write(self) -> None:
        for segment in self._rolled.segments():
            if isinstance(segment, Loop):
                self._write_loop(segment)
            else:
                arguments = [self.name(operand) for operand in self._rolled.operands(segment)]
                self._names[segment] = lower(self._lanes, self._expression(segment).operation, arguments)

    def _expression(self, position: int) -> Expression:
        return self._rolled.expressions[self._rolled.order[position]]

    def name(self, position: int) -> str:
        """Return the name of an operation's result, as it is known outside the loops."""
        if position < 0:
            return self._outside(-1 - position)
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
        before = f"{tag}.before"
        lanes.lines += [f"  br label %{before}", f"{before}:", f"  br label %{tag}", f"{tag}:"]
        lanes.lines.append(f"  %{tag}.k = phi i64 [ 0, %{before} ], [ %{tag}.next, %{tag}.latch ]")
        heads = len(lanes.lines)
        body: dict[int, str] = {}
        for place in range(loop.period):
            arguments = [self._operand(loop, place, k, body, tag) for k in range(len(self._operands(loop, place)))]
            position = loop.start + place
            body[place] = lower(lanes, self._expression(position).operation, arguments)
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
                if self._step(loop, place, k) == loop.period and operand < loop.start:
                    own = loop.place(operand)
                    lags[own] = max(lags.get(own, 0), -loop.iteration(operand))
        return lags

    def _operand(self, loop: Loop, place: int, k: int, body: dict[int, str], tag: str) -> str:
        operand, step = self._operands(loop, place)[k], self._step(loop, place, k)
        if step == loop.period:
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
