"""Decisions by value: live where the function runs eagerly, one clear error where it is compiled."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di
from diffiface.errors import TracedValueError
from tests.conftest import require

X = np.array([0.31, 0.82, 0.55, 0.17, 0.93, 0.46])
CASES: dict[str, Callable[[Any], Any]] = {}
EAGER = ("forward", "reverse", "torch", "autograd", "jax")


def case(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    CASES[f.__name__] = f
    return f


@case
def if_else(v):
    return v[0] ** 2 if v[0] < v[1] else v[1]


@case
def if_of_a_reduction(v):
    if np.sum(v) > 3 and not np.any(v > 1):
        return np.prod(v)
    return v[0]


@case
def while_loop(v):
    s = v[0]
    while s < 3.0:
        s = s * 1.7 + v[1]
    return s


@case
def pythons_max_and_min(v):
    return max(v) ** 2 + min(v) * max(v[0], v[1])


@case
def pythons_sorted(v):
    return sum(q * w for q, w in zip(sorted(v), range(6), strict=True))


@case
def pythons_any_and_all(v):
    return v[0] * v[1] if any(q > 0.9 for q in v) and all(q > 0 for q in v) else v[0]


@case
def mask_selects(v):
    return np.sum(v[v > 0.4] ** 2)


@case
def mask_selects_and_writes(v):
    y = v.copy()
    y[v > 0.4] = y[v > 0.4] ** 2
    return np.sum(y * v)


@case
def nonzero(v):
    (places,) = np.nonzero(v > 0.5)
    return np.sum(v[places] ** 3)


@case
def one_argument_where(v):
    return np.sum(v[np.where(v < 0.5)] ** 2)


@case
def unique(v):
    return np.sum(np.unique(v)[1:3] ** 2)


@case
def flatnonzero_and_len(v):
    return np.sum(v) * len(np.flatnonzero(v > 0.5))


@case
def compress_and_extract(v):
    return np.sum(np.compress(v > 0.5, v) ** 2) + np.sum(np.extract(v < 0.3, v))


@case
def index_by_argmax(v):
    i = int(np.argmax(v))
    return v[i] ** 2 + v[range(i)[-1]]


@case
def membership(v):
    return v[0] * 2 if v[2] in (0.55, 3.0) else v[1]


@case
def assertion(v):
    assert np.all(np.isfinite(v)) and np.allclose(v, v)
    return np.sum(v**2)


def _differences(f: Callable[[Any], Any]) -> np.ndarray:
    h = 1e-6
    return np.array([(f(X + h * e) - f(X - h * e)) / (2 * h) for e in np.eye(6)])


def _expected_gradient(f: Callable[[Any], Any]) -> np.ndarray:
    # `v[2] in (0.55, 3.0)` holds at X alone.
    return np.array([2.0, 0, 0, 0, 0, 0]) if f is membership else _differences(f)


@pytest.mark.parametrize("engine", EAGER)
@pytest.mark.parametrize("name", CASES)
def test_live_on_eager_engines(name: str, engine: str) -> None:
    require(engine)
    backend = di.backend("jax", jit=False) if engine == "jax" else engine
    f = CASES[name]
    value, gradient = di.value_and_gradient(f, backend, X)
    np.testing.assert_allclose(value, f(X.copy()), rtol=1e-12)
    np.testing.assert_allclose(gradient, _expected_gradient(f), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_one_clear_error_where_the_function_is_compiled(name: str) -> None:
    require("jax")
    f = CASES[name]
    with pytest.raises(TracedValueError) as caught:
        bound: Any = di.prepare_gradient(f, di.backend("jax", jit=True), X)
        bound.gradient(X)
    error = caught.value
    _, first = inspect.getsourcelines(f)
    assert error.engine == "jax" and error.where is not None and __file__ in error.where
    line = int(error.where.split(__file__ + ":")[1].split(",")[0])
    assert first < line < first + 8, "the message names another line than the one that decides"
    assert "jit=False" in str(error) and "'reverse'" in str(error)


def test_a_mask_of_the_whole_array_is_written_under_jit_too() -> None:
    require("jax")

    def f(v):
        y = v.copy()
        y[v > 0.4] = 0.0
        return np.sum(y * v)

    prepared: Any = di.prepare_gradient(f, "jax", X)
    found = prepared.gradient(X)
    np.testing.assert_allclose(found, np.where(X > 0.4, 0.0, 2 * X))


def test_jax_warns_of_a_long_loop_before_it_is_compiled() -> None:
    require("jax")

    class Traced(Exception):
        pass

    def f(v):
        s = 0.0
        for i in range(300):
            s = s + v[i] * i
        raise Traced

    with pytest.warns(di.LongLoopWarning, match=r"jax.lax.scan") as caught, pytest.raises(Traced):
        di.gradient(f, "jax", np.ones(300))
    assert len(caught) == 1 and caught[0].filename == __file__


def test_short_loops_and_other_engines_do_not_warn() -> None:
    def f(v):
        return sum(q * q for q in v)

    with warnings.catch_warnings():
        warnings.simplefilter("error", di.LongLoopWarning)
        di.gradient(f, "reverse", np.ones(600))
        di.gradient(f, require("jax"), np.ones(6))
