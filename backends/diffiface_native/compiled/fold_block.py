"""The innermost lines of a nest that only folds: the terms of a block of results, and what becomes of the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

from diffiface_native.compiled.lowering import Lanes, double, lower
from diffiface_native.compiled.multiply_add import factors, folded_products
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.nest_text import COMBINED, IDENTITY, Function
from diffiface_native.compiled.walks import Access

LANES = 4
"""Numbers in one register of AVX2."""
_KIND = f"<{LANES} x double>"


@dataclass
class Parts:
    """What a block is made of."""

    kernel: Function
    nest: Nest
    walks: dict[int, Access]
    """The loads: place in the list of expressions → how it walks its array."""
    folds: list[Access]
    """Where each of the nest's folds goes."""
    depends: list[frozenset[int]]
    """On which loops each expression depends."""
    counters: dict[int, str]
    """Loop → its counter: a name, or a number."""


Offsets = dict[int, int]
"""Loop → how many steps behind its counter; of the lanes' own loop, how many registers."""


class Block:
    """A block of results: one register for each, of lanes along the loop `vector`."""

    def __init__(self, parts: Parts, vector: int, steps: dict[int, int], tag: str):
        self._parts = parts
        self._vector = vector
        self._loops = [loop for loop in steps if loop != vector]
        self._steps = steps
        self._tag = tag
        self._writes = 0
        self._lanes = Lanes(LANES, "")
        self._registers = 0
        self._used = 0
        """How many lanes of the registers are in use."""
        self._known: dict[tuple[int, tuple[tuple[int, int], ...]], str] = {}
        nest = parts.nest
        self._products = {i: factors(nest.expressions[product]) for i, product in folded_products(nest).items()}
        """Fold → the two factors of the product that it adds unrounded."""

    # ---- the registers that hold the results

    def _results(self, registers: int) -> Iterator[Offsets]:
        ranges = [range(self._steps[loop]) for loop in self._loops]
        for offsets in product(*ranges, range(registers)):
            yield dict(zip((*self._loops, self._vector), offsets, strict=True))

    def _held(self, i: int, offsets: Offsets) -> str:
        return f"%{self._tag}.held{i}.{'.'.join(str(n) for n in offsets.values())}"

    def _operation(self, i: int) -> str:
        return self._parts.nest.folds[i].value.operation

    def _combine(self, i: int, a: str, b: str) -> str:
        combined = COMBINED[self._operation(i)]
        return self._lanes.binary(combined, a, b) if combined == "fadd" else self._lanes.intrinsic(combined, a, b)

    def start(self) -> None:
        """Set all results to what changes nothing."""
        for i in range(len(self._parts.folds)):
            identity = Lanes(LANES, "").constant(IDENTITY[self._operation(i)])
            for offsets in self._results(self._steps[self._vector]):
                held = self._held(i, offsets)
                self._parts.kernel.allocations.append(f"  {held} = alloca {_KIND}")
                self._parts.kernel.lines.append(f"  store {_KIND} {identity}, ptr {held}")

    # ---- the terms

    def write(self, registers: int, length: int) -> None:
        """Write the next terms of all results, in so many registers; `length` is that of the stretch they are in."""
        self._begin(registers, length)
        for i, target in enumerate(self._parts.nest.folds):
            for offsets in self._results(registers):
                held = self._held(i, offsets)
                before = self._lanes.emit(f"load {_KIND}, ptr {held}")
                if i in self._products and not self._is_partial(offsets):
                    a, b = (self._in_lanes(factor, offsets) for factor in self._products[i])
                    after = self._lanes.multiply_add(a, b, before)
                else:
                    after = self._combine(i, before, self._term(i, target.expression, offsets))
                self._lanes.lines.append(f"  store {_KIND} {after}, ptr {held}")
        self._end()

    def _term(self, i: int, expression: int, offsets: Offsets) -> str:
        """Return what is added: in lanes that are not in use, what changes nothing."""
        term = self._in_lanes(expression, offsets)
        if not self._is_partial(offsets):
            return term
        identity = self._lanes.constant(IDENTITY[self._operation(i)])
        return self._lanes.emit(f"select <{LANES} x i1> {self._mask(offsets)}, {_KIND} {term}, {_KIND} {identity}")

    def _begin(self, registers: int, length: int) -> None:
        self._lanes = Lanes(LANES, f"{self._tag}.{self._writes}.")
        self._writes += 1
        self._registers = registers
        self._used = min(length, LANES * registers)
        self._known = {}

    def _end(self) -> None:
        self._parts.kernel.lines.extend(self._lanes.lines)

    def _is_partial(self, offsets: Offsets) -> bool:
        return self._used < LANES * (offsets[self._vector] + 1)

    def _lanes_used(self, offsets: Offsets) -> int:
        return min(LANES, self._used - LANES * offsets[self._vector])

    def _mask(self, offsets: Offsets) -> str:
        used = self._lanes_used(offsets)
        return f"<{', '.join('i1 true' if lane < used else 'i1 false' for lane in range(LANES))}>"

    def _in_lanes(self, place: int, offsets: Offsets) -> str:
        """Return an expression's result in every lane."""
        found = self._result(place, offsets)
        expression = self._parts.nest.expressions[place]
        if self._vector in self._parts.depends[place] or expression.operation == "number":
            return found
        key = (-1 - place, self._key(place, offsets))
        if key not in self._known:
            self._known[key] = self._lanes.splat(found, "i1" if expression.is_truth else "double")
        return self._known[key]

    def _key(self, place: int, offsets: Offsets) -> tuple[tuple[int, int], ...]:
        depends = self._parts.depends[place]
        return tuple((loop, n) for loop, n in offsets.items() if loop in depends)

    def _result(self, place: int, offsets: Offsets) -> str:
        """Return an expression's result: in lanes if it depends on their loop (or is a number), else one."""
        key = (place, self._key(place, offsets))
        if key not in self._known:
            wide = self._vector in self._parts.depends[place]
            expression = self._parts.nest.expressions[place]
            if expression.operation == "number":
                value = expression.value
                found = self._lanes.truth(value) if type(value) is bool else self._lanes.constant(value)
                self._known[key] = found
                return found
            if place in self._parts.walks:
                self._lanes.width = LANES if wide else 1
                found = self._load(self._parts.walks[place], offsets, expression.is_truth)
            else:
                arguments = [self._argument(a, offsets, wide) for a in expression.arguments]
                self._lanes.width = LANES if wide else 1
                found = lower(self._lanes, expression.operation, arguments)
                self._parts.kernel.functions |= {(name, self._lanes.width) for name in self._lanes.functions}
                self._lanes.functions.clear()
            self._lanes.width = LANES
            self._known[key] = found
        return self._known[key]

    def _argument(self, place: int, offsets: Offsets, wide: bool) -> str:
        if wide:
            return self._in_lanes(place, offsets)
        expression = self._parts.nest.expressions[place]
        if expression.operation == "number":
            one = Lanes(1, "")
            return one.truth(expression.value) if type(expression.value) is bool else one.constant(expression.value)
        return self._result(place, offsets)

    # ---- memory

    def _pointer(self, walk: Access, offsets: Offsets) -> str:
        """Point at the element for these offsets: of lanes, at that of the first."""
        pointer, element, fixed = walk.pointer, walk.argument.element, walk.offset
        for loop, stride in enumerate(walk.strides):
            counter = self._parts.counters.get(loop, "0")
            if not stride:
                continue
            fixed += stride * offsets.get(loop, 0) * (LANES if loop == self._vector else 1)
            if counter.isdigit():
                fixed += int(counter) * stride
                continue
            step = counter if stride == 1 else self._lanes.emit(f"mul nsw i64 {counter}, {stride}")
            pointer = self._lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {step}")
        return self._lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {fixed}") if fixed else pointer

    def _load(self, walk: Access, offsets: Offsets, is_truth: bool) -> str:
        lanes, element = self._lanes, walk.argument.element
        if walk.argument.strides is None:
            number = f"%number{walk.argument.slot}"
            return lanes.emit(f"fcmp une double {number}, 0.0") if is_truth else number
        pointer = self._pointer(walk, offsets)
        if lanes.width == 1:
            loaded = lanes.emit(f"load {element}, ptr {pointer}, align 1")
        else:
            loaded = self._load_lanes(pointer, element, walk.strides[self._vector], offsets)
        return lanes.from_memory(loaded, element)

    def _load_lanes(self, pointer: str, element: str, stride: int, offsets: Offsets) -> str:
        """Load the lanes in use; the others are zero, and nothing is read for them."""
        kind = f"<{LANES} x {element}>"
        if stride == 1 and not self._is_partial(offsets):
            return self._lanes.emit(f"load {kind}, ptr {pointer}, align 1")
        if stride == 1 and element == "double":
            mask = f"i32 1, <{LANES} x i1> {self._mask(offsets)}"
            return self._lanes.emit(
                f"call {kind} @llvm.masked.load.v{LANES}f64.p0(ptr {pointer}, {mask}, {kind} zeroinitializer)"
            )
        result = "zeroinitializer"
        for lane in range(self._lanes_used(offsets)):
            at = self._lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {lane * stride}")
            one = self._lanes.emit(f"load {element}, ptr {at}, align 1")
            result = self._lanes.emit(f"insertelement {kind} {result}, {element} {one}, i64 {lane}")
        return result

    # ---- results

    def finish_lanes(self, length: int, complete: bool) -> None:
        """Store the results, whose lanes are results too; unless they are `complete`, what is there counts as well."""
        self._begin(self._steps[self._vector], length)
        lanes = self._lanes
        for i, walk in enumerate(self._parts.folds):
            stride = walk.strides[self._vector]
            for offsets in self._results(self._registers):
                result = lanes.emit(f"load {_KIND}, ptr {self._held(i, offsets)}")
                pointer = self._pointer(walk, offsets)
                if not complete:
                    result = self._combine(i, self._load_lanes(pointer, "double", stride, offsets), result)
                self._store_lanes(pointer, stride, offsets, result)
        self._end()

    def _store_lanes(self, pointer: str, stride: int, offsets: Offsets, result: str) -> None:
        lanes = self._lanes
        if stride == 1 and not self._is_partial(offsets):
            lanes.lines.append(f"  store {_KIND} {result}, ptr {pointer}, align 1")
        elif stride == 1:
            mask = f"i32 1, <{LANES} x i1> {self._mask(offsets)}"
            lanes.lines.append(
                f"  call void @llvm.masked.store.v{LANES}f64.p0({_KIND} {result}, ptr {pointer}, {mask})"
            )
        else:
            for lane in range(self._lanes_used(offsets)):
                one = lanes.emit(f"extractelement {_KIND} {result}, i64 {lane}")
                at = lanes.emit(f"getelementptr double, ptr {pointer}, i64 {lane * stride}")
                lanes.lines.append(f"  store double {one}, ptr {at}, align 1")

    def finish_sums(self, complete: bool) -> None:
        """Add up the lanes, which are terms, and store the results."""
        registers = self._steps[self._vector]
        self._begin(registers, LANES * registers)
        lanes = self._lanes
        for i, walk in enumerate(self._parts.folds):
            whole: list[tuple[Offsets, str]] = []
            for offsets in self._results(1):
                held = [self._held(i, {**offsets, self._vector: register}) for register in range(registers)]
                loaded = [lanes.emit(f"load {_KIND}, ptr {name}") for name in held]
                whole.append((offsets, reduce(lambda a, b, i=i: self._combine(i, a, b), loaded)))
            totals = self._over_lanes(i, [name for _, name in whole])
            for (offsets, _), total in zip(whole, totals, strict=True):
                pointer = self._pointer(walk, offsets)
                lanes.width = 1
                if not complete:
                    total = self._combine(i, lanes.emit(f"load double, ptr {pointer}, align 1"), total)
                lanes.width = LANES
                lanes.lines.append(f"  store double {total}, ptr {pointer}, align 1")
        self._end()

    def _over_lanes(self, i: int, vectors: Sequence[str]) -> list[str]:
        """Return one number for each vector; sums are made of four at a time, as one vector."""
        combined = COMBINED[self._operation(i)]
        if combined != "fadd":
            return [
                self._lanes.emit(f"call double @llvm.vector.reduce.f{combined}.v{LANES}f64({_KIND} {vector})")
                for vector in vectors
            ]
        totals: list[str] = []
        for start in range(0, len(vectors), LANES):
            four = list(vectors[start : start + LANES])
            if len(four) < LANES:
                totals += [
                    self._lanes.emit(
                        f"call reassoc double @llvm.vector.reduce.fadd.v{LANES}f64(double {double(-0.0)}, {_KIND} {vector})"
                    )
                    for vector in four
                ]
                continue
            left, right = self._neighbours(*four[:2]), self._neighbours(*four[2:])
            low = self._shuffle(left, right, (0, 1, 4, 5))
            high = self._shuffle(left, right, (2, 3, 6, 7))
            sums = self._lanes.binary("fadd", low, high)
            totals += [self._lanes.emit(f"extractelement {_KIND} {sums}, i64 {lane}") for lane in range(LANES)]
        return totals

    def _neighbours(self, a: str, b: str) -> str:
        """Add neighbouring lanes of two vectors: (a0+a1, b0+b1, a2+a3, b2+b3)."""
        return self._lanes.binary("fadd", self._shuffle(a, b, (0, 4, 2, 6)), self._shuffle(a, b, (1, 5, 3, 7)))

    def _shuffle(self, a: str, b: str, order: Sequence[int]) -> str:
        places = ", ".join(f"i32 {place}" for place in order)
        return self._lanes.emit(f"shufflevector {_KIND} {a}, {_KIND} {b}, <{LANES} x i32> <{places}>")
