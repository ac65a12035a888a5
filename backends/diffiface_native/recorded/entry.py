"""The way into a program: one generated function that takes an engine method's arguments and gives its results.

It is written out for the very arguments and results of one recording, because for a small function the tests and the
packing would otherwise cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Watch, trees
from diffiface_native.recorded.graph import Value
from diffiface_native.recorded.recorder import NotRecordable
from diffiface_native.recorded.runnable import Runnable

_PLAIN = (int, float, complex, str, np.generic, type(None))


class Entry:
    """Writes `run(xs, [seeds,] contexts)`, which returns the method's results, or MISS."""

    def __init__(
        self,
        program: Runnable,
        types: Sequence[type],
        layout: Sequence[Sequence[bool]],
        static: Sequence[Any],
        watch: Watch,
    ):
        self._program = program
        self.types = types
        """What each input is: an array or a float (the arrays that are read live are the last of them)."""
        self._names = program.names
        self.layout = layout
        """For each group of the method's arguments, which of them are inputs of the graph."""
        self.static = static
        """The other arguments, which must stay what they were."""
        self.watch = watch

    def write(self, results: Any) -> str:
        """Return the source of the function, for results like these."""
        groups = ", ".join(f"g{i}" for i in range(len(self.layout)))
        lines = [*self._unpack(), *self._tests(), *self._program.lines, f"return {self._packed(results)}"]
        body = "\n    ".join(lines)
        return f"def run({groups}):\n    {body}\n"

    def compile(self, source: str) -> Callable[..., Any]:
        """Return the function of that source."""
        exec(source, self._names)
        return self._names.pop("run")  # (it holds these names: left among them it would be freed late)

    def _unpack(self) -> list[str]:
        inputs = iter(range(len(self._program.graph.inputs)))
        others = iter(range(len(self.static)))
        # Cotangents may be a function of y's shapes, another one in every call: not for a recording.
        lines = ["if callable(g1): return MISS"] if len(self.layout) == 3 else []
        for i, group in enumerate(self.layout):
            names = [f"v{next(inputs)}" if is_input else f"s{next(others)}" for is_input in group]
            if names:
                lines.append(f"{', '.join(names)}, = g{i}")
        for place, live in zip(inputs, self.watch.live, strict=True):
            lines += self.watch.reads(live, f"v{place}", self._name)
        return lines

    def _tests(self) -> list[str]:
        slow: list[str] = []
        lines: list[str] = []
        for value, kind in zip(self._program.graph.inputs, self.types, strict=True):
            v, dtype = f"v{value.number}", self._name(value.dtype)
            if kind is not np.ndarray:
                lines.append(f"if type({v}) is not {self._name(kind)}: return MISS")
                if kind is not np.float64:
                    lines.append(f"{v} = {self._name(np.float64)}({v})")
                continue
            slow += [
                f"if type({v}) is not {self._name(kind)}: return MISS",
                f"if {v}.shape != {value.shape!r} or ({v}.dtype is not {dtype} and {v}.dtype != {dtype}): return MISS",
                f"if not {v}.flags.c_contiguous: {v} = {self._name(np.ascontiguousarray)}({v})",
            ]
        if self._program.fits is None:
            lines += slow
        else:
            lines.append(f"if not {self._program.fits}:")
            lines += [f"    {line}" for line in slow]
        for i, static in enumerate(self.static):
            name, same = self._name(static), self._name(_same)
            lines.append(f"if s{i} is not {name} and not {same}(s{i}, {name}): return MISS")
        lines += [f"if {test}: return MISS" for test in self.watch.tests(self._name)]
        return lines

    def _packed(self, results: Any) -> str:
        """Write an expression with the structure of the results and the program's outputs in their places."""
        outputs = iter(self._program.results)

        def text(part: Any) -> str:
            if type(part) is Value or isinstance(part, np.ndarray):
                return next(outputs)
            if type(part) is tuple:
                return f"({''.join(text(item) + ', ' for item in part)})"
            if type(part) is list:
                return f"[{', '.join(map(text, part))}]"
            if isinstance(part, _PLAIN):
                return self._name(part)
            leaves, structure = trees.flatten(part)
            if len(leaves) == 1 and leaves[0] is part:
                raise NotRecordable(f"it returns a {type(part).__name__} beside y")
            items = ", ".join(map(text, leaves))
            return f"{self._name(trees.unflatten)}({self._name(structure)}, [{items}])"

        return text(results)

    def _name(self, thing: Any) -> str:
        return self._program.name(thing)


def outputs_of(results: Any) -> list[Any]:
    """Return, in order, what of an engine method's results is computed: Values, and arrays that are constant."""
    leaves, _ = trees.flatten(results)
    return [leaf for leaf in leaves if type(leaf) is Value or isinstance(leaf, np.ndarray)]


def _same(given: Any, recorded: Any) -> bool:
    """Say whether a plain argument is what it was: equal numbers and strings are, other objects are not."""
    if type(given) is not type(recorded) or not isinstance(given, (int, float, complex, str)):
        return False
    return given == recorded and (bool(given) or repr(given) == repr(recorded))  # (0.0 is not -0.0)
