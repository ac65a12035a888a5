"""Dask: its collections as chunks, its cluster as the place where tasks run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from diffiface.errors import InputError


def is_lazy(chunk: Any) -> bool:
    """Whether a chunk is computed by Dask when it is needed."""
    return hasattr(chunk, "__dask_graph__")


def _keep(chunk: Any) -> Any:
    return chunk


class Cluster:
    """The workers of a `dask.distributed.Client`.

    Chunks in this process's memory are sent once and stay on the workers. Lazy chunks (delayed objects, blocks of arrays,
    partitions of bags) are computed where the task runs and dropped after it, so that all together may be larger than
    the memory; what the user has persisted stays where it is. When a worker is lost, Dask runs its tasks again on another.
    """

    remote = True

    def __init__(self, client: Any):
        self._client = client
        self._kept: dict[int, tuple[Any, Any]] = {}
        """Id of a chunk -> the chunk and the future that holds it on a worker, for as long as the sum is in use."""

    def map(
        self, function: Callable[..., Any], before: tuple[Any, ...], chunks: Iterable[Any], after: tuple[Any, ...] = ()
    ) -> Iterator[Any]:
        futures = [self._submit(function, before, chunk, after) for chunk in chunks]
        try:
            for position, future in enumerate(futures):
                yield future.result()
                futures[position] = None  # an answer may be large: the cluster need not keep it
        finally:
            rest = [future for future in futures if future is not None]
            if rest:
                self._client.cancel(rest)

    def _submit(self, function: Callable[..., Any], before: tuple[Any, ...], chunk: Any, after: tuple[Any, ...]) -> Any:
        if is_lazy(chunk):
            from dask.delayed import delayed  # pyright: ignore[reportMissingImports]

            task = delayed(function, pure=False, traverse=False)(*before, chunk, *after)
            return self._client.compute(task)
        return self._client.submit(function, *before, self._on_a_worker(chunk), *after, pure=False)

    def _on_a_worker(self, chunk: Any) -> Any:
        from distributed import Future  # pyright: ignore[reportMissingImports]

        if isinstance(chunk, Future):
            return chunk
        if id(chunk) not in self._kept:
            # Submitted rather than scattered: what a lost worker held can then be made again.
            self._kept[id(chunk)] = (chunk, self._client.submit(_keep, chunk, pure=False))
        return self._kept[id(chunk)][1]


def chunks_of_collection(collection: Any) -> list[Any] | None:
    """Return the parts of a Dask collection as lazy chunks; None for what is none.

    A tuple or dict of collections is taken apart side by side: each chunk is the tuple or dict of their parts.
    """
    members = collection.values() if isinstance(collection, dict) else collection
    if isinstance(collection, (tuple, dict)) and members and all(map(_is_collection, members)):
        return _side_by_side(collection)
    return _parts(collection) if _is_collection(collection) else None


def _is_collection(value: Any) -> bool:
    return is_lazy(value) and hasattr(value, "to_delayed")


def _parts(collection: Any) -> list[Any]:
    if hasattr(collection, "rechunk"):  # an array: a chunk is a slice of its first axis
        collection = collection.rechunk(dict.fromkeys(range(1, collection.ndim), -1))
        return list(collection.to_delayed().ravel())
    return list(collection.to_delayed())


def _side_by_side(collections: Any) -> list[Any]:
    from dask.delayed import delayed  # pyright: ignore[reportMissingImports]

    members = list(collections.values() if isinstance(collections, dict) else collections)
    sizes = [tuple(c.chunks[0]) if hasattr(c, "rechunk") else len(_parts(c)) for c in members]
    for a, b in itertools.pairwise(sizes):
        if a != b:
            raise InputError(
                f"the collections are cut at different places: {a} and {b}",
                fix="rechunk them alike along the first axis",
            )
    rows = zip(*map(_parts, members), strict=True)
    if isinstance(collections, dict):
        return [delayed(dict(zip(collections, row, strict=True))) for row in rows]
    return [delayed(tuple(row)) for row in rows]
