"""Reading and writing, in the lanes of a nest, where indices say: gather and scatter as LLVM IR.

The indices are within bounds already (`Lanes.within`). If they are the same in all lanes, it is a step from the pointer;
else every lane has a pointer of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from diffiface_native.compiled.lowering import Lanes
from diffiface_native.compiled.walks import Access


def offset(lanes: Lanes, walk: Access, axes: Sequence[int], indices: Sequence[str]) -> str:
    """Return by how many elements indices along these axes are away from where they are 0, in every lane."""
    assert walk.argument.strides is not None
    kind, total = lanes.type("i64"), ""
    for axis, index in zip(axes, indices, strict=True):
        stride = walk.argument.strides[axis]
        step = index if stride == 1 else lanes.emit(f"mul nsw {kind} {index}, {lanes.integer(stride)}")
        total = lanes.emit(f"add nsw {kind} {total}, {step}") if total else step
    return total


def moved(lanes: Lanes, walk: Access, pointer: str, by: str) -> str:
    """Return a pointer that is so many elements further."""
    return lanes.emit(f"getelementptr {walk.argument.element}, ptr {pointer}, i64 {by}")


def _pointers(lanes: Lanes, walk: Access, pointer: str, offsets: str) -> list[str]:
    """Return each lane's own pointer."""
    found = []
    for lane in range(lanes.width):
        own = offsets if lanes.width == 1 else lanes.emit(f"extractelement {lanes.type('i64')} {offsets}, i64 {lane}")
        at = moved(lanes, walk, pointer, own)
        ahead = lane * walk.strides[-1] if walk.strides else 0
        found.append(moved(lanes, walk, at, str(ahead)) if ahead else at)
    return found


def gather(lanes: Lanes, walk: Access, pointer: str, offsets: str) -> str:
    """Load an element for each lane, from where its offset says."""
    element, kind = walk.argument.element, lanes.type(walk.argument.element)
    loaded = [lanes.emit(f"load {element}, ptr {at}, align 1") for at in _pointers(lanes, walk, pointer, offsets)]
    if lanes.width == 1:
        return loaded[0]
    result = "poison"
    for lane, one in enumerate(loaded):
        result = lanes.emit(f"insertelement {kind} {result}, {element} {one}, i64 {lane}")
    return result


def scatter(
    lanes: Lanes, walk: Access, pointer: str, offsets: str, term: str, combine: Callable[[str, str], str]
) -> None:
    """Combine each lane's term with the number that its offset leads to, lane by lane: several may be the same."""
    element, kind = walk.argument.element, lanes.type(walk.argument.element)
    for lane, at in enumerate(_pointers(lanes, walk, pointer, offsets)):
        one = term if lanes.width == 1 else lanes.emit(f"extractelement {kind} {term}, i64 {lane}")
        held = lanes.emit(f"load {element}, ptr {at}, align 1")
        lanes.lines.append(f"  store {element} {combine(held, one)}, ptr {at}, align 1")
