"""Calls drawn from the tables of translated functions: any ufunc or reduction, any memory layout, dtype and keyword.

Each is held against NumPy's value, central differences, and itself detached. Drawn the same way in every run; longer and
differently each time in the nightly mode, `pytest --hypothesis-profile=nightly tests/numpy_api/test_from_the_table.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffiface as di
from diffiface.numpy_api.table import UFUNCS
from tests.conftest import require

# Whatever profile was asked for on the command line, else the short one (both are registered in conftest.py).
DRAWN = settings.get_profile("nightly" if settings().max_examples > 1000 else "few")

INTERVALS = {
    "arccosh": (1.2, 3.0),
    "log1p": (-0.8, 2.0),
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], (-0.8, 0.8)),
    **dict.fromkeys(["sqrt", "log", "log2", "log10", "power", "float_power"], (0.3, 2.0)),
}
"""Where a function is real; the others get numbers between -2 and 2."""

# (They count, or are 0 and 1, or want integers.)
LEFT_OUT = {"matmul", "vecdot", "matvec", "vecmat", "ldexp", "nextafter", "heaviside", "_zeta"}
ELEMENTWISE = sorted(
    (
        f
        for f, entry in UFUNCS.items()
        if entry.kind == "differentiable" and hasattr(np, f.__name__) and f.nin <= 2 and f.nout == 1
        if f.__name__ not in LEFT_OUT
    ),
    key=lambda f: (f.nin, f.__name__),
)
CONSTANT = sorted(
    (f for f, entry in UFUNCS.items() if entry.kind == "zero derivative" and f.nin == 1 and f.nout == 1),
    key=lambda f: f.__name__,
)
REDUCTIONS = [np.sum, np.prod, np.mean, np.max, np.min, np.var, np.std, np.ptp, np.median, np.linalg.norm]
SHAPES = [(), (3,), (1,), (2, 3), (3, 1), (2, 1, 3), (0,), (2, 0)]
ENGINES = ["forward", "reverse", "forward", "reverse", "torch", "autograd"]


def laid_out(array: np.ndarray, layout: str) -> np.ndarray:
    """Return the same numbers in another arrangement in memory."""
    if layout == "fortran":
        return np.asfortranarray(array)
    if layout == "backwards":
        return np.ascontiguousarray(array[::-1])[::-1] if array.ndim else array
    if layout == "every other":
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1])) if array.ndim else None
        if wide is None:
            return array
        wide = wide.astype(array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "read-only":
        array = array.copy()
        array.flags.writeable = False
    return array


@st.composite
def arrays(draw: st.DrawFn, interval: tuple[float, float] = (-2.0, 2.0), shapes: Any = SHAPES) -> np.ndarray:
    shape = draw(st.sampled_from(shapes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    numbers = rng.uniform(*interval, shape)
    dtype = draw(st.sampled_from([np.float64, np.float64, np.float32]))
    return laid_out(
        np.asarray(numbers, dtype), draw(st.sampled_from(["c", "fortran", "backwards", "every other", "read-only"]))
    )


def check(f: Any, engine: str, x: np.ndarray) -> None:
    """Hold a function's value and its derivative along a direction against NumPy and central differences."""
    before = x.copy()
    single = x.dtype == np.float32
    y = np.asarray(f(x))
    rng = np.random.default_rng(0)
    t = np.asarray(rng.uniform(0.5, 1.5, x.shape), x.dtype)
    value, slope = di.value_and_pushforward(f, require(engine), x, t)
    np.testing.assert_allclose(value, y, rtol=2e-5 if single else 1e-12, atol=1e-6 if single else 1e-13)
    assert np.asarray(value).dtype == y.dtype == np.asarray(slope).dtype
    np.testing.assert_array_equal(x, before)
    wide, step, direction = x.astype(np.float64), 1e-6, t.astype(np.float64)
    differences = (np.asarray(f(wide + step * direction)) - np.asarray(f(wide - step * direction))) / (2 * step)
    near = dict(rtol=2e-3, atol=2e-3) if single else dict(rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slope, differences, **near)
    pulled = di.pullback(f, engine, x, np.ones(y.shape, y.dtype))
    np.testing.assert_allclose(np.sum(np.asarray(pulled, np.float64) * direction), np.sum(differences), **near)


