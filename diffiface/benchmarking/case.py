"""What is measured: one operator of one function at one point, ready to be sent to the engines' processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface.benchmarking.shipping import function_of, ship
from diffiface.comparison.problem import OPERATORS, LayoutError, Problem
from diffiface.errors import InputError

ByHand = Mapping[str, Callable[..., Any] | str]
"""Engine → `make(x, [t,] *contexts)`, which returns the hand-written call `call(x, [t,] *contexts)`."""


@dataclass(frozen=True)
class Case:
    """One operator of one function at one point."""

    problem: str
    operator: str
    n: int
    """The problem's size: the number of entries of x, or what the caller calls its size."""
    dtype: str
    parcel: bytes = field(repr=False)
    """The function, its arguments and hand-written calls, pickled."""
    reference: np.ndarray | None = field(default=None, repr=False)
    """The entries of the right result, if it is known."""

    @property
    def key(self) -> tuple[str, int, str]:
        """What identifies the case in a table of results."""
        return self.problem, self.n, self.operator


def make_case(
    f: str | Callable[..., Any],
    arguments: Sequence[Any],
    operator: str,
    *,
    t: Any = None,
    argnums: int | tuple[int, ...] = 0,
    by_hand: ByHand | None = None,
    reference: Any = None,
    name: str | None = None,
    n: int | None = None,
) -> Case:
    """Check a call as `compare` does, run f once in plain NumPy, and pack it.

    Raises `InputError` or `OutputError` for arguments that no engine could use.
    """
    if operator not in OPERATORS:
        raise InputError(f"no operator is called {operator!r}", fix=f"one of {', '.join(OPERATORS)}")
    function = function_of(f)
    problem = Problem(function, OPERATORS[operator], tuple(arguments), t, argnums)
    parcel = ship((f if isinstance(f, str) else function, tuple(arguments), t, argnums, dict(by_hand or {})))
    return Case(
        name or getattr(function, "__name__", type(function).__name__),
        problem.operator.name,
        n if n is not None else sum(x.size for x in problem.call.xs),
        str(problem.x_dtype),
        parcel,
        _entries(problem, reference),
    )


def _entries(problem: Problem, reference: Any) -> np.ndarray | None:
    if reference is None:
        return None
    if problem.structure is None:
        reference = np.asarray(reference, dtype=np.result_type(problem.x_dtype, np.asarray(reference).dtype))
        reference = reference.astype(problem.x_dtype) if reference.dtype.kind != "c" else reference
    try:
        return problem.flatten(reference)
    except LayoutError as error:
        raise InputError(f"reference= has {error}", fix="give it in the form of the operator's result") from error
