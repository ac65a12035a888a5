"""Loops over elements: what they write waits until the array is needed as a whole, and nothing can be told from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffiface as di
from diffiface.numpy_api import Array, Scalar, undress
from diffiface.primitives import NUMPY
from tests.conftest import require
from tests.numpy_api.boxes import Box, BoxTrace

X = np.array([0.31, 0.82, 0.55, 0.17, 0.93, 0.46])


class CountingTrace(BoxTrace):
    """Counts the new arrays that writes and joins make."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0


def _counted(name: str) -> Any:
    original = getattr(BoxTrace, name)

    def method(self: CountingTrace, *arrays: Any, **parameters: Any) -> Any:
        self.made += 1
        return original(self, *arrays, **parameters)

    return method


for _name in ("setitem", "stack"):
    setattr(CountingTrace, _name, _counted(_name))


def autoregression(v: Any) -> Any:
    y = np.zeros_like(v)
    y[0] = v[0]
    for i in range(1, len(v)):
        y[i] = 0.9 * y[i - 1] + v[i]
    return y


def autoregressive_rows(v: Any) -> Any:
    m = v.reshape(3, 2)
    y = np.zeros_like(m)
    for t in range(3):
        y[t] = (y[t - 1] * 0.5 if t else 0.0) + m[t]
        y[t] += 1.0
    return y


def columns_from_the_right(v: Any) -> Any:
    m = v.reshape(2, 3)
    y = np.zeros_like(m)
    for t in (2, 1, 0):
        y[:, t] = m[:, t] * 2 + (y[:, t + 1] if t < 2 else 0.0)
    return y


def single_elements_of_a_matrix(v: Any) -> Any:
    y = np.zeros_like(v.reshape(2, 3))
    for i in range(2):
        for j in range(3):
            y[i, j] = v[3 * i + j] + (y[i, j - 1] if j else 0.0)
    return y


@pytest.mark.parametrize(
    "f", [autoregression, autoregressive_rows, columns_from_the_right, single_elements_of_a_matrix]
)
def test_a_loop_that_only_meets_its_own_entries_is_joined_once(f: Any) -> None:
    p = CountingTrace()
    result = f(p.array(X))
    assert p.made == 0, "a write was carried out before it was needed"
    np.testing.assert_array_equal(undress(result).value, f(X))
    assert p.made == 1


@pytest.mark.parametrize("live", [True, False])
def test_what_is_read_meanwhile_is_what_was_written(live: bool) -> None:
    v = BoxTrace(live=live).array(X)
    y = np.zeros_like(v)
    y[-1] = v[0]
    assert type(y[5]) is Scalar and undress(y[5]).value == X[0]
    assert y.shape == (6,) and y.dtype == float and len(y) == 6
    tail = y[4:]
    y[4] = v[1]
    y[np.int64(4)] += 1.0
    assert undress(tail).value.tolist() == [X[1] + 1, X[0]]
    y[1] = 2
    assert undress(y).value.tolist() == [0, 2, 0, 0, X[1] + 1, X[0]]


def test_writes_some_whole_some_single_keep_their_order() -> None:
    v = BoxTrace().array(X)
    y = v.copy()
    y[2] = 5.0
    y[:4] *= 2
    y[1] = v[0]
    y[:] = y[::-1]
    y[0] = y[5]
    expected = X.copy()
    expected[2] = 5.0
    expected[:4] *= 2
    expected[1] = X[0]
    expected[:] = expected[::-1].copy()
    expected[0] = expected[5]
    np.testing.assert_array_equal(undress(y).value, expected)


def test_a_row_that_waits_is_a_view() -> None:
    for v in (Array(X, NUMPY), BoxTrace().array(X)):
        y = np.zeros_like(v.reshape(2, 3))
        y[0] = v[:3]
        row, copy = y[0], y[0].copy()
        row[1] = 7.0
        y[0, 2] = 8.0
        y[1] = row
        y[0] = 0.5
        found = undress(np.concatenate([y.ravel(), row, copy]))
        found = found.value if type(found) is Box else found
        assert found.tolist() == [0.5, 0.5, 0.5, X[0], 7.0, 8.0, 0.5, 0.5, 0.5, *X[:3]]


def test_the_arrays_dtype_is_kept() -> None:
    v = BoxTrace().array(X)
    y = np.zeros_like(v, dtype=np.float32)
    y[0], y[1] = v[0], 0.1
    assert undress(y).value.tolist() == [np.float32(X[0]), np.float32(0.1), 0, 0, 0, 0]
    assert y.dtype == y[0].dtype == np.float32
    with pytest.raises(TypeError, match="complex"):
        y[0] = v[0] * 1j


@pytest.mark.parametrize("index", [6, -7, np.int64(9), (0, 0)])
def test_errors_come_at_the_write(index: Any) -> None:
    v = BoxTrace().array(X)
    y = np.zeros_like(v)
    y[0] = v[0]
    with pytest.raises(IndexError):
        y[index] = v[0]
    with pytest.raises(IndexError):
        y[index]


def test_values_of_an_inner_trace_wait_too() -> None:
    outer = BoxTrace()
    inner = BoxTrace(outer)
    y: Any = np.zeros_like(outer.array(X))
    y[0] = outer.array(X)[0]
    y[1] = inner.array(X)[1]
    assert (y[0] + y[1])._p is inner
    assert undress(y).trace is inner and y._p is inner


@pytest.mark.parametrize("engine", ["forward", "reverse", "autograd", "torch"])
def test_a_thousand_steps_on_every_eager_engine(engine: str) -> None:
    require(engine)
    n = 1000
    v = np.cos(np.arange(n) * 0.1)
    gradient = di.gradient(lambda v: np.sum(autoregression(v) ** 2), engine, v)
    cotangent = 2 * autoregression(v)
    for i in range(n - 2, -1, -1):
        cotangent[i] += 0.9 * cotangent[i + 1]
    np.testing.assert_allclose(gradient, cotangent, rtol=1e-10)
