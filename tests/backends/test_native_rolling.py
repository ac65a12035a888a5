"""Python loops over numbers: found again in what was recorded, and run as loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_compiled_random import assert_close, compare

pytest.importorskip("llvmlite")

from diffiface_native.compiled.rolling import NUMBER, Loop, entry, find_loops, is_carried
from diffiface_native.recorded.element_writes import gather_writes
from diffiface_native.recorded.recorder import Recorder


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


# ---- loops that read and write entries


def autoregression(v: Any) -> Any:
    y = np.zeros_like(v)
    y[0] = v[0]
    for i in range(1, len(v)):
        y[i] = 0.9 * np.tanh(y[i - 1]) + v[i]
    return np.sum(np.exp(-(y**2)))


def two_lags(v: Any) -> Any:
    y = np.zeros_like(v)
    for i in range(2, len(v)):
        y[i] = 0.5 * y[i - 1] - 0.2 * y[i - 2] + v[i] * v[i - 1]
    return np.sum(y[1:] * y[:-1])


def accumulation(v: Any) -> Any:
    y = np.zeros_like(v)
    for i in range(len(v)):
        y[i] += v[i] * i
    return np.sum(y**2)


def backwards(v: Any) -> Any:
    s, total = v[-1], 0.0
    for i in range(len(v) - 2, -1, -1):
        s = v[i] + 0.5 * s
        total = total + np.sin(s) * v[i + 1]
    return total


def every_third(v: Any) -> Any:
    s = v[0]
    for i in range(0, len(v), 3):
        s = s * 0.7 + np.cos(v[i])
    return s * v[1]


def appended(v: Any) -> Any:
    y = [v[0]]
    for i in range(1, len(v)):
        y.append(y[-1] * 0.5 + np.sin(v[i]))
    return np.sum(np.array(y) ** 2)


def in_place(v: Any) -> Any:
    y = v.copy()
    for i in range(1, len(y)):
        y[i] = y[i] * 0.5 + y[i - 1] * 0.25
    return np.sum(y * v)


def by_two_arrays(v: Any) -> Any:
    n = len(v) // 2
    a, b, s = v[:n], v[n:], 0.0
    for i in range(n):
        s = 0.9 * s + a[i] * np.exp(-b[i]) * (i % 3 + 1)
    return s


def mostly_untouched(v: Any) -> Any:
    y = v * 2
    for i in range(75):
        y[i] = y[i] * y[i + 1]
    return np.sum(y**2)


def with_a_condition(v: Any) -> Any:
    s = 0.0
    for i in range(len(v)):
        s = np.where(v[i] > 0, s + v[i] ** 2, s * 0.9)
    return s


ELEMENT_LOOPS = [
    autoregression, two_lags, accumulation, backwards, every_third, appended, in_place, by_two_arrays, mostly_untouched,
    with_a_condition,
]  # fmt: skip
V = np.sin(np.arange(90) * 1.7) * 0.8


@pytest.mark.parametrize("f", ELEMENT_LOOPS, ids=lambda f: f.__name__)
def test_loops_over_entries(f: Callable[..., Any]):
    """Gradient, pushforward and Hessian-vector product: the eager engine's, from kernels alone, with loops in them."""
    ones = np.cos(np.arange(90.0))
    for operator, engine, seeds in [
        ("value_and_gradient", "reverse", ()),
        ("pushforward", "forward", (ones,)),
        ("hvp", "reverse", (ones,)),
    ]:
        prep = getattr(di, f"prepare_{operator.removeprefix('value_and_')}")(f, engine, V, *seeds)
        for v in (V, V[::-1] + 0.1, np.where(np.arange(90) == 70, np.nan, V)):
            wanted = getattr(di, operator)(f, di.backend(engine, compile=False), v, *seeds)
            assert_close(getattr(prep, operator)(v, *seeds), wanted, f"{operator}\n{prep.explain()}", 1e-11)
        assert "0 NumPy call(s)" in prep.explain() and "loop(s)" in prep.explain(), prep.explain()


def garch(theta: Any, r: Any) -> Any:
    s, total = theta[0] / (1 - theta[1] - theta[2]), 0.0
    for t in range(len(r)):
        total = total + np.log(s) + r[t] ** 2 / s
        s = theta[0] + theta[1] * r[t] ** 2 + theta[2] * s
    return 0.5 * total


