"""Parallel: an engine whose independent columns, rows and Hessian-vector products are computed on many cores."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import numpy as np

from diffiface.adapter import NUMPY, Backend, Cotangents, FlatFunction, Leaves, current_trace
from diffiface.distributed.executors import lane_of
from diffiface.distributed.stand_in import StandIn, checked, like, user_arguments
from diffiface.distributed.work import Request, Shipped, numpy_leaves, products
from diffiface.function import Function
from diffiface.operators.cascade import DERIVATIONS, engine_method
from diffiface.operators.prepared_engine import engine_run
from diffiface.registry import resolve

_SPLIT = ("pushforward", "pullback", "jacobian", "hvp", "hessian")


@dataclass(frozen=True, repr=False)
class Parallel(StandIn):
    """An engine whose batches of tangents or cotangents are split over an executor: the columns or rows of a Jacobian,
    the columns of a Hessian, several products at once. All other operators are the engine's own.

    It pays where f takes long and x (or y) has many entries. Results are those of the engine alone.

    Args:
        inner: the engine, a name or an object.
        executor: any `concurrent.futures.Executor` or `dask.distributed.Client`. What goes to other processes is pickled.
        pieces: into how many tasks a batch is split (default: one for each worker or core).

    >>> import numpy as np, diffiface as di
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as executor:
    ...     di.jacobian(np.cumsum, di.Parallel("forward", executor), np.ones(3))
    array([[1., 0., 0.],
           [1., 1., 0.],
           [1., 1., 1.]])
    """

    executor: Any = field(default=None, compare=False)
    pieces: int | None = None

    def __init__(self, inner: str | Backend, executor: Any, *, pieces: int | None = None):
        object.__setattr__(self, "inner", resolve(inner))
        object.__setattr__(self, "executor", executor)
        object.__setattr__(self, "pieces", pieces)
        lane_of(executor)
        self.__post_init__()

    def __repr__(self) -> str:
        return f"Parallel({self.inner!r}, {self.executor!r})"

    def supplies(self, operator: str) -> bool:
        """Whether this has a method for an operator: Jacobians and Hessians are put together from products."""
        if operator in ("pushforward", "pullback"):
            return self.inner.supplies(operator)
        return operator not in ("jacobian", "hessian")

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        if operator not in _SPLIT or not isinstance(f, Function):
            return engine_run(self.inner, operator, f, xs, contexts)
        prepared = _Prepared(self, Shipped(checked(f, self.name).f))
        if operator in ("jacobian", "hessian"):
            return partial(DERIVATIONS[operator], prepared, f)
        return partial(getattr(prepared, f"value_{'gradient_' if operator == 'hvp' else ''}and_{operator}"), f)

    # ---- split

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, self._split("pushforward", f, xs, tangents, contexts))

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, self._split("pullback", f, xs, cotangents, contexts))

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        return cast(Any, self._split("hvp", f, xs, tangents, contexts))

    # ---- the engine's own

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, engine_method(self.inner, "derivative")(f, xs, contexts))

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        return cast(Any, engine_method(self.inner, "gradient")(f, xs, contexts))

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        return cast(Any, engine_method(self.inner, "second_derivative")(f, xs, contexts))

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        return self.inner.error_estimate(operator, f, xs, seeds, contexts)

    # ---- tasks

    def _split(
        self, operator: str, f: FlatFunction, xs: Leaves, seeds: Any, contexts: Leaves, shipped: Shipped | None = None
    ) -> tuple[Any, ...]:
        if current_trace() is not NUMPY or not isinstance(f, Function):
            return engine_method(self.inner, operator)(f, xs, seeds, contexts)
        function = checked(f, self.name)
        if callable(seeds):
            return self._after_the_first(operator, function, xs, seeds, contexts, shipped)
        batch = len(seeds[0]) if len(seeds) else 0
        if batch < 2:
            return engine_method(self.inner, operator)(f, xs, seeds, contexts)
        return self._put_together(self._parts(operator, function, xs, seeds, contexts, shipped), function, xs)

    def _parts(
        self, operator: str, f: Function, xs: Leaves, seeds: Leaves, contexts: Leaves, shipped: Shipped | None
    ) -> list[tuple[Any, ...]]:
        lane = lane_of(self.executor)
        arguments = user_arguments(f, numpy_leaves(xs), contexts)
        request = Request(operator, self.inner, arguments, None, f.argnums)
        seeds = numpy_leaves(seeds)
        pieces = [tuple(seed[part] for seed in seeds) for part in self._cuts(len(seeds[0]))]
        parts = []
        for answer in lane.map(products, (shipped or Shipped(f.f), request), pieces):
            f.y_structure = answer.y_structure
            parts.append(answer.results)
        return parts

    def _after_the_first(
        self, operator: str, f: Function, xs: Leaves, make_seeds: Any, contexts: Leaves, shipped: Shipped | None
    ) -> tuple[Any, ...]:
        """Compute the first row here, which tells how many there are, and the rest by the executor."""
        made: list[Leaves] = []

        def first_of_them(found: Sequence[Any]) -> Leaves:
            made.append(make_seeds(found))
            return [seed[:1] for seed in made[0]]

        first = engine_method(self.inner, operator)(f, xs, first_of_them, contexts)
        rest = [seed[1:] for seed in made[0]]
        if not len(rest) or not len(rest[0]):
            return first
        first = (*(numpy_leaves(part) for part in first[:-1]), first[-1])
        return self._put_together([first, *self._parts(operator, f, xs, rest, contexts, shipped)], f, xs)

    def _cuts(self, batch: int) -> list[slice]:
        workers = self.pieces or getattr(self.executor, "_max_workers", None) or os.cpu_count() or 1
        count = min(batch, workers) if self.chunk_size is None else -(-batch // self.chunk_size)
        edges = np.linspace(0, batch, count + 1).astype(int)
        return [slice(a, b) for a, b in itertools.pairwise(edges)]

    @staticmethod
    def _put_together(parts: list[tuple[Any, ...]], f: Function, xs: Leaves) -> tuple[Any, ...]:
        """Join the batches of the parts; value and gradient are the same in all."""
        *head, _, aux = parts[0]
        joined = tuple(np.concatenate(leaves) for leaves in zip(*(part[-2] for part in parts), strict=True))
        return (*(like(part, xs[0]) for part in head), like(joined, xs[0]), aux)


class _Prepared(Parallel):
    """What runs after preparing: other processes know f, and keep what they prepared for it."""

    def __init__(self, parallel: Parallel, shipped: Shipped):
        super().__init__(parallel.inner, parallel.executor, pieces=parallel.pieces)
        object.__setattr__(self, "_shipped", shipped)

    def _split(
        self, operator: str, f: FlatFunction, xs: Leaves, seeds: Any, contexts: Leaves, shipped: Shipped | None = None
    ) -> tuple[Any, ...]:
        return super()._split(operator, f, xs, seeds, contexts, shipped or self.__dict__["_shipped"])
