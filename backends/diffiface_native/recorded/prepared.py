"""A prepared engine method: recorded for the inputs it met, replayed where the recording holds, eager elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import (
    NUMPY,
    FlatFunction,
    NotWatchable,
    Watch,
    current_trace,
    errors,
    reading_live,
    tracing,
    user_function,
)
from diffiface_native.recorded.element_writes import gather_writes
from diffiface_native.recorded.entry import outputs_of
from diffiface_native.recorded.forgetting import forget_samples
from diffiface_native.recorded.graph import Graph
from diffiface_native.recorded.recorder import NotRecordable, Recorder
from diffiface_native.recorded.recording import Recording, Run
from diffiface_native.recorded.replay import MISS
from diffiface_native.recorded.runnable import Runnable

_MOST_GUARDS = 32
"""How many branches may depend on arrays that f refers to: where they are more, comparing those is cheaper."""

MOST_RECORDINGS = 8
"""How many ways through a function are kept; one that takes more of them runs eagerly for good."""


class _Writes(NotRecordable):
    """The function writes to what it refers to."""


class Replayed:
    """The engine method of one function, with recordings that are made when they are needed."""

    is_private = True
    """Tangents and cotangents are only read, and results are new arrays (`Runnable`), the eager engine's too (`results`)."""

    def __init__(
        self,
        engine: str,
        method: Run,
        f: FlatFunction,
        eager: Run,
        program: Callable[[Graph], Runnable],
        direct: Callable[..., Any] | None = None,
    ):
        self._engine = engine
        self._method = method
        self._f = f
        self._eager = eager
        self._program = program
        self._new_direct = direct
        self._lock = threading.Lock()
        self.recordings: tuple[Recording, ...] = ()
        """The recordings that are in use, the latest first."""
        self._everything = _Programs(None)
        self._parts: list[_Programs] = [self._everything]
        self.given_up: str | None = None
        """Why the function runs eagerly for good."""
        self.given_up_aloud = False
        """Whether the user is warned then: who asks for compiled code should not have to look whether he got it."""

    def __call__(self, xs: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
        if current_trace() is NUMPY:
            for run in self._everything.runs:
                results = run(xs, *rest)
                if results is not MISS:
                    return results
        return self.run_otherwise(self._everything, xs, *rest)

    def run_otherwise(self, part: _Programs, xs: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
        """Run where no program that has been built holds: build one, or record these inputs' way, or run eagerly."""
        if self.given_up is not None or current_trace() is not NUMPY or callable(rest[0]):
            return self._eager(xs, *rest)  # (cotangents may be a function of y's shapes, another one in every call)
        for recording in self.recordings:
            results = self._built(part, recording)(xs, *rest)
            if results is not MISS:
                return results
        recording = self.record(xs, *rest) if self.given_up is None else None
        results = MISS if recording is None else self._built(part, recording)(xs, *rest)
        return self._eager(xs, *rest) if results is MISS else results

    def only(self, wanted: tuple[int, ...]) -> Run:
        """Return the method for a caller who looks at these of its results only: others may be None."""
        part = _Programs(frozenset(wanted))
        self._parts.append(part)
        return _Part(self, part)

    def new_direct(self, *arguments: Any) -> Any:
        """Return a bound call in machine code; None where there is none."""
        return None if self._new_direct is None else self._new_direct(*arguments)

    # ---- building

    def _built(self, part: _Programs, recording: Recording) -> Run:
        """Return what a recording runs as, made now if it was not yet; without one, what never holds."""
        with self._lock:
            if self.given_up is not None:
                return _never
            try:
                return part.build(recording, self.recordings) or _never
            except Exception as error:
                self._give_up(_reason(error, "no program can be made of it"))
        return _never

    # ---- recording

    def record(self, xs: Sequence[Any], *rest: Any) -> Recording | None:
        """Record the function for these inputs; None if it cannot be recorded (then it has been given up)."""
        with self._lock:
            try:
                if len(self.recordings) >= MOST_RECORDINGS:
                    raise NotRecordable(f"it took more than {MOST_RECORDINGS} different ways")
                recording = self._record(*_split(xs, rest))
                forget_samples(recording.graph)  # (here the recorder is gone, and what it kept)
            except Exception as error:  # whatever f does on traced values: the eager engine has the last word
                self._give_up(_reason(error, "recording failed"))
            else:
                self.recordings = (recording, *self.recordings)
                return recording
        return None

    def _give_up(self, reason: str) -> None:
        self.given_up, self.recordings = reason, ()
        if self.given_up_aloud:
            errors.warn_at_user_line(f"compile=True: the function runs eagerly all the same: {reason}", RuntimeWarning)
        for part in self._parts:
            part.clear()

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

        types = [*map(type, inputs), *(np.ndarray for _ in captured)]
        return Recording(
            graph=recorder.graph,
            results=results,
            types=types,
            layout=layout,
            static=static,
            watch=watch,
            quiet=recorder.quiet,
            make=self._program,  # (a recording must not lead back to this object, or both would be freed late)
            seconds=recorded - start,
        )

    def graph(self) -> str:
        """Return the latest recording's graph as text."""
        recordings = self.recordings
        return str(recordings[0].graph) if recordings else ""

    def explain(self) -> str:
        """Say how the function runs, and why: a line for each program (all is built where nothing was yet)."""
        lines, how = [], " (none yet)"
        for recording in self.recordings:
            if not any(recording in part.built for part in self._parts):
                self._built(self._everything, recording)
            programs = dict.fromkeys(part.built[recording] for part in self._parts if recording in part.built)
            lines += [f"  {one.describe()}" for one in programs or [recording]]
            how = next((f" {one.built.program.how}" for one in programs if one.built is not None), how)
        if self.given_up is not None:
            return f"runs eagerly: {self.given_up}"
        return "\n".join([f"runs {len(self.recordings)} recording(s){how}", *lines])


class _Programs:
    """The programs of a method for callers who look at some of its results only.

    Args:
        wanted: The places of those results; None for all.
    """

    def __init__(self, wanted: frozenset[int] | None):
        self._wanted = wanted
        self.built: dict[Recording, Recording] = {}
        """Whole recording → the one of what is wanted, whose program has been built."""
        self.runs: tuple[Run, ...] = ()
        """The functions of those that are in use, in the order of the recordings."""
        self.directs: list[Any] = []
        """The bound calls in machine code that were handed out."""

    def build(self, recording: Recording, order: Sequence[Recording]) -> Run | None:
        """Return the function of a recording; None if what f refers to is not as it was recorded."""
        if recording not in self.built:
            part = recording if self._wanted is None else recording.only(self._wanted)
            built = part.build()
            if built is None:
                return None
            self.built[recording] = part
            for direct in self.directs:
                direct.add(built.program, built.entry, part.results)
            self.runs = tuple(self._run(one) for one in order if one in self.built)
        return self._run(recording)

    def _run(self, recording: Recording) -> Run:
        built = self.built[recording].built
        assert built is not None
        return built.run

    def clear(self) -> None:
        """Leave every call to the eager engine."""
        self.runs = ()
        for direct in self.directs:
            direct.clear()


def _never(*_: Any) -> Any:
    """Stand for a program that does not hold."""
    return MISS


def _reason(error: Exception, what: str) -> str:
    return (
        str(error) if isinstance(error, (NotRecordable, NotWatchable)) else f"{what}: {type(error).__name__}: {error}"
    )


class _Part:
    """A method of which some results are not looked at."""

    is_private = True

    def __init__(self, whole: Replayed, part: _Programs):
        self._whole = whole
        self._part = part

    def __call__(self, xs: Sequence[Any], *rest: Any) -> tuple[Any, ...]:
        if current_trace() is NUMPY:
            for run in self._part.runs:
                results = run(xs, *rest)
                if results is not MISS:
                    return results
        return self._whole.run_otherwise(self._part, xs, *rest)

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
        self._part.directs.append(direct)
        return direct.function


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
