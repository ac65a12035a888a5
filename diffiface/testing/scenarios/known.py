"""From a function whose derivatives are known to a scenario for each operator that applies to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface.comparison.problem import OPERATORS
from diffiface.testing.scenario import Exact, Point, Scenario


@dataclass(frozen=True, eq=False)
class Known:
    """A function of one array with its derivatives, each called with `(x, *contexts)`."""

    name: str
    f: Callable[..., Any]
    jacobian: Callable[..., Any]
    """Of shape `y.shape + x.shape`."""
    points: tuple[Any, Any, Any]
    """The x of the run, of the preparation, and of the run in between."""
    hessian: Callable[..., Any] | None = None
    """For a scalar y: of shape `x.shape + x.shape`."""
    second: Callable[..., Any] | None = None
    """For a scalar x: of shape `y.shape`."""
    contexts: tuple[Any, ...] = ()
    tags: frozenset[str] = frozenset()

    @property
    def y(self) -> Any:
        """The value at the first point."""
        return self.f(self.points[0], *self.contexts)

    def operators(self) -> list[str]:
        """Name the operators that apply."""
        scalar_x, scalar_y = np.ndim(self.points[0]) == 0, np.ndim(self.y) == 0
        names = ["pushforward", "pullback", "jacobian"]
        names += ["derivative"] if scalar_x else []
        names += ["second_derivative"] if scalar_x and self.second is not None else []
        names += ["gradient"] if scalar_y else []
        names += ["hvp", "hessian"] if scalar_y and self.hessian is not None else []
        return [name for name in OPERATORS if name in names]

    def scenarios(self, operators: Sequence[str] | None = None) -> list[Scenario]:
        """Make a scenario for each operator (or each of those given)."""
        chosen = self.operators() if operators is None else operators
        return [self._scenario(operator) for operator in chosen]

    def _scenario(self, operator: str) -> Scenario:
        at, prepare_at, dirty_at = (Point(x, self._seed(operator, i), self.contexts) for i, x in enumerate(self.points))
        exact = _EXACT[operator](self)
        return Scenario(self.name, operator, self.f, at, exact, prepare_at, dirty_at, tags=self.tags)

    def _seed(self, operator: str, number: int) -> Any:
        seeds = OPERATORS[operator].seeds
        if seeds is None:
            return None
        like = np.asarray(self.points[0] if seeds == "tangents" else self.y)
        rng = np.random.default_rng(number)
        seed = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
        if like.dtype.kind == "c":
            seed = seed + 1j * rng.uniform(0.5, 1.5, like.shape)
        # (A 0-d result of arithmetic is a scalar already.)
        return seed.astype(like.dtype) if like.ndim else seed


def contract(matrix: Any, t: Any) -> Any:
    """Multiply a Jacobian or Hessian by a tangent."""
    return np.tensordot(matrix, t, axes=np.ndim(t))


def contract_adjoint(t: Any, matrix: Any) -> Any:
    """Multiply a cotangent by a Jacobian: the adjoint for the real inner product Re(conj(a) b)."""
    return np.tensordot(t, np.conj(matrix), axes=np.ndim(t))


def _gradient(known: Known, p: Point) -> Any:
    """The direction of steepest ascent; where y is real and x complex, `jacobian` holds it."""
    return known.jacobian(p.x, *p.contexts)


def _exact(make: Callable[[Known, Point], tuple[Any, ...]]) -> Callable[[Known], Exact]:
    def bind(known: Known) -> Exact:
        return lambda p: (known.f(p.x, *p.contexts), *make(known, p))

    return bind


_EXACT: dict[str, Callable[[Known], Exact]] = {
    "pushforward": _exact(lambda k, p: (contract(k.jacobian(p.x, *p.contexts), p.t),)),
    "pullback": _exact(lambda k, p: (contract_adjoint(p.t, k.jacobian(p.x, *p.contexts)),)),
    "derivative": _exact(lambda k, p: (k.jacobian(p.x, *p.contexts),)),
    "gradient": _exact(lambda k, p: (_gradient(k, p),)),
    "jacobian": _exact(lambda k, p: (k.jacobian(p.x, *p.contexts),)),
    "second_derivative": _exact(lambda k, p: (k.jacobian(p.x, *p.contexts), _given(k.second)(p.x, *p.contexts))),
    "hvp": _exact(lambda k, p: (_gradient(k, p), contract(_given(k.hessian)(p.x, *p.contexts), p.t))),
    "hessian": _exact(lambda k, p: (_gradient(k, p), _given(k.hessian)(p.x, *p.contexts))),
}


def _given(derivative: Callable[..., Any] | None) -> Callable[..., Any]:
    assert derivative is not None
    return derivative
