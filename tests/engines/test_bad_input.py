"""One table of bad input: each case gives one clear message, the same on every engine, and leaves the caller's arrays alone.

A message names the engine, the user's file and line where there is one, and the fix. Engines that only
call f (finite_differences, numdifftools) trace nothing: what is wrong only under tracing works there.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.conftest import ENGINES, require


@dataclass(frozen=True)
class Bad:
    """A call that must fail, and what the message must say."""

    name: str
    call: Callable[[str, np.ndarray], Any]
    error: type[Exception]
    message: str
    """A part of the message (a regular expression)."""
    fix: str
    """A part of what follows `fix:`."""
    in_f: bool = False
    """Whether the fault is in the user's function, so that its file and line must be named."""
    only_traced: bool = False
    """Whether numeric engines may simply compute the right answer."""


def returns_none(x):
    x + 1


def returns_text(x):
    return "two"


def returns_bool(x):
    return np.sum(x) > 0


def returns_list(x):
    return [x[0], x[1] ** 2]


made_outside = np.zeros(2)


def fills_an_array_made_outside(x):
    for i in range(2):
        made_outside[i] = x[i] ** 2
    return np.sum(made_outside)


def fills_a_slice_of_it(x):
    made_outside[:] = x**2
    return np.sum(made_outside)


def adds_to_an_array_made_outside(x):
    y = made_outside
    y += x
    return np.sum(y)


def outs_to_an_array_made_outside(x):
    np.multiply(x, 2.0, out=made_outside)
    return np.sum(made_outside)


def calls_float_in_a_library(x):
    return statistics.fmean(x)


def calls_c_code(x):
    return np.random.default_rng(0).normal(x[0]) + x[1]


def made_by_exec(x):
    names = {"np": np.testing.assert_allclose.__globals__["np"], "x": x}
    exec("y = np.zeros(2)\ny[:] = x", names)
    return np.sum(names["y"])


def formats_index(x):
    return np.arange(-50.0, 50.0)[int(x[0])] * x[1]


def unknown_keyword(x):
    return np.sum(x, axiss=0)


def makes_an_array_of_objects(x):
    return np.array([x[0], None])[0] * x[1]


masked = np.ma.array([1.0, 5.0], mask=[False, True])


def multiplies_a_masked_array(x):
    return np.sum(x * masked)


def two_arguments(x, c):
    return np.sum(c * x)


def refused_function(x):
    return np.sum(np.histogram2d(x, x)[0])


def fails_itself(x):
    raise ZeroDivisionError("my own fault")


def vector(x):
    return x**2


two = np.array([1.0, 2.0])
T, IN, OUT, U = di.TracedValueError, di.InputError, di.OutputError, di.UnsupportedOperationError

