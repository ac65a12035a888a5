"""`SecondOrder` as a backend: its repr, equality, pickling, its options, its errors; which pair a single engine picks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import diffiface as di
from diffiface.adapter import Backend, Mode
from diffiface.second_order.hvp_modes import choose_mode
from diffiface.second_order.pairs import pair_of
from tests.conftest import require


def cube(x):
    return np.sum(x**3)


X, T = np.array([1.0, 2.0]), np.array([1.0, -1.0])


def test_a_pair_is_a_value():
    require("jax")
    pairs = [
        di.SecondOrder("forward", "reverse"),
        di.SecondOrder("forward", "reverse", hvp_mode="forward_over_reverse"),
        di.SecondOrder(di.backend("jax", jit=False), "reverse", chunk_size=3),
        di.SecondOrder("jax", di.backend("reverse", style="numpy")),
    ]
    assert len(set(pairs)) == len(pairs)
    for pair in pairs:
        assert eval(repr(pair), {"SecondOrder": di.SecondOrder, "backend": di.backend}) == pair
        assert pickle.loads(pickle.dumps(pair)) == pair
        assert di.backend(pair) == pair
    assert di.SecondOrder("forward", "reverse") == di.SecondOrder(di.backend("forward"), di.backend("reverse"))
    assert di.backend(pairs[0], hvp_mode="forward_over_reverse") == pairs[1]


def test_names_and_pairs_are_resolved_at_once():
    with pytest.raises(di.UnknownBackendError, match="did you mean 'reverse'"):
        di.SecondOrder("forward", "revrse")
    with pytest.raises(di.InputError, match="takes two engines"):
        di.SecondOrder("forward", di.SecondOrder("forward", "reverse"))
    with pytest.raises(di.InputError, match="hvp_mode='sideways' is not known"):
        di.SecondOrder("forward", "reverse", hvp_mode="sideways")
    with pytest.raises(di.UnsupportedOperationError, match="'forward' has no pullback of its own") as caught:
        di.SecondOrder("forward", "forward", hvp_mode="reverse_over_reverse")
    assert "hvp_mode='forward_over_forward'" in str(caught.value)
    with pytest.raises(di.InputError, match="chunk_size"):
        di.SecondOrder("forward", "reverse", chunk_size=0)


def test_operators_of_first_order_use_the_inner_engine():
    pair = di.SecondOrder("finite_differences", "reverse")
    for prep in (None, di.prepare_gradient(cube, pair, X)):
        np.testing.assert_array_equal(
            di.gradient(cube, pair, X, prep=prep), 3 * X**2
        )  # exactly: nothing is a difference
    np.testing.assert_array_equal(di.jacobian(lambda x: x**2, pair, X), np.diag(2 * X))
    assert di.pushforward(lambda x: x**2, pair, X, T).tolist() == [2.0, -4.0]
    assert di.pullback(lambda x: x**2, pair, X, T).tolist() == [2.0, -4.0]
    assert di.derivative(np.sin, pair, 0.0) == 1.0


def test_an_engine_over_itself_goes_its_own_way(monkeypatch):
    used = []
    engine = type(di.backend("finite_differences"))
    own = engine.value_gradient_and_hessian
    monkeypatch.setattr(engine, "value_gradient_and_hessian", lambda self, *a: used.append(self) or own(self, *a))
    outer = di.backend("finite_differences", relative_step=1e-3)
    di.hessian(cube, di.SecondOrder(outer, "finite_differences"), X)
    assert used == [outer]


def test_chunks_of_the_pair():
    widths = []

    class Counting(type(di.backend("forward"))):
        def value_and_pushforward(self, f, xs, tangents, contexts):
            widths.append(len(tangents[0]))
            return super().value_and_pushforward(f, xs, tangents, contexts)

    x = np.arange(1.0, 6.0)
    pair = di.SecondOrder(Counting(), "reverse", chunk_size=2)
    np.testing.assert_allclose(di.hessian(cube, pair, x), np.diag(6 * x))
    assert widths == [2, 2, 1]
    widths.clear()
    assert di.hvp(cube, di.SecondOrder(Counting(), "reverse"), x, (x, x, x, -x))[3].tolist() == (-6 * x**2).tolist()
    assert widths == [4]  # a batch of tangents is one run


class _Direction(Backend):
    name = "direction"
    nests = "in any engine"


class Forwards(_Direction):
    mode = Mode.FORWARD

    def value_and_pushforward(self, f, xs, tangents, contexts):
        raise AssertionError


class Backwards(_Direction):
    mode = Mode.REVERSE

    def value_and_pullback(self, f, xs, cotangents, contexts):
        raise AssertionError


class Evaluating(Forwards):
    mode = Mode.NUMERIC
    traces = False

    def value_and_pullback(self, f, xs, cotangents, contexts):
        raise AssertionError


def test_the_mode_is_chosen_by_capability_and_cost():
    f, b, n = Forwards(), Backwards(), Evaluating()
    assert choose_mode(f, b) == "forward_over_reverse"
    assert choose_mode(b, f) == "reverse_over_forward"
    assert choose_mode(b, b) == "reverse_over_reverse"
    assert choose_mode(f, f) == "forward_over_forward"
    # The pullback of an engine that evaluates f along every entry of x is no reason to use it.
    assert choose_mode(n, b) == "forward_over_reverse"
    assert choose_mode(n, f) == "forward_over_forward"
    assert choose_mode(n, n) == "forward_over_forward"


def test_a_single_engine_picks_its_best_pair():
    forward, reverse = di.backend("forward", chunk_size=7), di.backend("reverse", chunk_size=7)
    assert pair_of(forward) == (forward, reverse)
    assert pair_of(reverse) == (forward, reverse)
    autograd = di.backend(require("autograd"))
    assert pair_of(autograd) == (autograd, autograd)


def test_a_hessian_runs_f_once_for_a_batch_of_tangents():
    runs = []

    def f(x):
        runs.append(0)
        return np.sum(x**3)

    for engine in ("forward", "reverse", di.SecondOrder("forward", "reverse")):
        runs.clear()
        np.testing.assert_allclose(di.hessian(f, engine, np.arange(1.0, 51.0)), np.diag(6 * np.arange(1.0, 51.0)))
        assert len(runs) == 1


def test_a_product_along_no_tangents_still_has_value_and_gradient():
    # One tangent of an x without entries.
    empty = np.zeros(0)
    for pair in (di.SecondOrder("forward", "reverse"), di.SecondOrder("reverse", "forward"), "reverse", "forward"):
        y, g, h = di.value_gradient_and_hvp(lambda x: np.sum(x) + 1.0, pair, empty, empty)
        assert y == 1.0 and g.shape == h.shape == (0,)
        assert di.hessian(lambda x: np.sum(x) + 1.0, pair, empty).shape == (0, 0)


def test_a_constant_function_has_zero_second_derivatives():
    for pair in (
        di.SecondOrder("forward", "reverse"),
        di.SecondOrder("reverse", "forward"),
        di.SecondOrder("reverse", "reverse", hvp_mode="reverse_over_reverse"),
        di.SecondOrder(require("jax"), "forward"),
        di.SecondOrder(require("torch"), "forward"),
        di.SecondOrder(require("autograd"), "forward"),
    ):
        for f in (lambda x: 2.0, lambda x: np.sum(x) * 3):
            assert di.hvp(f, pair, X, T).tolist() == [0.0, 0.0]
            assert di.hessian(f, pair, X).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_single_precision_stays_single():
    x = X.astype(np.float32)
    for pair in (di.SecondOrder("forward", "reverse"), di.SecondOrder("reverse", "forward"), "reverse", "forward"):
        h = di.hvp(cube, pair, x, x)
        assert h.dtype == np.float32 and h.tolist() == [6.0, 24.0]
        assert di.prepare_hessian(cube, pair, x).hessian(x).dtype == np.float32


def test_complex_x_is_refused():
    with pytest.raises(di.UnsupportedOperationError, match="hvp is not defined here for complex x"):
        di.hvp(lambda z: np.sum(np.abs(z) ** 2), di.SecondOrder("forward", "reverse"), X + 0j, T)


def test_preparations_of_a_pair_explain_themselves():
    prep = di.prepare_hvp(cube, di.SecondOrder("forward", "reverse"), X, T)
    prep.hvp(X, T)
    assert "forward pushforward" in prep.explain() and "1 recording" in prep.explain()
    with pytest.raises(di.PreparationMismatchError, match="backend"):
        di.hvp(cube, di.SecondOrder("reverse", "forward"), X, T, prep=prep)


def test_out():
    g, h = np.empty(2), np.empty(2)
    y, g2, h2 = di.value_gradient_and_hvp(cube, di.SecondOrder("reverse", "forward"), X, T, out=(g, h))
    assert g2 is g and h2 is h and y == 9.0
    assert g.tolist() == [3.0, 12.0] and h.tolist() == [6.0, -12.0]
