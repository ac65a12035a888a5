"""A prepared engine method: recorded for the inputs it met, replayed where the recording holds, eager elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffiface.adapter import (
    NUMPY,
    FlatFunction,
    NotWatchable,
    Watch,
    current_trace,
    reading_live,
    tracing,
    user_function,
)
from diffiface_native.recorded.element_writes import gather_writes
from diffiface_native.recorded.entry import Entry, outputs_of
from diffiface_native.recorded.forgetting import forget_samples
from diffiface_native.recorded.graph import Graph
from diffiface_native.recorded.recorder import NotRecordable, Recorder
from diffiface_native.recorded.replay import MISS, Program

_WORTH_BUILDING = 0.9
"""What part of all work a program that computes less may have, to be worth building."""
_SMALL_WORK = 1_000
"""Below so many operations on numbers it is not worth it either."""

_MOST_GUARDS = 32
"""How many branches may depend on arrays that f refers to: where they are more, comparing those is cheaper."""

MOST_RECORDINGS = 8
"""How many ways through a function are kept; one that takes more of them runs eagerly for good."""

Run = Callable[..., tuple[Any, ...]]


class _Writes(NotRecordable):
    """The function writes to what it refers to."""


@dataclass
class Recording:
    """One way through the function, as a program."""

    graph: Graph
    program: Program
    entry: Entry
    """The way into the program."""
    source: str
    """The Python that runs the program."""
    seconds: tuple[float, float]
    """How long recording took, and what was made of it."""
    run: Run
    """`run(xs, [seeds,] contexts)` returns what the engine method would return, or MISS."""
    build: Callable[[Graph, Any], tuple[Program, Entry, str, Run]]
    """Makes a graph with such results run."""
    results: tuple[Any, ...]
    """What the engine method returned while it was recorded."""

    def only(self, wanted: frozenset[int]) -> Recording:
        """Return a recording that need not compute all results: those left out are None among its results."""
        # (the last result is what f returned beside y)
        some = tuple(r if i in wanted or i == len(self.results) - 1 else None for i, r in enumerate(self.results))
        graph = Graph(self.graph.values, self.graph.inputs, self.graph.guards, outputs_of(some))
        if graph.work() > _WORTH_BUILDING * self.graph.work() or self.graph.work() < _SMALL_WORK:
            return self
        program, entry, source, run = self.build(graph, some)
        return replace(self, graph=graph, program=program, entry=entry, source=source, run=run, results=some)


class Replayed:
    """The engine method of one function, with recordings that are made when they are needed."""

    is_private = True
    """Tangents and cotangents are only read, and results are new arrays (`Program`), the eager engine's too (`results`)."""

    def __init__(
        self,
        engine: str,
        method: Run,
        f: FlatFunction,
        eager: Run,
        program: Callable[[Graph], Program],
        direct: Callable[..., Any] | None = None,
    ):
        self._engine = engine
        self._method = method
        self._f = f
        self._eager = eager
        self._program = program
        self._new_direct = direct
        self._directs: list[Any] = []
        """The bound calls in machine code that were handed out."""
        self._lock = threading.Lock()
        self._recordings: list[Recording] = []
        self._runs: tuple[Run, ...] = ()
        """The functions of the recordings, until the function is given up."""
        self.given_up: str | None = None
        """Why the function runs eagerly for good."""

    def __call__(self, xs: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
        if current_trace() is NUMPY:
            for run in self._runs:
                results = run(xs, *rest)
                if results is not MISS:
                    return results
        return self._without_recording(xs, *rest)

    def _without_recording(self, xs: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
        """Record these inputs' way, if it can be recorded, and run."""
        if self.given_up is not None or current_trace() is not NUMPY or callable(rest[0]):
            return self._eager(xs, *rest)  # (cotangents may be a function of y's shapes, another one in every call)
        recording = self.record(xs, *rest)
        results = MISS if recording is None else recording.run(xs, *rest)
        return self._eager(xs, *rest) if results is MISS else results

    def only(self, wanted: tuple[int, ...]) -> Run:
        """Return the method for a caller who looks at these of its results only: others may be None."""
        return _Part(self, frozenset(wanted))

    def new_direct(self, *arguments: Any) -> Any:
        """Return a bound call that loses its recordings where the function is given up."""
        if self._new_direct is None:
            return None
        direct = self._new_direct(*arguments)
        self._directs.append(direct)
        return direct

    @property
    def recordings(self) -> list[Recording]:
        """The recordings that are in use, the latest first."""
        return [] if self.given_up is not None else self._recordings

    # ---- recording

    def record(self, xs: Sequence[Any], *rest: Any) -> Recording | None:
        """Record the function for these inputs; None if it cannot be recorded (then it has been given up)."""
        with self._lock:
            try:
                if len(self._recordings) >= MOST_RECORDINGS:
                    raise NotRecordable(f"it took more than {MOST_RECORDINGS} different ways")
                recording = self._record(*_split(xs, rest))
                forget_samples(recording.graph)  # (here the recorder is gone, and what it kept)
            except (NotRecordable, NotWatchable) as reason:
                self._give_up(str(reason))
            except Exception as error:  # whatever f does on traced values: the eager engine has the last word
                self._give_up(f"recording failed: {type(error).__name__}: {error}")
            else:
                self._recordings = [recording, *self._recordings]
                self._runs = (recording.run, *self._runs)
                return recording
        return None

    def _give_up(self, reason: str) -> None:
        self.given_up, self._runs = reason, ()
        for direct in self._directs:
            direct.clear()

    def _record(self, inputs: Sequence[Any], static: tuple[Any, ...], layout: list[Any]) -> Recording:
        watch = Watch(user_function(self._f), static)
        if watch.live:
            try:
                return self._recorded(watch, inputs, static, layout)
            except _Writes:
                raise
            except Exception:  # f may do what it can with plain arrays only: then they are compared at every call
                watch = Watch(user_function(self._f), static, live=False)
        return self._recorded(watch, inputs, static, layout)

    def _recorded(self, watch: Watch, inputs: Sequence[Any], static: tuple[Any, ...], layout: list[Any]) -> Recording:
        start = time.perf_counter()
        recorder = Recorder(self._engine)
        values = [recorder.input(array) for array in inputs]
        captured = {id(live.array): recorder.input(live.array) for live in watch.live}
        leaves, others = iter(values), iter(static)
        groups = [tuple(next(leaves) if is_input else next(others) for is_input in group) for group in layout]
        with tracing(recorder), reading_live(recorder, captured, watch.functions) as reading:
            results = self._method(self._f, *groups)
        recorder.check_constants()
        if reading.written or not watch.holds():
            raise _Writes("it changes what it refers to")
        if (
            not reading.reached
            or recorder.refers_to(captured)
            or recorder.guards_on([*captured.values()]) > _MOST_GUARDS
        ):
            raise NotRecordable("the arrays it refers to cannot be read live")
        recorder.graph.outputs = outputs_of(results)
        gather_writes(recorder.graph)
        recorded = time.perf_counter()

        types, quiet = [*map(type, inputs), *(np.ndarray for _ in captured)], recorder.quiet
        make = self._program  # (a recording must not lead back to this object, or both would be freed late)

        def build(graph: Graph, results: Any) -> tuple[Program, Entry, str, Run]:
            program = make(graph)
            entry = Entry(program, types, layout, static, watch)
            source = entry.write(results)
            run = entry.compile(source)
            return program, entry, source, _quietly(run) if quiet else run

        program, entry, source, run = build(recorder.graph, results)
        seconds = (recorded - start, time.perf_counter() - recorded)
        return Recording(recorder.graph, program, entry, source, seconds, run, build, results)

    def graph(self) -> str:
        """Return the latest recording's graph as text."""
        return str(self._recordings[0].graph) if self._recordings else ""

    def explain(self) -> str:
        """Say how the function runs, and why."""
        if self.given_up is not None:
            return f"runs eagerly: {self.given_up}"
        how = self._recordings[0].program.how if self._recordings else "(none yet)"
        lines = [f"runs {len(self._recordings)} recording(s) {how}"]
        for recording in self._recordings:
            guards, kib = len(recording.graph.guards), recording.program.buffer_bytes / 1024
            recorded, compiled = recording.seconds
            lines.append(
                f"  {recording.program.describe()}; {guards} guard(s); {kib:.1f} KiB of buffers per thread; "
                f"recorded in {1e3 * recorded:.0f} ms, made to run in {1e3 * compiled:.0f} ms"
            )
        return "\n".join(lines)


class _Part:
    """A method of which some results are not looked at."""

    is_private = True

    def __init__(self, whole: Replayed, wanted: frozenset[int]):
        self._whole = whole
        self._wanted = wanted
        self._runs: dict[int, tuple[Recording, Run]] = {}
        """By id of the recording (kept beside, so that the id stays its own)."""
        self._directs: list[Any] = []

    def __call__(self, xs: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
        if current_trace() is NUMPY:
            for recording in self._whole.recordings:
                known = self._runs.get(id(recording))
                results = (self._build(recording) if known is None else known[1])(xs, *rest)
                if results is not MISS:
                    return results
        return self._whole(xs, *rest)

    def direct(
        self,
        places: Sequence[tuple[tuple[int, ...], bool]],
        fallback: Callable[..., Any],
        seeds: Sequence[np.ndarray] | None = None,
        take: np.ndarray | None = None,
    ) -> Any:
        """Return a bound call in machine code: from the user's bare arguments to what he gets.

        A recording is entered when it first runs by way of the fallback: what computes less is built only then.

        Args:
            places: the path of each part it returns among the method's results, and whether that part is a batch of
                one, to be returned without its batch axis.
            fallback: the Python function it leaves the call to wherever no recording fits.
            seeds: tangents or cotangents that are the same in every call, and no arguments of it.
            take: where in its only part, as one array in C order, the entries stand that it returns.
        Returns:
            A function object; None where there is no machine code.
        """
        direct = self._whole.new_direct(places, fallback, seeds, take)
        if direct is None:
            return None
        self._directs.append(direct)
        return direct.function

    def _build(self, recording: Recording) -> Run:
        part = recording.only(self._wanted)
        self._runs[id(recording)] = (recording, part.run)
        for direct in self._directs:
            direct.add(part.program, part.entry, part.results)
        return part.run


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
