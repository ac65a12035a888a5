"""Random programs: what is compiled or replayed gives the numbers of the eager engine, derivatives of all orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import diffiface as di
from tests.backends.random_programs import SHAPES, RandomProgram, arrays, programs

pytest.importorskip("llvmlite")

MODES = ("replay", True)
SMALL = [shape for shape in SHAPES if np.prod(shape) <= 17]
COMPARED = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def assert_close(actual: Any, wanted: Any, what: str, rtol: float = 1e-12) -> None:
    """Compare to `rtol` of the largest entry; NaN and infinity in the same places; dtype and shape the same."""
    if isinstance(wanted, tuple):
        for a, w in zip(actual, wanted, strict=True):
            assert_close(a, w, what, rtol)
        return
    actual, wanted = np.asarray(actual), np.asarray(wanted)
    assert actual.shape == wanted.shape and actual.dtype == wanted.dtype, what
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    np.testing.assert_allclose(actual, wanted, rtol=rtol, atol=rtol * scale, err_msg=what)


def compare(operator: str, f: Any, engine: str, points: list[tuple[Any, ...]], rtol: float = 1e-12) -> None:
    """Prepare at the first point; run at all of them, twice over, in both modes."""
    with np.errstate(all="ignore"):
        wanted = [getattr(di, operator)(f, di.backend(engine, compile=False), *point) for point in points]
        prepare = getattr(di, f"prepare_{operator.removeprefix('value_and_')}")
        for mode in MODES:
            prep = prepare(f, di.backend(engine, compile=mode), *points[0])
            for _ in range(2):
                for point, expected in zip(points, wanted, strict=True):
                    before = [np.array(argument) for argument in point]
                    actual = getattr(prep, operator)(*point)
                    assert_close(actual, expected, f"{mode=} {engine=} {operator}\n{prep.explain()}", rtol)
                    for argument, copy in zip(point, before, strict=True):
                        np.testing.assert_array_equal(argument, copy)
                        for result in actual if isinstance(actual, tuple) else (actual,):
                            assert not np.shares_memory(result, argument)
            assert "recording failed" not in prep.explain(), prep.explain()


def another(x: np.ndarray, factor: float = -0.75) -> np.ndarray:
    """Another point of the same shape: other branches are taken there."""
    return np.asarray(factor * x + 0.125)


@settings(COMPARED, max_examples=30)
@given(programs(), arrays(), st.sampled_from(["forward", "reverse"]))
def test_value_and_gradient(f: RandomProgram, x: np.ndarray, engine: str):
    compare("value_and_gradient", f, engine, [(x,), (another(x),)])


@settings(COMPARED, max_examples=12)
@given(programs(scalar=False, most=6), arrays(SMALL), st.sampled_from(["forward", "reverse"]))
def test_jacobian(f: RandomProgram, x: np.ndarray, engine: str):
    compare("value_and_jacobian", f, engine, [(x,)])


@settings(COMPARED, max_examples=12)
@given(programs(most=6), arrays(SMALL), st.sampled_from(["forward", "reverse"]))
def test_hvp(f: RandomProgram, x: np.ndarray, engine: str):
    compare(
        "hvp", f, engine, [(x, np.cos(np.arange(x.size * 1.0)).reshape(x.shape)), (another(x), np.ones(x.shape))], 1e-11
    )


@settings(COMPARED, max_examples=12)
@given(programs(), arrays(), st.data())
def test_contexts(f: RandomProgram, x: np.ndarray, data: st.DataObject):
    weights = data.draw(st.sampled_from([0.5, 2, np.float64(0.3), np.linspace(0, 1, x.size).reshape(x.shape)]))
    mask = data.draw(st.sampled_from([True, False, np.arange(x.size).reshape(x.shape) % 2 == 0]))
    power = data.draw(st.integers(1, 4))
    compare("value_and_gradient", f, "reverse", [(x, weights, mask, power), (another(x), weights, mask, power)])


@settings(COMPARED, max_examples=12)
@given(programs(most=5), arrays(special=True))
def test_nan_and_infinity_in_x(f: RandomProgram, x: np.ndarray):
    compare("value_and_gradient", f, "reverse", [(x,), (np.ones(x.shape),), (x,)])


@settings(COMPARED, max_examples=8)
@given(programs(most=5), arrays(SMALL), st.sampled_from(["forward", "reverse"]))
def test_float32(f: RandomProgram, x: np.ndarray, engine: str):
    compare("value_and_gradient", f, engine, [(x.astype(np.float32),)], 2e-5)


@settings(COMPARED, max_examples=8)
@given(programs(most=5), arrays(SMALL), st.sampled_from(["forward", "reverse"]))
def test_captured_arrays_that_change(f: RandomProgram, x: np.ndarray, engine: str):
    w = np.cos(np.arange(x.size * 1.0)).reshape(x.shape)

    def g(x: Any) -> Any:
        return f(x + w) * np.sum(w) + np.sum(w * x)

    with np.errstate(all="ignore"):
        prep = di.prepare_gradient(g, engine, x)
        for factor in (1.0, -1.5, 2.0):
            w *= factor
            wanted = di.value_and_gradient(g, di.backend(engine, compile=False), x)
            assert_close(prep.value_and_gradient(x), wanted, f"{engine=} {factor=}\n{prep.explain()}")
