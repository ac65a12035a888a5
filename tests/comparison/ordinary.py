"""Ordinary functions, and some less so, with derivatives by hand: right engines must never be accused on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.comparison.stand_ins import known
from tests.problems import SCALAR_PROBLEMS


@dataclass(frozen=True)
class Case:
    """A function with its derivatives attached, and where to take them."""

    name: str
    f: Callable[..., Any]
    x: Any
    contexts: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return self.name


def case(name: str, f: Any, gradient: Any, x: Any, *contexts: Any, hessian: Any = None) -> Case:
    return Case(name, known(gradient=gradient, hessian=hessian)(f), x, contexts)


_rng = np.random.default_rng(4)
_A = _rng.normal(size=(30, 4))
_c = _A @ np.array([1.0, -2.0, 0.5, 3.0])
_solution = np.linalg.lstsq(_A, _c, rcond=None)[0]
_hilbert = 1.0 / (np.arange(8)[:, None] + np.arange(8)[None, :] + 1.0)


def _least_squares(b, A, c):
    r = A @ b - c
    return r @ r


def _ill_conditioned(v, H):
    return np.sum(np.linalg.solve(H, v) * 1e-9)


SMOOTH = [
    *(Case(p.name, known(gradient=p.gradient, hessian=p.hessian)(p.f), p.x, p.contexts) for p in SCALAR_PROBLEMS),
    case("square", lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, 0.0, -3.0])),
    case("exponential", lambda x: np.sum(np.exp(x)), np.exp, np.array([-20.0, 0.0, 20.0])),
    case("logarithm near its pole", lambda x: np.sum(np.log(x)), lambda x: 1 / x, np.array([1e-8, 1.0, 1e8])),
    case("reciprocal", lambda x: np.sum(1 / x), lambda x: -1 / x**2, np.array([1e-3, -2.0])),
    case("sine, fast", lambda x: np.sum(np.sin(300 * x)), lambda x: 300 * np.cos(300 * x), np.array([0.1, 1.0])),
    case(
        "sine, too fast to difference",
        lambda x: np.sum(np.sin(1e9 * x)),
        lambda x: 1e9 * np.cos(1e9 * x),
        np.array([0.7]),
    ),
    case("a ripple", lambda x: np.sum(1e-7 * np.sin(1e9 * x)), lambda x: 100 * np.cos(1e9 * x), np.array([0.7, 0.0])),
    case("polynomial", lambda x: np.polyval([1.0, -2.0, 0.5, 3.0], x), lambda x: 3 * x**2 - 4 * x + 0.5, 1.7),
    case("product", lambda x: np.prod(x), lambda x: np.prod(x) / x, np.array([0.5, 2.0, -3.0])),
    case("norm", lambda x: np.sqrt(np.sum(x**2)), lambda x: x / np.sqrt(np.sum(x**2)), np.array([3.0, -4.0])),
    case("entropy", lambda x: -np.sum(x * np.log(x)), lambda x: -np.log(x) - 1, np.array([0.2, 0.3, 0.5])),
    case("variance", lambda x: np.var(x), lambda x: 2 * (x - np.mean(x)) / x.size, np.array([1.0, 2.0, 4.0, 8.0])),
    case("maximum", lambda x: np.max(x), lambda x: (x == np.max(x)).astype(float), np.array([1.0, 3.0, 2.0])),
    case("absolute value", lambda x: np.sum(np.abs(x)), np.sign, np.array([1e-4, -2.0])),
    case(
        "hinge, kink nearby", lambda x: np.sum(np.maximum(x, 0)), lambda x: (x > 0) * 1.0, np.array([1e-7, -1e-9, 1.0])
    ),
    case("floor", lambda x: np.sum(np.floor(x) * x), np.floor, np.array([100.3, 2.5])),
    case(
        "far from 0", lambda x: np.sum((x - 1e6) ** 3), lambda x: 3 * (x - 1e6) ** 2, np.array([1e6 + 2.0, 1e6 - 1.0])
    ),
    case("tiny x", lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1e-150, 1e-9])),
    case("huge y", lambda x: 1e200 * np.sum(x**3), lambda x: 3e200 * x**2, np.array([1.0, 2.0])),
    case("constant", lambda x: 3.0, np.zeros_like, np.array([1.0, 2.0])),
    case("at its minimum", _least_squares, lambda b, A, c: 2 * A.T @ (A @ b - c), _solution, _A, _c),
    case(
        "ill-conditioned", _ill_conditioned, lambda v, H: np.linalg.solve(H.T, np.full(8, 1e-9)), np.ones(8), _hilbert
    ),
    case(
        "float32",
        lambda x: np.sum(np.sin(x) * x),
        lambda x: np.cos(x) * x + np.sin(x),
        np.array([0.3, 7.0], np.float32),
    ),
    case("many entries", lambda x: np.sum(x**3), lambda x: 3 * x**2, np.linspace(-1, 1, 2000)),
    case("complex", lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z, np.array([3 + 4j, -1 + 0.5j])),
]
