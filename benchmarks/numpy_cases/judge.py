"""One case on one engine: is the value NumPy's, is the gradient that of central differences?"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

import diffiface as di

from .inputs import ELSEWHERE, Case, V

Status = Literal["passes", "refused", "failed", "WRONG"]


@dataclass(frozen=True)
class Engine:
    """How an engine is run: its backend, and whether the gradient is prepared (at another x) or computed directly."""

    backend: Any
    prepared: bool = False


@dataclass(frozen=True)
class Verdict:
    """`refused`: one of diffiface's own errors; `failed`: any other; `WRONG`: an answer that is not the right one."""

    status: Status
    message: str = ""


@dataclass(frozen=True)
class Expected:
    """NumPy's value, the weights that make a number of it, and the gradient of that number."""

    value: np.ndarray
    weights: np.ndarray
    gradient: np.ndarray


@functools.cache
def expected(case: Case) -> Expected:
    with np.errstate(all="ignore"):
        value = np.asarray(case(V.copy()))
        weights = np.cos(np.arange(value.size)).reshape(value.shape) + 1.5
        return Expected(value, weights, _central_differences(lambda x: float(np.sum(weights * case(x)))))


def _central_differences(f: Callable[[np.ndarray], float]) -> np.ndarray:
    """Return the gradient at V, with an error of the fourth order in the step."""
    step = 1e-4
    gradient = np.empty_like(V)
    for i in range(V.size):
        unit = np.zeros_like(V)
        unit[i] = step
        below2, below, above, above2 = (f(V + k * unit) for k in (-2, -1, 1, 2))
        gradient[i] = (below2 - 8 * below + 8 * above - above2) / (12 * step)
    return gradient


def judge(case: Case, engine: Engine) -> Verdict:
    """Differentiate the weighted sum of the case's value, and compare both with what NumPy gives."""
    right = expected(case)

    def weighted(v: Any) -> tuple[Any, Any]:
        y = case(v)
        return np.sum(right.weights * np.asarray(y)), y

    try:
        with np.errstate(all="ignore"):
            if engine.prepared:
                prep: Any = di.prepare_gradient(weighted, engine.backend, ELSEWHERE, has_aux=True)
                (_, value), gradient = prep.value_and_gradient(V)
            else:
                (_, value), gradient = di.value_and_gradient(weighted, engine.backend, V, has_aux=True)
    except di.DiffifaceError as error:
        return Verdict("refused", str(error))
    except Exception as error:
        return Verdict("failed", f"{type(error).__name__}: {error}")
    return compare(np.asarray(value), gradient, right)


def compare(value: np.ndarray, gradient: np.ndarray, right: Expected) -> Verdict:
    """Compare a value and a gradient with the right ones, the value's dtype included."""
    if (value.shape, value.dtype) != (right.value.shape, right.value.dtype):
        found, asked = (f"{a.dtype}{list(a.shape)}" for a in (value, right.value))
        return Verdict("WRONG", f"the value is {found}, NumPy's is {asked}")
    if not np.allclose(value, right.value, rtol=1e-10, atol=1e-12, equal_nan=True):
        return Verdict("WRONG", f"the value is {value}, NumPy's is {right.value}")
    if not np.allclose(gradient, right.gradient, rtol=2e-5, atol=2e-6):
        return Verdict("WRONG", f"the gradient is {gradient}, central differences give {right.gradient}")
    return Verdict("passes")
