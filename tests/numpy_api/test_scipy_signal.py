"""scipy.signal: convolutions, filters, detrending; SciPy's values and derivatives in both operands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import signal

import diffiface as di
from diffiface.errors import UnsupportedOperationError
from tests.conftest import require

RNG = np.random.default_rng(5)
K, L, SHORT = RNG.normal(size=4), RNG.normal(size=9), RNG.normal(size=6)
SMALL, LARGE, TALL = RNG.normal(size=(2, 3)), RNG.normal(size=(5, 6)), RNG.normal(size=(6, 2))
V, IMAGE = RNG.normal(size=6), RNG.normal(size=20)


def check(f: Any, x: np.ndarray, engines: tuple[str, ...] = ("forward", "reverse")) -> None:
    try:
        expected = f(x)
    except ValueError:  # SciPy refuses these shapes: so do we
        for engine in engines:
            with pytest.raises(ValueError):
                di.jacobian(f, engine, x)
        return
    for engine in engines:
        value, jacobian = di.value_and_jacobian(f, engine, x)
        np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-12)
        h = 1e-4
        differences = np.stack([(f(x + e) - f(x - e)) / (2 * h) for e in h * np.eye(x.size)], -1)
        np.testing.assert_allclose(jacobian, differences, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("function", [signal.convolve, signal.correlate, signal.fftconvolve, signal.oaconvolve])
def test_of_vectors(function: Any, mode: str) -> None:
    for other in (K, L, SHORT):
        check(lambda v, other=other: function(v, other, mode), V)
        check(lambda v, other=other: function(other, v, mode), V)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(
    "function",
    [signal.convolve, signal.correlate, signal.convolve2d, signal.correlate2d, signal.fftconvolve],
)
def test_of_images(function: Any, mode: str) -> None:
    for other in (SMALL, LARGE, TALL):
        check(lambda v, other=other: function(v.reshape(4, 5), other, mode), IMAGE)
        check(lambda v, other=other: function(other, v.reshape(4, 5), mode), IMAGE)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("function", [signal.convolve2d, signal.correlate2d])
def test_boundaries(function: Any, mode: str, boundary: str) -> None:
    check(lambda v: function(v.reshape(4, 5), SMALL, mode, boundary, 0.7), IMAGE)
    check(lambda v: function(SMALL, v.reshape(4, 5), mode, boundary, 0.7), IMAGE)


def test_lfilter() -> None:
    check(lambda v: signal.lfilter([0.2, 0.3, 0.1], [1.0], v), V)
    check(lambda v: signal.lfilter([0.2, 0.3, 0.1], [2.0, 0.3, -0.2], v), V)
    check(lambda v: signal.lfilter(v, [2.0, 0.3], L), V[:3])
    check(lambda v: signal.lfilter([0.4, 0.2], v, L), np.array([1.5, 0.3, -0.4]))
    check(lambda v: signal.lfilter([0.4, 0.2], [1, 0.3], v.reshape(4, 5), axis=0), IMAGE)
    with pytest.raises(UnsupportedOperationError, match="zi"):
        di.jacobian(lambda v: signal.lfilter([1.0], [1.0, 0.5], v, zi=[0.0])[0], "reverse", V)


@pytest.mark.parametrize("kind", ["linear", "constant"])
def test_detrend(kind: str) -> None:
    check(lambda v: signal.detrend(v, type=kind), V)
    check(lambda v: signal.detrend(v.reshape(4, 5), axis=0, type=kind), IMAGE)
    check(lambda v: signal.detrend(v, bp=[3]), V)


@pytest.mark.parametrize("engine", ["jax", "torch", "autograd"])
def test_other_engines(engine: str) -> None:
    def f(v: Any) -> Any:
        return np.sum(signal.convolve(v, K, "same") ** 2) + np.sum(signal.lfilter([0.2, 0.1], [2.0, 0.3], v) ** 2)

    prep = di.prepare_gradient(f, require(engine), V)
    np.testing.assert_allclose(prep.gradient(V), di.gradient(f, "forward", V), rtol=1e-10)


def test_second_derivative() -> None:
    hessian = di.hessian(lambda v: np.sum(signal.convolve(v, v)), "forward", V)
    np.testing.assert_allclose(hessian, 2 * np.ones((6, 6)), rtol=1e-12)


def test_float32_stays() -> None:
    value, jacobian = di.value_and_jacobian(lambda v: signal.convolve(v, K.astype("f")), "reverse", V.astype("f"))
    assert value.dtype == jacobian.dtype == np.float32
