"""Python loops over numbers: found again in what was recorded, and run as loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_compiled_random import compare

pytest.importorskip("llvmlite")

from diffiface_native.compiled.rolling import Loop, find_loops


def euler(x: Any) -> Any:
    a, b, c = x[0], x[1], x[2]
    for _ in range(200):
        a, b, c = a + 0.01 * (1.5 * a - a * b), b + 0.01 * (a * b - 3.0 * b), c + 0.01 * np.sin(a)
    return a * a + b * c


def two_steps_back(x: Any) -> Any:
    a, b = x[0], x[1]
    for _ in range(60):
        a, b = b, 0.5 * np.sin(a) + 0.4 * b * x[2]
    return a * b


def three_steps_back(x: Any) -> Any:
    a, b, c = x[0], x[1], x[2]
    for _ in range(60):
        a, b, c = b, c, 0.3 * a + 0.5 * np.cos(b) + 0.1 * c * c
    return a + b * c


def choosing(x: Any) -> Any:
    a = x[0]
    for _ in range(80):
        a = np.where(a > 0.5, a * 0.9, a + 0.3 * x[1])
    return a * x[2]


def with_coefficients(x: Any) -> Any:
    s, w = x[0], np.linspace(0, 1, 70)
    for k in range(70):
        s = s + w[k] * np.cos(s * x[1])
    return s


def one_after_the_other(x: Any) -> Any:
    a = x[0]
    for _ in range(50):
        a = a + 0.01 * np.sin(a * x[1])
    b = a
    for _ in range(40):
        b = b * 0.99 + 0.01 * a * np.exp(-b * x[2])
    return a + b * b


def one_in_the_other(x: Any) -> Any:
    a = x[0]
    for _ in range(20):
        b = x[1]
        for _ in range(10):
            b = b + 0.1 * np.sin(b * a)
        a = a + 0.05 * b
    return a


def by_turns(x: Any) -> Any:
    a = x[0]
    for i in range(90):
        a = a + 0.01 * x[1] * a if i % 2 else a * 0.99 + 0.01 * np.cos(a)
    return a


def keeping_the_way(x: Any) -> Any:
    y, a = np.zeros(50), x[0]
    for i in range(50):
        y[i] = a
        a = a + 0.02 * np.sin(a + x[1])
    return np.sum(y**2 * np.linspace(1, 2, 50)) * x[2]


def horner(x: Any) -> Any:
    s = 0.0
    for _ in range(100):
        s = s * x[0] + 1.0
    return s + x[1]


def over_entries(x: Any) -> Any:
    s = 0.0
    for i in range(len(x) - 1):
        s = s + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return s


LOOPS = [
    euler, two_steps_back, three_steps_back, choosing, with_coefficients, one_after_the_other, one_in_the_other, by_turns,
    keeping_the_way, horner, over_entries,
]  # fmt: skip
X = np.array([0.3, 0.7, 0.5])


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_gradients_are_those_of_the_eager_engine(f: Callable[..., Any]):
    compare("value_and_gradient", f, "reverse", [(X,), (0.9 * X + 0.01,), (X[::-1],)], 1e-11)


@pytest.mark.parametrize("f", [two_steps_back, choosing], ids=lambda f: f.__name__)
def test_forward_and_second_derivatives(f: Callable[..., Any]):
    compare("value_and_gradient", f, "forward", [(X,), (0.9 * X + 0.01,)], 1e-11)
    compare("hvp", f, "reverse", [(X, np.ones(3)), (0.9 * X, X)], 1e-10)


def test_a_thousand_steps_are_one_kernel():
    def f(x: Any) -> Any:
        a, b = x[0], x[1]
        for _ in range(1000):
            a, b = a + 0.001 * np.sin(b), b - 0.001 * a * b
        return a * b

    prep = di.prepare_gradient(f, "reverse", X[:2])
    assert "1 kernel(s)" in prep.explain() and "0 NumPy call(s)" in prep.explain(), prep.explain()
    expected = di.value_and_gradient(f, di.backend("reverse", compile=False), X[:2])
    value, gradient = prep.value_and_gradient(X[:2])
    np.testing.assert_allclose(value, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12)


def test_nan_takes_the_way_through_the_loop_that_numpy_takes():
    compare(
        "value_and_gradient",
        choosing,
        "reverse",
        [(X,), (np.array([np.nan, 0.1, 0.2]),), (np.array([np.inf, 0.1, 0.2]),)],
    )


# ---- what is found


def test_a_block_that_repeats_is_a_loop():
    nodes = [("add", (-1, -2)), ("sin", (0,))]
    for _ in range(39):
        nodes += [("add", (len(nodes) - 1, -2)), ("sin", (len(nodes),))]
    (loop,) = find_loops(nodes)
    assert loop.period == 2 and loop.count >= 38
    assert loop.stop <= len(nodes)


def test_a_chain_of_one_operation_is_a_loop_of_period_one():
    (loop,) = find_loops([("sin", (-1,)), *(("sin", (i,)) for i in range(99))])
    assert loop.period == 1 and loop.count >= 98


def test_operands_that_wander_are_no_loop():
    rng = np.random.default_rng(0)
    nodes = [("add", (-1, -2))]
    nodes += [("add", (i, int(rng.integers(0, i + 1)))) for i in range(199)]
    assert sum(loop.period * loop.count for loop in find_loops(nodes)) < 100


def test_a_loop_that_runs_backwards_through_another():
    nodes = [("sin", (-1,)), *(("sin", (i,)) for i in range(99))]
    nodes += [("multiply", (-2, 99))]
    nodes += [("multiply", (100 + i, 98 - i)) for i in range(99)]
    first, second = find_loops(nodes)
    assert (first.period, second.period) == (1, 1)
    assert second.start >= 100 and first.stop <= 100
    assert Loop(3, 2, 5).iteration(8) == 2 and Loop(3, 2, 5).place(8) == 1
