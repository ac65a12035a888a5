"""`derivative(order=n)`: to order 6 against closed forms, on every engine."""

from __future__ import annotations

import math

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require
from tests.front.test_cascade import ToyForward

HIGHEST = 6


def closed_forms(t: float, n: int) -> list[float]:
    """The n-th derivatives of exp(2t), sin(3t), 1/(1 - t), t**5 and log(t) * t."""
    return [
        2**n * math.exp(2 * t),
        3**n * math.sin(3 * t + n * math.pi / 2),
        math.factorial(n) / (1 - t) ** (n + 1),
        math.perm(5, n) * t ** (5 - n) if n <= 5 else 0.0,
        math.log(t) + 1 if n == 1 else (-1) ** n * math.factorial(n - 2) / t ** (n - 1),
    ]


def f(t):
    return np.stack([np.exp(2 * t), np.sin(3 * t), 1 / (1 - t), t**5, np.log(t) * t])


def check(backend, n, rtol, *, prepared):
    t = 0.4
    prep = di.prepare_derivative(f, backend, 0.41, order=n) if prepared else None
    y, d = di.value_and_derivative(f, backend, t, order=n, prep=prep)
    np.testing.assert_allclose(y, f(t), rtol=1e-12)
    np.testing.assert_allclose(d, closed_forms(t, n), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(di.derivative(f, backend, t, order=n, prep=prep), d, rtol=1e-12)


@pytest.mark.parametrize("order", range(1, HIGHEST + 1))
@pytest.mark.parametrize("engine", ["forward", "reverse"])
def test_ours(engine, order):
    check(di.backend(engine, compile=False), order, 1e-11, prepared=False)
    check(engine, order, 1e-11, prepared=order < 6)  # (recording and compiling order 6 takes a second)


@pytest.mark.parametrize("order", range(1, HIGHEST + 1))
def test_jax(order):
    require("jax")
    check("jax", order, 1e-11, prepared=True)


@pytest.mark.parametrize("order", range(1, HIGHEST + 1))
def test_torch(order):
    require("torch")
    check("torch", order, 1e-11, prepared=order == 3)


@pytest.mark.parametrize("order", range(1, 5))  # (each order takes four times as long as the one before)
def test_autograd(order):
    require("autograd")
    check("autograd", order, 1e-11, prepared=order == 3)


@pytest.mark.parametrize("order", range(1, HIGHEST + 1))
@pytest.mark.parametrize(
    ("engine", "options", "digits"),
    [
        ("finite_differences", {}, [9, 6, 4, 3, 2, 1]),
        ("finite_differences", {"method": "complex_step"}, [13, 8, 6, 4, 3, 2]),
        ("numdifftools", {}, [10, 9, 8, 6, 5, 3]),
        ("numdifftools", {"method": "complex"}, [10, 9, 8, 7, 6, 5]),
    ],
)
def test_numeric_engines(engine, options, digits, order):
    backend = di.backend(require(engine), **options)
    t, a = 0.4, 2.0
    g = lambda t, a: np.stack([np.exp(a * t), np.sin(3 * t)])
    found = di.derivative(g, backend, t, a, order=order)
    np.testing.assert_allclose(found, closed_forms(t, order)[:2], rtol=0, atol=4.0**order * 10.0 ** -digits[order - 1])


@pytest.mark.parametrize(
    ("outer", "inner"), [("forward", "reverse"), ("reverse", "forward"), ("finite_differences", "forward")]
)
@pytest.mark.parametrize("order", range(1, 5))
def test_pairs(outer, inner, order):
    check(di.SecondOrder(outer, inner), order, 1e-7 if outer == "finite_differences" else 1e-11, prepared=order == 4)


@pytest.mark.parametrize("engine", ["forward", "reverse", "jax", "torch", "autograd", "finite_differences"])
def test_holomorphic_functions(engine):
    require(engine)
    z = 0.3 + 0.2j
    found = di.derivative(lambda z: np.exp(1j * z), engine, z, order=3)
    assert found == pytest.approx(-1j * np.exp(1j * z), rel=1e-3 if engine == "finite_differences" else 1e-12)
    assert di.derivative(lambda z: z**4, engine, z, order=2) == pytest.approx(
        12 * z**2, rel=1e-5 if engine == "finite_differences" else 1e-12
    )


def test_contexts_aux_and_filled_outputs():
    found, aux = di.derivative(
        lambda t, p: (p["a"] * t**4, {"t": t}), "forward", 2.0, {"a": 3.0}, order=3, has_aux=True
    )
    assert found == 3 * 24 * 2.0 and aux["t"] == 2.0
    assert di.derivative(lambda a, t: a * t**4, "reverse", 3.0, 2.0, order=3, argnums=1) == 3 * 24 * 2.0

    def fill(y, t):
        y[0] = t**3
        y[1] = np.exp(t)

    y = np.empty(2)
    assert di.derivative(fill, "forward", 0.0, y=y, order=3).tolist() == [6.0, 1.0]
    assert y.tolist() == [0.0, 1.0]
    out = np.empty(2)
    assert di.derivative(lambda t: np.stack([t**3, t]), "reverse", 1.0, order=2, out=out) is out
    assert out.tolist() == [6.0, 0.0]


def test_structures():
    found = di.derivative(lambda t: {"a": t**3, "b": [np.exp(t) * np.ones(2)]}, "reverse", 0.0, order=3)
    assert found["a"] == 6.0 and found["b"][0].tolist() == [1.0, 1.0]


def test_a_higher_derivative_inside_another():
    # d/dx of the third derivative of x sin(u) at u = x: d/dx (-x cos x)
    inner = lambda x: di.derivative(lambda u: np.sin(u) * x, "forward", x, order=3)
    x = 0.8
    for outer in ("reverse", "forward", require("jax")):
        assert di.derivative(inner, outer, x) == pytest.approx(-np.cos(x) + x * np.sin(x), rel=1e-12)


def test_a_preparation_is_for_its_order():
    prep = di.prepare_derivative(np.exp, "forward", 1.0, order=3)
    assert prep.derivative(0.0) == 1.0
    assert di.derivative(np.exp, "forward", 0.0, order=3, prep=prep) == 1.0
    for order in (1, 2):
        with pytest.raises(di.PreparationMismatchError, match="order=3"):
            di.derivative(np.exp, "forward", 0.0, order=order, prep=prep)


@pytest.mark.parametrize("order", [0, -1, 1.0, True, "2", None])
def test_orders_that_are_none(order):
    with pytest.raises(di.InputError, match="not a positive integer"):
        di.derivative(np.exp, "forward", 1.0, order=order)


def test_engines_that_cannot():
    # An engine that only evaluates, and has no differences of higher order.
    class Once(ToyForward):
        nests = "no"

    assert di.derivative(np.exp, Once(), 0.0, order=2) == pytest.approx(1.0, rel=1e-3)
    with pytest.raises(di.UnsupportedOperationError, match="no derivatives of order 3: differences of differences"):
        di.derivative(np.exp, Once(), 0.0, order=3)

    class Alone(type(di.backend("forward"))):
        nests = "no"

        def companion(self):
            return None

    with pytest.raises(di.UnsupportedOperationError, match="no derivatives of order 3: 'forward' can run in no engine"):
        di.derivative(np.exp, Alone(), 0.0, order=3)
    require("numdifftools")
    with pytest.raises(di.UnsupportedOperationError, match="up to order 10"):
        di.derivative(np.exp, "numdifftools", 0.0, order=11)


def test_x_that_is_no_scalar():
    with pytest.raises(di.InputError, match="scalar x"):
        di.derivative(lambda x: x, "forward", np.ones(2), order=3)
