"""Every primitive that kernels compute, on special and on ordinary values, against its definition in NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from diffiface_native.compiled.lowering import OF_BOOLEANS, OF_FLOATS
from diffiface_native.compiled.program import CompiledProgram
from diffiface_native.compiled.vector_math import ARITY, NAMES
from diffiface_native.recorded.prepared import Replayed

from diffiface.adapter import NUMPY, PRIMITIVES, current_trace

SPECIAL = np.array([
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.0, 2.5, -2.5, 3.0, -3.7, np.nan, np.inf, -np.inf, 5e-324, -5e-324, 1e-310,
    2.2250738585072014e-308, 1e-20, -1e-20, 1e20, -1e20, 1.7976931348623157e308, -1.7976931348623157e308, 700.0, -740.0,
    4503599627370497.5, np.pi, -np.pi / 2, 0.1, 37.3, -20.2, 1e6,
])  # fmt: skip
THERE = {"pow": "power"}
"""What the vector functions call a primitive, and the primitives' own name."""
MATHS = sorted(name for name in NAMES if THERE.get(name, name) in PRIMITIVES)
TWO_ARGUMENTS = {
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "equal",
    "not_equal",
    "less",
    "less_equal",
}
TWO_ARGUMENTS |= {"greater", "greater_equal"}


def in_a_kernel(name: str, *arrays: np.ndarray, **parameters: Any) -> np.ndarray:
    """Compute one primitive in machine code; another operation beside it makes a kernel worth compiling."""

    def method(f: Any, xs: Any, contexts: Any) -> tuple[Any, ...]:
        p = current_trace()
        result = getattr(p, name)(*xs, **parameters)
        return result, p.logical_not(result) if result.dtype == bool else p.add(result, 1.0)

    def eagerly(*arguments: Any) -> Any:
        raise AssertionError("the kernel was not run")

    prepared = Replayed("reverse", method, None, eagerly, CompiledProgram)  # pyright: ignore[reportArgumentType]
    with np.errstate(all="ignore"):
        prepared.record(arrays, ())
    assert "0 NumPy call(s)" in prepared.explain(), prepared.explain()
    result, beside = prepared(arrays, ())
    np.testing.assert_array_equal(beside, ~result if result.dtype == bool else result + 1.0)
    return result


def check(name: str, *arrays: np.ndarray, rtol: float = 0.0, signs: bool = True, **parameters: Any) -> None:
    actual = in_a_kernel(name, *arrays, **parameters)
    with np.errstate(all="ignore"):
        wanted = getattr(NUMPY, name)(*arrays, **parameters)
    assert actual.dtype == wanted.dtype
    for label, places in {"nan": np.isnan, "inf": np.isinf}.items():
        wrong = places(actual) != places(wanted)
        assert not wrong.any(), f"{label}: {[a[wrong] for a in arrays]} → {actual[wrong]}, not {wanted[wrong]}"
    np.testing.assert_allclose(actual, wanted, rtol=rtol, atol=2e-308 if rtol else 0)
    if signs and wanted.dtype != bool:
        zero = (wanted == 0) & (actual == 0)
        wrong = zero & (np.signbit(actual) != np.signbit(wanted))
        assert not wrong.any(), f"sign of zero: {[a[wrong] for a in arrays]}"


def pairs() -> tuple[np.ndarray, np.ndarray]:
    a, b = np.array(list(itertools.product(SPECIAL, SPECIAL))).T
    return np.ascontiguousarray(a), np.ascontiguousarray(b)


def test_the_tables_name_primitives():
    assert set(OF_FLOATS) | set(OF_BOOLEANS) <= set(PRIMITIVES)
    assert len(MATHS) > 15


@pytest.mark.parametrize("name", sorted(OF_FLOATS))
def test_of_floats(name: str):
    arrays = pairs() if name in TWO_ARGUMENTS else (SPECIAL,)
    # Which of two zeros the larger is, NumPy leaves to the machine.
    check(name, *arrays, signs=name not in ("maximum", "minimum"))


@pytest.mark.parametrize("name", sorted(OF_BOOLEANS))
def test_of_booleans(name: str):
    a, b = (np.array(list(itertools.product([False, True], repeat=2)) * 5).T).copy()
    check(name, *((a,) if name in ("logical_not", "invert") else (a.copy(), b.copy())))


@pytest.mark.parametrize("name", MATHS)
def test_vector_functions(name: str):
    rng = np.random.default_rng(0)
    ordinary = [rng.uniform(-3, 3, 101) for _ in range(ARITY[name])]
    # SciPy's logarithm of Γ is infinite at subnormal numbers already.
    special = SPECIAL[(SPECIAL == 0) | (np.abs(SPECIAL) > 1e-307) | np.isnan(SPECIAL)] if name == "gammaln" else SPECIAL
    for inputs in (pairs() if ARITY[name] == 2 else (special,), ordinary):
        check(
            THERE.get(name, name), *inputs, rtol=1e-13, signs=name != "gammaln"
        )  # (SciPy's own errors; see vector_math)


def test_where_and_astype():
    a, b = pairs()
    condition = np.arange(a.size) % 3 == 0
    check("where", condition, a, b)
    check("astype", condition, dtype=np.dtype(np.float64))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 16, 17, 100])
def test_lengths_around_the_number_of_lanes(n: int):
    a, b = (column[:n] for column in pairs())
    check("add", a, b)
    check("exp", a, rtol=2e-15)
