"""The vector functions of the compiled engine: accuracy against mpmath, special values, every width, float32."""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
import scipy.special
from diffiface_native.compiled import vector_math
from diffiface_native.compiled.vector_math import ARITY, NAMES, coefficients, derive_coefficients
from diffiface_native.compiled.vector_math.trial import apply

ONE_ARGUMENT = sorted(name for name in NAMES if ARITY[name] == 1)
LARGEST = np.finfo(float).max
SMALLEST = 5e-324

EXACT: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "arctan2": mpmath.atan2,
    "pow": mpmath.power,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log_expit": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "logaddexp": lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
    "ndtr": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "gammaln": lambda x: mpmath.re(mpmath.loggamma(x)),
    "digamma": mpmath.digamma,
}

INTERVALS: dict[str, list[tuple[float, float]]] = {
    "exp": [(-745, 709.7), (-1, 1)],
    "exp2": [(-1074, 1023.9), (-1, 1)],
    "expm1": [(-40, 709.7), (-1, 1), (-1e-8, 1e-8)],
    "expit": [(-745, 40), (-2, 2)],
    "log_expit": [(-700, 740), (-2, 2)],
    "log": [(0, 1e300), (0.5, 2), (0.999, 1.001), (1e-310, 1e-308)],
    "log2": [(0, 1e300), (0.5, 2), (0.999, 1.001), (1e-310, 1e-308)],
    "log10": [(0, 1e300), (0.5, 2), (0.999, 1.001), (1e-310, 1e-308)],
    "log1p": [(-1, 0), (-0.3, 0.5), (0, 1e300), (-1e-9, 1e-9)],
    "sin": [(-7, 7), (-1e6, 1e6), (-1e300, 1e300)],
    "cos": [(-7, 7), (-1e6, 1e6), (-1e300, 1e300)],
    "tan": [(-7, 7), (-1e6, 1e6), (-1e300, 1e300)],
    "sinh": [(-710, 710), (-1, 1), (-40, 40)],
    "cosh": [(-710, 710), (-1, 1), (-40, 40)],
    "tanh": [(-22, 22), (-1, 1), (-1e-5, 1e-5)],
    "arcsin": [(-1, 1), (0.99, 1), (-0.6, -0.4)],
    "arccos": [(-1, 1), (0.99, 1), (-0.6, 0.6)],
    "arctan": [(-5, 5), (-1e9, 1e9), (0.4, 0.45)],
    "arcsinh": [(-5, 5), (-1e300, 1e300), (-1e-5, 1e-5)],
    "arccosh": [(1, 3), (1, 1.0001), (1, 1e300)],
    "arctanh": [(-1, 1), (0.99, 1), (-1e-5, 1e-5)],
    "cbrt": [(-10, 10), (-1e300, 1e300), (-1e-310, 1e-310)],
    "erf": [(-6, 6), (-1, 1), (0.8, 0.9)],
    "erfc": [(-6, 27.2), (-1, 1), (0.45, 0.55), (26.5, 27.2)],
    "ndtr": [(-38.4, 8), (-1, 1)],
    "gammaln": [(0, 4), (0.75, 2.65), (4, 30), (30, 1e300)],
    "digamma": [(1e-3, 4), (1.46, 1.4635), (0.75, 2.65), (4, 30), (30, 1e300)],
}

PAIRS: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = {
    "pow": [((0, 10), (-20, 20)), ((0.999, 1.001), (-5e5, 5e5)), ((1e-300, 1e300), (-1, 1)), ((1e-310, 1e-308), (-0.9, 2))],
    "arctan2": [((-3, 3), (-3, 3)), ((-1e300, 1e300), (-1, 1)), ((-1e-310, 1e-310), (-1e-310, 1e-310))],
    "hypot": [((-3, 3), (-3, 3)), ((-8e307, 8e307), (-8e307, 8e307)), ((-1e-310, 1e-310), (-1e-310, 1e-310))],
    "logaddexp": [((-3, 3), (-3, 3)), ((-800, 800), (-800, 800)), ((700, 701), (700, 701))],
}  # fmt: skip


