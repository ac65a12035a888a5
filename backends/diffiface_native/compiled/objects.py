"""Python objects as machine code sees them: where their fields are, and how one of them is returned.

No address is in the code itself, so that it can be kept on disk: what it refers to it gets as arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

HEADER = object.__basicsize__
"""Where an array's data pointer, and a float's value, stand in the object."""

DATA = HEADER
TYPE = HEADER - 8
ND, DIMENSIONS, DESCR, FLAGS = (HEADER + 8 * i for i in (1, 2, 5, 6))
"""Where further fields of an array stand (`PyArrayObject_fields` in NumPy's ndarraytypes.h)."""
C_CONTIGUOUS = 1

_IMMORTAL = sys.version_info >= (3, 12)
"""Whether None, True and False are not counted (PEP 683)."""


def argument(name: str, slot: int) -> list[str]:
    """Write the lines that load a pointer to the object in one place of the arguments."""
    return [
        f"  %{name}.slot = getelementptr ptr, ptr %arguments, i64 {slot}",
        f"  %{name} = load ptr, ptr %{name}.slot",
    ]


def returned(name: str) -> list[str]:
    """Write the lines that return the object of that name: None, True or False."""
    if _IMMORTAL:
        return [f"  ret ptr %{name}"]
    return [
        f"  %{name}.held = load i64, ptr %{name}",
        f"  %{name}.more = add i64 %{name}.held, 1",
        f"  store i64 %{name}.more, ptr %{name}",
        f"  ret ptr %{name}",
    ]


class FitText:
    """Writes `fits(True, False, numpy.ndarray, dtype, array, dtype, array, ...)`.

    It says whether the arrays have the shapes and dtypes they were written for, and are in C order. It looks at the
    fields of the objects, which takes a tenth of the time that asking them in Python does.
    """

    def __init__(self, name: str, shapes: Sequence[tuple[int, ...]]):
        self._name = name
        self._shapes = shapes
        self._lines: list[str] = []
        self._count = 0
        self.functions: set[tuple[str, int]] = set()
        """The vector functions that are called: none."""

    def text(self) -> str:
        self._lines = [f"define ptr @{self._name}(ptr %self, ptr %arguments, i64 %count) {{", "entry:"]
        for name, slot in (("yes", 0), ("no", 1), ("kind", 2)):
            self._lines += argument(name, slot)
        for i, shape in enumerate(self._shapes):
            self._lines += [*argument(f"dtype{i}", 3 + 2 * i), *argument(f"array{i}", 4 + 2 * i)]
            self._require("ptr", f"%array{i}", TYPE, "%kind")
            self._require("ptr", f"%array{i}", DESCR, f"%dtype{i}")
            self._require("i32", f"%array{i}", FLAGS, str(C_CONTIGUOUS), mask=C_CONTIGUOUS)
            self._require("i32", f"%array{i}", ND, str(len(shape)))
            self._lines.append(f"  %dims{i}.at = getelementptr i8, ptr %array{i}, i64 {DIMENSIONS}")
            self._lines.append(f"  %dims{i} = load ptr, ptr %dims{i}.at")
            for axis, n in enumerate(shape):
                self._require("i64", f"%dims{i}", 8 * axis, str(n))
        return "\n".join([*self._lines, *returned("yes"), "otherwise:", *returned("no"), "}"])

    def _require(self, kind: str, pointer: str, offset: int, wanted: str, mask: int | None = None) -> None:
        tag = f"t{self._count}"
        self._count += 1
        self._lines.append(f"  %{tag}.at = getelementptr i8, ptr {pointer}, i64 {offset}")
        self._lines.append(f"  %{tag}.is = load {kind}, ptr %{tag}.at")
        found = f"%{tag}.is"
        if mask is not None:
            self._lines.append(f"  %{tag}.of = and {kind} {found}, {mask}")
            found = f"%{tag}.of"
        self._lines.append(f"  %{tag}.fits = icmp eq {kind} {found}, {wanted}")
        self._lines.append(f"  br i1 %{tag}.fits, label %{tag}, label %otherwise")
        self._lines.append(f"{tag}:")

    def call(self, kind: str, arrays: Sequence[tuple[str, str]]) -> str:
        """Write the call in Python: `kind` is the name of numpy.ndarray, then dtype and array by name."""
        pairs = ", ".join(f"{dtype}, {array}" for dtype, array in arrays)
        return f"kernel_{self._name}(True, False, {kind}, {pairs})"
