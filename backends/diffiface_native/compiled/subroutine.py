"""A part of a kernel as a function of its own, so that LLVM's time grows with the number of parts and not faster.

What it reads and writes comes in as parameters. So parts that do the same, as those of the steps of a loop over arrays do,
are one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from diffiface_native.compiled.nest_text import Function
from diffiface_native.compiled.straight import Rolled
from diffiface_native.compiled.walks import Argument


class Caller(Function, Protocol):
    """A kernel, as far as its subroutines are concerned."""

    def call(self, subroutine: Subroutine) -> None: ...


class Subroutine:
    """The lines of one function, written as those of a kernel are."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.allocations: list[str] = []
        self.functions: set[tuple[str, int]] = set()
        """The vector functions that are called, by name and number of lanes."""
        self.rolled: dict[int, Rolled] = {}
        self._parameters: dict[str, str] = {}
        """What is passed → the parameter it arrives in."""

    def pointer(self, name: str) -> str:
        """Return the parameter for a pointer of the kernel."""
        return self._parameters.setdefault(name, f"%p{len(self._parameters)}")

    def number(self, argument: Argument) -> Argument:
        """Return the argument for one of the kernel that is a Python float."""
        passed = f"%number{argument.slot}"
        own = self._parameters.setdefault(passed, f"%number{len(self._parameters)}")
        return Argument(int(own.removeprefix("%number")), None)

    def text(self) -> str:
        """Return all but the name of the function."""
        parameters = [
            f"double {own}" if passed.startswith("%number") else f"ptr noalias {own}"
            for passed, own in self._parameters.items()
        ]
        lines = [f"({', '.join(parameters)}) noinline nounwind {{", "entry:", *self.allocations, *self.lines]
        return "\n".join([*lines, "  ret void", "}"])

    def call(self, name: str) -> str:
        """Return the line that calls it under this name."""
        passed = (f"{'double' if p.startswith('%number') else 'ptr'} {p}" for p in self._parameters)
        return f"  call void @{name}({', '.join(passed)})"

    # ---- what only a kernel has

    def argument(self, thing: Any) -> Argument:
        raise NotImplementedError("a subroutine's nests are told how to walk their arrays")

    def scratch(self, size: int) -> str:
        raise NotImplementedError("what has loops that were found again needs a kernel")

    def table(self, numbers: Sequence[float]) -> str:
        raise NotImplementedError("what has loops that were found again needs a kernel")

    def fill(self, data: str, count: int, operation: str, tag: str) -> None:
        raise NotImplementedError("a kernel fills what is added to")
