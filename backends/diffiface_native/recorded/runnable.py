"""What the way into a program asks of it, however the program was made."""

from __future__ import annotations

from typing import Any, Protocol

from diffiface_native.recorded.graph import Graph


class Runnable(Protocol):
    """Lines of Python that compute a graph's outputs from its inputs `v0`, `v1`, ..., or return MISS."""

    graph: Graph
    names: dict[str, Any]
    """What the lines refer to."""
    lines: list[str]
    results: list[str]
    """The expression of each output."""

    @property
    def fits(self) -> str | None:
        """An expression that says whether the inputs that are arrays can be taken as they are."""
        ...

    @property
    def how(self) -> str:
        """How it runs, in words."""
        ...

    @property
    def kernels_alone(self) -> bool:
        """Whether it is kernels of machine code and nothing else."""
        ...

    @property
    def buffer_bytes(self) -> int:
        """How much memory one thread's buffers take."""
        ...

    def describe(self) -> str:
        """Say what it does, in a line."""
        ...

    def name(self, thing: Any, prefix: str = "k") -> str:
        """Return a name for an object, under which lines find it."""
        ...
