"""float32 in compiled recordings: NumPy's dtypes, its numbers to a few units, and kernels in the place of its calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di

pytest.importorskip("llvmlite")

from diffiface_native.compiled.single import widened
from diffiface_native.recorded.recorder import Recorder

SINGLE = np.float32
ENGINES = ("forward", "reverse")
rng = np.random.default_rng(0)


def singles(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(SINGLE)


W, C, D = singles(7), singles(4, 7), rng.standard_normal(7)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: np.sum((x * 0.1 + W) / (2 - x * x) - x**3),
    "functions": lambda x: np.sum(np.exp(np.sin(x)) * np.tanh(x) + np.log1p(x * x) + np.sqrt(1 + x**2)),
    "where": lambda x: np.sum(np.where(x > 0.1, np.maximum(x, 0.3), np.abs(x) * 0.7)),
    "slices": lambda x: np.sum(x[1:] * x[:-1] ** 2) + x[0] + np.sum(np.concatenate([x[::-1], x[:2]]) ** 2),
    "writing": lambda x: np.sum(written(x) ** 3),
    "reductions": lambda x: np.max(x * W) * np.sum(x, keepdims=True)[0] + np.mean(np.exp(x)) + np.min(x),
    "matrices": lambda x: np.sum(np.tanh(C @ x) ** 2) + x @ W,
    "outer": lambda x: np.sum(np.exp(x[:, None] * W) * C[0]),
    "double constants": lambda x: np.sum(x * D) * np.sum(np.exp(x)),
    "to double and back": lambda x: np.sum(np.exp(x.astype(np.float64)).astype(SINGLE) * x),
    "sorted": lambda x: np.sum(np.sort(x) * W) + np.sum(np.cumsum(x * 0.5)),
    "scalars": lambda x: np.exp(x[0]) * x[1] / (x[2] * 3.0) + x[3],
}


def written(x: Any) -> Any:
    y = np.zeros_like(x)
    y[1:] += x[:-1] * 0.1
    y[0] = 0.3
    return y


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_those_of_single_precision(name: str, engine: str):
    f, eager = FUNCTIONS[name], di.backend(engine, compile=False)
    x = singles(7)
    prep: Any = di.prepare_gradient(f, engine, x)
    for point in (x, singles(7), -x):
        value, gradient = prep.value_and_gradient(point)
        wanted, wanted_gradient = di.value_and_gradient(f, eager, point)
        assert value.dtype == wanted.dtype == f(point).dtype
        assert gradient.dtype == SINGLE
        exact = di.value_and_gradient(f, eager, point.astype(np.float64))
        # as near to the numbers of float64 as NumPy's float32, but for a few units of the largest term
        units = np.spacing(SINGLE(max(1.0, float(np.abs(exact[1]).max()))))
        np.testing.assert_allclose(gradient, wanted_gradient, rtol=2e-5, atol=16 * units)
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_elementary_arithmetic_is_numpys_to_the_last_bit():
    def f(x: Any) -> Any:
        return (x * 0.1 + 0.7) / (x * x - 3) - np.sqrt(np.abs(x)) * np.where(x < 0.3, x, 1 / (x + 5))

    x = (singles(2000) * 10).astype(SINGLE)
    x[:6] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40]
    with np.errstate(all="ignore"):
        prep: Any = di.prepare_pushforward(f, "forward", x, np.ones_like(x))
        y, _ = prep.value_and_pushforward(x, np.ones_like(x))
        wanted = f(x)
    assert "of machine code" in prep.explain()
    assert y.dtype == SINGLE
    np.testing.assert_array_equal(y.view(np.uint32)[~np.isnan(wanted)], wanted.view(np.uint32)[~np.isnan(wanted)])
    np.testing.assert_array_equal(np.isnan(y), np.isnan(wanted))


def test_functions_are_rounded_from_more_digits():
    x = (singles(5000) * 4).astype(SINGLE)
    for function in (np.exp, np.sin, np.tanh, np.arctan, np.expm1):
        prep: Any = di.prepare_pushforward(function, "forward", x, np.ones_like(x))
        y, _ = prep.value_and_pushforward(x, np.ones_like(x))
        wanted = function(x.astype(np.float64)).astype(SINGLE)
        assert y.dtype == SINGLE
        assert (np.abs(y.astype(np.float64) - wanted) <= np.spacing(np.abs(wanted))).all()
        assert np.mean(y == wanted) > 0.99


def test_all_of_it_is_machine_code():
    def f(x: Any, w: Any) -> Any:
        return np.sum(np.tanh(x * w + 0.5) ** 2) + np.max(x)

    x = singles(300)
    prep: Any = di.prepare_gradient(f, "reverse", x, x)
    assert "0 NumPy call(s)" in prep.explain(), prep.explain()
    assert "float32[300] = tanh" in prep.graph()


def test_what_a_guard_depends_on_is_numpys_own():
    def f(x: Any) -> Any:
        return np.sum(np.exp(x)) if np.sum(x * SINGLE(0.1)) > 0.3 else np.sum(x**2)

    x = np.full(9, SINGLE(0.3) / SINGLE(0.9))
    prep: Any = di.prepare_gradient(f, "reverse", x)
    for k in range(-30, 31):
        point = x + SINGLE(k) * np.spacing(x)
        np.testing.assert_allclose(
            prep.gradient(point), di.gradient(f, di.backend("reverse", compile=False), point), rtol=1e-6
        )


def test_strict_computes_in_single_precision():
    strict, replay = di.backend("reverse", strict=True), di.backend("reverse", compile="replay")
    f, x = FUNCTIONS["functions"], singles(7)
    for engine in (strict, replay):
        value, gradient = di.prepare_gradient(f, engine, x).value_and_gradient(x)
        assert value == f(x)
        assert gradient.dtype == SINGLE


def test_a_graph_of_doubles_is_left_alone():
    recorder = Recorder("reverse")
    x = recorder.input(np.ones(3))
    recorder.graph.outputs = [recorder.apply("exp", (x,), {})]
    assert widened(recorder.graph) is recorder.graph


def test_a_graph_of_singles_has_them_at_its_edges():
    recorder = Recorder("reverse")
    x = recorder.input(np.ones(3, SINGLE))
    y = recorder.apply("multiply", (recorder.apply("exp", (x,), {}), 0.1), {})
    recorder.graph.outputs = [recorder.apply("negative", (y,), {})]
    graph = widened(recorder.graph)
    assert [f"{v.operation} {v.dtype}" for v in graph.live()] == [
        "input float32", "astype float64", "exp float64", "astype float32", "astype float64", "multiply float64",
        "astype float32", "astype float64", "negative float64", "astype float32",
    ]  # fmt: skip
    (weak,) = [v.arguments[1] for v in graph.live() if v.operation == "multiply"]
    assert weak == np.float64(SINGLE(0.1)) != 0.1


def test_results_of_one_operation_stay_together():
    def f(x: Any) -> Any:
        a = np.outer(x, x) + np.eye(3, dtype=SINGLE)
        u, s, _ = np.linalg.svd(a * SINGLE(0.5))
        w, v = np.linalg.eigh(a)
        return np.sum(s[:1] * u[0, 0] ** 2) + np.sum(np.exp(w * 0.1)) + v[0, 2] ** 2

    x = np.array([0.3, -0.7, 1.9], SINGLE)
    prep: Any = di.prepare_gradient(f, "reverse", x)
    np.testing.assert_allclose(
        prep.gradient(x), di.gradient(f, di.backend("reverse", compile=False), x), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_long_arrays_in_rows_and_among_threads(engine: str):
    X, w = singles(3000, 5), singles(3000)

    def f(b: Any) -> Any:
        p = 1 / (1 + np.exp(-(X @ b)))
        return np.sum(np.log(np.where(w > 0, p, 1 - p)))

    b = singles(5)
    prep: Any = di.prepare_gradient(f, di.backend(engine, threads=2), b)
    for point in (b, -b, singles(5)):
        value, gradient = prep.value_and_gradient(point)
        exact = di.value_and_gradient(f, di.backend(engine, compile=False), point.astype(np.float64))
        assert value.dtype == gradient.dtype == SINGLE
        np.testing.assert_allclose(value, exact[0], rtol=1e-5)
        np.testing.assert_allclose(gradient, exact[1], rtol=1e-4, atol=1e-4 * np.abs(exact[1]).max())
