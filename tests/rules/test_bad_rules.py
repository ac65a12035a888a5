"""Rules that do not keep to what they must return: an error that names the rule, the engine and the line."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

X = np.array([0.5, 1.5])


def square(x):
    return x**2


def writes_in_jvp(primals, tangents):
    (x,) = primals
    x[0] = 3.0
    return x**2, tangents[0]


def square_that_writes(x):
    x[0] = 1.0
    return x**2


def right(primals, tangents):
    (x,), (t,) = primals, tangents
    return x**2, 2 * x * t


def keep(x):
    return x**2, x


BAD = {
    "no pair": (square, {"jvp": lambda p, t: p[0] ** 2}, "the jvp of sq returned .* where the pair"),
    "tangent's shape": (square, {"jvp": lambda p, t: (p[0] ** 2, t[0][:1])}, r"has shape \(1,\), where y has \(2,\)"),
    "no tangent": (square, {"jvp": lambda p, t: (p[0] ** 2, None)}, "returned no tangent"),
    "tangent's structure": (square, {"jvp": lambda p, t: (p[0] ** 2, [t[0], t[0]])}, "tangent with the structure"),
    "no tuple": (square, {"vjp": (keep, lambda x, ct: 2 * x * ct)}, r"not a tuple"),
    "cotangent's shape": (square, {"vjp": (keep, lambda x, ct: (np.sum(ct),))}, r"has shape \(\), where it has \(2,\)"),
    "too many": (square, {"vjp": (keep, lambda x, ct: (ct, ct))}, "2 cotangents for 1 differentiable"),
    "no residuals": (square, {"vjp": (square, lambda x, ct: (ct,))}, "fwd of sq returned .* where the pair"),
    "writes": (square, {"jvp": writes_in_jvp}, "the jvp of sq writes into an argument"),
    "f writes": (square_that_writes, {"jvp": right}, "sq writes into an argument"),
    "no rule": (square, {}, "sq has no derivative rule yet"),
    "text": (lambda x: "text", {"jvp": lambda p, t: ("text", t[0])}, "not a number or an array"),
}


ENGINES = ("forward", "reverse", "jax", "torch", "autograd", "casadi", "sympy")


# Prepared on those engines only that run something else then: a recording, a jitted function, a program of symbols.
ASKED = [(e, False) for e in ENGINES] + [(e, True) for e in ("reverse", "jax", "casadi")]


@pytest.mark.parametrize(("engine", "prepared"), ASKED)
@pytest.mark.parametrize("bad", BAD)
def test_bad_rules(bad, engine, prepared):
    require(engine)
    f, rules, message = BAD[bad]
    f = di.rule(f, name="sq", **rules)
    if bad == "text" and prepared:
        pytest.skip("preparing runs f in plain NumPy, where np.sum of a text is NumPy's own error")
    if bad == "f writes" and engine in ("forward", "reverse") and not prepared:
        pytest.skip("values come from the rule itself, f is not run")
    total = lambda x: np.sum(f(x))
    x = X.copy()
    with pytest.raises(di.DiffifaceError, match=message) as caught:
        if prepared:
            di.prepare_gradient(total, engine, x).gradient(x)
        else:
            di.gradient(total, engine, x)
    if bad not in ("f writes", "text"):
        assert engine in str(caught.value)
    assert "test_bad_rules.py" in str(caught.value)
    np.testing.assert_array_equal(x, X)


def fails(primals, tangents):
    raise ZeroDivisionError("nobody thought of this")


@pytest.mark.parametrize("engine", ["casadi", "sympy"])
def test_what_a_rule_raises_on_symbols_is_in_the_message(engine):
    require(engine)
    f = di.rule(square, jvp=fails, name="sq")
    with pytest.raises(di.UnsupportedOperationError, match=r"the jvp of sq .*nobody thought of this") as caught:
        di.gradient(lambda x: np.sum(f(x)), engine, X)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("engine", ["forward", "reverse", "torch", "autograd"])
def test_what_a_rule_raises_comes_through_with_a_note(engine):
    require(engine)
    f = di.rule(square, jvp=fails, name="sq")
    with pytest.raises(ZeroDivisionError, match="nobody thought of this") as caught:
        di.gradient(lambda x: np.sum(f(x)), engine, X)
    assert any("the jvp of sq" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rule_on_the_host_has_no_second_derivative(engine):
    """Never a silent zero."""
    require(engine)

    def slope(x):
        return 2 * np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape)

    f = di.rule(square, jvp=lambda p, t: (p[0] ** 2, slope(p[0]) * t[0]), name="sq")
    total = lambda x: np.sum(f(x))
    np.testing.assert_allclose(di.gradient(total, engine, X), 2 * X)
    np.testing.assert_allclose(di.prepare_gradient(total, engine, X).gradient(X + 1), 2 * X + 2)
    with pytest.raises(
        di.UnsupportedOperationError, match="the jvp of sq cannot be differentiated: it runs on the host"
    ):
        di.hessian(total, engine, X)


def test_values_from_outside_are_refused():
    def outer(x):
        inner = di.rule(lambda y: x * y, jvp=lambda p, t: (x * p[0], x * t[0]), name="inner")
        return inner(x)

    for engine in ("forward", "reverse"):
        with pytest.raises(di.DiffifaceError, match="inner"):
            di.gradient(outer, engine, 2.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"derivative": "none"},
        {"derivative": "zero", "jvp": right},
        {"vjp": right},
        {"vjp": (keep,)},
        {"jvp": 3},
        {"nondiff_argnums": -1},
    ],
)
def test_bad_declarations(arguments):
    with pytest.raises(di.InputError):
        di.rule(square, **arguments)


def test_define_rule_needs_something_that_can_be_found_again():
    with pytest.raises(di.InputError, match="cannot be found again"):
        di.define_rule("square", derivative="zero")


def test_traced_keywords_are_refused():
    f = di.rule(lambda x, *, scale: scale * x, jvp=right, name="scaled")
    with pytest.raises(di.InputError, match="keyword-only argument 'scale'"):
        di.gradient(lambda x: np.sum(f(np.ones(2), scale=x)), "reverse", X)
