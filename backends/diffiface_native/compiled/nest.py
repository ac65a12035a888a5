"""The loop nests of one wave: pieces of domains, and what is computed in each, every value once.

A piece is a box of a root's domain in which it is settled where every element comes from. Pieces of several roots that
are of one size and at one place make one nest, so that what they have in common is read and computed once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from diffiface_native.compiled import contraction
from diffiface_native.compiled.index_map import FIXED, Map, Part, Split, assembles, broadcast, parts
from diffiface_native.compiled.indexed import Indexed, Lookup
from diffiface_native.compiled.lowering import operation_of
from diffiface_native.recorded.graph import Value

_MOST_PIECES = 64
"""Into how many pieces one root's domain may fall."""
_MOST_EXPRESSIONS = 100_000
"""How many expressions the nests of one wave may have together."""
_EDGE = 4
"""How thick a slab may be that is cut off a domain only so that the rest shares a nest with others."""
_MOST_EDGES = 12
"""Where more boxes than this begin and end along an axis, they are left as they are."""


class TooManyPieces(Exception):
    """Reading through the index maps would take more code than it is worth."""


READS = frozenset({"load", "index", "gather"})
"""The operations of expressions that are read from arrays."""


@dataclass
class Expression:
    """One value at one place of a nest."""

    operation: str
    """ "load", "number", "index", "gather", or the primitive to compute."""
    value: Any
    """What is loaded (a Value or a constant array), the number, or a Value of the primitive to compute."""
    arguments: tuple[int, ...] = ()
    """Places in the nest's list of expressions."""
    map: Map = ()
    """Where a load reads."""
    axes: tuple[int, ...] = ()
    """Of a gather: the axes along which it reads where its arguments, which are indices, say."""
    length: int = 0
    """Of an index: how many entries there are along its axis; 0 where it is known to be within them."""

    @property
    def is_truth(self) -> bool:
        """Whether it is a boolean."""
        if self.operation == "number":
            return type(self.value) is bool
        return self.operation not in ("add", "index") and self.value.dtype == bool

    @property
    def reads(self) -> bool:
        """Whether it is read from an array."""
        return self.operation in READS


@dataclass
class Target:
    """What becomes of an expression: it is stored in a value's array, or folded into it."""

    value: Value
    expression: int
    map: Map
    axes: tuple[int, ...] = ()
    """The axes along which the place is where indices say."""
    indices: tuple[int, ...] = ()
    """The expressions of those indices."""


@dataclass
class Nest:
    """Loops of these lengths, and what is computed in the innermost of them."""

    extents: tuple[int, ...]
    expressions: list[Expression] = field(default_factory=list)
    stores: list[Target] = field(default_factory=list)
    folds: list[Target] = field(default_factory=list)
    exact: bool = False
    """Whether its results must be NumPy's to the last bit."""

    def loaded(self) -> Iterator[Any]:
        """Yield what is loaded, Values and arrays, once for each load."""
        return (e.value for e in self.expressions if e.reads)

    @property
    def looks_up(self) -> bool:
        """Whether it reads or writes where arrays of indices say."""
        return any(e.operation == "index" for e in self.expressions)

    def pattern(self) -> Any:
        """Return what nests have in common that do the same, with other arrays or at other places of them."""
        expressions = tuple(
            (
                e.operation,
                e.arguments,
                tuple(place[:2] for place in e.map),
                (e.axes, e.length),
                e.value if e.operation == "number" else None,
            )
            for e in self.expressions
        )
        targets = tuple(
            (t.expression, tuple(place[:2] for place in t.map)) for part in (self.stores, self.folds) for t in part
        )
        return self.extents, expressions, len(self.stores), targets

    def loaded_values(self) -> Iterator[Value]:
        return (v for v in self.loaded() if type(v) is Value)


@dataclass(frozen=True)
class Wave:
    """What the plan says of values, as far as the kernels of one wave are concerned."""

    in_memory: Callable[[Value], bool]
    """Whether a value is read from memory; if not, it is computed."""
    moved: Callable[[Value], bool]
    """Whether a value's elements are those of others, at affine places (`index_map`)."""
    folded: Callable[[Value], bool]
    """Whether a root is a reduction."""
    indexed: Callable[[Value], Indexed | None] = lambda value: None
    """What a value reads, or writes, at indices that arrays name."""
    exact: Callable[[Value], bool] = lambda value: False
    """Whether a value must be NumPy's to the last bit."""


