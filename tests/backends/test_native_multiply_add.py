"""Products that are added unrounded: which ones, that they are right, and where they must not be."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from diffiface_native.compiled.fusion import Kernel, Plan
from diffiface_native.compiled.multiply_add import folded_products, fused_products
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.program import CompiledProgram
from diffiface_native.recorded.prepared import Replayed

from diffiface.adapter import NUMPY, current_trace

RNG = np.random.default_rng(0)
N = 37  # several widths of vectors


def recorded(f: Callable[..., Any], *arrays: np.ndarray, strict: bool = False) -> Replayed:
    """Record `f(primitives, *arrays)`, which returns one value."""

    def method(_: Any, xs: Any, contexts: Any) -> tuple[Any, ...]:
        return (f(current_trace(), *xs),)

    prepared = Replayed("reverse", method, None, None, lambda graph: CompiledProgram(graph, strict=strict))  # pyright: ignore[reportArgumentType]
    prepared.record(arrays, ())
    assert prepared.given_up is None, prepared.given_up
    return prepared


def nests(f: Callable[..., Any], *arrays: np.ndarray, strict: bool = False) -> list[Nest]:
    graph = recorded(f, *arrays, strict=strict).recordings[0].graph
    return [
        nest
        for step in Plan(graph, strict=strict).steps
        if isinstance(step, Kernel)
        for wave in step.waves
        for nest in wave
    ]


def fused(f: Callable[..., Any], count: int = 3, **options: Any) -> int:
    arrays = [RNG.standard_normal(N) for _ in range(count)]
    return sum(len(fused_products(nest)) + len(folded_products(nest)) for nest in nests(f, *arrays, **options))


def total(p: Any, x: Any) -> Any:
    return p.sum(x, axis=(0,), keepdims=False)


ONE_OF_EACH: dict[str, Callable[..., Any]] = {
    "x y + z": lambda p, x, y, z: p.add(p.multiply(x, y), z),
    "z + x y": lambda p, x, y, z: p.add(z, p.multiply(x, y)),
    "x y - z": lambda p, x, y, z: p.subtract(p.multiply(x, y), z),
    "z - x y": lambda p, x, y, z: p.subtract(z, p.multiply(x, y)),
    "x² - z": lambda p, x, y, z: p.subtract(p.square(x), z),
    "z - x²": lambda p, x, y, z: p.subtract(z, p.square(x)),
    "sum of x y": lambda p, x, y, z: total(p, p.multiply(x, y)),
    "sum of x²": lambda p, x, y, z: total(p, p.square(x)),
}


@pytest.mark.parametrize("f", ONE_OF_EACH.values(), ids=ONE_OF_EACH.keys())
def test_a_product_is_fused_and_right(f: Callable[..., Any]):
    x, y, z = (RNG.standard_normal(N) for _ in range(3))
    assert fused(f) == 1
    assert fused(f, strict=True) == 0
    (found,) = recorded(f, x, y, z)((x, y, z), ())
    np.testing.assert_allclose(found, f(NUMPY, x, y, z), rtol=1e-14, atol=1e-15)
    (found,) = recorded(f, x, y, z, strict=True)((x, y, z), ())
    np.testing.assert_array_equal(found, f(NUMPY, x, y, z))


def test_it_is_one_rounding_where_the_processor_can():
    x, y, z = (RNG.standard_normal(N) for _ in range(3))
    (found,) = recorded(ONE_OF_EACH["x y + z"], x, y, z)((x, y, z), ())
    exact = [float(Fraction(a) * Fraction(b) + Fraction(c)) for a, b, c in zip(x, y, z, strict=True)]
    rounded_twice = x * y + z
    assert np.array_equal(found, exact) or np.array_equal(
        found, rounded_twice
    )  # (the latter without such instructions)


@pytest.mark.parametrize(
    "f",
    [
        lambda p, x, y: p.subtract(p.square(x), p.square(y)),
        lambda p, x, y: p.subtract(p.multiply(x, x), p.multiply(y, y)),
        lambda p, x, y: p.add(p.multiply(x, y), p.negative(p.square(y))),
    ],
)
def test_products_of_equal_numbers_cancel(f: Callable[..., Any]):
    assert fused(f, 2) == 0
    x = RNG.standard_normal(N)
    (found,) = recorded(f, x, x.copy())((x, x.copy()), ())
    np.testing.assert_array_equal(found, 0.0)


def test_a_product_that_others_read_is_rounded():
    def error(p: Any, x: Any, y: Any) -> Any:  # Veltkamp's splitting: its differences must be those of rounded products
        scaled = p.multiply(134217729.0, x)
        return p.subtract(scaled, p.subtract(scaled, x))

    assert fused(error, 2) == 0


def test_what_a_guard_depends_on_is_not_fused():
    def f(p: Any, x: Any, y: Any, z: Any) -> Any:
        inner = p.add(p.multiply(x, y), z)
        return p.add(p.multiply(inner, x), y) if p.primal(p.less(inner, 0.0)).any() else inner

    arrays = [RNG.standard_normal(N) for _ in range(3)]
    found = nests(f, *arrays)
    assert any(nest.exact for nest in found)
    assert all(not fused_products(nest) for nest in found if nest.exact)
