"""Prepared `forward` and `reverse`, replayed from a recording: the numbers of the eager engines, for every input."""

from __future__ import annotations

import math
import threading
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import diffiface as di

ENGINES = ("forward", "reverse")
POINTS = [np.array([0.3, -0.7, 1.9]), np.array([-0.3, 0.7, -1.9]), np.array([2.0, 2.5, 0.1])]


def eagerly(engine):
    return di.backend(engine, compile=False)


def branching(x):
    if x[0] > 0:
        return np.sum(np.sin(x) * x)
    return np.sum(x**3)


def looping(x):
    s, steps = x[0] * x[0], 0
    while s < 10:
        s = s * 2 + x[1] ** 2 + 0.1
        steps += 1
    return s * steps


def writing(x):
    y = np.zeros_like(x)
    y[0] = x[1]
    y[1:] += x[:-1] * x[1:]
    row = y[::2]
    row *= x[0]
    return np.sum(np.exp(y)) + y[-1]


def sorting(x):
    return np.sum(np.sort(x) * np.array([1.0, 2.0, 3.0]))


def masking(x):
    return np.sum(x[x > 0] ** 2)


def of_many_parts(x):
    m = np.outer(x, x) + 4 * np.eye(3)
    w, _ = np.linalg.eigh(m)
    return np.log(np.linalg.det(m)) + np.sum(np.linalg.solve(m, x)) + np.sum(w[:2] ** 2)


def constant(x):
    return 3.0


