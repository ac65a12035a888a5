"""What the callables for SciPy share: the function and its x, values without derivatives, counters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.contexts import Cache, unwrap
from diffiface.errors import OutputError
from diffiface.function import definition_of
from diffiface.interop.last_point import LastPoint
from diffiface.interop.vectors import Vector, is_sparse
from diffiface.registry import resolve
from diffiface.sparse.backend import Sparse
from diffiface.style import is_native


@dataclass
class Counters:
    """How often f and its derivatives were computed (not how often they were asked for)."""

    nfev: int = 0
    """Values of f. One that comes with a gradient or a Jacobian counts here and there."""
    njev: int = 0
    """Gradients or Jacobians."""
    nhev: int = 0
    """Hessians."""
    nhvp: int = 0
    """Hessian-vector products."""


class Callables:
    """What the kinds share: the function and its x, how values are computed, counters."""

    kind: str
    _before_contexts = 1
    """How many arguments f has before its contexts."""

    def __init__(self, f: Callable[..., Any], x: Any, backend: str | Backend, contexts: Sequence[Any]):
        self.f, self.backend, self.contexts = f, resolve(backend), tuple(contexts)
        self.vector = Vector(x)
        self.x0 = self.vector.x0
        """x as SciPy takes it: a float64 vector."""
        self.counters = Counters()
        self._last = LastPoint()
        # A NumPy function is its own value. One written for an engine needs that engine's arrays, and an exact engine
        # gives the value away with the derivative; a numeric engine would pay for the derivative by many calls of f.
        native = (
            is_native(f, self.backend.name, self.backend.traces, self.backend.style, self.backend.family) is not None
        )
        self._plain, self._jointly = not native, native or self.backend.exact

    @property
    def nfev(self) -> int:
        """How many values of f were computed."""
        return self.counters.nfev

    @property
    def njev(self) -> int:
        """How many gradients or Jacobians were computed."""
        return self.counters.njev

    @property
    def nhev(self) -> int:
        """How many Hessians were computed."""
        return self.counters.nhev

    @property
    def nhvp(self) -> int:
        """How many Hessian-vector products were computed."""
        return self.counters.nhvp

    def reset(self) -> None:
        """Set the counters to zero, and forget what is known of the last x."""
        for counter in fields(Counters):
            setattr(self.counters, counter.name, 0)
        self._last.forget()

    def _value_alone(self, *arguments: Any) -> Any:
        """Run f in plain NumPy: on contexts, unless they are given, of which scratch memory is a copy."""
        self.counters.nfev += 1
        given = self.contexts[len(arguments) - self._before_contexts :]
        return self.f(*arguments, *(np.zeros_like(c.value) if isinstance(c, Cache) else unwrap(c) for c in given))

    def __repr__(self) -> str:
        counts = ", ".join(f"{field.name}={getattr(self.counters, field.name)}" for field in fields(Counters))
        name = getattr(self.f, "__qualname__", None) or repr(self.f)
        return f"<{self.kind} callables of {name} by {self.backend!r}: {counts}>"

    def refuse(self, problem: str, fix: str) -> OutputError:
        """Make the error about what f returned."""
        return OutputError(problem, engine=self.backend.name, where=definition_of(self.f), fix=fix)

    @property
    def gives_sparse(self) -> bool:
        """Whether matrices come as CSR arrays."""
        return isinstance(self.backend, Sparse)


def dense(matrix: Any) -> np.ndarray:
    """Return a matrix as an array."""
    return matrix.toarray() if is_sparse(matrix) else matrix
