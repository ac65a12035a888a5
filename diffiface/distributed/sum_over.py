"""sum_over: a function that is a sum over chunks of data, differentiated chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from diffiface.adapter import NUMPY, Backend, current_trace
from diffiface.contexts import unwrap
from diffiface.distributed.dask_cluster import chunks_of_collection
from diffiface.distributed.executors import lane_of
from diffiface.distributed.over_chunks import OverChunks
from diffiface.distributed.progress import Progress, shown
from diffiface.distributed.work import Shipped, added, loaded, value, with_chunk
from diffiface.errors import InputError
from diffiface.numpy_api import Dressed
from diffiface.operators.delegating import Delegating
from diffiface.rebinding import rebound
from diffiface.trees import flatten


class SumOver(Delegating):
    """The function `x, *contexts -> sum of f(x, chunk, *contexts)`: made by `sum_over`."""

    def __init__(self, f: Callable[..., Any], chunks: Any, executor: Any, progress: Progress):
        self.__wrapped__ = f  # what it is written in (NumPy, or one engine's arrays) is what f is written in
        self.chunks: Any = chunks
        self.executor, self.progress = executor, progress
        self.lane = lane_of(executor)
        """Where tasks run."""
        self.shipped = Shipped(f)

    @property
    def f(self) -> Callable[..., Any]:
        """The function of one chunk."""
        return self.__wrapped__

    def __call__(self, x: Any, *contexts: Any) -> Any:
        """Return the sum: by the executor for plain numbers, here where x is being differentiated."""
        contexts = tuple(map(unwrap, contexts))
        leaves, _ = flatten((x, contexts))
        if current_trace() is not NUMPY or any(isinstance(leaf, Dressed) for leaf in leaves):
            return self._sum_here(x, contexts)
        total = None
        for part in self.over_chunks(value, (self.shipped, (x, *contexts)), "values"):
            total = part if total is None else added(total, part)
        return total

    def _sum_here(self, x: Any, contexts: tuple[Any, ...]) -> Any:
        f = rebound(self.f)  # where f's code must reach dressed replacements of np.zeros and the like
        total = None
        for chunk in self.chunks:
            part = f(*with_chunk((x, *contexts), _at_hand(chunk)))
            total = part if total is None else total + part
        return total

    def differentiated_by(self, backend: Backend) -> Backend:
        """Return the backend that lets another differentiate each chunk, and adds up."""
        return OverChunks(backend)

    def over_chunks(
        self, function: Callable[..., Any], before: tuple[Any, ...], what: str, after: tuple[Any, ...] = ()
    ) -> Iterator[Any]:
        """Yield `function(*before, chunk, *after)` for each chunk, in order, wherever tasks run."""
        chunks = self.chunks if self.lane.remote else map(_at_hand, self.chunks)
        with shown(self.progress, what, len(self.chunks)) as done:
            done(0)
            for count, result in enumerate(self.lane.map(function, before, chunks, after), start=1):
                done(count)
                yield result

    def __getstate__(self) -> dict[str, Any]:  # executors cannot be sent anywhere: a copy in another process has none
        return {**self.__dict__, "executor": None, "lane": lane_of(None), "progress": False}

    def __repr__(self) -> str:
        name = getattr(self.f, "__qualname__", None) or repr(self.f)
        return f"<sum of {name} over {len(self.chunks)} chunks>"


def _at_hand(chunk: Any) -> Any:
    """Return a chunk's data in this process."""
    if type(chunk).__module__.partition(".")[0] == "distributed" and hasattr(chunk, "result"):
        return chunk.result()
    return loaded(chunk)


def sum_over(
    f: Callable[..., Any], chunks: Iterable[Any], *, executor: Any = None, progress: Progress = False
) -> SumOver:
    """Return the sum of a function over chunks of data, to be differentiated chunk by chunk, on many cores or machines.

    The sum is an ordinary function of `x, *contexts` for every operator and engine. Where it is differentiated by itself,
    `di.gradient(di.sum_over(f, chunks), backend, x)`, each chunk is a task of its own: the engine is prepared once in each
    process, and values and derivatives (gradients, Hessian-vector products, Jacobians, Hessians, dense or sparse) are
    added in the order of the chunks, so that the result does not depend on where the tasks ran. As part of another
    function it is computed in one piece, without the executor.

    Args:
        f: `f(x, chunk, *contexts)`, a scalar or array of the same shape for every chunk.
        chunks: a list (or other collection that can be gone through again) of arrays, tuples, dicts, anything;
            lists may hold Dask's delayed objects and futures. Or a Dask array (cut along its first axis), bag or data
            frame; a tuple or dict of these is taken apart side by side.
        executor: any `concurrent.futures.Executor`, a `dask.distributed.Client`, or None for this thread. What goes to
            other processes is pickled: f must be a module's function, or cloudpickle be installed.
        progress: True shows a bar; a function is called with `(chunks done, chunks in all)`.
    Returns:
        A function of `x, *contexts`.
    Raises:
        InputError: the chunks are none or can be gone through only once, or that is no executor.

    >>> import numpy as np, diffiface as di
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> def squares(b, rows):
    ...     return np.sum((rows @ b - 1.0) ** 2)
    >>> rows = np.arange(12.0).reshape(6, 2)
    >>> with ThreadPoolExecutor(2) as executor:
    ...     di.gradient(di.sum_over(squares, np.split(rows, 3), executor=executor), "reverse", np.ones(2))
    array([ 880., 1000.])
    >>> di.gradient(squares, "reverse", np.ones(2), rows)
    array([ 880., 1000.])
    """
    if not callable(f):
        raise InputError(f"f is {f!r:.60}, which cannot be called", fix="the order is sum_over(f, chunks)")
    if not (progress in (True, False) or callable(progress)):
        raise InputError(f"progress={progress!r:.60} is not known", fix="True, False, or a function of (done, total)")
    parts = chunks_of_collection(chunks)
    if parts is None:
        parts = _as_collection(chunks)
    if not len(parts):
        raise InputError("there are no chunks to sum over")
    return SumOver(f, parts, executor, progress)


def _as_collection(chunks: Any) -> Any:
    """Return chunks as a collection with a length that can be gone through again and again."""
    if isinstance(chunks, Iterator) or not isinstance(chunks, Iterable):
        raise InputError(
            f"chunks is {type(chunks).__name__}, but every evaluation goes through the chunks anew",
            fix="give a list, or an object with __len__ and __iter__ that reads them",
        )
    if isinstance(chunks, (str, bytes, dict)):
        raise InputError(f"chunks is {type(chunks).__name__}: what are its chunks?", fix="give a list of chunks")
    return chunks if hasattr(chunks, "__len__") else list(chunks)