def errors(name: str, *arguments: np.ndarray) -> np.ndarray:
    """In units in the last place of the exact result (of the larger of it and the maximum, for logaddexp)."""
    exact = EXACT.get(name) or getattr(mpmath, name)
    units = []
    with mpmath.workprec(250):
        for y, *x in zip(apply(name, *arguments), *arguments, strict=True):
            value = exact(*(mpmath.mpf(float(a)) for a in x))
            if np.isinf(y):
                assert abs(value) > LARGEST
                continue
            size = abs(float(value))
            if name == "logaddexp":
                size = max(size, abs(max(x)))
            units.append(float(abs(mpmath.mpf(float(y)) - value) / mpmath.mpf(float(np.spacing(size)))))
    return np.array(units)


def check(name: str, *arguments: np.ndarray, limit: float = 2.0) -> None:
    found = errors(name, *arguments)
    worst = int(np.argmax(found))
    assert found[worst] <= limit, f"{name}{tuple(float(a[worst]) for a in arguments)}: {found[worst]:.2f} ulp"


def test_every_function_has_an_interval() -> None:
    assert set(INTERVALS) | set(PAIRS) == NAMES


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_within_two_units(name: str) -> None:
    rng = np.random.default_rng(7)
    for low, high in INTERVALS[name]:
        check(name, rng.uniform(low, high, 120))


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_two_arguments_within_two_units(name: str) -> None:
    rng = np.random.default_rng(8)
    for first, second in PAIRS[name]:
        check(name, rng.uniform(*first, 150), rng.uniform(*second, 150))


@pytest.mark.parametrize(
    "name", ["exp", "expm1", "sin", "cos", "tan", "tanh", "arctan", "arcsinh", "erf", "expit", "cbrt"]
)
def test_within_two_units_at_every_magnitude(name: str) -> None:
    """Random bit patterns: subnormals, tiny and huge numbers in equal parts."""
    x = np.random.default_rng(9).integers(0, 2**64, 300, dtype=np.uint64).view(float)
    x = x[np.isfinite(x)]
    if name == "expit":
        x = x[(x > -1e3) & (x < 1e3)]  # mpmath would work on exp(1e300)
    if name in ("exp", "expm1", "tanh", "erf"):
        x = x[np.abs(x) < 700]
    check(name, x)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_near_multiples_of_a_right_angle(name: str) -> None:
    rng = np.random.default_rng(10)
    counts = np.concatenate([np.arange(1, 60), rng.integers(1, 2**20, 60), rng.integers(2**20, 2**52, 60)])
    # 6381956970095103·2⁷⁹⁷ is the double closest to a multiple of π/2, for its size.
    check(
        name, np.concatenate([counts * (np.pi / 2), [np.ldexp(6381956970095103.0, 797), 1e22, LARGEST, 1e6, 999999.9]])
    )


def test_powers_of_negative_numbers() -> None:
    rng = np.random.default_rng(11)
    x, y = -rng.uniform(0.1, 10, 200), rng.integers(-30, 30, 200).astype(float)
    check("pow", x, y)


def test_roundings_that_must_be_exact() -> None:
    np.testing.assert_array_equal(apply("exp2", np.arange(-1074.0, 1024.0)), np.ldexp(1.0, np.arange(-1074, 1024)))
    np.testing.assert_array_equal(apply("log2", np.ldexp(1.0, np.arange(-1074, 1024))), np.arange(-1074.0, 1024.0))
    np.testing.assert_array_equal(apply("log10", 10.0 ** np.arange(0, 23)), np.arange(0.0, 23.0))
    np.testing.assert_array_equal(apply("cbrt", np.arange(-50.0, 50.0) ** 3), np.arange(-50.0, 50.0))
    x = np.arange(-60.0, 60.0)
    np.testing.assert_array_equal(apply("pow", x, np.full_like(x, 3.0)), x**3)
    np.testing.assert_array_equal(apply("hypot", 3 * x, 4 * x), 5 * np.abs(x))


