"""check_rule, itself tested on wrong rules."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from diffiface.testing import check_rule

X = np.array([0.3, -1.2, 2.0])


def keep(x):
    return np.sin(x), x


RIGHT = {
    "jvp": {"jvp": lambda p, t: (np.sin(p[0]), np.cos(p[0]) * t[0])},
    "vjp": {"vjp": (keep, lambda x, ct: (np.cos(x) * ct,))},
}
WRONG = {
    "sign": ({"jvp": lambda p, t: (np.sin(p[0]), -np.cos(p[0]) * t[0])}, "not that of finite differences"),
    "value": ({"jvp": lambda p, t: (np.sin(p[0]) + 1e-6, np.cos(p[0]) * t[0])}, "forward direction returns is not f's"),
    "nonlinear": ({"jvp": lambda p, t: (np.sin(p[0]), np.cos(p[0]) * t[0] * (1 + 1e-7 * t[0]))}, "not linear"),
    "not adjoint": (
        {
            "jvp": lambda p, t: (np.sin(p[0]), np.cos(p[0]) * t[0]),
            "vjp": (keep, lambda x, ct: (np.cos(x) * ct[::-1],)),
        },
        "not adjoint",
    ),
    "fwd": (
        {
            "jvp": lambda p, t: (np.sin(p[0]), np.cos(p[0]) * t[0]),
            "vjp": (lambda x: (np.sin(x) * (1 + 1e-7), x), lambda x, ct: (np.cos(x) * ct,)),
        },
        "reverse direction returns is not f's",
    ),
    "second order": (
        {"jvp": lambda p, t: (np.sin(p[0]), np.cos(np.array([0.3, -1.2, 2.0])) * t[0])},
        "near this point",
    ),
}


@pytest.mark.parametrize("rules", RIGHT.values(), ids=RIGHT)
def test_right(rules):
    check_rule(di.rule(np.sin, **rules), X)


@pytest.mark.parametrize("rules, message", WRONG.values(), ids=WRONG)
def test_wrong(rules, message):
    with pytest.raises(di.RuleError, match=message):
        check_rule(di.rule(np.sin, **rules), X)


def test_several_arguments_and_pytrees():
    f = di.rule(
        lambda n, d, y: {"a": d["x"] ** n * y},
        jvp=lambda n, p, t: (
            {"a": p[0]["x"] ** n * p[1]},
            {"a": n * p[0]["x"] ** (n - 1) * t[0]["x"] * p[1] + p[0]["x"] ** n * t[1]},
        ),
        nondiff_argnums=0,
    )
    check_rule(f, 3, {"x": X}, 1.7)


def test_implicit_functions():
    def solve(a):
        x = np.zeros_like(a)
        for _ in range(100):
            x = x - (x**3 + x - a) / (3 * x**2 + 1)
        return x

    check_rule(di.implicit(solve, lambda x, a: x**3 + x - a), X)
    with pytest.raises(di.RuleError, match="finite differences"):
        check_rule(di.implicit(solve, lambda x, a: x**3 + 2 * x - a), X)


def test_bad_input():
    with pytest.raises(di.InputError, match="has no rule"):
        check_rule(np.sin, X)
    with pytest.raises(di.InputError, match="no argument"):
        check_rule(di.rule(np.sin, **RIGHT["jvp"]), "text")
    with pytest.raises(di.InputError, match="order=3"):
        check_rule(di.rule(np.sin, **RIGHT["jvp"]), X, order=3)
