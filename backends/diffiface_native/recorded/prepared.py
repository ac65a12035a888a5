"""A prepared engine method: recorded for the inputs it met, replayed where the recording holds, eager elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface.adapter import NUMPY, FlatFunction, current_trace, tracing
from diffiface_native.recorded.captured import Watch, user_function
from diffiface_native.recorded.entry import Entry, outputs_of
from diffiface_native.recorded.graph import Graph
from diffiface_native.recorded.recorder import NotRecordable, Recorder
from diffiface_native.recorded.replay import MISS, Program

MOST_RECORDINGS = 8
"""How many ways through a function are kept; one that takes more of them runs eagerly for good."""

Run = Callable[..., tuple[Any, ...]]


@dataclass
class Recording:
    """One way through the function, as a program."""

    graph: Graph
    program: Program
    source: str
    """The Python that runs the program."""
    run: Run
    """`run(xs, [seeds,] contexts)` returns what the engine method would return, or MISS."""


class Replayed:
    """The engine method of one function, with recordings that are made when they are needed."""

    def __init__(self, engine: str, method: Run, f: FlatFunction, eager: Run, program: Callable[[Graph], Program]):
        self._engine = engine
        self._method = method
        self._f = f
        self._eager = eager
        self._program = program
        self._lock = threading.Lock()
        self._recordings: list[Recording] = []
        self.given_up: str | None = None
        """Why the function runs eagerly for good."""

    def __call__(self, xs: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
        if self.given_up is not None or current_trace() is not NUMPY or callable(rest[0]):
            return self._eager(xs, *rest)  # (cotangents may be a function of y's shapes, another one in every call)
        for recording in self._recordings:
            results = recording.run(xs, *rest)
            if results is not MISS:
                return results
        recording = self.record(xs, *rest)
        results = MISS if recording is None else recording.run(xs, *rest)
        return self._eager(xs, *rest) if results is MISS else results

    # ---- recording

    def record(self, xs: Sequence[Any], *rest: Any) -> Recording | None:
        """Record the function for these inputs; None if it cannot be recorded (then it has been given up)."""
        with self._lock:
            try:
                if len(self._recordings) >= MOST_RECORDINGS:
                    raise NotRecordable(f"it took more than {MOST_RECORDINGS} different ways")
                recording = self._record(*_split(xs, rest))
            except NotRecordable as reason:
                self.given_up = str(reason)
            except Exception as error:  # whatever f does on traced values: the eager engine has the last word
                self.given_up = f"recording failed: {type(error).__name__}: {error}"
            else:
                self._recordings = [recording, *self._recordings]
                return recording
        return None

    def _record(self, inputs: Sequence[Any], static: tuple[Any, ...], layout: list[Any]) -> Recording:
        watch = Watch((user_function(self._f), static))
        recorder = Recorder(self._engine)
        values = [recorder.input(array) for array in inputs]
        leaves, others = iter(values), iter(static)
        groups = [tuple(next(leaves) if is_input else next(others) for is_input in group) for group in layout]
        with tracing(recorder):
            results = self._method(self._f, *groups)
        recorder.check_constants()
        if not watch.holds():
            raise NotRecordable("it changes what it refers to")
        recorder.graph.outputs = outputs_of(results)
        program = self._program(recorder.graph)
        entry = Entry(program, [type(i) for i in inputs], layout, static, watch)
        source = entry.write(results)
        run = entry.compile(source)
        return Recording(recorder.graph, program, source, _quietly(run) if recorder.quiet else run)

    def graph(self) -> str:
        """Return the latest recording's graph as text."""
        return str(self._recordings[0].graph) if self._recordings else ""

    def explain(self) -> str:
        """Say how the function runs, and why."""
        if self.given_up is not None:
            return f"runs eagerly: {self.given_up}"
        lines = [f"replays {len(self._recordings)} recording(s)"]
        for recording in self._recordings:
            guards, kib = len(recording.graph.guards), recording.program.buffer_bytes / 1024
            lines.append(f"  {recording.program.describe()}; {guards} guard(s); {kib:.1f} KiB of buffers per thread")
        return "\n".join(lines)


def _split(xs: Sequence[Any], rest: Sequence[Any]) -> tuple[list[Any], tuple[Any, ...], list[list[bool]]]:
    """Separate what is an input of the graph from what must stay the same, and remember where each was.

    Inputs are arrays of numbers, and floats where no array is of single precision (a float leaves that as it is, an
    input of the graph, which is a float64, would not).
    """
    leaves = [leaf for group in (xs, *rest) for leaf in group]
    single = any(isinstance(leaf, np.ndarray) and leaf.dtype in _SINGLE for leaf in leaves)
    inputs, static, layout = [], [], []
    for group in (xs, *rest):
        places = []
        for leaf in group:
            is_array = type(leaf) is np.ndarray and leaf.dtype.kind in "fcbiu"
            is_input = is_array or (not single and type(leaf) in (float, np.float64))
            places.append(is_input)
            (inputs if is_input else static).append(leaf)
        layout.append(places)
    return inputs, tuple(static), layout


_SINGLE = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.complex64))


def _quietly(run: Run) -> Run:
    """Wrap the program of a function that turns NumPy's warnings off itself."""

    def quiet(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return run(*arguments)

    return quiet
