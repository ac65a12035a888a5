"""Engines for testing the comparison: a right one that knows the derivatives by heart, and spoilt ones.

They differentiate nothing: a function carries its derivatives as attributes (`known`), and an engine looks
them up. So the comparison is tested by itself, without any real engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from diffiface import registry
from diffiface.adapter import NUMPY, Backend, FlatFunction, Leaves, UnsupportedOperationError


def known(**derivatives: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Attach to a function what the stand-in engines return for it (a decorator)."""

    def attach(f: Callable[..., Any]) -> Callable[..., Any]:
        for name, derivative in derivatives.items():
            setattr(f, name, derivative)
        return f

    return attach


class Honest(Backend):
    """Returns the derivatives that the function carries."""

    name = "honest"
    traces = False

    def spoil(self, derivative: np.ndarray, xs: Leaves, contexts: Leaves) -> Any:
        return derivative

    def look_up(self, operator: str, f: Any, xs: Leaves, contexts: Leaves) -> tuple[Any, Any]:
        (x,) = xs
        ys, _ = f(NUMPY, xs, contexts)
        derivative = getattr(f.f, operator)(x[()] if x.ndim == 0 else x, *contexts)
        return ys, self.spoil(np.array(derivative, dtype=x.dtype), xs, contexts)

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        ys, gradient = self.look_up("gradient", f, xs, contexts)
        return ys[0], [gradient], None

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Any, Any]:
        ys, jacobian = self.look_up("jacobian", f, xs, contexts)
        return ys, [[jacobian]], None

    def value_gradient_and_hessian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any, Any]:
        ys, hessian = self.look_up("hessian", f, xs, contexts)
        return ys[0], [hessian], [[hessian]], None


class Rounding(Honest):
    """A second right engine, off by a rounding error."""

    name = "rounding"

    def spoil(self, derivative, xs, contexts):
        return derivative * (1 + 4 * np.finfo(derivative.dtype).eps)


class Zero(Honest):
    name = "zero"

    def spoil(self, derivative, xs, contexts):
        return np.zeros_like(derivative)


class Off(Honest):
    """A thousandth too much everywhere."""

    name = "off"

    def spoil(self, derivative, xs, contexts):
        return derivative * 1.001


class WrongSign(Honest):
    """One entry, the last, has the wrong sign."""

    name = "wrong sign"

    def spoil(self, derivative, xs, contexts):
        spoilt = derivative.copy()
        spoilt.flat[-1] *= -1
        return spoilt


class Restless(Honest):
    """Another result at every run."""

    name = "restless"
    runs = iter(range(10**9))

    def spoil(self, derivative, xs, contexts):
        return derivative * (1 + 1e-6 * next(self.runs))


class Mutating(Honest):
    name = "mutating"

    def spoil(self, derivative, xs, contexts):
        xs[0][...] += 1.0
        return derivative


class MutatingConstants(Honest):
    name = "mutating constants"

    def spoil(self, derivative, xs, contexts):
        for context in contexts:
            context[...] += 1
        return derivative


class Single(Honest):
    """Computes in float32."""

    name = "single"

    def spoil(self, derivative, xs, contexts):
        return derivative.astype(np.float32).astype(derivative.dtype)


class NarrowDtype(Honest):
    name = "narrow dtype"

    def spoil(self, derivative, xs, contexts):
        return derivative.astype(np.float32)


class WrongShape(Honest):
    name = "wrong shape"

    def spoil(self, derivative, xs, contexts):
        return derivative[..., None]


class Conjugated(Honest):
    name = "conjugated"

    def spoil(self, derivative, xs, contexts):
        return np.conj(derivative)


class NotANumber(Honest):
    """One entry, the first, is nan."""

    name = "not a number"

    def spoil(self, derivative, xs, contexts):
        spoilt = derivative.copy()
        spoilt.flat[0] = np.nan
        return spoilt


class Failing(Honest):
    name = "failing"

    def spoil(self, derivative, xs, contexts):
        raise ArithmeticError("it gave up\nin two lines")


class Unable(Honest):
    name = "unable"

    def spoil(self, derivative, xs, contexts):
        raise UnsupportedOperationError("this is beyond it", engine=self.name)


class Otherwise(Honest):
    """Another right engine, with the other choice at kinks and ties (attribute `otherwise` of the function)."""

    name = "otherwise"

    def look_up(self, operator, f, xs, contexts):
        ys, _ = f(NUMPY, xs, contexts)
        return ys, np.array(f.f.otherwise(*xs, *contexts))


class _Numeric(Honest):
    exact = False

    def estimate_of(self, derivative: np.ndarray) -> np.ndarray:
        return np.full(derivative.shape, 1e-7 * np.max(np.abs(derivative)))

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        return [self.estimate_of(self.look_up(operator, f, xs, contexts)[1])]


class Numeric(_Numeric):
    """A right numeric engine: off by less than its own estimate."""

    name = "numeric"

    def spoil(self, derivative, xs, contexts):
        return derivative * (1 + 3e-8)


class NumericOff(_Numeric):
    """A wrong numeric engine that is sure of itself."""

    name = "numeric off"

    def spoil(self, derivative, xs, contexts):
        return derivative * 1.001


RIGHT = (Honest, Rounding, Numeric)
WRONG = (Zero, Off, WrongSign)
ALL = (
    *RIGHT,
    *WRONG,
    Restless,
    Mutating,
    MutatingConstants,
    Single,
    NarrowDtype,
    WrongShape,
    Conjugated,
    NotANumber,
    Failing,
    Unable,
    Otherwise,
    NumericOff,
)


@contextmanager
def registered() -> Iterator[None]:
    """Know the stand-ins by name, for a while."""
    before = dict(registry._extra)
    for engine in ALL:
        registry.register_backend(engine)
    try:
        yield
    finally:
        registry._extra.clear()
        registry._extra.update(before)
