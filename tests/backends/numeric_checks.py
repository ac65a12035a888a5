"""What the tests of the numeric engines share: f as an engine sees it, and functions with hand-derived derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(eq=False)
class Flat:
    """A NumPy function of several arguments as engines see it; a tuple it returns is several outputs."""

    function: Callable[..., Any]
    calls: int = 0

    def __call__(self, p: Any, xs: Any, contexts: Any) -> tuple[tuple[np.ndarray, ...], Any]:
        self.calls += 1
        result = self.function(*(x[()] if x.ndim == 0 else x for x in xs), *contexts)
        return tuple(map(np.asarray, result if isinstance(result, tuple) else (result,))), self.calls


@dataclass(frozen=True)
class Problem:
    """A scalar function of one array with its gradient and Hessian."""

    name: str
    f: Callable[[np.ndarray], Any]
    gradient: Callable[[np.ndarray], np.ndarray]
    hessian: Callable[[np.ndarray], np.ndarray]
    x: np.ndarray

    def __str__(self) -> str:
        return self.name


def rosenbrock(x: np.ndarray) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(x: np.ndarray) -> np.ndarray:
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    gradient[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return gradient


def rosenbrock_hessian(x: np.ndarray) -> np.ndarray:
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    beside = -400 * x[:-1]
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.sum(np.exp(x))


_A = np.array([[2.0, 1.0, -0.5], [1.0, 3.0, 0.25], [-0.5, 0.25, 1.5]])
_B = np.array([0.5, -1.0, 2.0])
_X = np.array([0.7, 1.3, -0.4])

PROBLEMS = (
    Problem("quadratic", lambda x: x @ _A @ x + _B @ x, lambda x: 2 * _A @ x + _B, lambda x: 2 * _A, _X),
    Problem("linear", lambda x: _B @ x, lambda x: _B, lambda x: np.zeros((3, 3)), _X),
    Problem("constant", lambda x: np.float64(3.0), lambda x: np.zeros(3), lambda x: np.zeros((3, 3)), _X),
    Problem("sum of exp", lambda x: np.sum(np.exp(x)), np.exp, lambda x: np.diag(np.exp(x)), _X),
    Problem("sum of log", lambda x: np.sum(np.log(x)), lambda x: 1 / x, lambda x: np.diag(-1 / x**2), np.abs(_X)),
    Problem(
        "sum of sin",
        lambda x: np.sum(np.sin(x)),
        np.cos,
        lambda x: np.diag(-np.sin(x)),
        np.array([0.0, np.pi / 2, 4.0]),
    ),
    Problem("rosenbrock", rosenbrock, rosenbrock_gradient, rosenbrock_hessian, np.array([-1.2, 1.0, 0.8])),
    Problem(
        "log of sum of exp",
        lambda x: np.log(np.sum(np.exp(x))),
        softmax,
        lambda x: np.diag(softmax(x)) - np.outer(softmax(x), softmax(x)),
        _X,
    ),
    Problem(
        "product",
        lambda x: x[0] * x[1] * x[2],
        lambda x: np.array([x[1] * x[2], x[0] * x[2], x[0] * x[1]]),
        lambda x: np.array([[0, x[2], x[1]], [x[2], 0, x[0]], [x[1], x[0], 0]]),
        _X,
    ),
    Problem(
        "norm",
        lambda x: np.sqrt(np.sum(x**2)),
        lambda x: x / np.linalg.norm(x),
        lambda x: np.eye(3) / np.linalg.norm(x) - np.outer(x, x) / np.linalg.norm(x) ** 3,
        _X,
    ),
    Problem(
        "large entries",
        lambda x: np.sum(np.log(x)) + x[0] / x[1],
        lambda x: np.array([1 / x[0] + 1 / x[1], 1 / x[1] - x[0] / x[1] ** 2]),
        lambda x: np.array([[-1 / x[0] ** 2, -1 / x[1] ** 2], [-1 / x[1] ** 2, -1 / x[1] ** 2 + 2 * x[0] / x[1] ** 3]]),
        np.array([1e8, 3e7]),
    ),
    Problem(
        "small entries",
        lambda x: np.sum(np.cos(x)) + x[0] * x[1],
        lambda x: -np.sin(x) + x[::-1],
        lambda x: np.diag(-np.cos(x)) + np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.array([1e-8, -3e-8]),
    ),
)


def leaves(nested: Any) -> Iterator[np.ndarray]:
    """Yield the arrays of a nesting of tuples and lists."""
    if isinstance(nested, (tuple, list)):
        for member in nested:
            yield from leaves(member)
    else:
        yield nested


METHODS = ("central", "forward", "complex_step")
# What f's rounding allows of first and second finite differences, relative to the largest entry.
TOLERANCES = {"central": (1e-8, 1e-6), "forward": (1e-6, 2e-3), "complex_step": (1e-13, 1e-8)}


def scale_of(*arrays: Any) -> float:
    return max(1e-300, *(float(np.max(np.abs(array), initial=0.0)) for array in arrays))
