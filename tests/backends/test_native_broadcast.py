"""What is broadcast along an outer loop: functions of it are computed once for each entry, and are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_multiply_add import nests, recorded

pytest.importorskip("llvmlite")

from diffiface.adapter import NUMPY

X, W = np.linspace(-1, 1, 12), np.random.default_rng(0).standard_normal((9, 12))


def loops_around(f: Any, operation: str, *arrays: np.ndarray) -> list[int]:
    """Return how many entries each nest computes that has the operation."""
    return [int(np.prod(n.extents)) for n in nests(f, *arrays) if any(e.operation == operation for e in n.expressions)]


def columns(p: Any, x: Any, w: Any) -> Any:
    return p.multiply(p.cos(x), w)


def test_along_the_outer_loop_it_is_computed_once():
    assert loops_around(columns, "cos", X, W) == [12]
    (found,) = recorded(columns, X, W)((X, W), ())
    np.testing.assert_allclose(found, columns(NUMPY, X, W), rtol=1e-14)


def test_along_the_inner_loop_nothing_is_stored():
    x, w = np.ascontiguousarray(X[:, None]), np.ascontiguousarray(W.T)
    assert loops_around(columns, "cos", x, w) == [108]  # (it is written in the outer loop of the nest: 12 times)


def test_cheap_functions_are_computed_again():
    assert loops_around(lambda p, x, w: p.multiply(p.add(x, 1.0), w), "add", X, W) == [108]


def test_a_forward_jacobian_has_each_function_once():
    def ring(x: Any) -> Any:
        return np.sin(x) * np.sum(x * x) + np.exp(-x) / (1.0 + np.roll(x, 1) ** 2)

    found = di.prepare_jacobian(ring, "forward", X).jacobian(X)
    np.testing.assert_allclose(
        found, di.jacobian(ring, di.backend("forward", compile=False), X), rtol=1e-13, atol=1e-14
    )
