"""A scenario: one operator on one function, with the exact results, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diffiface.adapter import OPERATORS as _NAMES
from diffiface.arrays import NUMPY_FAMILY
from diffiface.comparison.problem import OPERATORS
from diffiface.errors import InputError
from diffiface.operators.operator import Operator


@dataclass(frozen=True, eq=False)
class Point:
    """Values of the arguments of an operator call."""

    x: Any
    t: Any = None
    """The tangent or cotangent, or a tuple of them; None for operators that take none."""
    contexts: tuple[Any, ...] = ()

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What comes after f and the backend in a call."""
        return (self.x, *(() if self.t is None else (self.t,)), *self.contexts)


@dataclass(frozen=True)
class Between:
    """An exact result at a kink: every number between the derivatives of the two sides is right."""

    low: Any
    high: Any


Exact = Callable[[Point], tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class Scenario:
    """One operator on one function: where it is run, where it is prepared, and what must come out.

    The exact results are a function of the point, so that every run can be judged: that at the point itself, and
    that at another point which leaves its traces in a preparation.
    """

    name: str
    operator: str
    """One of the eight, by name."""
    f: Callable[..., Any]
    at: Point
    """Where the results are compared."""
    exact: Exact
    """The operator's results at a point, one for each of `Operator.parts`: for a gradient y and the gradient."""
    prepare_at: Point
    """What `prepare_*` is given: values that differ from those of all runs."""
    dirty_at: Point
    """Where a preparation is run in between, to dirty what it keeps."""
    y: np.ndarray | None = None
    """For a function that fills its output, an array of the right kind."""
    tags: frozenset[str] = field(default_factory=frozenset)
    options: dict[str, Any] = field(default_factory=dict)
    """`has_aux` or `argnums` of the call."""
    set_state: Callable[[int], None] | None = None
    """Changes what f's closure refers to; called with 0 before preparing, 1 and 2 before runs."""
    family: str = NUMPY_FAMILY
    """The library whose arrays x is in, and results must be: NumPy's, or as its `adapter.Family` is named."""
    rtol: float | None = None
    """How far results may be off; None: as precise as the engine's kind and the dtype of x allow."""

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise InputError(f"no operator is called {self.operator!r}", fix=f"operators: {', '.join(_NAMES)}")
        seeded = OPERATORS[self.operator].seeds is not None
        for where, point in (("at", self.at), ("prepare_at", self.prepare_at), ("dirty_at", self.dirty_at)):
            if (point.t is None) is seeded:
                fix = "give it t" if seeded else "leave out t"
                raise InputError(
                    f"{where}: {self.operator} takes {'a' if seeded else 'no'} tangent or cotangent", fix=fix
                )

    @property
    def x(self) -> Any:
        """The x of `at`."""
        return self.at.x

    @property
    def t(self) -> Any:
        """The tangent, cotangent, or tuple of them of `at`."""
        return self.at.t

    @property
    def differentiated(self) -> tuple[Any, ...]:
        """The arguments of f, at `at`, that are differentiated: x, unless `argnums` says otherwise."""
        argnums, arguments = self.options.get("argnums", 0), (self.at.x, *self.at.contexts)
        return tuple(arguments[i] for i in argnums) if isinstance(argnums, tuple) else (arguments[argnums],)

    @property
    def contexts(self) -> tuple[Any, ...]:
        """The constants and caches of `at`."""
        return self.at.contexts

    @property
    def descriptor(self) -> Operator:
        """The operator as data."""
        return OPERATORS[self.operator]

    @property
    def id(self) -> str:
        """Operator and name, for messages and for pytest."""
        return f"{self.operator}-{self.name}"

    def __repr__(self) -> str:
        return f"Scenario({self.id!r})"

    def derived(self, name: str, *tags: str, **changes: Any) -> Scenario:
        """Return a variant of this scenario, with `name` added to its own and with more tags."""
        return replace(self, name=f"{self.name}, {name}", tags=self.tags | set(tags), **changes)

    def with_points(self, change: Callable[[Point], Point]) -> dict[str, Point]:
        """Apply a change to the three points, for `derived`."""
        return {"at": change(self.at), "prepare_at": change(self.prepare_at), "dirty_at": change(self.dirty_at)}


def select(
    scenarios: Iterable[Scenario],
    *,
    operators: Sequence[str] | None = None,
    tags: Sequence[str] = (),
    without: Sequence[str] = (),
    names: str = "",
) -> list[Scenario]:
    """Choose scenarios.

    Args:
        scenarios: from which.
        operators: of these operators only.
        tags: that have all of these tags.
        without: that have none of these.
        names: whose id contains this text.
    Returns:
        Those that remain, in order.
    Raises:
        InputError: an operator or a tag that no scenario has, which is a slip.

    >>> from diffiface.testing import default_scenarios, select
    >>> select(default_scenarios(), operators=["hessian"], tags=["basic"])
    [Scenario('hessian-vector to number'), Scenario('hessian-matrix to number')]
    """
    scenarios = list(scenarios)
    known = {tag for scenario in scenarios for tag in scenario.tags}
    for tag in (*tags, *without):
        if tag not in known:
            raise InputError(f"no scenario has the tag {tag!r}", fix=f"tags: {', '.join(sorted(known))}")
    for operator in operators or ():
        if operator not in OPERATORS:
            raise InputError(f"no operator is called {operator!r}", fix=f"operators: {', '.join(_NAMES)}")
    return [
        scenario
        for scenario in scenarios
        if (operators is None or scenario.operator in operators)
        and scenario.tags.issuperset(tags)
        and scenario.tags.isdisjoint(without)
        and names in scenario.id
    ]
