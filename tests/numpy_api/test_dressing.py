"""Between dressed and raw values, what a user's code can ask of a dressed value, and values of several traces."""

from __future__ import annotations

import copy
import numbers
import subprocess
import sys
from typing import Any, ClassVar

import numpy as np
import pytest

import diffiface as di
from diffiface.errors import UnsupportedOperationError
from diffiface.numpy_api import Array, Scalar, dress, trace_of, undress
from diffiface.primitives import NUMPY
from tests.numpy_api.boxes import Box, BoxTrace

X = np.array([0.25, 0.5, 2.0])
MASK = np.array([True, False, True])


def test_rank_decides_the_class() -> None:
    p = BoxTrace()
    assert type(dress(Box(X, p), p)) is Array
    assert type(dress(Box(X[0], p), p)) is Scalar
    assert type(dress(2.0, p)) is Scalar
    assert type(dress(X, p)) is Array, "floats stay dressed, so that they can be written to"


@pytest.mark.parametrize("raw", [X > 1, np.argsort(X), np.bool_(True), np.int64(3), True, 3, "text", None])
def test_known_booleans_and_integers_are_plain(raw: Any) -> None:
    dressed = dress(raw, BoxTrace())
    assert type(dressed) is type(raw)
    assert np.array_equal(dressed, raw)


def test_unknown_booleans_stay_dressed() -> None:
    p = BoxTrace(live=False)
    mask = p.array(X) > 1
    assert type(mask) is Array and mask.dtype == bool
    assert type(~mask & mask) is Array
    assert undress(np.where(mask, 1.0, p.array(X))).value.tolist() == [0.25, 0.5, 1.0]


def test_comparisons_of_traced_values_are_plain_masks() -> None:
    v = BoxTrace().array(X)
    assert type(v > 1) is np.ndarray
    assert type(v[0] > 1) is np.bool_
    assert type(np.argmax(v)) is np.int64


def test_undress_goes_through_containers_and_object_arrays() -> None:
    v = BoxTrace().array(X)
    raw = undress({"a": [v, (v[0], 1)], "b": np.array([v[0], 2.0, v[1]])})
    assert raw["a"][0] is v._read() and type(raw["a"][1][0]) is Box and raw["a"][1][1] == 1
    assert raw["b"].value.tolist() == [0.25, 2.0, 0.5]
    assert undress(np.array([[v[0], 1], [2, v[1]]])).value.shape == (2, 2)
    assert undress(np.array(v[0])).value == 0.25


def test_object_arrays_of_scalars_are_arrays_wherever_they_meet_a_dressed_value() -> None:
    v = BoxTrace().array(X)
    pair = np.array([v[0], v[1]])
    assert pair.dtype == object
    for result in (
        pair * v[:2],
        v[:2] + pair,
        np.stack([pair, v[:2]]),
        np.dot(v[:2], pair),
        np.where(v[:2] > 0, pair, 0),
    ):
        assert type(undress(result)) is Box
    assert undress(np.sum(np.exp(pair))).value == pytest.approx(np.exp(X[:2]).sum())
    assert undress(np.hypot(pair, 1.0)).value.tolist() == np.hypot(X[:2], 1.0).tolist()


def test_trace_of_finds_the_innermost() -> None:
    outer = BoxTrace()
    inner = BoxTrace(outer)
    a, b = outer.array(X), inner.array(X)
    assert trace_of(X) is None
    assert trace_of([1, (a, {"k": b})]) is inner


# ---- what a user's code can ask


def test_kinds_are_those_of_numpy() -> None:
    v = BoxTrace().array(X)
    z = v * 1j
    assert isinstance(v, np.ndarray) and isinstance(v[0], float) and isinstance(v[0], np.floating)
    assert isinstance(v[0], numbers.Real) and not isinstance(z[0], numbers.Real) and isinstance(z[0], numbers.Complex)
    assert np.isscalar(v[0]) and not np.isscalar(v)
    assert isinstance(v, Array) and isinstance(v[0], Scalar)


def test_prints_the_value_where_it_is_known() -> None:
    v = BoxTrace().array(X)
    assert f"{v[0]:.3f}" == "0.250" and str(v[2]) == "2.0" and f"{v}" == str(X)
    assert repr(v) == "Array([0.25 0.5  2.  ], traced by 'boxes')"
    hidden = BoxTrace(live=False).array(X)
    assert repr(hidden) == f"{hidden}" == "Array(shape=(3,), dtype=float64, traced by 'compiled boxes')"
    assert f"{hidden[0]:.3f}" == "Scalar(shape=(), dtype=float64, traced by 'compiled boxes')"


def test_copies_are_independent_and_hashes_are_identities() -> None:
    v = BoxTrace().array(X)
    for other in (copy.copy(v), copy.deepcopy(v), copy.deepcopy({"v": v})["v"]):
        other[0] = 9.0
    assert undress(v).value[0] == 0.25
    assert len({v, copy.copy(v), v}) == 2


def test_python_protocols() -> None:
    v = BoxTrace().array(X)
    first, *rest = v
    assert first == 0.25 and len(rest) == 2 and len(v) == 3 and 0.5 in v and 7.0 not in v
    assert undress(sum(v)).value == X.sum() and undress(abs(-v)).value.tolist() == X.tolist()
    assert (v == None) is False  # noqa: E711  (what Python makes of two operands that cannot be compared)
    with pytest.raises(TypeError):
        v + "text"
    with pytest.raises(TypeError):
        v + None


