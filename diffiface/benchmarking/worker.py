"""An engine's own process: it is told what to load, prepare and time, step by step, and answers each step.

Started by `process.py` as `python -c "...; main()"`. The user's function may print: what goes to standard output is
sent to standard error, and the messages have a pipe of their own.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from diffiface import registry, trees
from diffiface.adapter import Backend
from diffiface.benchmarking import memory
from diffiface.benchmarking.messages import receive, send
from diffiface.benchmarking.outcome import Outcome
from diffiface.benchmarking.shipping import function_of
from diffiface.comparison.problem import OPERATORS, LayoutError, Problem
from diffiface.comparison.run import Counted, reason
from diffiface.contexts import unwrap
from diffiface.errors import MissingBackendError, UnsupportedOperationError
from diffiface.operators.preparation import Prep, evaluate, prepare
from diffiface.style import native_engines

_CALLS, _LONG = 5, 0.2
"""How many unprepared calls are timed, and from how many seconds on just one."""


@dataclass
class Loaded:
    """A case in this process, with what has been made of it so far."""

    problem: Problem
    hand_written: Callable[..., Any] | str | None
    arguments: tuple[Any, ...] = field(init=False)
    counted: Counted = field(init=False)
    prep: Prep | None = None
    call: Callable[[], Any] | None = None
    by_hand: Callable[[], Any] | None = None

    def __post_init__(self) -> None:
        given, t = self.problem.fresh_arguments()
        self.arguments = given if t is None else (given[0], t, *given[1:])
        self.counted = Counted(self.problem.f)


class Worker:
    """The state of the process: the engine, and the case at hand. Each public method is a step one may ask for."""

    def __init__(self) -> None:
        self.backend: Backend | None = None
        self.case: Loaded | None = None

    # ---- the steps

    def start(self, spec: str | bytes, threads: int | None, memory_limit: int | None) -> dict[str, Any]:
        """Load the engine, on so many CPUs."""
        if threads is not None and hasattr(os, "sched_setaffinity"):
            # The one way to hold every engine to the same number of threads, whatever pool it starts.
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        start = time.perf_counter()
        self.backend = registry.resolve(pickle.loads(spec) if isinstance(spec, bytes) else spec)
        seconds = time.perf_counter() - start
        if memory_limit is not None:
            memory.limit_memory(memory_limit)
        return {"import_seconds": seconds}

    def load(self, parcel: bytes, operator: str) -> None:
        """Unpack a case."""
        assert self.backend is not None
        self.case = None
        gc.collect()
        f, arguments, t, argnums, by_hand = pickle.loads(parcel)
        problem = Problem(function_of(f), OPERATORS[operator], arguments, t, argnums)
        writers = native_engines(problem.f)
        if writers and self.backend.traces and self.backend.style == "auto" and self.backend.name not in writers:
            raise UnsupportedOperationError(f"the function is written for {' and '.join(writers)}")
        self.case = Loaded(problem, by_hand.get(self.backend.name))

    def prepare(self) -> dict[str, Any]:
        """Prepare, and run for the first time."""
        case, backend = self._loaded()
        memory.restart_peak()
        held = memory.held_bytes()
        start = time.perf_counter()
        # Counting costs nothing where f is traced; a numeric engine, which calls f all the time, is timed without.
        case.prep = self._prepared(case.counted.f if backend.traces else case.problem.f)
        prepared = time.perf_counter()
        call = partial(getattr(case.prep, case.problem.operator.name), *case.arguments)
        result = call()
        case.call = call = _finished(call, result)
        call()
        first = time.perf_counter()
        call()
        later = time.perf_counter() - first
        return {
            "prepare_seconds": prepared - start,
            "first_call_seconds": max(first - prepared - later, 0.0),
            "exact": backend.exact,
            "values": case.problem.flatten(result),
            "held_bytes": held,
        }

    def prepare_by_hand(self) -> None:
        """Make the hand-written call, and see that it computes the same."""
        case, _ = self._loaded()
        if case.hand_written is None or case.call is None:
            return
        arguments = tuple(map(unwrap, case.arguments))
        call = partial(function_of(case.hand_written)(*arguments), *arguments)
        wanted, found = _entries(case.call()), _entries(call())
        scale = np.max(np.abs(wanted), initial=0.0)
        if wanted.shape != found.shape or not np.allclose(wanted, found, rtol=0, atol=1e-4 * scale, equal_nan=True):
            raise ValueError("the hand-written call gives another result")
        case.by_hand = _finished(call, call())

    def calibrate(self, seconds: float) -> int:
        """Return how many calls fill about so many seconds."""
        case, _ = self._loaded()
        assert case.call is not None
        count = 1
        while True:
            spent = _timed(case.call, count)
            if spent >= seconds / 4 or count >= 1 << 24:
                return max(1, round(count * seconds / max(spent, 1e-9)))
            count *= 4

    def measure(self, count: int, hand_first: bool) -> tuple[float, float | None]:
        """Time `count` calls, and as many of the hand-written one: seconds per call."""
        case, _ = self._loaded()
        assert case.call is not None
        if case.by_hand is None:
            return _timed(case.call, count) / count, None
        first, second = (case.by_hand, case.call) if hand_first else (case.call, case.by_hand)
        one, other = _timed(first, count) / count, _timed(second, count) / count
        return (other, one) if hand_first else (one, other)

    def peak(self) -> int | None:
        """Return the most memory held since the preparation began."""
        return memory.peak_bytes()

    def count_calls(self) -> int:
        """Return the calls of f in one prepared run."""
        case, backend = self._loaded()
        prep = case.prep if backend.traces else self._prepared(case.counted.f)
        run = getattr(prep, case.problem.operator.name)
        run(*case.arguments)
        case.counted.restart()
        run(*case.arguments)
        return case.counted.calls

    def time_unprepared(self) -> float:
        """Time the operator without preparation."""
        case, backend = self._loaded()
        problem = case.problem
        given, t = problem.fresh_arguments()

        def call() -> Any:
            return evaluate(
                problem.operator,
                problem.operator.name,
                problem.f,
                backend,
                given,
                t,
                prep=None,
                out=None,
                argnums=problem.argnums,
                has_aux=False,
            )

        start = time.perf_counter()
        call = _finished(call, call())
        seconds = [time.perf_counter() - start]
        if seconds[0] < _LONG:  # else once must do, though it is the first
            seconds = [_timed(call, 1) for _ in range(_CALLS)]
        return float(np.median(seconds))

    # ---- their parts

    def _loaded(self) -> tuple[Loaded, Backend]:
        assert self.case is not None and self.backend is not None
        return self.case, self.backend

    def _prepared(self, f: Callable[..., Any]) -> Prep:
        case, backend = self._loaded()
        problem = case.problem
        given, t = problem.fresh_arguments()
        return prepare(problem.operator, f, backend, given, t, argnums=problem.argnums, has_aux=False, strict=True)


def _timed(call: Callable[[], Any], count: int) -> float:
    """Time a batch of calls, without the collector running into it."""
    repeats = range(count)
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in repeats:
            call()
        return time.perf_counter() - start
    finally:
        if collecting:
            gc.enable()


def _finished(call: Callable[[], Any], result: Any) -> Callable[[], Any]:
    """Let a call wait for results that are still being computed when it returns (arrays with `block_until_ready`)."""
    pending = [hasattr(leaf, "block_until_ready") for leaf in trees.flatten(result)[0]]
    if not any(pending):
        return call

    def finished() -> Any:
        result = call()
        for leaf in trees.flatten(result)[0]:
            leaf.block_until_ready()
        return result

    return finished


def _entries(result: Any) -> np.ndarray:
    leaves = trees.flatten(result)[0]
    return np.concatenate([np.asarray(leaf).ravel() for leaf in leaves]) if leaves else np.zeros(0)


def outcome_of(error: BaseException) -> Outcome:
    """Say what kind of failure an exception is."""
    text = f"{type(error).__name__} {error}".lower()
    if isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS):
        return Outcome.OUT_OF_MEMORY
    if isinstance(error, MissingBackendError):
        return Outcome.NOT_INSTALLED
    return Outcome.NOT_SUPPORTED if isinstance(error, UnsupportedOperationError) else Outcome.FAILED


_MEMORY_WORDS = ("memoryerror", "out of memory", "bad_alloc", "resource_exhausted", "can't allocate memory")


def answer(worker: Worker, request: tuple[str, tuple[Any, ...]]) -> tuple[str, Any]:
    """Carry out one step; whatever it raises becomes the answer."""
    step, arguments = request
    try:
        with np.errstate(all="ignore"):
            return "done", getattr(worker, step)(*arguments)
    except LayoutError as error:
        return "failed", (Outcome.FAILED, f"the result has {error}")
    except Exception as error:
        return "failed", (outcome_of(error), reason(error))


def _end_with_parent() -> None:
    """Ask Linux to end this process when the runner dies: a hanging engine could not notice it itself."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG


def main() -> None:
    """Answer requests until the runner goes away."""
    _end_with_parent()
    faulthandler.enable()
    requests: BinaryIO = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what f or an engine prints must not get between the messages
    worker = Worker()
    with contextlib.suppress(EOFError):
        while True:
            send(answers, answer(worker, receive(requests)))
