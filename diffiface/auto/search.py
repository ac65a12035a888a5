"""fastest: the engine to use for one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.auto.backend import check
from diffiface.auto.choice import Choice
from diffiface.auto.measuring import measure
from diffiface.auto.remembered import remembered
from diffiface.auto.request import Request
from diffiface.comparison.problem import OPERATORS
from diffiface.errors import InputError


def fastest(
    f: Callable[..., Any],
    x: Any,
    *contexts: Any,
    operator: str = "gradient",
    t: Any = None,
    y: np.ndarray | None = None,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    prepared: bool = True,
    candidates: Sequence[str | Backend] | None = None,
    budget_s: float = 5.0,
    again: bool = False,
) -> Choice:
    """Find the engine that is fastest at a function's derivative, of those whose results agree.

    The choice is remembered for this process, by f's code, the operator, and the dtypes, shapes and structure of the
    arguments, and shared with the backend `"auto"`. An engine that fails or disagrees is passed over; one that ends the
    process or never returns would do so here too (`di.benchmark` runs each in a process of its own).

    Args:
        f: `f(x, *contexts) -> y`, as for the operator.
        x: where to differentiate: a point like those to come.
        contexts: further arguments of f: constants, or `di.Cache` scratch arrays.
        operator: one of the eight, by name.
        t: the tangent or cotangent (or a tuple of them), for `pushforward`, `pullback` and `hvp`.
        y: a buffer, for a function that fills its output.
        argnums: which argument(s) of f to differentiate.
        has_aux: f returns `(y, aux)`.
        prepared: whether to time prepared calls, or calls without preparation.
        candidates: engines to choose from; all installed ones if left out.
        budget_s: seconds after which no further engine is tried (what has begun is not interrupted).
        again: measure even if the choice is remembered.
    Returns:
        A `Choice`: its `backend` is the engine; print it to see why.
    Raises:
        InputError, OutputError: an argument, or what f returned, cannot be used by any engine.
        UnsupportedOperationError: no engine can compute it. DisagreementError: none can be relied on.

    >>> import numpy as np, diffiface as di
    >>> choice = di.fastest(lambda x: np.sum(x**2), np.ones(3), candidates=["forward", "finite_differences"])
    >>> choice.backend
    backend('forward')
    """
    if operator not in OPERATORS:
        raise InputError(f"no operator is called {operator!r}", fix=f"one of {', '.join(OPERATORS)}")
    check(candidates, budget_s)
    request = Request(OPERATORS[operator], f, (x, *contexts), t, argnums, has_aux, y, prepared)
    if request.nested:
        raise InputError("nothing can be measured inside another derivative", engine="auto", fix="measure outside")
    specs = None if candidates is None else tuple(candidates)
    key, kept = request.key()
    return remembered((key, specs), kept, lambda: measure(request, specs, budget_s), again)
