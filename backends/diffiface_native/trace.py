"""What our forward and reverse traces share: a base to compute on, and the questions about a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from diffiface.adapter import PRIMITIVES, Primitives, TracedValueError, UnsupportedOperationError


class TracedValue:
    """A value of the base (the primal) that belongs to one trace; to every other trace it is foreign."""

    __slots__ = ("primal", "trace")

    # NumPy refuses such a value instead of making an object array of it.
    __array_ufunc__ = None

    trace: Trace
    primal: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return self.primal.shape

    @property
    def dtype(self) -> Any:
        return self.primal.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TracedValueError(
            "a value that is being differentiated met a function that wants a plain array",
            engine=self.trace.engine,
            fix="use a NumPy function that diffiface translates, and do not keep values from one call to the next",
        )


class Trace(Primitives):
    """One run of a function, computed by the primitives of `base`.

    Values of the base, of the traces below it, NumPy arrays and numbers are constants here. What a trace tracks is
    decided by `value.trace is self`, so nested derivatives cannot be confused.
    """

    traced_type: type = TracedValue
    traced_inexact = True
    quick_attributes = True

    def __init__(self, base: Primitives):
        self.base = base
        self.records = base.records
        self.accepts = (base, *base.accepts)

    def tracks(self, value: Any) -> bool:
        """Say whether a value belongs to this trace."""
        return type(value) is self.traced_type and value.trace is self

    def lower(self, value: Any) -> Any:
        return value.primal if self.tracks(value) else value

    # Asked for every operation, so written without the calls of `lower` and `tracks`.

    def dtype(self, value: Any) -> np.dtype:
        if type(value) is self.traced_type and value.trace is self:
            value = value.primal
        return self.base.dtype(value)

    def shape(self, value: Any) -> tuple[int, ...]:
        if type(value) is self.traced_type and value.trace is self:
            value = value.primal
        return self.base.shape(value)

    def concrete(self, value: Any) -> np.ndarray | None:
        return None if self.tracks(value) else self.base.concrete(value)

    def settled(self, value: Any) -> Any:
        return None if self.tracks(value) else self.base.settled(value)

    def primal(self, value: Any) -> Any:
        return self.base.primal(self.lower(value))

    def laid_out(self, value: Any) -> np.ndarray | None:
        return self.base.laid_out(self.lower(value))


def _untracked(name: str) -> Callable[..., Any]:
    def method(self: Trace, *arguments: Any, **parameters: Any) -> Any:
        return getattr(self.base, name)(*[self.lower(a) for a in arguments], **parameters)

    return method


def _sign(self: Trace, x: Any) -> Any:
    if self.tracks(x) and self.dtype(x).kind == "c":
        raise UnsupportedOperationError(
            "sign of a complex number is z/|z|, whose derivative is not available",
            engine=self.engine,
            fix="write z / abs(z)",
        )
    return self.base.sign(self.lower(x))


def supply(trace: type[Trace], name: str, method: Callable[..., Any]) -> None:
    """Make a function a trace's primitive."""
    method.__name__ = name
    method.__qualname__ = f"{trace.__qualname__}.{name}"
    setattr(trace, name, method)


for _name, _primitive in PRIMITIVES.items():
    if _primitive.derivative != "smooth":
        supply(Trace, _name, _sign if _name == "sign" else _untracked(_name))
