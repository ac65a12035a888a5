"""Code on single numbers: which products are added unrounded, in loops and outside, and in which order it computes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import diffiface as di

pytest.importorskip("llvmlite")

from diffiface_native.compiled.nest import Expression
from diffiface_native.compiled.rolling import NUMBER, Loop
from diffiface_native.compiled.straight_order import in_order
from diffiface_native.compiled.straight_products import StraightProducts

EAGER = di.backend("reverse", compile=False)


def value(f: Any, x: np.ndarray, **options: Any) -> float:
    prep = di.prepare_gradient(f, di.backend("reverse", **options), x)
    assert "0 NumPy call(s)" in prep.explain()
    return float(prep.value_and_gradient(x)[0])


def expressions(*operations: tuple[Any, ...]) -> list[Expression]:
    """Return expressions over three numbers that are loaded, and known numbers where one stands for an operation."""
    loads = [Expression("load", None) for _ in range(3)]
    return [
        *loads,
        *(Expression("number", o[0]) if len(o) == 1 else Expression(o[0], None, o[1:]) for o in operations),
    ]


def found_outside(*operations: tuple[Any, ...]) -> dict[int, int]:
    """Return which sums take a product, by place, and which operand it is (places of numbers and loads come first)."""
    every = expressions(*operations)
    order = [i for i, e in enumerate(every) if e.operation not in ("load", "number")]
    position = {place: i for i, place in enumerate(order)}
    operands = [tuple(position.get(a, NUMBER) for a in every[place].arguments) for place in order]
    products = StraightProducts(every, order, operands, [len(order) - 1])
    found = products.between_loops(range(len(order)), lambda position: None)
    return {order[at]: k for at, k in found.items()}


def test_a_product_that_is_read_once_is_taken():
    assert found_outside(("multiply", 0, 1), ("add", 2, 3)) == {4: 1}
    assert found_outside(("multiply", 0, 1), ("subtract", 3, 2)) == {4: 0}
    assert found_outside(("square", 0), ("add", 3, 1)) == {4: 0}


def test_a_product_that_is_read_twice_is_rounded():
    assert found_outside(("multiply", 0, 1), ("add", 3, 2), ("subtract", 4, 3)) == {}


def test_products_that_may_cancel_are_rounded():
    assert found_outside(("multiply", 0, 0), ("multiply", 1, 1), ("subtract", 3, 4)) == {}
    assert found_outside(("multiply", 0, 0), ("multiply", 1, 1), ("negative", 4), ("add", 3, 5)) == {}
    assert found_outside((3.0,), ("multiply", 0, 3), ("multiply", 1, 3), ("subtract", 4, 5)) == {}
    assert found_outside((3.0,), (-3.0,), ("multiply", 0, 3), ("multiply", 1, 4), ("add", 5, 6)) == {}


def test_of_two_products_the_later_one_is_taken():
    by_numbers = (3.0,), (2.0,), ("sin", 0)
    assert found_outside(*by_numbers, ("multiply", 5, 3), ("multiply", 1, 4), ("subtract", 6, 7)) == {8: 0}
    assert found_outside(*by_numbers, ("multiply", 1, 3), ("multiply", 5, 4), ("subtract", 6, 7)) == {8: 1}


def test_a_loop_takes_products_of_its_own_iteration_only():
    # Each iteration: a product of what the one before has computed, and a sum of two products of before.
    every = [
        Expression("load", None),
        *(e for _ in range(4) for e in expressions(("multiply", 0, 0), ("add", 0, 0))[3:]),
    ]
    order = list(range(1, 9))
    operands = [(-2, -2), (0, -2), (1, 1), (2, 0), (3, 3), (4, 2), (5, 5), (6, 4)]
    products = StraightProducts(every, order, operands, [7])
    loop = Loop(start=2, period=2, count=3)
    assert products.in_loop(loop) == {}  # (the other operand is a product, too: that of the iteration before)
    operands = [(-2, -2), (0, -2), (1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (6, 5)]
    assert StraightProducts(every, order, operands, [7]).in_loop(loop) == {3: 0}
    # Read behind the loop as well, the product of the last iteration must be there.
    assert StraightProducts(every, order, operands, [6, 7]).in_loop(loop) == {}


def test_it_is_one_rounding_where_the_processor_can():
    x = np.array([1.1, 2.3, 0.7])
    exact = float(Fraction(x[0]) * Fraction(x[1]) + Fraction(x[2]))
    assert value(lambda x: x[0] * x[1] + x[2], x) in (exact, x[0] * x[1] + x[2])


def test_strict_numbers_are_numpys():
    def f(x: Any) -> Any:
        a, b = x[0], x[1]
        for _ in range(40):
            a, b = a + 0.1 * b, b - 0.3 * a * x[2]
        return a * b + x[2]

    x = np.array([1.1, 2.3, 0.7])
    assert value(f, x, strict=True) == float(f(x))
    np.testing.assert_allclose(value(f, x), f(x), rtol=1e-13)


def test_equal_products_cancel_from_the_second_step_of_a_loop_on():
    def f(x: Any) -> Any:
        p, q, r, total = x[0], x[1], x[2], 0.0
        for _ in range(30):  # (q is x[1] at first, and the square of r, which is p, from then on)
            total = total + 1e9 * (p * p - q)
            p, r = p * 0.7, r * 0.7
            q = r * r
        return total

    x = np.array([1.5, 2.25, 1.5])  # (a square without rounding: the first step is 0 either way)
    assert f(x) == 0.0
    assert value(f, x) == 0.0


def test_functions_of_one_operand_are_computed_one_behind_the_other():
    every = expressions(("sin", 0), ("add", 3, 1), ("sin", 4), ("cos", 4), ("multiply", 5, 6), ("cos", 0), ("exp", 1))
    assert in_order(every) == [3, 8, 4, 5, 6, 7, 9]


@pytest.mark.parametrize("start", [0.1, 0.7849, 0.79, -2.0, 40.0, 1e7, 0.0, -0.0])
def test_sine_and_cosine_of_single_numbers_of_any_size(start: float):
    """Small ones take a short way of their own, and a loop may leave it at any step."""

    def f(x: Any) -> Any:
        a, b = x[0], x[1]
        for _ in range(30):
            a, b = a + 0.1 * b, b - 0.1 * np.sin(a) * np.cos(b)
        return a * b

    x = np.array([start, 0.3])
    expected = di.value_and_gradient(f, EAGER, x)
    found = di.prepare_gradient(f, "reverse", x).value_and_gradient(x)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-11)