Box = tuple[range, ...]
"""For each axis of a domain, which of its indices are in the piece: a stretch of them, or every second of it, and so on."""
Recipes = dict[tuple[int, Map], tuple[Value, "list[Part] | None"]]
"""Value number and map → the value, and its operands' places (None: it is loaded)."""


def domain_of(root: Value, folded: bool, indexed: Indexed | None = None) -> tuple[int, ...]:
    """Return the shape over which a root is computed."""
    if folded and indexed is not None:
        return indexed.shape
    if folded and contraction.is_narrow(root):
        return (contraction.inner_length(root),)
    if folded and root.operation in ("matmul", "einsum"):
        return contraction.extents(root)
    return root.arguments[0].shape if folded else root.shape


def make_nests(roots: Sequence[Value], wave: Wave) -> list[Nest]:
    """Return the nests that compute these roots."""
    boxes = {root.number: _boxes(root, wave) for root in roots}
    whole = {root.number: boxes[root.number] for root in roots if not assembles(root)}
    _align(whole)
    boxes |= whole
    groups: dict[Any, list[tuple[Value, Box]]] = {}
    for root in roots:
        for box in boxes[root.number]:
            groups.setdefault(tuple(side for side in box if len(side) != 1), []).append((root, box))
    nests = []
    count = 0
    for sides, members in groups.items():
        for some in _by_axes(members):
            nests.append(_Builder(tuple(map(len, sides)), wave).nest(some))
            count += len(nests[-1].expressions)
            if count > _MOST_EXPRESSIONS:
                raise TooManyPieces
    return nests


def _by_axes(members: list[tuple[Value, Box]]) -> list[list[tuple[Value, Box]]]:
    """Separate the pieces of a group that lie along different axes of the same root, as the edges of a square do.

    They have next to nothing in common, and what is contiguous in one of them is not in the other.
    """
    axes = [tuple(axis - len(box) for axis, side in enumerate(box) if len(side) != 1) for _, box in members]
    seen: dict[int, tuple[int, ...]] = {}
    if all(seen.setdefault(root.number, own) == own for (root, _), own in zip(members, axes, strict=True)):
        return [members]
    parted: dict[tuple[int, ...], list[tuple[Value, Box]]] = {}
    for member, own in zip(members, axes, strict=True):
        parted.setdefault(own, []).append(member)
    return list(parted.values())


def _boxes(root: Value, wave: Wave) -> list[Box]:
    """Split a root's domain until it is settled, in every piece, where every element comes from."""
    folded = wave.folded(root)
    if not folded and assembles(root):
        return [tuple(range(i, i + 1) for i in place) for place in np.ndindex(root.shape)]
    pending: list[Box] = [tuple(map(range, domain_of(root, folded, wave.indexed(root))))]
    found: list[Box] = []
    while pending:
        box = pending.pop()
        try:
            if _extents(box):  # a single element comes from one place
                _Builder(_extents(box), wave).recipes(
                    [p for _, factors in _terms(root, box, folded, wave) for p in factors]
                )
        except Split as split:
            axis = [i for i, side in enumerate(box) if len(side) != 1][split.loop]
            pending += [(*box[:axis], side, *box[axis + 1 :]) for side in reversed(split.of(box[axis]))]
        else:
            found.append(box)
        if len(found) + len(pending) > _MOST_PIECES:
            raise TooManyPieces
    return found


def _align(boxes: dict[int, list[Box]]) -> None:
    """Cut thin slabs off boxes where others begin or end, so that what remains is of one size and place with them."""
    for rank in {len(own[0]) for own in boxes.values()}:
        alike = [number for number, own in boxes.items() if len(own[0]) == rank]
        for axis in range(rank):
            sides = [box[axis] for number in alike for box in boxes[number]]
            edges = sorted({edge for side in sides for edge in (side.start, side.stop)})
            if 2 < len(edges) <= _MOST_EDGES and all(side.step == 1 for side in sides):
                for number in alike:
                    boxes[number] = [piece for box in boxes[number] for piece in _cut(box, axis, edges)]


