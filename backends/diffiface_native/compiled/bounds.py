"""Whether indices are within the bounds of the arrays they are looked up in: seen to before the kernel that uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from diffiface_native.compiled.objects import HEADER, argument, returned

_WIDTH = 8


@dataclass(frozen=True)
class Bound:
    """An array of indices in C order, and the length of the axis they are for."""

    count: int
    element: str
    length: int


class BoundsText:
    """Writes `check(indices, indices, ..., flag, None)`, which sets flag[0] to 0 if all are within bounds, else to 1."""

    is_long = False

    def __init__(self, name: str, bounds: Sequence[Bound]):
        self._name = name
        self._bounds = bounds
        self.functions: set[tuple[str, int]] = set()
        """The vector functions that are called: none."""
        self.rolled: dict[int, Any] = {}
        self.code = 8 * len(bounds)
        self._lines: list[str] = []

    def text(self) -> str:
        self._lines = [f"define ptr @{self._name}(ptr %self, ptr %arguments, i64 %count) {{", "entry:"]
        flag = len(self._bounds)
        self._lines += [*argument("none", flag + 1), *argument("flag", flag)]
        signs, before = "0", "entry"
        for i, bound in enumerate(self._bounds):
            self._lines += [
                *argument(f"object{i}", i),
                f"  %field{i} = getelementptr i8, ptr %object{i}, i64 {HEADER}",
                f"  %data{i} = load ptr, ptr %field{i}",
            ]
            whole = bound.count - bound.count % _WIDTH
            for width, start, stop in ((_WIDTH, 0, whole), (1, whole, bound.count)):
                if start < stop:
                    signs, before = self._loop(i, bound, width, start, stop, signs, before)
        self._lines += [
            f"  %beyond = lshr i64 {signs}, 63",
            f"  %flag.field = getelementptr i8, ptr %flag, i64 {HEADER}",
            "  %flag.data = load ptr, ptr %flag.field",
            "  store i64 %beyond, ptr %flag.data",
        ]
        return "\n".join([*self._lines, *returned("none"), "}"])

    def _loop(
        self, i: int, bound: Bound, width: int, start: int, stop: int, signs: str, before: str
    ) -> tuple[str, str]:
        """Write the loop over some indices; return what `signs` are then, and the block in which they are.

        The sign of `(index + length) | (length - 1 - index)` says whether an index is out of bounds.
        """
        tag, n = f"i{i}w{width}", bound.length
        kind = "i64" if width == 1 else f"<{width} x i64>"
        loaded = bound.element if width == 1 else f"<{width} x {bound.element}>"
        alone = width == 1

        def all_lanes(number: int) -> str:
            return str(number) if alone else f"<{', '.join([f'i64 {number}'] * width)}>"

        widened = (
            f"sext {loaded} %{tag}.loaded to {kind}"
            if bound.element == "i32"
            else f"or {kind} %{tag}.loaded, {all_lanes(0)}"
        )
        self._lines += [
            f"  br label %{tag}",
            f"{tag}:",
            f"  %{tag}.k = phi i64 [ {start}, %{before} ], [ %{tag}.next, %{tag} ]",
            f"  %{tag}.signs = phi {kind} [ {all_lanes(0)}, %{before} ], [ %{tag}.all, %{tag} ]",
            f"  %{tag}.at = getelementptr {bound.element}, ptr %data{i}, i64 %{tag}.k",
            f"  %{tag}.loaded = load {loaded}, ptr %{tag}.at, align 1",
            f"  %{tag}.index = {widened}",
            f"  %{tag}.low = add {kind} %{tag}.index, {all_lanes(n)}",
            f"  %{tag}.high = sub {kind} {all_lanes(n - 1)}, %{tag}.index",
            f"  %{tag}.both = or {kind} %{tag}.low, %{tag}.high",
            f"  %{tag}.all = or {kind} %{tag}.signs, %{tag}.both",
            f"  %{tag}.next = add nuw nsw i64 %{tag}.k, {width}",
            f"  %{tag}.more = icmp slt i64 %{tag}.next, {stop}",
            f"  br i1 %{tag}.more, label %{tag}, label %{tag}.done",
            f"{tag}.done:",
        ]
        joined = f"%{tag}.all"
        if not alone:
            self._lines.append(f"  %{tag}.joined = call i64 @llvm.vector.reduce.or.v{width}i64({kind} %{tag}.all)")
            joined = f"%{tag}.joined"
        self._lines.append(f"  %{tag}.total = or i64 {signs}, {joined}")
        return f"%{tag}.total", f"{tag}.done"


def refuse(*reads: tuple[tuple[int, ...], Any]) -> NoReturn:
    """Raise NumPy's own error for the first of some reads (the shape of an array, and an index) that is out of bounds."""
    for shape, index in reads:
        np.broadcast_to(np.False_, shape)[index]
    raise IndexError("an index was out of bounds when it was checked, and is not any more: another thread changed it")
