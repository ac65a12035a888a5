"""Slices, writes, rolls and joins read through index maps inside kernels: the numbers of the eager engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_compiled_random import compare

pytest.importorskip("llvmlite")

from diffiface_native.compiled.index_map import Split, _is_within


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def periodic(x: Any) -> Any:
    return np.sum((np.roll(x, 1) + np.roll(x, -1) - 2 * x) ** 2 * np.roll(x, 3))


def padded(x: Any) -> Any:
    y = np.pad(x, (2, 1))
    return np.sum(y[1:] * y[:-1] * np.cos(y[1:])) + np.sum(np.pad(x, 1, mode="edge")[::-1][: len(x)] * x)


def written(x: Any) -> Any:
    y = np.zeros_like(x)
    y[1:-1] = x[2:] * x[:-2]
    y[0] = x[-1]
    y[::-1][:2] += x[:2] ** 2
    y[1:] -= np.sin(y[:-1])
    return np.sum(y * np.arange(1.0, len(x) + 1))


def joined(x: Any) -> Any:
    y = np.concatenate([x[::-1], 2 * x[:3], np.ones(2), x[1::2]])
    z = np.stack([x, np.sin(x)], axis=1)
    return np.sum(y[1:] * np.cos(y[:-1])) + np.sum(z[:, ::-1] * z) + np.sum(np.max(z, axis=1))


def reversed_and_strided(x: Any) -> Any:
    return np.sum(x[::-2] * np.exp(x[::2])) if len(x) % 2 else np.sum(x[::-2] * np.exp(x[1::2]))


def interleaved(x: Any) -> Any:
    y = np.ones_like(x) * x[0]
    y[::2] = np.sin(x[::2])
    y[1::3] += np.cos(x[1::3])
    y[-1::-4] *= 0.5
    return np.sum(y * np.arange(1.0, len(x) + 1)) + np.sum(y[::2] ** 2)


ONE_AXIS = [rosenbrock, periodic, padded, written, joined, reversed_and_strided, interleaved]


@pytest.mark.parametrize("n", [3, 5, 8, 9, 10, 11, 18, 19, 40])
@pytest.mark.parametrize("f", ONE_AXIS, ids=lambda f: f.__name__)
def test_along_one_axis(f: Callable[..., Any], n: int):
    x = np.cos(np.arange(n) * 1.7) + 0.1
    compare("value_and_gradient", f, "reverse", [(x,), (-0.7 * x + 0.2,)])


@pytest.mark.parametrize("f", ONE_AXIS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("engine", ["forward", "reverse"])
def test_second_derivatives(f: Callable[..., Any], engine: str):
    x = np.cos(np.arange(7) * 1.7) + 0.1
    compare("hvp", f, engine, [(x, np.sin(np.arange(7.0))), (-x, np.ones(7))], 1e-11)
    compare("hessian", f, engine, [(x,)], 1e-11)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 12), (9, 17), (8, 10)])
def test_a_periodic_stencil_in_two_dimensions(shape: tuple[int, int]):
    def rate(uv: Any) -> Any:
        u, v = uv[0], uv[1]
        spread = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4.0 * u
        return np.stack([0.1 * spread + u * u * v, 3.4 * u - u * u * v.T.T])

    uv = np.random.default_rng(0).standard_normal((2, *shape))
    weights = np.random.default_rng(1).standard_normal((2, *shape))
    compare("value_and_pullback", rate, "reverse", [(uv, weights), (-uv, 0.5 * weights)])


def test_slices_of_matrices_and_their_transposes():
    def f(m: Any) -> Any:
        top, left = m[0], m[:, 0]
        inner = m[1:-1, 1:-1] - m.T[1:-1, 1:-1] * 0.5
        y = np.zeros_like(m)
        y[1:-1, 1:-1] = inner
        y[0] += top * left
        y[:, -1] = np.sin(left)
        y[-1, :3] *= 2.0
        return (
            np.sum(y[::-1].T * m)
            + np.sum(m[:, None, ::2] * m[None, :, ::2])
            + np.sum(np.broadcast_to(top, m.shape) * m)
        )

    m = np.random.default_rng(2).standard_normal((6, 6))
    for engine in ("forward", "reverse"):
        compare("value_and_gradient", f, engine, [(m,), (np.asfortranarray(m.T),)])


def test_what_is_costly_and_read_at_many_places_is_computed_once():
    def f(x: Any) -> Any:
        e = np.exp(np.sin(x))
        return np.sum(e[2:] * e[1:-1] * e[:-2])

    x = np.linspace(0, 1, 40)
    prep = di.prepare_gradient(f, "reverse", x)
    compare("value_and_gradient", f, "reverse", [(x,), (-x,)])
    assert "KiB of buffers" in prep.explain() and " 0.0 KiB" not in prep.explain(), "e should be stored"


@pytest.mark.parametrize("f", [rosenbrock, periodic], ids=lambda f: f.__name__)
def test_a_stencil_is_one_kernel_without_a_numpy_call(f: Callable[..., Any]):
    prep = di.prepare_gradient(f, "reverse", np.linspace(0, 1, 50))
    assert "1 kernel(s)" in prep.explain() and "0 NumPy call(s)" in prep.explain(), prep.explain()


def test_too_many_pieces_are_left_to_numpy():
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        for i in range(0, 200, 2):
            y[i : i + 2] = x[i : i + 2] * (1.0 + i)  # (stretches: writes of single entries are a loop)
        return np.sum(np.cumsum(y) * x)

    x = np.cos(np.arange(200.0))
    compare("value_and_gradient", f, "reverse", [(x,), (-x,)])
    assert "too many pieces" in di.prepare_gradient(f, "reverse", x).explain()


def strided_writes(m: Any) -> Any:
    y = np.exp(0.1 * m)
    y[1:, ::3] += m[:-1, ::3] ** 2
    y[::-2, 1::2] = m[0, 1::2]
    y[5:0:-5] *= 2.0
    y[7:, ::2] = 1.0  # (to no entry)
    return np.sum(y[::2, ::-1] * y[::2]) + np.sum(y**2)


def test_writes_to_every_second_entry_are_no_calls():
    m = np.random.default_rng(7).standard_normal((7, 10))
    compare("value_and_gradient", strided_writes, "reverse", [(m,), (-m,)])
    compare("hvp", strided_writes, "forward", [(m, np.cos(m))], 1e-11)
    prep = di.prepare_gradient(strided_writes, "reverse", m)
    assert "0 NumPy call(s)" in prep.explain(), prep.explain()


def test_writes_that_are_far_apart_are_calls():
    def f(x: Any) -> Any:
        y = np.sin(x)
        y[::9] += x[::9]
        return np.sum(y * x)

    x = np.linspace(0, 1, 40)
    compare("value_and_gradient", f, "reverse", [(x,), (-x,)])
    assert "add_at" in di.prepare_gradient(f, "reverse", x).explain()


def test_every_second_position_of_a_loop():
    assert Split(0, 2).of(range(1, 9)) == [range(1, 3), range(3, 9)]
    assert [[*part] for part in Split(0, 0, every=3).of(range(1, 9, 2))] == [[1, 7], [3], [5]]
    assert [[*part] for part in Split(0, 0, every=4).of(range(2))] == [[0], [1]]


def test_where_an_index_enters_and_leaves_an_interval():
    for offset, step, n, low, high in itertools.product(
        range(-3, 6), [-3, -2, -1, 1, 2, 3], range(1, 6), range(3), range(1, 6)
    ):
        inside = [low <= offset + step * i < high for i in range(n)]
        try:
            assert set(inside) == {_is_within((0, step, offset), low, high, [n])}
        except Split as split:
            assert 0 < split.position < n and len(set(inside[: split.position])) == 1


@pytest.mark.parametrize("n", [1, 7, 8, 9, 21, 100])
@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_narrow_products(n: int, k: int):
    rng = np.random.default_rng(n * k)
    X, y = rng.standard_normal((n, k)), rng.random(n) < 0.5

    def loss(b: Any, X: Any) -> Any:
        p = 1 / (1 + np.exp(-(X @ b)))
        return (
            np.sum(np.log(np.where(y, p, 1 - p)))
            + (b @ b) ** 2
            + np.sum(np.exp(-X.T @ p) * b)
            + np.sum(X @ np.outer(b, b))
        )

    b = np.linspace(-0.5, 0.5, k)
    for engine in ("forward", "reverse"):
        compare("value_and_gradient", loss, engine, [(b, X), (-b, np.asfortranarray(0.5 * X))], 1e-11)


def test_reductions_over_any_axes_of_strided_operands():
    x = np.random.default_rng(5).standard_normal((4, 5, 10))

    def f(x: Any) -> Any:
        y = np.exp(0.3 * x)[:, ::-1, 1:]
        parts = [np.sum(y, axis=a) for a in (0, 1, 2, (0, 2), (1, 2))] + [np.max(y, axis=a) for a in (0, 1, 2)]
        return sum(np.sum(part**2) for part in parts) + np.min(y) * np.max(x[0])

    for engine in ("forward", "reverse"):
        compare("value_and_gradient", f, engine, [(x,), (-x,)], 1e-11)


def test_nan_goes_through_a_maximum():
    def f(x: Any) -> Any:
        return np.max(np.sin(x)) + np.min(x * 2.0)

    x = np.linspace(0, 1, 20)
    with_nan = np.where(np.arange(20) == 13, np.nan, x)
    compare("value_and_gradient", f, "reverse", [(x,), (with_nan,), (-x,)])