def _cut(box: Box, axis: int, edges: list[int]) -> list[Box]:
    start, stop = box[axis].start, box[axis].stop
    at = [e for e in edges if start < e < stop and min(e - start, stop - e) <= _EDGE < (stop - start) // 2]
    ends = [start, *at, stop]
    return [(*box[:axis], range(a, b), *box[axis + 1 :]) for a, b in pairwise(ends)]


def _extents(box: Box) -> tuple[int, ...]:
    return tuple(len(side) for side in box if len(side) != 1)


def _places(box: Box) -> Map:
    """Map the loops of a box, which has none along sides of length one, to the axes of its domain."""
    places, loop = [], 0
    for side in box:
        if len(side) == 1:
            places.append((FIXED, 0, side.start))
        else:
            places.append((loop, side.step, side.start))
            loop += 1
    return tuple(places)


def _terms(root: Value, box: Box, folded: bool, wave: Wave) -> list[tuple[Map, tuple[Part, ...]]]:
    """Return what is stored in (or folded into) a root's array: where in it, and the factors whose product it is.

    Of what is scattered, where among the entries that its index chooses.
    """
    places = _places(box)
    if not folded:
        return [(places, ((root, places),))]
    if wave.indexed(root) is not None:
        item = root.arguments[1]
        return [(places, ((item, broadcast(places, np.shape(_sample(item)))),))]
    if contraction.is_narrow(root):
        return list(contraction.entries(root, places[0]))
    if root.operation in ("matmul", "einsum"):
        return [contraction.factors(root, places)]
    return [(_fold_map(root, places), ((root.arguments[0], places),))]


def _fold_map(root: Value, places: Map) -> Map:
    """Where in a reduction's result an element of its argument is added."""
    axes = root.parameters["axis"]
    if root.parameters["keepdims"]:
        return tuple((FIXED, 0, 0) if i in axes else place for i, place in enumerate(places))
    return tuple(place for i, place in enumerate(places) if i not in axes)


class _Builder:
    """Finds out what one nest computes."""

    def __init__(self, extents: tuple[int, ...], wave: Wave):
        self._extents = extents
        self._wave = wave
        self._expressions: list[Expression] = []
        self._known: dict[Any, int] = {}

    def nest(self, members: Sequence[tuple[Value, Box]]) -> Nest:
        folded = self._wave.folded
        terms = [(root, *term) for root, box in members for term in _terms(root, box, folded(root), self._wave)]
        recipes = self.recipes([part for _, _, factors in terms for part in factors])
        places = self._write(recipes)
        nest = Nest(self._extents, self._expressions, exact=any(self._wave.exact(v) for v, _ in recipes.values()))
        for root, map_, factors in terms:
            found = [
                places[factor.number, place] if type(factor) is Value else self._constant(factor, place)
                for factor, place in factors
            ]
            expression = found[0] if len(found) == 1 else self._combine("multiply", root, *found)
            indexed = self._wave.indexed(root) if folded(root) else None
            if indexed is None:
                (nest.folds if folded(root) else nest.stores).append(Target(root, expression, map_))
                continue
            where, lookups = indexed.places(map_)
            indices = tuple(map(self._index, lookups))
            nest.folds.append(Target(root, expression, where, tuple(lookup.axis for lookup in lookups), indices))
        return nest

    def recipes(self, starts: Sequence[Part]) -> Recipes:
        """Return, for every value at every place that is needed, its operands' places (None: it is loaded)."""
        wanted: dict[int, dict[Map, None]] = {}
        values: dict[int, Value] = {}
        queue: list[int] = []

        def want(argument: Any, map_: Map) -> None:
            if type(argument) is not Value:
                return
            if argument.number not in wanted:
                wanted[argument.number] = {}
                values[argument.number] = argument
                heapq.heappush(queue, -argument.number)
            wanted[argument.number][map_] = None

        for value, map_ in starts:
            want(value, map_)
        found: Recipes = {}
        while queue:  # from the last value to the first: all places a value is needed at are known before its turn
            number = -heapq.heappop(queue)
            value = values[number]
            for map_ in wanted[number]:
                operands = None if self._wave.in_memory(value) else self._operands(value, map_)
                found[number, map_] = (value, operands)
                for argument, place in operands or ():
                    want(argument, place)
            if len(found) > _MOST_EXPRESSIONS:
                raise TooManyPieces
        return found

    def _operands(self, value: Value, map_: Map) -> list[Part]:
        if self._wave.indexed(value) is not None:
            return []  # (all it reads is in memory)
        if self._wave.moved(value):
            return parts(value, map_, self._extents)
        if value.operation == "matmul":
            return [factor for term in contraction.terms(value, map_) for factor in term]
        return [(a, broadcast(map_, a.sample.shape if type(a) is Value else np.shape(a))) for a in value.arguments]

    def _write(self, recipes: Recipes) -> dict[tuple[int, Map], int]:
        """List the expressions, operands first; return where each value at each place is in the list."""
        places: dict[tuple[int, Map], int] = {}
        for key in sorted(recipes, key=lambda key: key[0]):
            value, operands = recipes[key]
            if operands is None:
                places[key] = self._add(("load", *key), Expression("load", value, (), key[1]))
                continue
            arguments = tuple(
                places[argument.number, place] if type(argument) is Value else self._constant(argument, place)
                for argument, place in operands
            )
            indexed = self._wave.indexed(value)
            if indexed is not None:
                places[key] = self._gathered(value, *indexed.places(key[1]))
            elif value.operation == "matmul":
                products = [
                    self._combine("multiply", value, *pair)
                    for pair in zip(arguments[::2], arguments[1::2], strict=True)
                ]
                places[key] = reduce(
                    lambda total, term, value=value: self._combine("add", value, total, term), products
                )
            elif not self._wave.moved(value):
                places[key] = self._combine(operation_of(value), value, *arguments)
            elif len(arguments) == 1:
                places[key] = arguments[0]
            else:
                places[key] = self._combine("add", value, *arguments)
        return places

    def _combine(self, operation: str, value: Value, *arguments: int) -> int:
        return self._add((operation, value.dtype, arguments), Expression(operation, value, arguments))

    def _gathered(self, value: Value, where: Map, lookups: Sequence[Lookup]) -> int:
        (source,) = value.arguments
        if not lookups:
            return self._add(("load", source.number, where), Expression("load", source, (), where))
        axes, indices = tuple(lookup.axis for lookup in lookups), tuple(map(self._index, lookups))
        return self._add(
            ("gather", source.number, where, axes, indices), Expression("gather", source, indices, where, axes)
        )

    def _index(self, lookup: Lookup) -> int:
        is_known = type(lookup.indices) is not Value
        length, number = 0 if is_known else lookup.length, -id(lookup.indices) if is_known else lookup.indices.number
        return self._add(
            ("index", number, lookup.map, length), Expression("index", lookup.indices, (), lookup.map, (), length)
        )

    def _constant(self, constant: Any, map_: Map) -> int:
        number = _uniform(constant)
        if number is None:
            return self._add(("constant", id(constant), map_), Expression("load", constant, (), map_))
        return self._add(("number", type(number), repr(number)), Expression("number", number))

    def _add(self, key: Any, expression: Expression) -> int:
        place = self._known.get(key)
        if place is None:
            place = self._known[key] = len(self._expressions)
            self._expressions.append(expression)
        return place


def _sample(argument: Any) -> Any:
    return argument.sample if type(argument) is Value else argument


def _uniform(constant: Any) -> float | bool | None:
    """Return the number that a constant is everywhere; None if it has several."""
    if not isinstance(constant, np.ndarray) or constant.ndim == 0:
        return bool(constant) if np.asarray(constant).dtype == bool else float(constant)
    first = constant.flat[0]
    if constant.dtype == bool:
        return bool(first) if np.all(constant == first) else None
    same = np.all(constant == first) and np.all(np.signbit(constant) == np.signbit(first))
    return float(first) if same else None