CASES = [
    Bad(
        "vector to gradient",
        lambda e, x: di.gradient(vector, e, x),
        OUT,
        r"shape \(2,\).*scalar y",
        "jacobian",
        in_f=True,
    ),
    Bad(
        "size-1 vector to gradient",
        lambda e, x: di.gradient(lambda x: x[:1], e, x),
        OUT,
        r"shape \(1,\)",
        "jacobian",
        in_f=True,
    ),
    Bad("vector to hessian", lambda e, x: di.hessian(vector, e, x), OUT, r"shape \(2,\)", "jacobian", in_f=True),
    Bad("vector to hvp", lambda e, x: di.hvp(vector, e, x, x), OUT, r"shape \(2,\)", "jacobian", in_f=True),
    Bad(
        "vector, prepared",
        lambda e, x: di.prepare_gradient(vector, e, x).gradient(x),
        OUT,
        r"shape \(2,\)",
        "jacobian",
        in_f=True,
    ),
    Bad(
        "pytree to gradient",
        lambda e, x: di.gradient(lambda x: (x[0], x[1]), e, x),
        OUT,
        "structure",
        "jacobian",
        in_f=True,
    ),
    Bad(
        "complex y to gradient",
        lambda e, x: di.gradient(lambda x: np.sum(x) * 1j, e, x),
        OUT,
        "complex",
        "real part",
        in_f=True,
    ),
    Bad("None", lambda e, x: di.gradient(returns_none, e, x), OUT, "returned None", "return", in_f=True),
    Bad("None to jacobian", lambda e, x: di.jacobian(returns_none, e, x), OUT, "returned None", "return", in_f=True),
    Bad("text", lambda e, x: di.gradient(returns_text, e, x), OUT, "returned str 'two'", "return a number", in_f=True),
    Bad("boolean", lambda e, x: di.gradient(returns_bool, e, x), OUT, "boolean", "return a number", in_f=True),
    Bad(
        "list of scalars",
        lambda e, x: di.jacobian(returns_list, e, x),
        OUT,
        "list of 2 numbers",
        r"np\.stack",
        in_f=True,
    ),
    Bad(
        "has_aux without a pair",
        lambda e, x: di.gradient(lambda x: np.sum(x), e, x, has_aux=True),
        OUT,
        "pair",
        "return y, aux",
        in_f=True,
    ),
    Bad("float() in a library", lambda e, x: di.gradient(calls_float_in_a_library, e, x), T, "float", "np", True, True),
    Bad("C code", lambda e, x: di.gradient(calls_c_code, e, x), T, "float", "np", True, True),
    Bad("int()", lambda e, x: di.gradient(formats_index, e, x), T, "int", "np", True, True),
    Bad(
        "array made outside, by entry",
        lambda e, x: di.gradient(fills_an_array_made_outside, e, x),
        T,
        "plain NumPy array",
        r"np\.array\(a\)",
        True,
        True,
    ),
    Bad(
        "array made outside, by slice",
        lambda e, x: di.gradient(fills_a_slice_of_it, e, x),
        T,
        "plain NumPy array",
        r"np\.array\(a\)",
        True,
        True,
    ),
    Bad(
        "array made outside, +=",
        lambda e, x: di.gradient(adds_to_an_array_made_outside, e, x),
        T,
        "plain NumPy array",
        r"np\.array\(a\)",
        True,
        True,
    ),
    Bad(
        "array made outside, out=",
        lambda e, x: di.gradient(outs_to_an_array_made_outside, e, x),
        T,
        "plain NumPy array",
        r"np\.array\(a\)",
        True,
        True,
    ),
    Bad("array made by exec", lambda e, x: di.gradient(made_by_exec, e, x), T, "plain NumPy array", "np", False, True),
    Bad(
        "refused NumPy function",
        lambda e, x: di.gradient(refused_function, e, x),
        U,
        "numpy.histogram2d",
        "",
        True,
        True,
    ),
    Bad(
        "array of objects",
        lambda e, x: di.gradient(makes_an_array_of_objects, e, x),
        U,
        "None",
        "arrays for",
        True,
        True,
    ),
    Bad("masked array in f", lambda e, x: di.gradient(multiplies_a_masked_array, e, x), U, "masked", "np", True, True),
    Bad("x masked", lambda e, x: di.gradient(two_arguments, e, masked, x), IN, "x is a masked array", "compressed"),
    Bad("x a matrix", lambda e, x: di.gradient(vector, e, np.matrix(x)), IN, r"numpy\.matrix", r"np\.asarray"),
    Bad("a context missing", lambda e, x: di.gradient(two_arguments, e, x), IN, "with 1 argument", "after x", True),
    Bad("a context too many", lambda e, x: di.gradient(vector, e, x, x), IN, "with 2 arguments", "after x", True),
    Bad("misspelt keyword", lambda e, x: di.gradient(unknown_keyword, e, x), Exception, "axiss", "", False),
    Bad(
        "tangent of another shape",
        lambda e, x: di.pushforward(vector, e, x, np.ones(3)),
        IN,
        r"tangent has shape \(3,\), but x has shape \(2,\)",
        "like x",
    ),
    Bad(
        "tangent of another structure",
        lambda e, x: di.pushforward(vector, e, x, {"a": x}),
        IN,
        "tangent has structure",
        "like x",
    ),
    Bad("one of a batch misshaped", lambda e, x: di.pushforward(vector, e, x, (x, np.ones(3))), IN, "tangent", ""),
    Bad(
        "hvp tangent misshaped",
        lambda e, x: di.hvp(lambda x: np.sum(x), e, x, np.ones((2, 1))),
        IN,
        "tangent has shape",
        "like x",
    ),
    Bad(
        "cotangent of another shape",
        lambda e, x: di.pullback(vector, e, x, np.ones(3)),
        IN,
        r"cotangent has shape \(3,\), but the function returned \(2,\)",
        "like y",
        True,
    ),
    Bad("empty batch", lambda e, x: di.pushforward(vector, e, x, ()), IN, "empty tuple", ""),
    Bad("x of text", lambda e, x: di.gradient(vector, e, "abc"), IN, "x is of type str", ""),
    Bad("x None", lambda e, x: di.gradient(vector, e, None), IN, "x is None", ""),
    Bad("x of objects", lambda e, x: di.gradient(vector, e, np.array([1, "a"], object)), IN, "dtype object", "floats"),
    Bad(
        "list x",
        lambda e, x: di.gradient(lambda x: np.sum(x**2), e, [1.0, 2.0]),
        IN,
        "x is a list of 2 numbers",
        r"np\.array",
        True,
    ),
    Bad("array x to derivative", lambda e, x: di.derivative(vector, e, x), IN, r"scalar x.*\(2,\)", "gradient"),
    Bad("f not callable", lambda e, x: di.gradient(x, e, x), IN, "cannot be called", r"gradient\(f, backend, x"),
    Bad("argnums out of range", lambda e, x: di.gradient(vector, e, x, argnums=1), IN, "argnums=1", ""),
    Bad("argnums twice", lambda e, x: di.gradient(vector, e, x, x, argnums=(0, 0)), IN, "once", ""),
    Bad(
        "y= with gradient",
        lambda e, x: di.prepare_jacobian(vector, e, x, y=[1.0]),
        IN,
        "y= must be a NumPy array",
        "np.empty",
    ),
    Bad(
        "out= of another shape",
        lambda e, x: di.gradient(lambda x: np.sum(x**2), e, x, out=np.zeros(3)),
        IN,
        r"out= has shape \(3,\)",
        "",
    ),
    Bad(
        "integer out=",
        lambda e, x: di.gradient(lambda x: np.sum(x**2), e, x, out=np.zeros(2, int)),
        IN,
        "out= has shape .* dtype int64",
        "",
    ),
    Bad(
        "context of another shape than prepared",
        lambda e, x: di.prepare_gradient(lambda x, c: np.sum(c * x), e, x, x).gradient(x, np.ones((2, 2))),
        di.PreparationMismatchError,
        "context 0",
        "prepare again",
    ),
    Bad(
        "unknown option",
        lambda e, x: di.gradient(vector, di.backend(e, nonsense=1), x),
        di.UnknownBackendError,
        "nonsense",
        "options:",
    ),
    Bad(
        "hessian of complex x",
        lambda e, x: di.hessian(lambda z: np.sum(np.abs(z) ** 2), e, x + 1j),
        U,
        "complex x",
        "real and imaginary",
    ),
]


