"""The checks that the tests of numpy.linalg, numpy.fft and scipy.linalg share."""

from __future__ import annotations

from typing import Any

import numpy as np

import diffiface as di
from tests.numpy_api.linear_algebra_cases import V, function_of, parts, slopes, weighted_sum

OTHER_ENGINES = ("jax", "torch", "autograd")


def check_value_and_derivatives(expression: str, **names: Any) -> None:
    """Hold value, gradient and Hessian of our engines against the library itself."""
    f = function_of(expression, **names)
    total = weighted_sum(f)
    expected = slopes(total, V)
    assert np.any(expected), "the case has no derivative to test"
    for engine in ("forward", "reverse"):
        (value, gradient) = di.value_and_gradient(total, engine, V)
        np.testing.assert_allclose(value, total(V), rtol=1e-12)
        np.testing.assert_allclose(gradient, expected, rtol=2e-6, atol=1e-7)
    hessian = di.hessian(total, "reverse", V)
    expected_hessian = slopes(lambda v: di.gradient(total, "forward", v), V)
    np.testing.assert_allclose(hessian, expected_hessian, rtol=5e-6, atol=5e-6)


def check_shapes_and_dtypes(expression: str, **names: Any) -> None:
    """Every part of the result has the library's shape and dtype, in both precisions the result can have."""
    f = function_of(expression, **names)
    seen: list[Any] = []

    def observed(v: Any) -> Any:
        y = f(v)
        seen[:] = [(np.shape(part), part.dtype) for part in parts(y)]
        return v[0]

    di.gradient(observed, "reverse", V)
    assert seen == [(np.shape(part), np.asarray(part).dtype) for part in parts(f(V))]


def check_engine(expression: str, engine: str, **names: Any) -> None:
    """Hold another engine against ours."""
    total = weighted_sum(function_of(expression, **names))
    prep = di.prepare_gradient(total, engine, V)
    value, gradient = prep.value_and_gradient(V)
    np.testing.assert_allclose(value, total(V), rtol=1e-11)
    np.testing.assert_allclose(gradient, di.gradient(total, "reverse", V), rtol=1e-8, atol=1e-9)
