"""The backend `"auto"`: for every kind of call, the engine that is fastest at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface.adapter import Backend, UnsupportedOperationError
from diffiface.auto.measuring import measure, without_measuring
from diffiface.auto.remembered import remembered
from diffiface.auto.request import Request
from diffiface.errors import InputError
from diffiface.operators.operator import Operator


@dataclass(frozen=True, repr=False)
class Auto(Backend):
    """Chooses among engines by measuring them, once for each function, operator and kind of arguments.

    `candidates` names the engines to choose from (all installed ones by default), `budget_s` the seconds after which no
    further one is tried, and `verbose=True` prints each choice when it is made.
    """

    name = "auto"
    nests = "in any engine"

    candidates: tuple[str | Backend, ...] | None = field(default=None, kw_only=True)
    budget_s: float = field(default=5.0, kw_only=True)
    verbose: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.candidates, (list, set, frozenset)):
            object.__setattr__(self, "candidates", tuple(self.candidates))
        check(self.candidates, self.budget_s)
        if self.style != "auto" or self.chunk_size is not None:
            raise InputError(
                "style= and chunk_size= belong to an engine", engine="auto", fix="candidates=(di.backend(...), ...)"
            )

    def supplies(self, operator: str) -> bool:
        """Whatever an engine can do."""
        return True

    def engine_for(
        self,
        operator: Operator,
        f: Callable[..., Any],
        arguments: Sequence[Any],
        seeds: Any,
        *,
        prepared: bool,
        argnums: int | tuple[int, ...] = 0,
        has_aux: bool = False,
        y: np.ndarray | None = None,
    ) -> Backend:
        """Return the fastest engine for a call: remembered, or measured now."""
        request = Request(operator, f, tuple(arguments), seeds, argnums, has_aux, y, prepared)
        if request.nested:
            return without_measuring(request, self.candidates)

        def make() -> Any:
            choice = measure(request, self.candidates, self.budget_s)
            if self.verbose:
                print(choice)
            return choice

        key, kept = request.key()
        return remembered((key, self.candidates), kept, make).backend

    def _refuse(self, *_: Any) -> Any:
        raise UnsupportedOperationError(
            "'auto' chooses an engine for a whole call and cannot be a part of another backend",
            engine="auto",
            fix="name an engine there, for example the one that di.fastest(f, x) returns",
        )

    # Whatever the arguments.
    value_and_pushforward = value_and_pullback = value_and_derivative = _refuse  # pyright: ignore[reportAssignmentType]
    value_and_gradient = value_and_jacobian = _refuse  # pyright: ignore[reportAssignmentType]
    value_derivative_and_second_derivative = _refuse  # pyright: ignore[reportAssignmentType]
    value_gradient_and_hvp = value_gradient_and_hessian = _refuse  # pyright: ignore[reportAssignmentType]
    value_and_nth_derivative = prepare = _refuse  # pyright: ignore[reportAssignmentType]


def check(candidates: Sequence[str | Backend] | None, budget_s: float) -> None:
    """Raise `InputError` for candidates or a budget that cannot be."""
    if isinstance(candidates, str) or (candidates is not None and not candidates):
        raise InputError(
            f"candidates={candidates!r} names no engines", engine="auto", fix="candidates=('reverse', 'jax')"
        )
    if any(candidate == "auto" or isinstance(candidate, Auto) for candidate in candidates or ()):
        raise InputError("'auto' cannot be its own candidate", engine="auto", fix="name engines")
    if not isinstance(budget_s, (int, float)) or not budget_s > 0:
        raise InputError(f"budget_s={budget_s!r} is not a positive number of seconds", engine="auto")
