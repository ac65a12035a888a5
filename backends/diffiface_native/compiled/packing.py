"""A matrix copied with rows and columns exchanged: four by four, turned in registers."""

from __future__ import annotations

from diffiface_native.compiled.lowering import Lanes
from diffiface_native.compiled.nest_text import Function

_SIDE = 4
_KIND = f"<{_SIDE} x double>"
_MOST_SQUARES = 16
"""How many squares are written out, side by side."""

Place = tuple[str, int]
"""The pointer to a matrix of doubles, and how far apart its rows are."""


def turn(kernel: Function, source: Place, target: Place, shape: tuple[int, int], tag: str) -> None:
    """Write a copy of a matrix of this shape, its rows as columns.

    The last squares overlap those before them: they copy some numbers again.
    """
    rows, columns = shape
    side = _SIDE if min(shape) >= _SIDE else 1
    starts = _starts(columns, side)
    if len(starts) > _MOST_SQUARES and rows // side <= len(starts):
        # The longer way round is the loop: rows of the copy are written, then, not read, one after the other.
        copied = [(row, None) for row in _starts(rows, side)]
        spans = [(0, columns - columns % side)] + ([(columns - side, columns)] if columns % side else [])
    else:
        copied = [(None, column) for column in starts]
        spans = [(0, rows - rows % side)] + ([(rows - side, rows)] if rows % side else [])
    for i, (start, stop) in enumerate(spans):
        counter = _open(kernel, f"{tag}.{i}", start)
        lanes = Lanes(side, f"{tag}.{i}.")
        for row, column in copied:
            place = (counter if row is None else str(row), counter if column is None else str(column))
            _copy_square(lanes, source, target, place)
        kernel.lines += lanes.lines
        _close(kernel, f"{tag}.{i}", side, stop)


def _starts(length: int, side: int) -> list[int]:
    return [*range(0, length - side + 1, side), *([length - side] if length % side else [])]


def _at(lanes: Lanes, place: Place, row: str, column: str) -> str:
    by = lanes.emit(f"mul nsw i64 {row}, {place[1]}")
    start = lanes.emit(f"getelementptr double, ptr {place[0]}, i64 {by}")
    return lanes.emit(f"getelementptr double, ptr {start}, i64 {column}")


def _copy_square(lanes: Lanes, source: Place, target: Place, place: tuple[str, str]) -> None:
    row, column = place
    read, written = _at(lanes, source, row, column), _at(lanes, target, column, row)
    if lanes.width == 1:
        one = lanes.emit(f"load double, ptr {read}, align 1")
        lanes.lines.append(f"  store double {one}, ptr {written}, align 1")
        return

    def shuffle(a: str, b: str, *order: int) -> str:
        places = ", ".join(f"i32 {place}" for place in order)
        return lanes.emit(f"shufflevector {_KIND} {a}, {_KIND} {b}, <{_SIDE} x i32> <{places}>")

    lines = []
    for i in range(_SIDE):
        at = lanes.emit(f"getelementptr double, ptr {read}, i64 {i * source[1]}")
        lines.append(lanes.emit(f"load {_KIND}, ptr {at}, align 1"))
    a, b, c, d = lines
    ab, ab_odd = shuffle(a, b, 0, 4, 2, 6), shuffle(a, b, 1, 5, 3, 7)
    cd, cd_odd = shuffle(c, d, 0, 4, 2, 6), shuffle(c, d, 1, 5, 3, 7)
    turned = [
        shuffle(ab, cd, 0, 1, 4, 5), shuffle(ab_odd, cd_odd, 0, 1, 4, 5),
        shuffle(ab, cd, 2, 3, 6, 7), shuffle(ab_odd, cd_odd, 2, 3, 6, 7),
    ]  # fmt: skip
    for i, one in enumerate(turned):
        at = lanes.emit(f"getelementptr double, ptr {written}, i64 {i * target[1]}")
        lanes.lines.append(f"  store {_KIND} {one}, ptr {at}, align 1")


def _open(kernel: Function, tag: str, start: int) -> str:
    kernel.allocations.append(f"  %{tag}.counter = alloca i64")
    kernel.lines += [
        f"  store i64 {start}, ptr %{tag}.counter",
        f"  br label %{tag}",
        f"{tag}:",
        f"  %{tag}.i = load i64, ptr %{tag}.counter",
    ]
    return f"%{tag}.i"


def _close(kernel: Function, tag: str, step: int, stop: int) -> None:
    kernel.lines += [
        f"  %{tag}.next = add nuw nsw i64 %{tag}.i, {step}",
        f"  store i64 %{tag}.next, ptr %{tag}.counter",
        f"  %{tag}.more = icmp slt i64 %{tag}.next, {stop}",
        f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
        f"{tag}.done:",
    ]
