"""One loop nest as LLVM IR: vector lanes along the innermost loop, reductions in registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import inf
from typing import Any, Protocol

from diffiface_native.compiled import lookup_text
from diffiface_native.compiled.lowering import Lanes, Scalars, cost_of_operation, double, lower
from diffiface_native.compiled.multiply_add import factors, folded_products, fused_products
from diffiface_native.compiled.nest import Expression, Nest, Target
from diffiface_native.compiled.straight import Rolled, StraightText
from diffiface_native.compiled.walks import (
    LONGEST_ROW,
    Access,
    Argument,
    Walk,
    access,
    dealt,
    find_rows,
    join_loops,
    load_elements,
    load_rows,
    store_elements,
)
from diffiface_native.recorded.graph import Value

WIDTHS = (8, 4, 2, 1)
"""Lanes per step: at best two AVX2 registers, so that latencies overlap."""

_SHORT_BODY = 100
"""Up to how many expressions what is left of a loop over eight lanes is written for four, two, and one."""

_WORTH_LANES = 5.0
"""From what cost on (in additions) an operation is worth to be done in lanes, wherever its operands come from."""

_ADDED = ("sum", "matmul", "einsum", "add_at", "setitem")
"""(Of what is written to zeros, the parts that threads wrote are added up.)"""
IDENTITY = {**dict.fromkeys(_ADDED, 0.0), "max": -inf, "min": inf}
"""What a reduction of nothing is."""
COMBINED = {**dict.fromkeys(_ADDED, "fadd"), "max": "maximum", "min": "minimum"}
"""How two results of a reduction are made one."""


@dataclass(frozen=True)
class Part:
    """Which passes of one loop are made: the names of the numbers of the first one, and of the one behind the last."""

    loop: int
    start: str
    stop: str


class Function(Protocol):
    """The function that a nest is part of."""

    lines: list[str]
    allocations: list[str]
    functions: set[tuple[str, int]]
    rolled: dict[int, Rolled]

    def argument(self, thing: Any) -> Argument: ...

    def scratch(self, size: int) -> str: ...

    def table(self, numbers: Sequence[float]) -> str: ...

    def fill(self, data: str, count: int, operation: str, tag: str) -> None: ...


class NestText:
    """Writes the loops of one nest."""

    def __init__(
        self, kernel: Function, nest: Nest, prefix: str, extents: Sequence[int] | None = None, walk: Walk | None = None
    ):
        """Prepare to write a nest: its own loops, or those that `extents` and `walk` agree upon."""
        self._kernel = kernel
        self._nest = nest
        self._prefix = prefix
        self._extents = list(nest.extents if extents is None else extents)
        loops = len(self._extents)
        walked: Walk = walk or (lambda thing, map_: access(kernel.argument(thing), map_, loops))
        self._loads: dict[int, Access] = {}
        self._numbers: dict[int, Argument] = {}
        """The loads of Python floats."""
        self._gathers: dict[int, Access] = {}
        """What is read where indices say: how the array is walked besides."""
        for place, expression in enumerate(nest.expressions):
            if expression.reads:
                found = walked(expression.value, expression.map)
                if expression.operation == "gather":
                    self._gathers[place] = found
                elif found.argument.strides is None:
                    self._numbers[place] = found.argument
                else:
                    self._loads[place] = found
        self._stores = [walked(t.value, t.map) for t in nest.stores]
        self._folds = [walked(t.value, t.map) for t in nest.folds]
        join_loops(self._extents, [*self._loads.values(), *self._gathers.values(), *self._stores, *self._folds])
        self._loops = len(self._extents)
        self._width = next(w for w in WIDTHS if not self._loops or w <= self._extents[-1]) if self._loops else 1
        if self._loops and self._moves_far():
            self._width = 1
        self._rows = find_rows(self._loads)
        self._loaded_rows: dict[int, str] = {}
        """First load of a row → the row in the lanes, one after the other (of the stretch that is being written)."""
        self._depth: list[int] = []
        """In how many loops each expression is computed."""
        for place, expression in enumerate(nest.expressions):
            depth = max((self._depth[a] for a in expression.arguments), default=0)
            if place in self._loads:
                depth = self._depth_of(self._loads[place])
            elif place in self._gathers:
                depth = max(depth, self._depth_of(self._gathers[place]))
            self._depth.append(depth)
        self._fold_depths = [
            self._loops if target.indices or target.value.operation == "setitem" else self._depth_of(walk)
            for target, walk in zip(nest.folds, self._folds, strict=True)
        ]
        self._products = {
            place: product
            for place, product in fused_products(nest).items()
            if self._depth[place] == self._depth[product] == self._loops > 0
        }
        """Each addition that takes a product unrounded → the product."""
        self._folded_products = {
            i: product
            for i, product in folded_products(nest).items()
            if self._fold_depths[i] < self._depth[product] == self._loops
        }
        self._unrounded = {*self._products.values(), *self._folded_products.values()}
        self.part: Part | None = None
        """What is to be written, if not all passes of all loops."""
        self._outside: dict[int, str] = {}
        """The expressions computed outside the innermost loop: one number each."""

    def _moves_far(self) -> bool:
        """Say whether lanes would cost more than they save: where the numbers lie apart, and little is done with them."""
        if self._folds or not all(abs(walk.strides[-1]) > LONGEST_ROW for walk in self._stores):
            return False
        apart = sum(abs(walk.strides[-1]) > LONGEST_ROW for walk in self._loads.values())
        most = max((cost_of_operation(e.operation) for e in self._nest.expressions), default=0.0)
        return 2 * apart >= len(self._loads) and most < _WORTH_LANES

    @staticmethod
    def _depth_of(access: Access) -> int:
        return max((loop + 1 for loop, stride in enumerate(access.strides) if stride), default=0)

    def added_to(self) -> list[Value]:
        """Return the values that must hold what changes nothing before the nest folds into them."""
        return [target.value for target in self._nest.folds]

    def write(self) -> None:
        outer = max(0, self._loops - 1)
        self._at_depth(0)
        for loop in range(outer):
            self._open(loop)
            self._at_depth(loop + 1)
        if self._loops:
            self._innermost_stretches()
            self._finish_folds(outer)
        for loop in reversed(range(outer)):
            self._close(loop)
            self._finish_folds(loop)

    @property
    def lengths(self) -> list[int]:
        """How many passes each loop makes, as far as they can be parted: of the innermost one, those of full width."""
        return [*self._extents[:-1], self._stretches()[0][2]] if self._loops else []

    def fold_strides(self) -> list[list[int]]:
        """Return, for each of the nest's folds, by how much each loop moves on in its array."""
        return [walk.strides for walk in self._folds]

    def _innermost_stretches(self) -> None:
        main, *rest = self._stretches()
        if self.part is None or self.part.loop != self._loops - 1:
            for stretch in (main, *rest):
                self._innermost(*stretch)
            return
        self._innermost(*main, bounds=(self.part.start, self.part.stop))
        if rest:  # what is left over goes with the last part
            tag = f"{self._prefix}rest"
            self._emit(
                f"  %{tag}.here = icmp eq i64 {self.part.stop}, {main[2]}",
                f"  br i1 %{tag}.here, label %{tag}, label %{tag}.done",
                f"{tag}:",
            )
            for stretch in rest:
                self._innermost(*stretch)
            self._emit(f"  br label %{tag}.done", f"{tag}.done:")

    def _bounds(self, loop: int) -> tuple[str, str]:
        if self.part is not None and self.part.loop == loop:
            return self.part.start, self.part.stop
        return "0", str(self._extents[loop])

    def _stretches(self) -> list[tuple[int, int, int]]:
        """Return the parts of the innermost loop: how many lanes, from where, to where.

        Where nothing is folded, a last step of full width begins early: it stores some numbers again.
        """
        length = self._extents[-1]
        if not self._folds:
            main = length - length % self._width
            last = [(self._width, length - self._width, length)] if main < length else []
            return [(self._width, 0, main), *last]
        widths = WIDTHS if len(self._nest.expressions) <= _SHORT_BODY else (self._width, 1)
        found, start = [], 0
        for width in widths:
            stop = length - (length - start) % width
            if width <= self._width and start < stop:
                found.append((width, start, stop))
                start = stop
        return found

    def _emit(self, *lines: str) -> None:
        self._kernel.lines.extend(lines)

    # ---- loops

    def _open(self, loop: int) -> None:
        tag = f"{self._prefix}l{loop}"
        self._kernel.allocations.append(f"  %{tag}.counter = alloca i64")
        self._emit(
            f"  store i64 {self._bounds(loop)[0]}, ptr %{tag}.counter",
            f"  br label %{tag}",
            f"{tag}:",
            f"  %{tag}.i = load i64, ptr %{tag}.counter",
        )

    def _close(self, loop: int) -> None:
        tag = f"{self._prefix}l{loop}"
        self._emit(
            f"  %{tag}.next = add nuw nsw i64 %{tag}.i, 1",
            f"  store i64 %{tag}.next, ptr %{tag}.counter",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {self._bounds(loop)[1]}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        )

    def _at_depth(self, depth: int) -> None:
        """Write what is computed once in each pass of this many loops."""
        lanes = Lanes(1, f"{self._prefix}d{depth}.")
        innermost = depth == self._loops  # a nest without loops
        if innermost:
            self._straight(lanes)
        for place, expression in enumerate(self._nest.expressions):
            if self._depth[place] == depth and not innermost:
                self._outside[place] = self._compute(lanes, place, expression, "")
        if innermost:
            for i in self._kernel.rolled[id(self._nest)].left_over:
                self._store(lanes, self._nest.stores[i], self._stores[i], "")
            for target, walk in zip(self._nest.folds, self._folds, strict=True):
                self._fold_into_memory(lanes, target, walk, "")
        else:
            for i, (target, own) in enumerate(zip(self._nest.folds, self._fold_depths, strict=True)):
                if own == depth:
                    self._start_fold(lanes, i, target)
        self._take(lanes)

    def _straight(self, lanes: Lanes) -> None:
        def outside(place: int) -> str:
            if place not in self._outside:
                self._outside[place] = self._compute(lanes, place, self._nest.expressions[place], "")
            return self._outside[place]

        rolled = self._kernel.rolled[id(self._nest)]
        scratch = self._kernel.scratch(rolled.scratch) if rolled.scratch else ""
        text = StraightText(rolled, lanes, self._prefix, scratch, outside, self._kernel.table)
        text.write()
        for target in (*(self._nest.stores[i] for i in rolled.left_over), *self._nest.folds):
            position = rolled.position.get(target.expression)
            if position is None:
                outside(target.expression)
            else:
                self._outside[target.expression] = text.name(position)

    def _take(self, lanes: Lanes) -> None:
        self._emit(*lanes.lines)
        self._kernel.functions |= {(name, lanes.width) for name in lanes.functions}

    def _innermost(self, width: int, start: int, stop: int, bounds: tuple[str, str] | None = None) -> None:
        first, end = bounds or (str(start), str(stop))
        tag = f"{self._prefix}v{width}from{start}"
        lanes = Lanes(width, f"{tag}.")
        self._kernel.allocations.append(f"  %{tag}.counter = alloca i64")
        self._emit(
            f"  store i64 {first}, ptr %{tag}.counter",
            f"  br label %{tag}",
            f"{tag}:",
            f"  %{tag}.j = load i64, ptr %{tag}.counter",
        )
        counter = f"%{tag}.j"
        self._loaded_rows.clear()
        results = {}
        for place, expression in enumerate(self._nest.expressions):
            if self._depth[place] == self._loops and place not in self._unrounded:
                results[place] = self._compute(lanes, place, expression, counter, results)
        for target, walk in zip(self._nest.stores, self._stores, strict=True):
            self._store(lanes, target, walk, counter, results)
        for i, (target, walk) in enumerate(zip(self._nest.folds, self._folds, strict=True)):
            if self._fold_depths[i] == self._loops:
                self._fold_into_memory(lanes, target, walk, counter, results)
            else:
                self._fold_into_register(lanes, i, target, results)
        self._take(lanes)
        self._emit(
            f"  %{tag}.next = add nuw nsw i64 %{tag}.j, {width}",
            f"  store i64 %{tag}.next, ptr %{tag}.counter",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {end}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        )

    # ---- expressions

    def _compute(
        self, lanes: Lanes, place: int, expression: Expression, counter: str, results: dict[int, str] | None = None
    ) -> str:
        if expression.operation == "number":
            return lanes.truth(expression.value) if type(expression.value) is bool else lanes.constant(expression.value)
        if place in self._numbers:
            number = f"%number{self._numbers[place].slot}"
            return lanes.emit(f"fcmp une double {number}, 0.0") if expression.value.dtype == bool else number
        if place in self._loads:
            from_row = place in self._rows and lanes.width > 1 and results is not None
            loaded = self._load_from_row(lanes, place, counter) if from_row else self._load(lanes, place, counter)
            return lanes.within(loaded, expression.length) if expression.length else loaded
        if place in self._gathers:
            return self._gather(lanes, place, counter, results)
        if place in self._products:
            return self._multiply_add(lanes, place, results)
        arguments = [self._result(lanes, a, results) for a in expression.arguments]
        return lower(lanes, expression.operation, arguments)

    def _multiply_add(self, lanes: Lanes, place: int, results: dict[int, str] | None) -> str:
        """Write an addition (or a subtraction) of a product that is not rounded before."""
        expression, product = self._nest.expressions[place], self._products[place]
        a, b = (self._result(lanes, factor, results) for factor in factors(self._nest.expressions[product]))
        first, second = expression.arguments
        rest = self._result(lanes, first if product == second else second, results)
        if expression.operation == "subtract":
            if product == first:
                rest = lower(lanes, "negative", [rest])
            else:
                a = lower(lanes, "negative", [a])
        return lanes.multiply_add(a, b, rest)

    def _result(self, lanes: Lanes, place: int, results: dict[int, str] | None) -> str:
        """Return an expression's result in every lane."""
        if results is not None and place in results:
            return results[place]
        expression = self._nest.expressions[place]
        if expression.operation == "number":
            return self._compute(lanes, place, expression, "")
        result = self._outside[place]
        element = "i64" if expression.operation == "index" else "i1" if expression.is_truth else "double"
        return lanes.splat(result, element)

    # ---- memory

    def _pointer(self, lanes: Lanes, walk: Access, counter: str) -> str:
        """Point at the element of the first lane (the last one where the array is walked backwards)."""
        element, pointer = walk.argument.element, walk.pointer
        for loop, stride in enumerate(walk.strides[: self._loops - 1]):
            if stride:
                step = lanes.emit(f"mul nsw i64 %{self._prefix}l{loop}.i, {stride}")
                pointer = lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {step}")
        if counter and walk.strides[-1]:
            step = counter if walk.strides[-1] == 1 else lanes.emit(f"mul nsw i64 {counter}, {walk.strides[-1]}")
            pointer = lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {step}")
        if walk.offset:
            pointer = lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {walk.offset}")
        return pointer

    def _load(self, lanes: Lanes, place: int, counter: str) -> str:
        walk = self._loads[place]
        loaded = load_elements(lanes, walk, self._pointer(lanes, walk, counter))
        return lanes.from_memory(loaded, walk.argument.element)

    def _load_from_row(self, lanes: Lanes, place: int, counter: str) -> str:
        row = self._rows[place]
        walk, length, key = self._loads[row[0]], len(row), row[0]
        element = walk.argument.element
        if key not in self._loaded_rows:
            self._loaded_rows[key] = load_rows(lanes, element, self._pointer(lanes, walk, counter), length)
        mine = dealt(lanes, element, self._loaded_rows[key], length, row.index(place))
        return lanes.from_memory(mine, element)

    def _gather(self, lanes: Lanes, place: int, counter: str, results: dict[int, str] | None) -> str:
        """Load what is where indices say."""
        walk, expression = self._gathers[place], self._nest.expressions[place]
        pointer = self._pointer(lanes, walk, counter)
        offsets, is_one = self._offsets(lanes, walk, expression.axes, expression.arguments, results)
        if is_one:
            loaded = load_elements(lanes, walk, lookup_text.moved(lanes, walk, pointer, offsets))
        else:
            loaded = lookup_text.gather(lanes, walk, pointer, offsets)
        return lanes.from_memory(loaded, walk.argument.element)

    def _offsets(
        self,
        lanes: Lanes,
        walk: Access,
        axes: Sequence[int],
        indices: Sequence[int],
        results: dict[int, str] | None,
    ) -> tuple[str, bool]:
        """Return how far indices lead from where they are 0, and whether that is one number for all lanes."""
        if results is None or all(self._depth[place] < self._loops for place in indices):
            scalar = Scalars(lanes)
            return lookup_text.offset(scalar, walk, axes, [self._scalar(scalar, place) for place in indices]), True
        names = [self._result(lanes, place, results) for place in indices]
        return lookup_text.offset(lanes, walk, axes, names), False

    def _scalar(self, lanes: Lanes, place: int) -> str:
        """Return the result of an expression outside the innermost loop (in code without loops it may not be there yet)."""
        if place not in self._outside:
            self._outside[place] = self._compute(lanes, place, self._nest.expressions[place], "")
        return self._outside[place]

    def _store(
        self, lanes: Lanes, target: Target, walk: Access, counter: str, results: dict[int, str] | None = None
    ) -> None:
        result = lanes.to_memory(self._result(lanes, target.expression, results), walk.argument.element)
        store_elements(lanes, walk, self._pointer(lanes, walk, counter), result)

    # ---- reductions

    def _combine(self, lanes: Lanes, target: Target, a: str, b: str) -> str:
        if target.value.operation == "setitem":
            return b  # (the last one stays)
        combined = COMBINED[target.value.operation]
        return lanes.binary(combined, a, b) if combined == "fadd" else lanes.intrinsic(combined, a, b)

    def _fold_into_memory(
        self, lanes: Lanes, target: Target, walk: Access, counter: str, results: dict[int, str] | None = None
    ) -> None:
        term = self._result(lanes, target.expression, results)
        pointer = self._pointer(lanes, walk, counter)
        if target.indices:
            offsets, is_one = self._offsets(lanes, walk, target.axes, target.indices, results)
            if not is_one or walk.strides[-1:] == [0]:  # (lanes that may add to the same number take turns)
                if is_one:
                    offsets = lanes.splat(offsets, "i64")
                scalar = Scalars(lanes)
                lookup_text.scatter(
                    lanes, walk, pointer, offsets, term, lambda a, b: self._combine(scalar, target, a, b)
                )
                return
            pointer = lookup_text.moved(lanes, walk, pointer, offsets)
        held = load_elements(lanes, walk, pointer)
        store_elements(lanes, walk, pointer, self._combine(lanes, target, held, term))

    def _accumulator(self, i: int, width: int) -> str:
        return f"%{self._prefix}fold{i}w{width}"

    def _start_fold(self, lanes: Lanes, i: int, target: Target) -> None:
        """Make room for the partial results of the loops further in."""
        for width in sorted({width for width, _, _ in self._stretches()}):
            of_width = Lanes(width, "")
            line = f"  {self._accumulator(i, width)} = alloca {of_width.type('double')}"
            if line not in self._kernel.allocations:
                self._kernel.allocations.append(line)
            identity = of_width.constant(IDENTITY[target.value.operation])
            lanes.lines.append(f"  store {of_width.type('double')} {identity}, ptr {self._accumulator(i, width)}")

    def _fold_into_register(self, lanes: Lanes, i: int, target: Target, results: dict[int, str]) -> None:
        kind, held = lanes.type("double"), self._accumulator(i, lanes.width)
        before = lanes.emit(f"load {kind}, ptr {held}")
        if i in self._folded_products:
            product = self._nest.expressions[self._folded_products[i]]
            a, b = (self._result(lanes, factor, results) for factor in factors(product))
            after = lanes.multiply_add(a, b, before)
        else:
            after = self._combine(lanes, target, before, self._result(lanes, target.expression, results))
        lanes.lines.append(f"  store {kind} {after}, ptr {held}")

    def _finish_folds(self, depth: int) -> None:
        """Add the partial results of the loops further in to the array of the reduction."""
        lanes = Lanes(1, f"{self._prefix}f{depth}.")
        for i, (target, walk) in enumerate(zip(self._nest.folds, self._folds, strict=True)):
            if self._fold_depths[i] != depth:
                continue
            parts = [self._over_lanes(lanes, i, width, target) for width, _, _ in self._stretches()]
            total = reduce(lambda a, b, target=target: self._combine(lanes, target, a, b), parts)
            pointer = self._pointer(lanes, walk, "")
            held = lanes.emit(f"load double, ptr {pointer}, align 1")
            total = self._combine(lanes, target, held, total)
            lanes.lines.append(f"  store double {total}, ptr {pointer}, align 1")
        self._take(lanes)

    def _over_lanes(self, lanes: Lanes, i: int, width: int, target: Target) -> str:
        """Return one number of the partial results in the lanes."""
        kind = Lanes(width, "").type("double")
        held = lanes.emit(f"load {kind}, ptr {self._accumulator(i, width)}")
        if width == 1:
            return held
        combined = COMBINED[target.value.operation]
        if combined == "fadd":
            return lanes.emit(
                f"call reassoc double @llvm.vector.reduce.fadd.v{width}f64(double {double(-0.0)}, {kind} {held})"
            )
        return lanes.emit(f"call double @llvm.vector.reduce.f{combined}.v{width}f64({kind} {held})")
