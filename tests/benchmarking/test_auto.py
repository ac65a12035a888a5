"""`fastest` and the backend "auto": right, remembered, and not thrown by engines that fail."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import diffiface as di
from diffiface import auto as choosing
from diffiface.adapter import Mode
from diffiface.auto import measuring
from tests.benchmarking import stand_ins
from tests.benchmarking.stand_ins import cubes
from tests.conftest import require

X = np.array([1.0, 2.0, 3.0])
OURS = ("forward", "reverse")


class Quick(stand_ins.Right):
    name = "quick"


class QuickButOff(stand_ins.Off):
    name = "quick but off"


class Numeric(stand_ins.Right):
    name = "numeric"
    exact = False
    mode = Mode.NUMERIC


class BrokenImport(stand_ins.Right):
    name = "broken import"

    def __post_init__(self):
        raise RuntimeError("this engine cannot even be made")


@pytest.fixture(autouse=True)
def nothing_remembered():
    choosing.forget_choices()
    yield
    choosing.forget_choices()


@pytest.fixture
def measured(monkeypatch):
    """Count how often engines are measured."""
    requests = []
    measure = measuring.measure

    def counting(request, *rest):
        requests.append(request)
        return measure(request, *rest)

    monkeypatch.setattr("diffiface.auto.backend.measure", counting)
    monkeypatch.setattr("diffiface.auto.search.measure", counting)
    return requests


def auto(*candidates, **options):
    return di.backend("auto", candidates=candidates or OURS, **options)


def test_the_fastest_of_those_that_agree_is_chosen():
    choice = di.fastest(cubes, X, candidates=[stand_ins.Slow(), Quick(), "forward"])
    assert choice.backend.name != "slow" and list(choice.seconds)[-1] == "slow"
    assert list(choice.seconds.values()) == sorted(choice.seconds.values())
    assert choice.seconds["slow"] > 0.04
    for words in (choice.reason, "slow", "prepared", "agrees"):
        assert words in str(choice)


def test_an_engine_that_fails_or_is_wrong_is_passed_over(monkeypatch):
    monkeypatch.setattr(di.registry, "_extra", dict(di.registry._extra))
    di.register_backend(BrokenImport)
    bad = [QuickButOff(), stand_ins.Raising(), stand_ins.Unsupporting(), "broken import"]
    choice = di.fastest(cubes, X, candidates=[*bad, "forward", "reverse", stand_ins.Slow()])
    assert choice.backend.name in OURS
    statuses = {row["engine"]: str(row["status"]) for row in choice.comparison.rows}
    assert statuses["quick but off"] == "disagrees" and statuses["raising"] == "failed"
    np.testing.assert_allclose(di.gradient(cubes, auto(*bad, *OURS), X), 3 * X**2)


def test_a_numeric_engine_wins_only_where_no_exact_one_passes():
    assert di.fastest(cubes, X, candidates=[Numeric(), stand_ins.Slow()]).backend.name == "slow"
    choice = di.fastest(cubes, X, candidates=[Numeric(), stand_ins.Raising()])
    assert choice.backend.name == "numeric" and "no exact engine" in choice.reason


def test_where_nothing_passes_the_error_says_why():
    with pytest.raises(di.UnsupportedOperationError, match="out of luck"):
        di.gradient(cubes, auto(stand_ins.Raising()), X)
    with pytest.raises(di.DisagreementError, match="instead of"):
        di.gradient(cubes, auto(QuickButOff()), X)


def test_the_budget_leaves_candidates_untried_but_never_all():
    choice = di.fastest(cubes, X, candidates=[stand_ins.Slow(), "forward", "reverse"], budget_s=0.01)
    assert choice.backend.name == "slow" and choice.not_tried == ("forward", "reverse")
    assert "not tried" in str(choice)


@pytest.mark.parametrize(
    ("operator", "f", "x", "seeds"),
    [
        ("gradient", cubes, X, ()),
        ("hessian", cubes, X, ()),
        ("hvp", cubes, X, (np.ones(3),)),
        ("jacobian", np.sin, X, ()),
        ("pushforward", np.sin, X, (np.ones(3),)),
        ("pullback", np.sin, X, ((np.ones(3), X),)),
        ("derivative", np.sin, 0.5, ()),
        ("second_derivative", np.sin, 0.5, ()),
    ],
)
def test_every_operator_with_and_without_preparation(operator, f, x, seeds):
    expected = getattr(di, operator)(f, "forward", x, *seeds)
    backend = auto()
    np.testing.assert_allclose(getattr(di, operator)(f, backend, x, *seeds), expected)
    prep = getattr(di, f"prepare_{operator}")(f, backend, x, *seeds)
    assert prep.backend.name in OURS
    np.testing.assert_allclose(getattr(prep, operator)(x, *seeds), expected)
    np.testing.assert_allclose(getattr(di, operator)(f, backend, x, *seeds, prep=prep), expected)
    np.testing.assert_allclose(getattr(di, operator)(f, prep.backend, x, *seeds, prep=prep), expected)


def test_options_of_a_call_are_kept():
    def fills(y, x):
        y[:] = x**2

    buffer = np.zeros(3)
    np.testing.assert_allclose(di.jacobian(fills, auto(), X, y=buffer), np.diag(2 * X))
    np.testing.assert_allclose(buffer, X**2)
    (value, aux), gradient = di.value_and_gradient(lambda x: (np.sum(x**2), {"x": x}), auto(), X, has_aux=True)
    np.testing.assert_allclose(gradient, 2 * X)
    assert value == 14 and set(aux) == {"x"}
    out = np.zeros(3)
    assert di.gradient(lambda a, x: a * np.sum(x**2), auto(), 2.0, X, argnums=1, out=out) is out
    np.testing.assert_allclose(out, 4 * X)
    model = di.gradient(lambda m: m["a"] * np.sum(m["b"]), auto(), {"a": 2.0, "b": X})
    assert model["a"] == 6


def test_the_choice_is_remembered_per_signature(measured):
    for _ in range(3):
        di.gradient(lambda x: np.sum(x**2), auto(), X)  # a new function object each time, of the same code
    assert len(measured) == 1
    for other in (np.ones(4), X.astype(np.float32), X.reshape(3, 1)):
        di.gradient(cubes, auto(), other)
    assert len(measured) == 4
    di.hessian(cubes, auto(), np.ones(4))
    di.prepare_gradient(cubes, auto(), np.ones(4))
    di.gradient(cubes, auto("forward"), np.ones(4))
    assert len(measured) == 7
    di.fastest(cubes, np.zeros(4), candidates=OURS)  # shared with the backend: as the prepared gradient above
    assert len(measured) == 7
    di.fastest(cubes, np.ones(4), candidates=OURS, again=True)
    assert len(measured) == 8


def test_what_a_function_refers_to_is_part_of_it(measured):
    def power(k, g):
        return lambda x: np.sum(g(x) ** k)

    for k, g in ((2, np.sin), (3, np.sin), (2, np.cos), (2, np.sin)):
        di.gradient(power(k, g), auto(), X)
    assert len(measured) == 3

    def scaled(data):
        return lambda x: np.sum(x * data)

    gradients = [di.gradient(scaled(data), auto(), X) for data in (np.ones(3), np.zeros(3))]
    assert len(measured) == 4 and gradients[0][0] == 1 and gradients[1][0] == 0


def test_inside_another_derivative_nothing_is_measured(measured):
    require("jax")

    def outer(x):
        return np.sum(di.gradient(cubes, "auto", x) ** 2)

    for engine in (*OURS, "jax"):
        np.testing.assert_allclose(di.gradient(outer, engine, X), 36 * X**3)
    # forward and reverse also run f once in plain NumPy where they prepare; unprepared, all of it was traced.
    assert not measured


def test_several_threads_measure_once(measured):
    def f(x):
        return np.sum(np.exp(x))

    results, barrier = [], threading.Barrier(6)

    def ask():
        barrier.wait()
        results.append(di.gradient(f, auto(), X))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(measured) == 1 and len(results) == 6
    for result in results:
        np.testing.assert_allclose(result, np.exp(X))


def test_a_function_may_ask_for_another_choice_in_a_thread_of_its_own():
    def f(x):
        found = []
        thread = threading.Thread(target=lambda: found.append(di.gradient(cubes, auto("forward"), np.ones(2))))
        thread.start()
        thread.join(timeout=60)
        return np.sum(x * found[0][0])

    np.testing.assert_allclose(di.gradient(f, auto("finite_differences"), X), 3.0, rtol=1e-6)


def test_a_remembered_choice_costs_little():
    backend = auto()
    di.gradient(cubes, backend, X)
    direct = min(_timed(lambda: di.gradient(cubes, "reverse", X)) for _ in range(50))
    chosen = min(_timed(lambda: di.gradient(cubes, backend, X)) for _ in range(50))
    assert chosen < 20 * direct


def _timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def test_auto_is_a_backend_like_any_other(capsys):
    assert "auto" not in di.available_backends()
    assert eval(repr(auto(budget_s=2.0)), {"backend": di.backend}) == auto(budget_s=2.0)
    assert hash(auto()) == hash(auto()) and auto() != auto("forward")
    di.gradient(cubes, auto(verbose=True), X)
    assert "engine" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [{"budget_s": 0}, {"candidates": ()}, {"candidates": "reverse"}, {"candidates": ("auto",)}, {"chunk_size": 3}],
)
def test_options_that_cannot_be(options):
    with pytest.raises(di.InputError):
        di.backend("auto", **options)


def test_errors_of_the_caller_come_from_no_engine():
    with pytest.raises(di.OutputError, match=r"^auto"):
        di.gradient(np.sin, "auto", X)
    with pytest.raises(di.InputError):
        di.fastest(cubes, X, operator="grad")
    with pytest.raises(ZeroDivisionError):
        di.gradient(lambda x: np.sum(x) * (1 / 0), "auto", X)
    with pytest.raises(di.UnsupportedOperationError, match="fastest"):
        di.hessian(cubes, di.SecondOrder("auto", "reverse"), X)
