"""What a preparation runs: the engine's own prepared callable, or a derivation from its prepared methods."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from diffiface.adapter import ENGINE_METHODS, Backend, FlatFunction, Leaves
from diffiface.operators.cascade import DERIVATIONS


class PreparedEngine:
    """An engine whose methods are prepared at first use and kept: what derivations of a preparation run on.

    A derivation (hessian from hvp, derivative from pushforward, ...) asks for the engine's methods by name;
    here it gets the prepared ones, so that a derived operator profits from jit as a native one does.
    """

    def __init__(self, backend: Backend):
        self._backend = backend
        self._runs: dict[tuple[str, FlatFunction], Callable[..., tuple[Any, ...]]] = {}
        for operator, method in ENGINE_METHODS.items():
            if backend.supplies(operator):
                setattr(self, method, partial(self._call, operator))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def _call(self, operator: str, f: FlatFunction, xs: Leaves, *rest: Any) -> tuple[Any, ...]:
        key = (operator, f)
        run = self._runs.get(key)
        if run is None:
            run = self._backend.prepare(operator, f, xs, rest[-1])
            if run is None:
                run = partial(getattr(self._backend, ENGINE_METHODS[operator]), f)
            self._runs[key] = run
        return run(xs, *rest)

    def explain(self) -> str:
        """Say how each of the methods that were used so far runs."""
        explained = [(operator, getattr(run, "explain", None)) for (operator, _), run in self._runs.items()]
        lines = [
            f"{self._backend.name} {operator}: {explain()}" for operator, explain in explained if explain is not None
        ]
        return "\n".join(lines) or f"{self._backend.name}: runs the engine directly"


def engine_run(
    backend: Backend, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
) -> Callable[..., tuple[Any, ...]]:
    """Let an engine prepare an operator, or the methods it is derived from: return `run(xs, [seeds,] contexts)`."""
    run = backend.prepare(operator, f, xs, contexts)
    if run is not None:
        return run
    if backend.supplies(operator):
        return partial(getattr(backend, ENGINE_METHODS[operator]), f)
    return partial(DERIVATIONS[operator], PreparedEngine(backend), f)