OF_REAL_NUMBERS = ("casadi", "sympy", "mpmath", "complex_step")
"""Engines that trace f, and take real x only."""


@pytest.fixture(params=(*ENGINES, *OF_REAL_NUMBERS))
def any_engine(request):
    return require(request.param)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(any_engine: str, case: Bad):
    x, engine = two.copy(), any_engine
    if case.name == "complex y to gradient" and engine == "complex_step":
        case = replace(case, error=U, fix="real numbers")  # (it is refused where it is computed)
    numeric = not di.backend(engine).traces
    if case.only_traced and numeric:
        case.call(engine, x)  # nothing is traced there: it works
        return
    with pytest.raises(case.error) as caught:
        case.call(engine, x)
    text = str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert re.search(case.message, text), text
    assert engine in text, f"the engine is not named: {text}"
    if case.fix:
        assert "fix:" in text and re.search(case.fix, text.split("fix:")[-1]), text
    if case.in_f:
        assert "test_bad_input.py:" in text, f"the user's line is not named: {text}"
    np.testing.assert_array_equal(x, two)


def test_the_users_own_exceptions_pass_through(engine):
    with pytest.raises(ZeroDivisionError, match="my own fault") as caught:
        di.gradient(fails_itself, engine, two)
    note = caught.value.__notes__[0]  # JAX adds one of its own
    assert engine in note and "test_bad_input.py" in note


def test_lists_that_f_can_use_are_pytrees(engine, tolerance):
    g = di.gradient(lambda x: x[0] ** 2 + x[1], engine, [3.0, 1])
    assert isinstance(g, list) and g == [pytest.approx(6.0, rel=tolerance), pytest.approx(1.0, rel=tolerance)]
