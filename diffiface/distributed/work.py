"""One task: an operator at one chunk of the data, wherever it runs; each process prepares it once."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import uuid4

import numpy as np

from diffiface.adapter import Backend, Leaves
from diffiface.arrays import family_of
from diffiface.errors import InputError
from diffiface.operators.by_name import OPERATORS
from diffiface.operators.call import Call
from diffiface.operators.operator import Operator
from diffiface.operators.prepared_engine import engine_run
from diffiface.operators.same_value import check_same_value

_MOST_PREPARED = 256
"""How many preparations a process keeps; those not used for longest go first."""


class Shipped:
    """A function on its way to other processes: pickled once, known there by its key."""

    def __init__(self, f: Callable[..., Any]):
        self.f, self.key = f, uuid4().hex

    @property
    def packed(self) -> bytes:
        """The pickled function (closures and lambdas too where cloudpickle is installed)."""
        if not hasattr(self, "_packed"):
            from diffiface.benchmarking.shipping import ship

            self._packed = ship(self.f)
        return self._packed

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (self.key, self.packed)


_received_lock = threading.Lock()


def _received(key: str, packed: bytes) -> Shipped:
    with _received_lock:  # one function object for each process, so that a preparation made for it is found again
        return _unpacked(key, packed)


@lru_cache(_MOST_PREPARED)
def _unpacked(key: str, packed: bytes) -> Shipped:
    import pickle

    shipped = Shipped(pickle.loads(packed))
    shipped.key, shipped._packed = key, packed
    return shipped


@dataclass(frozen=True)
class Request:
    """What is asked of every chunk. Leaves are NumPy arrays where they go to another process."""

    operator: str
    backend: Backend
    arguments: tuple[Any, ...]
    """f's arguments, without the chunk."""
    seeds: tuple[Any, ...] | None
    """Tangents or cotangents, a batch for each leaf."""
    argnums: int | tuple[int, ...]
    """Which of f's arguments, the chunk among them, are differentiated."""
    expected_cotangents: Any = None
    only_prepare: bool = False


@dataclass(frozen=True)
class Answer:
    """An engine's results for one chunk."""

    results: tuple[Any, ...]
    y_structure: Any


CHUNK_POSITION = 1
"""f is `f(x, chunk, *contexts)`."""


def argnums_with_chunk(argnums: int | tuple[int, ...]) -> int | tuple[int, ...]:
    """Return positions among f's arguments from positions among arguments without the chunk."""
    if isinstance(argnums, tuple):
        return tuple(n + (n >= CHUNK_POSITION) for n in argnums)
    return argnums + (argnums >= CHUNK_POSITION)


# Without seeds: a request brings them flattened.
_OPERATORS: dict[str, Operator] = {
    name: dataclasses.replace(operator, seeds=None, fills_output=False) for name, operator in OPERATORS.items()
}

_prepared: OrderedDict[Any, tuple[Callable[..., Any], Any]] = OrderedDict()
_prepared_lock = threading.Lock()


def with_chunk(arguments: Sequence[Any], chunk: Any) -> tuple[Any, ...]:
    """Return f's arguments."""
    return (*arguments[:CHUNK_POSITION], chunk, *arguments[CHUNK_POSITION:])


def loaded(chunk: Any) -> Any:
    """Return a chunk's data: lazy ones (Dask's) are computed here and now, in this thread."""
    if hasattr(chunk, "__dask_graph__"):
        return chunk.compute(scheduler="synchronous")
    return chunk


def value(shipped: Shipped, arguments: tuple[Any, ...], chunk: Any) -> Any:
    """Run f on one chunk, in plain NumPy."""
    return shipped.f(*with_chunk(arguments, loaded(chunk)))


def answer(shipped: Shipped, request: Request, chunk: Any, as_numpy: bool = False) -> Answer:
    """Compute one operator at one chunk. `as_numpy`: results must be NumPy arrays, as they go to another process."""
    arguments = with_chunk(request.arguments, loaded(chunk))
    return _answered(shipped, request, arguments, request.seeds, as_numpy)


def products(shipped: Shipped, request: Request, seeds: tuple[Any, ...]) -> Answer:
    """Compute products with a part of a batch of tangents or cotangents. (f has no chunk.)"""
    return _answered(shipped, request, request.arguments, seeds, as_numpy=True)


def _answered(
    shipped: Shipped, request: Request, arguments: tuple[Any, ...], seeds: Leaves | None, as_numpy: bool
) -> Answer:
    operator = _OPERATORS[request.operator]
    call = Call(operator, shipped.f, request.backend, arguments, argnums=request.argnums)
    if request.expected_cotangents is not None:
        call.function = dataclasses.replace(call.function, expected_cotangents=request.expected_cotangents)
    key = (shipped.key, request.backend, request.operator, call.signature, request.expected_cotangents, call.argnums)
    run, function = _prepared_run(key, call)
    if request.only_prepare:
        return Answer((), function.y_structure)
    call.seeds = None if seeds is None else tuple(seeds)
    results = call.run(run)
    return Answer(_to_numpy(results) if as_numpy else results, function.y_structure)


def _prepared_run(key: Any, call: Call) -> tuple[Callable[..., Any], Any]:
    with _prepared_lock:
        if key in _prepared:
            _prepared.move_to_end(key)
            return _prepared[key]
    if call.function.native_to is None:
        check_same_value(call)
    run = engine_run(call.backend, call.operator.name, call.function, call.xs, call.contexts)
    with _prepared_lock:  # (another thread may have been faster; then there is one preparation all the same)
        entry = _prepared.setdefault(key, (run, call.function))
        while len(_prepared) > _MOST_PREPARED:
            _prepared.popitem(last=False)
        return entry


def preparations() -> int:
    """Return how many preparations this process holds."""
    return len(_prepared)


def _to_numpy(part: Any) -> Any:
    if isinstance(part, (tuple, list)):
        return type(part)(map(_to_numpy, part))
    family = family_of(part)
    return part if family is None else family.to_numpy(part)


def added(a: Any, b: Any) -> Any:
    """Add two results of an engine, leaf by leaf."""
    if a is None or b is None:
        return None
    if isinstance(a, (tuple, list)):
        if len(a) != len(b):
            raise InputError(
                f"one chunk gave {len(a)} arrays, another {len(b)}", fix="f must return the same structure"
            )
        return type(a)(map(added, a, b))
    if np.shape(a) != np.shape(b):
        raise InputError(
            f"one chunk gave an array of shape {np.shape(b)}, those before it {np.shape(a)}: they cannot be added",
            fix="f must return the same shape for every chunk: a sum over the chunk's rows",
        )
    family = family_of(a)
    if family is None:
        return a + b
    with family.computing():
        return a + b


def numpy_leaves(leaves: Leaves) -> tuple[Any, ...]:
    """Return leaves for another process: NumPy arrays, whatever their family."""
    return tuple(map(_to_numpy, leaves))
