"""The two engines as diffiface sees them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from diffiface.adapter import (
    NUMPY,
    Backend,
    Cotangents,
    FlatFunction,
    InputError,
    Leaves,
    MissingBackendError,
    Mode,
    Primitives,
    current_trace,
    errors,
)
from diffiface_native import custom_calls as custom_calls
from diffiface_native.forward import push_forward
from diffiface_native.ground import GROUND
from diffiface_native.recorded.graph import Graph
from diffiface_native.recorded.prepared import Replayed
from diffiface_native.recorded.recorder import NotRecordable
from diffiface_native.recorded.replay import Program
from diffiface_native.recorded.runnable import Runnable
from diffiface_native.recycling import LARGE, RecyclingGround
from diffiface_native.results import derivative_dtype, derivative_result, value_result
from diffiface_native.reverse import Node, ReverseTrace

_TANGENT_BYTES = 64 * 2**20
"""How much memory the tangents of the largest leaf of x may take, unless `chunk_size` says otherwise."""


def _base() -> Primitives:
    """The primitives on which a derivative that starts now must compute."""
    p = current_trace()
    return GROUND if p is NUMPY else p


_MOST_CALLS = 20_000
"""How many operations are replayed with NumPy at most: beyond it the eager engine is as good."""

_WITHOUT_SEEDS = frozenset({"derivative", "gradient", "jacobian", "second_derivative", "hessian"})


@dataclass(frozen=True, repr=False)
class _Recording(Backend):
    """What both engines do at preparation: record the operator as a graph of primitives."""

    compile: Literal["auto", True, "replay", False] = field(default="auto", kw_only=True)
    """How a prepared function runs: recorded and compiled (True), recorded and replayed with NumPy ("replay"), eagerly
    (False), or the first of these that can be had ("auto")."""
    strict: bool = field(default=False, kw_only=True)
    """Whether machine code must give NumPy's numbers to the last bit: sums in NumPy's order, NumPy's exp, sin and so on."""

    threads: Literal["auto"] | int = field(default="auto", kw_only=True)
    """How many threads may share one long loop of machine code; "auto": as many as there are processors, where that is
    faster. The results are the same to the last bit. The environment variable DIFFIFACE_THREADS says what "auto" is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threads != "auto" and (type(self.threads) is not int or self.threads < 1):
            raise InputError(
                f"threads={self.threads!r} is not known",
                engine=self.name,
                fix="threads is 'auto' or a positive int",
            )
        if self.compile not in ("auto", True, "replay", False):
            raise InputError(
                f"compile={self.compile!r} is not known",
                engine=self.name,
                fix="compile is 'auto', True, 'replay' or False",
            )
        if self.compile is True and find_spec("llvmlite") is None:
            raise MissingBackendError(
                "compile=True needs the package 'llvmlite', which is not installed",
                engine=self.name,
                fix="pip install 'diffiface[compile]', or leave compile='auto'",
            )

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        eager = self._prepared_eagerly(operator, f)
        if self.compile is False or not getattr(f, "traces_numpy", False):
            return eager
        method = self.method(operator)
        replayed = Replayed(self.name, method, f, eager or partial(method, f), self._program, self._new_direct())
        replayed.given_up_aloud = self.compile is True
        if operator in _WITHOUT_SEEDS:
            replayed.record(xs, contexts)
        return replayed

    def _is_replayed(self) -> bool:
        return self.compile == "replay" or (self.compile == "auto" and find_spec("llvmlite") is None)

    def _new_direct(self) -> Callable[..., Any] | None:
        """Return what makes bound calls in machine code."""
        if self._is_replayed():
            return None
        from diffiface_native.compiled.direct import DirectCall

        return DirectCall

    def _program(self, graph: Graph) -> Runnable:
        """Make a recorded graph run: as machine code, if that is wanted, can be had and is worth its compilation."""
        if self._is_replayed():
            if len(graph.live()) > _MOST_CALLS:
                raise NotRecordable(f"more than {_MOST_CALLS} operations")
            return Program(graph)
        from diffiface_native.compiled.kept_program import compiled_program
        from diffiface_native.compiled.nest import TooManyPieces
        from diffiface_native.compiled.straight import TooMuchCode

        try:
            return compiled_program(graph, strict=self.strict, threads=self.threads)
        except (TooMuchCode, TooManyPieces):  # LLVM would take longer than most users will wait
            if len(graph.live()) > _MOST_CALLS:
                raise NotRecordable(f"more than {_MOST_CALLS} operations, which do not repeat") from None
            if self.compile is True:
                errors.warn_at_user_line(
                    "compile=True: there is too much code to compile, it is replayed with NumPy", RuntimeWarning
                )
            return Program(graph)

    def _prepared_eagerly(self, operator: str, f: FlatFunction) -> Callable[..., tuple[Any, ...]] | None:
        return None


@dataclass(frozen=True, repr=False)
class Forward(_Recording):
    """Forward mode by dual numbers: many directions in one pass, live control flow, any order of nesting.

    Best for few inputs and for Jacobians that are taller than wide. `chunk_size` caps the directions per pass.
    """

    name = "forward"
    mode = Mode.FORWARD
    nests = "in any engine"

    def companion(self) -> Backend:
        return Reverse(
            style=self.style, chunk_size=self.chunk_size, compile=self.compile, strict=self.strict, threads=self.threads
        )

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        p = _base()
        batch = p.shape(tangents[0])[0]
        chunk = self.chunk_size or _default_chunk(p, xs)
        if batch <= chunk:
            ys, tys, aux = push_forward(p, f, xs, tangents, contexts)
            parts = [tys]
        else:
            parts = []
            for start in range(0, batch, chunk):
                some = [p.getitem(t, index=slice(start, min(start + chunk, batch))) for t in tangents]
                ys, tys, aux = push_forward(p, f, xs, some, contexts)
                parts.append(tys)
        results = tuple(_joined(p, y, [part[i] for part in parts], batch) for i, y in enumerate(ys))
        return tuple(value_result(p, y) for y in ys), results, aux


def _default_chunk(p: Primitives, xs: Leaves) -> int:
    largest = max((math.prod(p.shape(x)) * p.dtype(x).itemsize for x in xs), default=1)
    return max(1, _TANGENT_BYTES // max(1, largest))


def _joined(p: Primitives, y: Any, chunks: list[Any], batch: int) -> Any:
    """Join one output's tangents of all chunks; where y does not depend on x they are all None."""
    shape, dtype = (batch, *p.shape(y)), derivative_dtype(p, y)
    if chunks[0] is None:
        return np.zeros(shape, dtype)
    tangent = chunks[0] if len(chunks) == 1 else p.concatenate(chunks, axis=0)
    return derivative_result(p, tangent, shape, dtype)