def kalman(theta: Any, y: Any) -> Any:
    m, P, total = 0.0, 1.0, 0.0
    for t in range(len(y)):
        m, P = theta[2] * m, theta[2] ** 2 * P + theta[0]
        F = P + theta[1]
        error, K = y[t] - m, P / F
        m, P = m + K * error, P * (1 - K)
        total = total - 0.5 * (np.log(F) + error * error / F)
    return total


@pytest.mark.parametrize("f", [garch, kalman], ids=lambda f: f.__name__)
def test_likelihoods_of_series(f: Callable[..., Any]):
    theta = np.array([0.1, 0.15, 0.8])
    for operator, engine, seeds in [
        ("value_and_gradient", "reverse", ()),
        ("value_and_gradient", "forward", ()),
        ("hvp", "reverse", (X,)),
    ]:
        prep = getattr(di, f"prepare_{operator.removeprefix('value_and_')}")(f, engine, theta, *seeds, V[:40])
        for x, y in [(theta, V[:40]), (theta * 0.9, V[40:80])]:
            wanted = getattr(di, operator)(f, di.backend(engine, compile=False), x, *seeds, y)
            assert_close(getattr(prep, operator)(x, *seeds, y), wanted, f"{operator}\n{prep.explain()}", 1e-11)
        if engine == "reverse":
            assert "0 NumPy call(s)" in prep.explain() and "loop(s)" in prep.explain(), prep.explain()


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


def test_entries_of_arrays_are_walked_through():
    nodes = [("add", (-7, entry(0, 0)))]
    nodes += [("add", (i, entry(0, 2 * (i + 1)))) for i in range(99)]
    (loop,) = find_loops(nodes)
    assert loop.period == 1 and loop.count >= 98
    by_turns = [("add", (-7, entry(0, 0))), *(("add", (i, entry(i % 2, i))) for i in range(99))]
    assert all(loop.period == 2 for loop in find_loops(by_turns))


def test_numbers_may_be_others_in_every_step():
    (loop,) = find_loops([("multiply", (-7, NUMBER)), *(("multiply", (i, NUMBER)) for i in range(99))])
    assert loop.period == 1


def test_what_another_loop_computed_is_not_passed_on():
    nodes = [("sin", (entry(0, i),)) for i in range(200)]
    nodes += [("exp", (i,)) for i in range(200)]
    first, second = find_loops(nodes)
    assert (first.count, second.count) == (200, 200)
    assert not is_carried(second, 0, 1) and is_carried(second, 199, 1)


# ---- chains of writes


def test_a_chain_of_writes_becomes_one_stack():
    recorder = Recorder("reverse")
    x = recorder.input(np.arange(12.0))
    y = np.zeros(12)
    for i in [3, 0, 1, 2, 3, 5, 7, 3, 9]:
        y = recorder.add_at(y, recorder.getitem(x, index=i), index=i)
    recorder.graph.outputs = [y]
    gather_writes(recorder.graph)
    assert [v.number for v in recorder.graph.values] == list(range(len(recorder.graph.values)))
    assert y.operation == "stack" and "add_at" not in {v.operation for v in recorder.graph.live()}
    expected = np.zeros(12)
    np.add.at(expected, [3, 0, 1, 2, 3, 5, 7, 3, 9], np.array([3.0, 0, 1, 2, 3, 5, 7, 3, 9]))
    np.testing.assert_array_equal(np.array([getattr(a, "sample", a) for a in y.arguments]), expected)
    np.testing.assert_array_equal(y.sample, expected)


def test_what_is_read_between_stays_a_chain():
    recorder = Recorder("reverse")
    x = recorder.input(np.arange(12.0))
    y, between = x, []
    for i in range(10):
        y = recorder.setitem(y, recorder.getitem(x, index=11 - i), index=i)
        between.append(recorder.sum(y, axis=(0,), keepdims=False))
    recorder.graph.outputs = [y, *between]
    gather_writes(recorder.graph)
    assert "stack" not in {v.operation for v in recorder.graph.live()}