def test_arrays_of_other_libraries_are_converted_by_array() -> None:
    class Series:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.array([1.0, 2.0, 3.0])

    v = BoxTrace().array(X)
    assert undress(v * Series()).value.tolist() == (X * [1, 2, 3]).tolist()
    assert undress(np.add(v, Series())).value.tolist() == (X + [1, 2, 3]).tolist()


# ---- several traces


def test_values_of_two_traces_meet_in_the_inner_one() -> None:
    outer = BoxTrace()
    inner = BoxTrace(outer)
    a, b = outer.array(X), inner.array(2 * X)
    for result in (a + b, b + a, a * b[0], np.add(a, b), np.add(b, a), np.stack([a, b]), np.where(X > 1, a, b), a @ b):
        assert result._p is inner
        assert type(undress(result)) is Box and undress(result).trace is inner


def test_a_buffer_of_the_outer_trace_takes_values_of_the_inner_one() -> None:
    outer = BoxTrace()
    inner = BoxTrace(outer)
    y = np.zeros_like(outer.array(X))
    tail = y[1:]
    y[0] = inner.array(X)[0]
    tail[0] = outer.array(X)[1]
    assert y._p is inner and undress(y).trace is inner
    assert (tail + 1)._p is inner
    z = outer.array(X)
    z += inner.array(X)
    assert z._p is inner


def test_unrelated_traces_are_refused() -> None:
    a, b = BoxTrace().array(X), BoxTrace().array(X)
    for meet in (lambda: a + b, lambda: np.exp(np.array([a[0], b[0]])) * a, lambda: a.__setitem__(0, b[0])):
        with pytest.raises(UnsupportedOperationError, match="neither engine can hold the other's values"):
            meet()


def test_an_engines_composites_are_used() -> None:
    class Better(BoxTrace):
        composites: ClassVar[dict[str, Any]] = {
            "numpy.linalg.norm": lambda p, x: p.sum(x, axis=(0,), keepdims=False),
            "numpy.sinh": lambda p, x: x,
            "numpy.mean": lambda p, x, axis=None: p.sum(x, axis=(0,), keepdims=False) if axis == 0 else NotImplemented,
            "numpy.cosh": lambda p, x: NotImplemented,
        }

    v = Better().array(X)
    assert undress(np.linalg.norm(v)).value == X.sum()
    assert undress(np.sinh(v)) is v._read()
    assert undress(np.mean(v, axis=0)).value == X.sum()
    assert undress(np.mean(v)).value == X.mean()  # what it does not do better is the dress's again
    assert undress(np.cosh(v)).value.tolist() == np.cosh(X).tolist()
    assert undress(np.sinh(BoxTrace().array(X))).value.tolist() == np.sinh(X).tolist()  # other engines have their own


def test_scipy_is_not_imported_by_the_dress() -> None:
    code = "import sys, diffiface.numpy_api; assert 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_plain_numpy_runs_through_the_dress_too() -> None:
    assert np.sum(Array(X, NUMPY)) == X.sum()


@pytest.mark.parametrize("engine", ["forward", "reverse", "torch", "autograd"])
@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.sum(np.where(MASK, x, 0.0)), [1.0, 0.0, 1.0]),
        (lambda x: np.sum(np.where(MASK, 0.0, x)), [0.0, 1.0, 0.0]),
        (lambda x: np.sum(np.where(MASK, x * x, x)), [2.0, 1.0, 6.0]),
        (lambda x: np.sum(np.where(MASK, x, MASK)), [1.0, 0.0, 1.0]),
        (lambda x: np.sum(np.where([1, 0, 2], x, 0.0)), [1.0, 0.0, 1.0]),
        (lambda x: np.sum(np.where(MASK, x[:1], 0.0)), [2.0, 0.0, 0.0]),
        (lambda x: np.sum(np.where(x > 1.5, x, -x)), [-1.0, 1.0, 1.0]),
    ],
)
def test_every_way_through_where(engine: str, f: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(di.gradient(f, engine, np.array([1.0, 2.0, 3.0])), expected)


@pytest.mark.parametrize("engine", ["forward", "reverse", "torch", "autograd"])
def test_where_reads_a_view_after_a_write_to_its_array(engine: str) -> None:
    def f(x):
        y = x.copy()
        part = y[:3]
        y[0] = 5.0 * x[1]
        return np.sum(np.where(MASK, part, 0.0))

    np.testing.assert_allclose(di.gradient(f, engine, np.array([1.0, 2.0, 3.0])), [0.0, 5.0, 1.0])


@pytest.mark.parametrize("engine", ["forward", "reverse", "torch", "autograd"])
def test_constants_that_change_between_uses_are_seen(engine: str) -> None:
    def f(x):
        weights, mask = np.array([1.0, 2.0, 3.0]), np.array([True, False, True])
        total = np.sum(weights * x) + np.sum(np.where(mask, x, 0.0))
        weights[:] = 10.0
        mask[:] = False
        return total + np.sum(weights * x) + np.sum(np.where(mask, x, 0.0))

    np.testing.assert_allclose(di.gradient(f, engine, np.array([1.0, 2.0, 3.0])), [12.0, 12.0, 14.0])


@pytest.mark.parametrize("engine", ["forward", "reverse", "torch", "autograd"])
@pytest.mark.parametrize("constant", [np.array([1.0, 2.0, 3.0]), np.arange(6.0)[::-2], np.ones(500)])
def test_an_argument_that_f_writes_to_is_seen_as_it_was_at_each_use(engine: str, constant: np.ndarray) -> None:
    def f(x, c):
        total = np.sum(c * x)
        c[:] = 10.0
        return total + np.sum(c * x)

    np.testing.assert_allclose(di.gradient(f, engine, np.ones(constant.size), constant.copy()), constant + 10.0)
