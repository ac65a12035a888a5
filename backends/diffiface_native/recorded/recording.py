"""One way through a function, recorded: a graph, and the program that is made of it when it is first called for.

A preparation does not know which of its calls will be used. To make the program of each only then takes half the time,
because most users want the gradient or the value with it, not both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diffiface.adapter import Watch
from diffiface_native.recorded.entry import Entry, outputs_of
from diffiface_native.recorded.graph import Graph
from diffiface_native.recorded.runnable import Runnable

_WORTH_BUILDING = 0.9
"""What part of all work a program that computes less may have, to be worth building."""
_SMALL_WORK = 1_000
"""Below so many operations on numbers it is not worth it either."""

Run = Callable[..., tuple[Any, ...]]


@dataclass
class Built:
    """What a recording runs as."""

    program: Runnable
    entry: Entry
    """The way into the program."""
    source: str
    """The Python that runs the program."""
    run: Run
    """`run(xs, [seeds,] contexts)` returns what the engine method would return, or MISS."""
    seconds: float
    """How long it took to make."""


@dataclass(eq=False, kw_only=True)
class Recording:
    """One way through the function, and its program."""

    graph: Graph
    results: tuple[Any, ...]
    """What the engine method returned while it was recorded."""
    types: Sequence[type]
    """What each input is."""
    layout: Sequence[Sequence[bool]]
    """For each group of the method's arguments, which of them are inputs of the graph."""
    static: tuple[Any, ...]
    """The other arguments, which must stay what they were."""
    watch: Watch
    """What f refers to, as it was."""
    quiet: bool
    """Whether f turns NumPy's warnings off itself."""
    make: Callable[[Graph], Runnable]
    """Makes a program of a graph."""
    seconds: float
    """How long recording took."""
    built: Built | None = field(default=None, init=False)
    """None until somebody needs the program."""

    def build(self) -> Built | None:
        """Return what the recording runs as, made now if it was not yet; None if what f refers to is not as it was.

        (The program copies some of the constants that it reads: they must be those that were recorded.)

        Raises:
            NotRecordable: if no program can be made of it.
        """
        if self.built is None and self.watch.holds():
            start = time.perf_counter()
            program = self.make(self.graph)
            entry = Entry(program, self.types, self.layout, self.static, self.watch)
            source = entry.write(self.results)
            run = entry.compile(source)
            run = _quietly(run) if self.quiet else run
            if self.watch.holds():
                self.built = Built(program, entry, source, run, time.perf_counter() - start)
        return self.built

    def only(self, wanted: frozenset[int]) -> Recording:
        """Return a recording that need not compute all results: those left out are None among its results."""
        # (the last result is what f returned beside y)
        some = tuple(r if i in wanted or i == len(self.results) - 1 else None for i, r in enumerate(self.results))
        graph = Graph(self.graph.values, self.graph.inputs, self.graph.guards, outputs_of(some))
        if graph.work() > _WORTH_BUILDING * self.graph.work() or self.graph.work() < _SMALL_WORK:
            return self
        return replace(self, graph=graph, results=some)

    def describe(self) -> str:
        """Say in a line how it runs."""
        recorded = f"recorded in {1e3 * self.seconds:.0f} ms"
        if self.built is None:
            return f"{recorded}, not in use: what f refers to has changed"
        program, guards = self.built.program, len(self.graph.guards)
        return (
            f"{program.describe()}; {guards} guard(s); {program.buffer_bytes / 1024:.1f} KiB of buffers per thread; "
            f"{recorded}, made to run in {1e3 * self.built.seconds:.0f} ms"
        )


def _quietly(run: Run) -> Run:
    """Wrap the program of a function that turns NumPy's warnings off itself."""

    def quiet(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return run(*arguments)

    return quiet