@dataclass(frozen=True, repr=False)
class Reverse(_Recording):
    """Reverse mode by a tape: the whole gradient in one sweep, live control flow, any order of nesting.

    Best for many inputs and few outputs. Arrays that f may still change before the sweep are copied when it uses them.
    Cotangents are swept one at a time, whatever the `chunk_size`.
    """

    name = "reverse"
    mode = Mode.REVERSE
    nests = "in any engine"

    def companion(self) -> Backend:
        return Forward(
            style=self.style, chunk_size=self.chunk_size, compile=self.compile, strict=self.strict, threads=self.threads
        )

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        p = _base()
        trace = ReverseTrace(p, contexts)
        try:
            inputs, ys, aux = trace.run(f, xs)
            primals = [trace.lower(y) for y in ys]
            if callable(cotangents):
                cotangents = cotangents([(p.shape(y), derivative_dtype(p, y)) for y in primals])
            values = tuple(value_result(p, y) for y in primals)
            batch = p.shape(cotangents[0])[0]
            rows = []
            for i in range(batch):
                seeds = [_conjugated(p, p.getitem(ct, index=i)) for ct in cotangents]
                rows.append(_input_cotangents(p, trace, ys, seeds, inputs))
        finally:
            trace.free()
        return values, tuple(_stacked(p, x, [row[j] for row in rows]) for j, x in enumerate(xs)), aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        return _value_and_gradient(_base(), f, xs, contexts)

    def _prepared_eagerly(self, operator: str, f: FlatFunction) -> Callable[..., tuple[Any, ...]] | None:
        return PreparedGradient(f) if operator == "gradient" else None


class PreparedGradient:
    """The gradient of one function, whose large intermediate arrays are kept from call to call."""

    def __init__(self, f: FlatFunction):
        self.f = f
        self.base: Primitives | None = None
        """On what to compute: settled by the first run, which shows whether the arrays are large."""

    def __call__(self, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        p = _base()
        if p is not GROUND:
            return _value_and_gradient(p, self.f, xs, contexts)
        if self.base is None:
            return _value_and_gradient(GROUND, self.f, xs, contexts, before_freeing=self._settle_base)
        return _value_and_gradient(self.base, self.f, xs, contexts)

    def _settle_base(self, trace: ReverseTrace) -> None:
        self.base = RecyclingGround() if trace.largest() >= LARGE else GROUND


def _value_and_gradient(
    p: Primitives,
    f: FlatFunction,
    xs: Leaves,
    contexts: Leaves,
    before_freeing: Callable[[ReverseTrace], None] | None = None,
) -> tuple[Any, Leaves, Any]:
    trace = ReverseTrace(p, contexts)
    try:
        inputs, ys, aux = trace.run(f, xs)
        value = trace.lower(ys[0])
        seed = derivative_dtype(p, value).type(1)
        gradients = _input_cotangents(p, trace, ys, [seed], inputs)
        if before_freeing is not None:
            before_freeing(trace)
    finally:
        trace.free()
    return value_result(p, value), tuple(gradients), aux


def _conjugated(p: Primitives, value: Any) -> Any:
    # Outside, a pullback is the adjoint for Re(conj(a) b); the rules are those of the plain transpose.
    return p.conjugate(value) if p.dtype(value).kind == "c" else value


def _input_cotangents(p: Primitives, trace: ReverseTrace, ys: Leaves, seeds: Leaves, inputs: list[Node]) -> list[Any]:
    results = []
    for x, (cotangent, is_new) in zip(inputs, trace.sweep(ys, seeds, inputs), strict=True):
        shape, dtype = p.shape(x.primal), p.dtype(x.primal)
        if cotangent is None:
            results.append(np.zeros(shape, dtype))
        elif is_new and cotangent.dtype == dtype and dtype.kind != "c" and cotangent.flags.c_contiguous:
            results.append(cotangent)
        else:
            results.append(_conjugated(p, derivative_result(p, cotangent, shape, dtype)))
    return results


def _stacked(p: Primitives, x: Any, rows: list[Any]) -> Any:
    """Stack the cotangents of one input: shape `(batch, *x.shape)`."""
    return p.stack(rows, axis=0) if rows else np.zeros((0, *p.shape(x)), p.dtype(x))