def test_reflected_gamma_functions() -> None:
    """At negative numbers the error is counted in units of the terms that cancel: |x|·log|x| for gammaln, 1/|sin| for digamma."""
    x = np.random.default_rng(12).uniform(-30, 0, 300)
    with mpmath.workprec(200):
        gammaln = np.array([float(EXACT["gammaln"](mpmath.mpf(float(a)))) for a in x])
        digamma = np.array([float(EXACT["digamma"](mpmath.mpf(float(a)))) for a in x])
    scale = np.abs(x) * np.log(np.abs(x) + 2) + np.abs(gammaln) + 3
    assert np.all(np.abs(apply("gammaln", x) - gammaln) < 4 * np.spacing(scale))
    scale = np.pi / np.abs(np.tan(np.pi * x)) + 1 / np.abs(x) + np.log(np.abs(x) + 2)
    assert np.all(np.abs(apply("digamma", x) - digamma) < 4 * np.spacing(scale))


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, SMALLEST, -SMALLEST, 1e-310, LARGEST, -LARGEST, 2.0, -2.0, 0.5, 3.0, -3.0,
                    1e4, -1e4])  # fmt: skip


def reference(name: str) -> Callable[..., Any]:
    return getattr(np, {"pow": "power"}.get(name, name), None) or getattr(scipy.special, name)


def assert_alike(ours: np.ndarray, theirs: np.ndarray, *arguments: np.ndarray) -> None:
    """Same zeros with the same signs, same infinities and NaN; finite values close."""
    for y, z, *x in zip(ours, theirs, *arguments, strict=True):
        where = f"at {tuple(map(float, x))}: {y}, not {z}"
        if not np.isfinite(z) or z == 0:
            assert (np.isnan(y) and np.isnan(z)) or (y == z and np.signbit(y) == np.signbit(z)), where
        else:
            assert abs(y - z) <= 1e-14 * abs(z) + 2 * SMALLEST, where


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_special_values(name: str) -> None:
    # SciPy's gammaln is inf at subnormals, where log Γ is still about 744.
    x = SPECIAL[(SPECIAL == 0) | ~(np.abs(SPECIAL) < 1e-300)] if name == "gammaln" else SPECIAL
    with np.errstate(all="ignore"):
        assert_alike(apply(name, x), reference(name)(x), x)


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_special_values_of_two_arguments(name: str) -> None:
    x, y = (a.ravel() for a in np.meshgrid(SPECIAL, SPECIAL))
    with np.errstate(all="ignore"):
        assert_alike(apply(name, x, y), reference(name)(x, y), x, y)


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("width", [1, 2, 8])
def test_every_width_gives_the_same_bits(name: str, width: int) -> None:
    rng = np.random.default_rng(13)
    x = np.concatenate([SPECIAL, rng.standard_normal(64), rng.standard_normal(32) * 1e8])
    arguments = [rng.permutation(x) for _ in range(ARITY[name])]
    np.testing.assert_array_equal(apply(name, *arguments, width=width), apply(name, *arguments, width=4))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_float32_rounds_the_double_result(name: str) -> None:
    rng = np.random.default_rng(14)
    arguments = [np.abs(rng.standard_normal(50)).astype(np.float32) for _ in range(ARITY[name])]
    result = apply(name, *arguments)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, apply(name, *(a.astype(float) for a in arguments)).astype(np.float32))


def test_a_module_defines_shared_helpers_once() -> None:
    text = vector_math.module(["sin", "cos", "tan", "sin"], 4)
    parsed = llvm.parse_assembly(text)
    parsed.verify()
    defined = [f.name for f in parsed.functions if not f.is_declaration]
    assert {vector_math.symbol(n, 4) for n in ("sin", "cos", "tan")} < set(defined)
    assert text == vector_math.module(["tan", "cos", "sin"], 4)


def test_a_module_of_two_widths_and_elements() -> None:
    wanted = [("sin", 4, "double"), ("sin", 1, "double"), ("cos", 8, "float")]
    parsed = llvm.parse_assembly(vector_math.mixed_module(wanted))
    parsed.verify()
    defined = {f.name for f in parsed.functions if not f.is_declaration}
    assert {vector_math.symbol(*request) for request in wanted} < defined


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="bessel"):
        vector_math.definition("bessel", 4)


@pytest.mark.parametrize("name", ["EXP", "SIN", "LOG", "ARCTAN"])
def test_coefficients_are_what_the_script_derives(name: str) -> None:
    derived, _, _ = derive_coefficients.derive(derive_coefficients.FITS[name])
    assert getattr(coefficients, name) == tuple(derived)
