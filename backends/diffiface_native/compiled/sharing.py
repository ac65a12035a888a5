"""One kernel's work shared among threads: whoever is free takes the next chunk, and nobody is waited for who has none.

A kernel that is split (`splitting`) is a function that takes chunk after chunk from a counter until none is left, without
Python's lock. So the calling thread can do all the work by itself, and helpers only shorten it: one that has not begun
when the work is done is called off. Which thread computed a chunk makes no difference to its numbers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np

VARIABLE = "DIFFIFACE_THREADS"
_MOST_HELPERS = 64
"""How many helper threads there may be: they are started as they are needed, and sleep when they are not."""

Threads = Literal["auto"] | int


def threads_asked_for(option: Threads) -> tuple[int, bool]:
    """Return how many threads a kernel may be shared among, and whether that is our choice (not to be overdone).

    Our choice are the processors this process may use, or what OMP_NUM_THREADS says, as for other libraries.
    """
    if option != "auto":
        return option, False
    named = _number(os.environ.get(VARIABLE))
    if named is not None:
        return named, False
    return _number(os.environ.get("OMP_NUM_THREADS")) or _processors(), True


def _number(text: str | None) -> int | None:
    """Return the positive number that a variable is set to; None if it is not set, or to something else."""
    return int(text) if text is not None and text.isdecimal() and int(text) > 0 else None


def _processors() -> int:
    """Return how many processors this process may use: a container may be granted the time of some only."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):  # another system, or an older one
        return count
    return count if quota == "max" else max(1, min(count, int(quota) // int(period)))


class _Helpers:
    """The helper threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._lent = 0

    def lend(self, wanted: int, most: int) -> int:
        """Return how many helpers a caller may have, so that all callers together have no more than `most`."""
        with self._lock:
            lent = max(0, min(wanted, most - self._lent))
            self._lent += lent
            return lent

    def take_back(self, lent: int) -> None:
        with self._lock:
            self._lent -= lent

    def start(self, count: int, function: Callable[..., Any], arguments: Sequence[Any]) -> list[Future[Any]]:
        """Let so many helpers call a function. None do when the interpreter is about to end."""
        try:
            if self._executor is None:
                with self._lock:
                    self._executor = self._executor or ThreadPoolExecutor(_MOST_HELPERS, "diffiface")
            return [self._executor.submit(function, *arguments) for _ in range(count)]
        except RuntimeError:
            return []


_helpers = _Helpers()


def _forget_helpers() -> None:
    """Begin anew in a child process: threads do not come along when a process forks."""
    global _helpers
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)


class Sharing:
    """How the split kernels of one program are run: `sharing(kernel, counter, arguments)`.

    Where the number of threads is our choice, it is found out whether they help: the first calls of a kernel take turns
    between one thread and all, and the faster way is kept until the next trial.
    """

    def __init__(self, threads: Threads = "auto"):
        self.threads, self._is_our_choice = threads_asked_for(threads)
        self._trials: dict[int, _Trial] = {}
        """By id of the kernel."""

    def __call__(self, kernel: Callable[..., Any], counter: np.ndarray, arguments: Sequence[Any]) -> None:
        """Call a split kernel in as many threads as there may be, and return when all of its chunks are done.

        Args:
            counter: int64, shape (2,), of this call alone: the number of the next chunk, and of the next thread.
            arguments: the kernel's arguments, the counter among them; the same for every thread.
        """
        counter[:] = 0
        if self.threads == 1:
            kernel(*arguments)
        elif self._is_our_choice:
            trial = self._trials.setdefault(id(kernel), _Trial())
            if trial.is_settled:
                (self._together if trial.together else _alone)(kernel, arguments)
            else:
                trial.run([_alone, self._together], kernel, arguments)
        else:
            self._together(kernel, arguments)

    def _together(self, kernel: Callable[..., Any], arguments: Sequence[Any]) -> None:
        helpers = _helpers
        most = self.threads - 1 if self._is_our_choice else _MOST_HELPERS
        lent = helpers.lend(self.threads - 1, most)
        started = helpers.start(lent, kernel, arguments)
        try:
            kernel(*arguments)
        finally:
            begun = [helper for helper in started if not helper.cancel()]
            wait(begun)
            helpers.take_back(lent)
        for helper in begun:
            helper.result()  # (raises what was raised there)


def _alone(kernel: Callable[..., Any], arguments: Sequence[Any]) -> None:
    kernel(*arguments)


class _Trial:
    """Which of two ways to run a kernel is faster: tried again from time to time, since other programs come and go.

    Calls in several threads at once may count wrong, which costs a trial and nothing else.
    """

    _EACH = 4
    """How often each way is tried; its fastest run counts."""
    _AGAIN = 400
    """After how many calls it is tried again."""

    def __init__(self) -> None:
        self.together = False
        self._calls = 0
        self._fastest = [inf, inf]

    @property
    def is_settled(self) -> bool:
        self._calls += 1
        if self._calls > self._AGAIN:
            self._calls, self._fastest = 0, [inf, inf]
        return self._calls > 2 * self._EACH

    def run(self, ways: Sequence[Callable[..., Any]], kernel: Callable[..., Any], arguments: Sequence[Any]) -> None:
        which = self._calls % 2
        start = perf_counter()
        ways[which](kernel, arguments)
        self._fastest[which] = min(self._fastest[which], perf_counter() - start)
        self.together = self._fastest[1] < self._fastest[0]
