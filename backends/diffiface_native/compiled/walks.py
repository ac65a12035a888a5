"""How arrays are walked by the loops of a nest, and how their elements get into the lanes and back, as LLVM IR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from diffiface_native.compiled.index_map import FIXED, Map
from diffiface_native.compiled.lowering import Lanes

LONGEST_ROW = 8
"""The longest rows that are loaded at once and dealt to the lanes."""


@dataclass(frozen=True)
class Argument:
    """One argument of the function."""

    slot: int
    strides: tuple[int, ...] | None
    """Of an array, in elements; None for a Python float."""
    element: str = "double"
    """What its elements are in memory (`lowering.ELEMENTS`)."""


@dataclass
class Access:
    """How one array is walked by the loops of a nest, in elements."""

    argument: Argument
    offset: int
    strides: list[int]
    base: str = ""
    """The pointer to its first element, where that is not the argument's own."""

    @property
    def pointer(self) -> str:
        return self.base or f"%data{self.argument.slot}"


class Walk(Protocol):
    """Says how a nest walks an array (a Value's or a constant): where a map leads, by which strides."""

    def __call__(self, thing: Any, map_: Map) -> Access: ...


def access(argument: Argument, map_: Map, loops: int) -> Access:
    """Return how a map walks an array."""
    offset, strides = 0, [0] * loops
    for (loop, step, start), stride in zip(map_, argument.strides or (), strict=True):
        offset += start * stride
        if loop != FIXED:
            strides[loop] += step * stride
    return Access(argument, offset, strides)


def join_loops(extents: list[int], accesses: Sequence[Access]) -> None:
    """Make one loop of two neighbours that all arrays walk as one."""
    loop = len(extents) - 2
    while loop >= 0:
        inner = extents[loop + 1]
        if all(a.strides[loop] == a.strides[loop + 1] * inner for a in accesses):
            extents[loop : loop + 2] = [extents[loop] * inner]
            for a in accesses:
                del a.strides[loop]
        loop -= 1


# ---- rows


def find_rows(loads: Mapping[int, Access]) -> dict[int, list[int]]:
    """Return the loads that together read all of what is walked in strides: place → the places of its row.

    Then whole rows are loaded at once and dealt to the lanes.
    """
    by_walk: dict[Any, dict[int, int]] = {}
    for place, walk in loads.items():
        if walk.strides and 1 < walk.strides[-1] <= LONGEST_ROW:
            by_walk.setdefault((walk.pointer, tuple(walk.strides)), {})[walk.offset] = place
    rows: dict[int, list[int]] = {}
    for (_, strides), offsets in by_walk.items():
        for offset in sorted(offsets):
            row = [offsets[at] for at in range(offset, offset + strides[-1]) if at in offsets]
            if len(row) == strides[-1] and offsets[offset] not in rows:
                rows.update({place: row for place in row})
    return rows


def load_rows(lanes: Lanes, element: str, pointer: str, length: int) -> str:
    """Load the rows of this length of all lanes, one after the other."""
    return lanes.emit(f"load <{lanes.width * length} x {element}>, ptr {pointer}, align 1")


def dealt(lanes: Lanes, element: str, rows: str, length: int, place: int) -> str:
    """Return what stands at this place of each lane's row."""
    wide = f"<{lanes.width * length} x {element}>"
    places = ", ".join(f"i32 {place + lane * length}" for lane in range(lanes.width))
    return lanes.emit(f"shufflevector {wide} {rows}, {wide} poison, <{lanes.width} x i32> <{places}>")


# ---- elements


def load_elements(lanes: Lanes, walk: Access, pointer: str) -> str:
    """Load an element for each lane, the first one from the pointer."""
    element, width = walk.argument.element, lanes.width
    kind, stride = lanes.type(element), walk.strides[-1] if walk.strides else 0
    if width == 1 or stride == 1:
        return lanes.emit(f"load {kind}, ptr {pointer}, align 1")
    if stride == -1:
        first = lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {1 - width}")
        loaded = lanes.emit(f"load {kind}, ptr {first}, align 1")
        return _reversed(lanes, loaded, element)
    result = "poison"
    for lane in range(width):
        at = lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {lane * stride}")
        one = lanes.emit(f"load {element}, ptr {at}, align 1")
        result = lanes.emit(f"insertelement {kind} {result}, {element} {one}, i64 {lane}")
    return result


def _reversed(lanes: Lanes, vector: str, element: str) -> str:
    order = ", ".join(f"i32 {lane}" for lane in reversed(range(lanes.width)))
    kind = lanes.type(element)
    return lanes.emit(f"shufflevector {kind} {vector}, {kind} poison, <{lanes.width} x i32> <{order}>")


def store_elements(lanes: Lanes, walk: Access, pointer: str, result: str) -> None:
    """Store what is in the lanes, the first one at the pointer."""
    element, width = walk.argument.element, lanes.width
    kind, stride = lanes.type(element), walk.strides[-1] if walk.strides else 0
    if width == 1 or stride == 1:
        lanes.lines.append(f"  store {kind} {result}, ptr {pointer}, align 1")
        return
    for lane in range(width):
        one = lanes.emit(f"extractelement {kind} {result}, i64 {lane}")
        at = lanes.emit(f"getelementptr {element}, ptr {pointer}, i64 {lane * stride}")
        lanes.lines.append(f"  store {element} {one}, ptr {at}, align 1")