@settings(DRAWN)
@given(st.data())
def test_elementwise(data: st.DataObject) -> None:
    f = data.draw(st.sampled_from(ELEMENTWISE))
    engine = data.draw(st.sampled_from(ENGINES))
    interval = INTERVALS.get(f.__name__, (-2.0, 2.0))
    x = data.draw(arrays(interval))
    if f.nin == 1:
        check(f, engine, x)
        return
    # (Shifted, because two arrays drawn alike would tie in every entry.)
    other = np.asarray(data.draw(arrays(interval)) + 0.0371, x.dtype)
    try:
        np.broadcast_shapes(x.shape, other.shape)
    except ValueError:
        other = other.reshape(-1)[:1] if other.size else np.ones((), x.dtype)
    if f.__name__ in ("remainder", "fmod", "divide", "arctan2", "hypot"):  # away from jumps and poles
        other = np.where(np.abs(other) < 0.4, other + np.asarray(1.7, x.dtype), other)
        x = np.asarray(x + np.asarray(3 * 0.371, x.dtype))
    if data.draw(st.booleans()):
        check(lambda v: f(v, other), engine, x)
    else:
        check(lambda v: f(other, v), engine, x)


@settings(DRAWN)
@given(st.data())
def test_reductions(data: st.DataObject) -> None:
    f = data.draw(st.sampled_from(REDUCTIONS))
    x = data.draw(arrays((0.3, 2.0), [s for s in SHAPES if s and 0 not in s]))
    axis = data.draw(st.sampled_from([None, *range(-x.ndim, x.ndim)]))
    keywords: dict[str, Any] = {"axis": axis, "keepdims": data.draw(st.booleans())}
    if f in (np.var, np.std):
        keywords["ddof"] = data.draw(st.sampled_from([0, 0.5]))
        if (x.size if axis is None else x.shape[axis]) < 2:
            keywords["axis"] = axis = None
        if x.size < 2:
            return
    if f is np.linalg.norm and axis is None and x.ndim > 2:
        keywords["axis"] = -1
    check(lambda v: f(v, **keywords), data.draw(st.sampled_from(ENGINES)), x)


@settings(DRAWN)
@given(st.data())
def test_what_has_no_derivative_has_zeros(data: st.DataObject) -> None:
    f = data.draw(st.sampled_from(CONSTANT))
    x = data.draw(arrays())
    engine = data.draw(st.sampled_from(ENGINES))
    if f.__name__ in ("invert", "bitwise_count") or (f.__name__ == "spacing" and engine in ("torch", "autograd")):
        return
    kept = di.pullback(lambda v: v + 0 * f(v), require(engine), x, np.ones(x.shape, x.dtype))
    np.testing.assert_array_equal(kept, np.ones(x.shape))


@pytest.mark.parametrize("f", ELEMENTWISE, ids=lambda f: f.__name__)
def test_a_detached_operand_takes_no_part(f: np.ufunc) -> None:
    x = np.linspace(*INTERVALS.get(f.__name__, (0.4, 1.9)), 4)
    if f.nin == 2:
        slopes = [
            di.gradient(lambda v, g=g: np.sum(g(v)), "reverse", x) for g in (lambda v: f(v, x), lambda v: f(x, v))
        ]
        both = di.gradient(lambda v: np.sum(f(v, v)), "reverse", x)
        np.testing.assert_allclose(both, slopes[0] + slopes[1], rtol=1e-12, atol=1e-14)
    else:
        inner = di.gradient(lambda v: np.sum(f(v)), "forward", x)
        np.testing.assert_allclose(di.gradient(lambda v: np.sum(f(v) * x), "reverse", x), inner * x, rtol=1e-12)
