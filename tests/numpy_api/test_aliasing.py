"""What random programs of views, copies and writes leave behind is what NumPy leaves, and so is its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import diffiface as di
from diffiface.errors import UnsupportedOperationError
from diffiface.numpy_api import undress
from tests.conftest import require
from tests.numpy_api.boxes import BoxTrace
from tests.numpy_api.random_programs import Step, run

X = np.array([0.31, 0.82, 0.55, 0.17, 0.93, 0.46, -0.24, 0.68, -0.77, 0.12, 0.39, -0.51])
PROGRAMS = st.lists(st.tuples(*[st.integers(0, 60)] * 4), min_size=1, max_size=14)
few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _weighted(program: list[Step]) -> Any:
    def f(x):
        y = run(program, x)
        return np.sum(y * np.cos(np.arange(y.size))) + np.sum(y**2)

    return f


@given(PROGRAMS)
@few
def test_values_are_numpys_where_the_layout_is_known(program: list[Step]) -> None:
    expected = run(program, X.copy())
    given_array = X.copy()
    found = undress(run(program, BoxTrace().array(given_array)))
    np.testing.assert_allclose(found.value, expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(given_array, X)


@given(PROGRAMS)
@few
def test_values_are_numpys_or_refused_where_it_is_not(program: list[Step]) -> None:
    expected = run(program, X.copy())
    try:
        found = undress(run(program, BoxTrace(live=False).array(X.copy())))
    except UnsupportedOperationError as error:
        assert "order of the elements in memory" in str(error)
        return
    np.testing.assert_allclose(found.value, expected, rtol=1e-13, atol=1e-13)


@given(PROGRAMS)
@settings(few, max_examples=60)
def test_gradients_of_our_engines_are_those_of_differences(program: list[Step]) -> None:
    f = _weighted(program)
    step = 1e-6
    expected = [(f(X + step * e) - f(X - step * e)) / (2 * step) for e in np.eye(X.size)]
    scale = 1.0 + np.abs(expected).max()
    for engine in ("reverse", "forward"):
        value, gradient = di.value_and_gradient(f, engine, X)
        np.testing.assert_allclose(value, f(X.copy()), rtol=1e-12)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7 * scale, err_msg=engine)


@pytest.mark.parametrize("engine", ["autograd", "torch"])
@given(program=PROGRAMS)
@settings(few, max_examples=25)
def test_gradients_of_other_engines_are_those_of_ours(engine: str, program: list[Step]) -> None:
    require(engine)
    f = _weighted(program)
    try:
        found = di.gradient(f, engine, X)
    except UnsupportedOperationError as error:
        assert "order of the elements in memory" in str(error)
        return
    expected = di.gradient(f, "reverse", X)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10 * (1 + np.abs(expected).max()))
