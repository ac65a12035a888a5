"""OverChunks: the backend of a sum over chunks, which asks another engine for each chunk and adds up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from diffiface.adapter import Cotangents, FlatFunction, Leaves
from diffiface.distributed.stand_in import StandIn, checked, like, user_arguments
from diffiface.distributed.work import Request, added, answer, argnums_with_chunk, numpy_leaves
from diffiface.errors import DiffifaceError, UnsupportedOperationError
from diffiface.function import Function

if TYPE_CHECKING:
    from diffiface.distributed.sum_over import SumOver


@dataclass(frozen=True, repr=False)
class OverChunks(StandIn):
    """An engine for functions made by `sum_over`: every operator is linear in f, so it is the sum over the chunks."""

    checks_value = False

    # ---- the operators, each the sum over the chunks

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, self._sum("pushforward", f, xs, contexts, tangents))

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, self._sum("pullback", f, xs, contexts, cast(Leaves, cotangents)))

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, self._sum("derivative", f, xs, contexts))

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        return cast(Any, self._sum("gradient", f, xs, contexts))

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Any, Any]:
        return cast(Any, self._sum("jacobian", f, xs, contexts))

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        return cast(Any, self._sum("second_derivative", f, xs, contexts))

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        return cast(Any, self._sum("hvp", f, xs, contexts, tangents))

    def value_gradient_and_hessian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Any, Any, Any]:
        return cast(Any, self._sum("hessian", f, xs, contexts))

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        """Refuse: bounds on the errors of the parts are not asked of the workers."""
        raise UnsupportedOperationError(
            "error estimates of a sum over chunks are not available",
            engine=self.name,
            fix="ask for those of f on a single chunk",
        )

    # ---- tasks

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        """Prepare on one chunk, so that what is wrong shows now; other processes prepare when they get their first."""
        function = checked(f, self.name)
        first = _first_chunk_only(cast("SumOver", function.f))
        request = self._request(operator, function, xs, contexts, None, first.lane.remote, only_prepare=True)
        (prepared,) = first.over_chunks(answer, (first.shipped, request), "preparing")
        function.y_structure = prepared.y_structure
        return partial(self._run, operator, f)

    def _run(self, operator: str, f: FlatFunction, xs: Leaves, *rest: Any) -> tuple[Any, ...]:
        *seeds, contexts = rest
        return self._sum(operator, f, xs, contexts, *seeds)

    def _sum(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Leaves | None = None
    ) -> tuple[Any, ...]:
        function = checked(f, self.name)
        whole = cast("SumOver", function.f)
        remote = whole.lane.remote
        request = self._request(operator, function, xs, contexts, seeds, remote)
        total: tuple[Any, ...] | None = None
        position = 0
        try:
            for part in whole.over_chunks(answer, (whole.shipped, request), operator, (remote,)):
                position += 1
                total = part.results if total is None else added(total, part.results)
                function.y_structure = part.y_structure
        except DiffifaceError as error:
            error.add_note(f"  (in a chunk, after {position} of {len(whole.chunks)} were done)")
            raise
        assert total is not None
        return like(total, xs[0]) if remote else total

    def _request(
        self,
        operator: str,
        f: Function,
        xs: Leaves,
        contexts: Leaves,
        seeds: Leaves | None,
        remote: bool,
        only_prepare: bool = False,
    ) -> Request:
        xs = numpy_leaves(xs) if remote else xs
        seeds = None if seeds is None else numpy_leaves(seeds) if remote else tuple(seeds)
        argnums = argnums_with_chunk(f.argnums)
        arguments = user_arguments(f, xs, contexts)
        return Request(operator, self.inner, arguments, seeds, argnums, f.expected_cotangents, only_prepare)


def _first_chunk_only(whole: SumOver) -> SumOver:
    part: SumOver = object.__new__(type(whole))  # (copy.copy would leave out the executor)
    part.__dict__.update(whole.__dict__)
    part.chunks, part.progress = [next(iter(whole.chunks))], False
    return part
