"""What the tests of the engines that compute number by number share: problems with known derivatives, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import diffiface as di
from diffiface.adapter import Primitives
from tests.backends import primitive_checks
from tests.problems import SCALAR_PROBLEMS, VECTOR_PROBLEMS

COMPLEX_RESULTS = frozenset({"fft", "ifft", "rfft", "irfft", "eig"})
"""Primitives with complex results (or arguments), which engines of single real numbers refuse."""


def real_samples(primitives: type[Primitives], without: frozenset[str] = frozenset()) -> Iterator[tuple[str, int]]:
    """Yield the samples of the table that are real and whose primitive the engine has, by itself or by our rule."""
    for name, number in primitive_checks.SAMPLES:
        if name in COMPLEX_RESULTS:
            continue
        arrays = primitive_checks.PRIMITIVES[name].samples[number].arrays
        flat = arrays[0] if isinstance(arrays[0], list) else arrays
        if name in without or primitives.supplier(name) == "nobody" or any(map(np.iscomplexobj, flat)):
            continue
        yield name, number


def check_problems(engine: str, gradient: float, hessian: float) -> None:
    """Hold gradients, Hessians and Jacobians against those derived by hand, relative to their largest entry."""
    for problem in SCALAR_PROBLEMS:
        arguments = (problem.f, engine, problem.x, *problem.contexts)
        _same(di.gradient(*arguments), problem.gradient(problem.x, *problem.contexts), gradient)
        _same(di.hessian(*arguments), problem.hessian(problem.x, *problem.contexts), hessian)
    for problem in VECTOR_PROBLEMS:
        found = di.jacobian(problem.f, engine, problem.x, *problem.contexts)
        _same(found, problem.jacobian(problem.x, *problem.contexts), gradient)


def check_complex_on_the_way(engine: str, n: int) -> None:
    """Complex numbers between real x and real y, against closed forms; first derivatives and a Hessian."""
    x, h = np.linspace(-0.7, 1.1, n), np.cos(np.arange(n) ** 2.0)
    circulant = h[np.subtract.outer(np.arange(n), np.arange(n)) % n]
    filtered = lambda x: np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(h), n)
    np.testing.assert_allclose(di.jacobian(filtered, engine, x), circulant, atol=1e-12)
    filtered = lambda x: np.real(np.fft.ifft(np.fft.fft(x) * np.fft.fft(h)))
    np.testing.assert_allclose(di.jacobian(filtered, engine, x), circulant, atol=1e-12)
    power = lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2)  # Parseval: n times the sum of squares
    np.testing.assert_allclose(di.gradient(power, engine, x), 2 * n * x, atol=1e-12)
    np.testing.assert_allclose(di.hessian(power, engine, x), 2 * n * np.eye(n), atol=1e-9)
    matrix = np.outer(x, np.sin(x[:2] + 2)) + 0.3
    both_axes = lambda m: np.sum(np.real(np.fft.fft2(m) * np.conj(np.fft.fft2(m))))
    np.testing.assert_allclose(di.gradient(both_axes, engine, matrix), 2 * matrix.size * matrix, rtol=1e-12)

    def expressions(x: Any) -> Any:
        z = 1 + 1j * x
        ratio = np.exp(1j * x) ** 2 / z
        chosen = np.where(x > 0, np.sqrt(z) ** 2, 1j * z)
        return np.real(ratio), np.angle(z), np.real(np.log(z)), np.imag(chosen), np.abs(np.cumsum(z))

    numerator, square = np.cos(2 * x) + x * np.sin(2 * x), 1 + x**2
    slope = -np.sin(2 * x) + 2 * x * np.cos(2 * x)
    expected = [(slope * square - 2 * x * numerator) / square**2, 1 / square, x / square, (x > 0) * 1.0]
    blocks = di.jacobian(expressions, engine, x)
    for block, diagonal in zip(blocks, expected, strict=False):
        np.testing.assert_allclose(block, np.diag(diagonal), atol=1e-12)
    total = np.cumsum(x)
    ramp = np.arange(1, n + 1)  # |z_1 + ... + z_k|**2 = k**2 + (x_1 + ... + x_k)**2
    np.testing.assert_allclose(
        blocks[4], np.tril(np.ones((n, n))) * (total / np.hypot(ramp, total))[:, None], atol=1e-12
    )


def _same(found: Any, expected: Any, tolerance: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, float(np.max(np.abs(expected)))))


def check_prepared_constants(engine: str) -> None:
    """A prepared operator follows its constants: floats, and integers and masks that decide what f does."""

    def f(x: Any, w: Any, power: int, mask: Any) -> Any:
        return np.sum(w * np.where(mask, x**power, x))

    x, w = np.array([0.5, 2.0, -1.5]), np.array([1.0, 2.0, 3.0])
    mask = np.array([True, False, True])
    prep = di.prepare_gradient(f, engine, x, w, 2, mask)
    for factor, power, chosen in ((1, 2, mask), (2, 2, mask), (1, 3, mask), (1, 3, ~mask)):
        moved, weights = factor * x, factor * w
        expected = weights * np.where(chosen, power * moved ** (power - 1), 1.0)
        np.testing.assert_allclose(prep.gradient(moved, weights, power, chosen), expected, rtol=1e-12)


REFUSED_BY_SYMBOLS = {
    "branch": (lambda x: x[0] if x[0] > 0 else x[1], di.TracedValueError, "truth of a condition"),
    "sort": (lambda x: np.sum(np.sort(x) * x), di.TracedValueError, "sorting needs numbers"),
    "argmax": (lambda x: x[np.argmax(x)], di.TracedValueError, "argmax needs numbers"),
    "mask": (lambda x: np.sum(x[x > 0]), di.TracedValueError, "mask"),
    "complex": (lambda x: np.sum(np.real(np.arctan(x * 1j))), di.UnsupportedOperationError, "arctan of complex"),
    "order": (lambda x: np.sum(np.real(np.maximum(x * 1j, 0))), di.UnsupportedOperationError, "maximum of complex"),
    "eigenvalues": (lambda x: np.real(np.linalg.eigvals(np.outer(x, x)))[0], di.UnsupportedOperationError, "complex"),
}
"""Functions that an engine of symbols cannot follow: the error, and what it says."""


def check_refusals(engine: str) -> None:
    """Each is refused with its own error, which names the engine and the line."""
    for f, error, text in REFUSED_BY_SYMBOLS.values():
        with pytest.raises(error, match=text) as caught:
            di.gradient(f, engine, np.array([0.3, -1.2]))
        assert caught.value.engine == engine and "entrywise_engines.py" in (caught.value.where or "")
    with pytest.raises(di.UnsupportedOperationError, match="complex x"):
        di.gradient(lambda z: np.sum(np.abs(z)), engine, np.array([1.0 + 1.0j]))