FUNCTIONS = [branching, looping, writing, sorting, masking, of_many_parts, constant]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_gradient_and_hessian_are_those_of_the_eager_engine(f, engine):
    gradient, hessian = di.prepare_gradient(f, engine, POINTS[0]), di.prepare_hessian(f, engine, POINTS[0])
    for x in [*POINTS, *POINTS]:
        np.testing.assert_allclose(gradient.gradient(x), di.gradient(f, eagerly(engine), x), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(hessian.hessian(x), di.hessian(f, eagerly(engine), x), rtol=1e-11, atol=1e-12)
    assert "recording(s)" in gradient.explain()


@pytest.mark.parametrize("engine", ENGINES)
def test_every_operator_is_replayed(engine):
    def f(x):
        return np.exp(x) * np.sum(x)

    def g(t):
        return np.array([1.0, 2.0]) * np.sin(t)

    x, t = POINTS[0], POINTS[1]
    for prep, arguments in [
        (di.prepare_pushforward(f, engine, x, t), (x, t)),
        (di.prepare_pullback(f, engine, x, t), (x, t)),
        (di.prepare_jacobian(f, engine, x), (x,)),
        (di.prepare_derivative(g, engine, 0.4), (0.4,)),
        (di.prepare_second_derivative(g, engine, 0.4), (0.4,)),
        (di.prepare_hvp(branching, engine, x, t), (x, t)),
    ]:
        variant = getattr(prep, prep.operator)
        wanted = getattr(di, prep.operator)(prep.f, eagerly(engine), *arguments)
        for _ in range(2):
            np.testing.assert_allclose(variant(*arguments), wanted, rtol=1e-12)
        assert prep.explain().startswith("runs 1 recording"), (prep.operator, prep.explain())


def test_each_branch_is_recorded_once():
    prep = di.prepare_gradient(branching, "reverse", POINTS[0])
    for x in POINTS * 3:
        prep.gradient(x)
    assert prep.explain().startswith("runs 2 recording")


def test_too_many_ways_end_in_the_eager_engine():
    def f(x):
        return x[0] ** int(np.floor(x[1]))

    prep = di.prepare_gradient(f, "reverse", np.array([2.0, 1.0]))
    for n in range(1, 15):
        np.testing.assert_allclose(prep.gradient(np.array([2.0, n + 0.5]))[0], n * 2.0 ** (n - 1))
    assert "eagerly" in prep.explain() and "different ways" in prep.explain()


def test_nan_does_not_take_the_branch_of_a_number():
    def f(x):
        return np.sum(x) if x[0] == x[0] else np.sum(2 * x[1:])

    prep = di.prepare_gradient(f, "reverse", np.ones(2))
    np.testing.assert_array_equal(prep.gradient(np.array([np.nan, 1.0])), [0.0, 2.0])


def test_contexts_are_arguments_and_integers_among_them_too():
    def f(x, y, label, power):
        return np.sum((x * y) ** power) + np.sum(x[label])

    x, y, label = np.ones(3), np.arange(3.0), np.array([0, 2, 2])
    prep = di.prepare_gradient(f, "reverse", x, y, label, 2)
    label[0] = 1
    for power in (2, 3):
        for scale in (1.0, 3.0):
            wanted = di.gradient(f, eagerly("reverse"), x, scale * y, label, power)
            np.testing.assert_allclose(prep.gradient(x, scale * y, label, power), wanted)


def test_a_float_context_is_an_argument():
    def f(x, scale):
        return np.sum(x**2) * scale + np.exp(scale) * x[0]

    prep = di.prepare_gradient(f, "reverse", np.ones(3), 1.0)
    for k in range(20):
        scale = 0.1 * k
        np.testing.assert_allclose(
            prep.gradient(np.ones(3), scale), di.gradient(f, eagerly("reverse"), np.ones(3), scale)
        )
    assert prep.explain().startswith("runs 1 recording")


def test_a_float_context_leaves_single_precision_single():
    x = np.ones(3, np.float32)
    prep = di.prepare_gradient(lambda x, scale: np.sum(x * x) * scale, "reverse", x, 2.0)
    for scale in (2.0, 3.0):
        g = prep.gradient(x, scale)
        assert g.dtype == np.float32
        np.testing.assert_allclose(g, np.full(3, 2 * scale, np.float32))


def test_what_a_closure_holds_is_noticed_when_it_changes():
    scale, data, table = 2.0, np.arange(3.0), {"shift": 1.0, "list": [1.0, 2.0]}

    @dataclass
    class Model:
        weight: float

        def loss(self, x):
            return self.weight * np.sum(x) * scale * np.sum(data) + table["shift"] * x[0] + table["list"][1] * x[1]

    model = Model(1.0)
    prep = di.prepare_gradient(model.loss, "reverse", np.ones(3))

    def check():
        wanted = di.gradient(model.loss, eagerly("reverse"), np.ones(3))
        for _ in range(2):
            np.testing.assert_allclose(prep.gradient(np.ones(3)), wanted)

    check()
    scale = 5.0
    check()
    data[1] = 7.0
    check()
    data = np.arange(4.0)
    check()
    table["shift"] = -1.0
    check()
    table["list"][1] = 9.0
    check()
    model.weight = 3.0
    check()
    assert "recording(s)" in prep.explain()


def test_a_function_that_counts_its_calls_stays_eager():
    calls = []

    def f(x):
        calls.append(1)
        return np.sum(x**2)

    prep = di.prepare_gradient(f, "reverse", np.ones(2), strict=False)
    before = len(calls)
    prep.gradient(np.ones(2))
    assert len(calls) == before + 1
    assert "eagerly" in prep.explain()


def test_what_cannot_be_watched_is_run_eagerly():
    rng = np.random.default_rng(0)

    def f(x):
        return np.sum(x) * (1.0 if rng is not None else 2.0)

    prep = di.prepare_gradient(f, "reverse", np.ones(2))
    np.testing.assert_array_equal(prep.gradient(np.ones(2)), np.ones(2))
    assert "Generator" in prep.explain()


def test_scratch_written_by_f_is_not_read_stale():
    scratch = np.zeros(3)

    def f(x):
        scratch[:] = 1.0
        total = np.sum(x * scratch)
        scratch[:] = 2.0
        return total + np.sum(x * scratch)

    prep = di.prepare_gradient(f, "reverse", np.ones(3))
    np.testing.assert_array_equal(prep.gradient(np.ones(3)), np.full(3, 3.0))


def test_results_are_new_arrays_and_inputs_stay():
    def f(x):
        return np.sum(x * np.sin(x))

    prep = di.prepare_gradient(f, "reverse", POINTS[0])
    x = POINTS[0].copy()
    x.flags.writeable = False
    first = prep.gradient(x)
    kept = first.copy()
    second = prep.gradient(POINTS[1])
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    np.testing.assert_allclose(prep.gradient(x), kept)
    np.testing.assert_array_equal(x, POINTS[0])


def test_the_identity_does_not_return_its_argument():
    prep = di.prepare_gradient(lambda x: 0.5 * np.sum(x * x), "reverse", np.ones(3))
    x = np.arange(3.0)
    g = prep.gradient(x)
    assert not np.shares_memory(g, x)
    prep = di.prepare_jacobian(lambda x: x, "reverse", np.ones(3))
    y, _ = di.value_and_jacobian(lambda x: x, "reverse", x)
    assert not np.shares_memory(y, x)


@pytest.mark.parametrize(
    "x", [np.arange(12.0)[::-2], np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros((0, 3))]
)
def test_any_memory_layout(x):
    def f(x):
        return np.sum(np.cos(x) * x.T.ravel().reshape(x.shape))

    prep = di.prepare_gradient(f, "reverse", x)
    np.testing.assert_allclose(prep.gradient(x), di.gradient(f, eagerly("reverse"), x))
    np.testing.assert_allclose(prep.gradient(np.ascontiguousarray(x)), prep.gradient(x))


def test_float32_stays_float32():
    x = np.ones(3, np.float32)
    prep = di.prepare_gradient(lambda x: np.sum(np.exp(2.0 * x)), "reverse", x)
    assert prep.gradient(x).dtype == np.float32


def test_several_threads_use_one_recording():
    def f(x):
        return np.sum(np.tanh(x) * np.exp(-x * x))

    prep = di.prepare_gradient(f, "reverse", np.ones(1000))
    points = [np.full(1000, 0.1 * k) for k in range(4)]
    wanted = [di.gradient(f, eagerly("reverse"), x) for x in points]
    wrong = []

    def work(k):
        for _ in range(50):
            if not np.allclose(prep.gradient(points[k]), wanted[k], rtol=1e-12):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_replay_warns_no_more_than_f():
    def f(x):
        with np.errstate(all="ignore"):
            return np.sum(np.where(x > 0, np.log(x), x))

    prep = di.prepare_gradient(f, "reverse", np.ones(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prep.value_and_gradient(np.array([1.0, -1.0]))


def test_replayed_inside_another_derivative_it_is_the_eager_engine():
    inner = di.prepare_gradient(lambda x: np.sum(x**3), "reverse", np.ones(2))
    outer = di.jacobian(lambda x: inner.gradient(x), "forward", np.array([1.0, 2.0]))
    np.testing.assert_allclose(outer, np.diag([6.0, 12.0]))


def test_the_graph_is_short_and_stable():
    def f(x):
        unused = np.exp(x)  # noqa: F841
        return np.sum((x * x) * (x * x) * 1.0)

    texts = {di.prepare_gradient(f, "reverse", np.ones(3)).graph() for _ in range(2)}
    (text,) = texts
    assert "exp" not in text
    assert text.count("input") == 1
    assert text.count("\n") < 10


def test_an_option_that_is_not_known():
    with pytest.raises(di.InputError, match="compile"):
        di.backend("reverse", compile="fast")
    assert math.isclose(di.gradient(np.sum, eagerly("forward"), np.ones(2))[0], 1.0)
