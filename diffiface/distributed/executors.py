"""Where tasks run: here, in threads, in processes, on a cluster. Answers come back in the order of the chunks."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Protocol

from diffiface.errors import InputError


class Lane(Protocol):
    """A place where tasks run."""

    remote: bool
    """Whether what goes there is pickled."""

    def map(
        self, function: Callable[..., Any], before: tuple[Any, ...], chunks: Iterable[Any], after: tuple[Any, ...] = ()
    ) -> Iterator[Any]:
        """Yield `function(*before, chunk, *after)` for each chunk, in order."""
        ...


class Here:
    """This thread, one chunk after the other."""

    remote = False

    def map(
        self, function: Callable[..., Any], before: tuple[Any, ...], chunks: Iterable[Any], after: tuple[Any, ...] = ()
    ) -> Iterator[Any]:
        for chunk in chunks:
            yield function(*before, chunk, *after)


class Pool:
    """Any `concurrent.futures.Executor`: threads, processes, MPI ranks, a Dask cluster's `client.get_executor()`.

    Chunks are taken from their collection only as fast as answers come back.
    """

    def __init__(self, executor: Executor):
        self._executor = executor
        self.remote = not isinstance(executor, ThreadPoolExecutor)
        self._most_in_flight = 2 * max(os.cpu_count() or 1, getattr(executor, "_max_workers", None) or 1)

    def map(
        self, function: Callable[..., Any], before: tuple[Any, ...], chunks: Iterable[Any], after: tuple[Any, ...] = ()
    ) -> Iterator[Any]:
        waiting: deque[Future[Any]] = deque()
        try:
            for chunk in chunks:
                waiting.append(self._executor.submit(function, *before, chunk, *after))
                if len(waiting) >= self._most_in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # after an error: what has not begun need not be done
                future.cancel()


def lane_of(executor: Any) -> Lane:
    """Return the place an `executor=` names."""
    if executor is None:
        return Here()
    if isinstance(executor, Executor):
        return Pool(executor)
    if (distributed := sys.modules.get("distributed")) is not None and isinstance(executor, distributed.Client):
        from diffiface.distributed.dask_cluster import Cluster

        return Cluster(executor)
    raise InputError(
        f"executor={executor!r:.60} is not an executor",
        fix="give a concurrent.futures.Executor (threads, processes, MPI), a dask.distributed.Client, or None",
    )
