"""Bound calls on single arrays: the short way gives what the operator gives, and what it does not know takes the long way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffiface as di

X, T = np.linspace(0.2, 1.0, 5), np.cos(np.arange(5.0))


def scalar(x: Any, a: Any = 1.0) -> Any:
    return np.sum(np.sin(a * x) * x**2)


def vector(x: Any, a: Any = 1.0) -> Any:
    return np.sin(a * x) * np.sum(x)


def identity(x: Any) -> Any:
    return x


CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    ("pushforward", vector, (X, T)), ("pushforward", scalar, (X, T)), ("pushforward", identity, (X, T)),
    ("pullback", vector, (X, T)), ("pullback", identity, (X, T)), ("hvp", scalar, (X, T)), ("hvp", scalar, (X, T, 2.0)),
    ("jacobian", vector, (X,)), ("jacobian", scalar, (X, 3.0)), ("jacobian", identity, (X,)), ("hessian", scalar, (X,)),
]  # fmt: skip


def variants(operator: str) -> list[str]:
    longer = {
        "hvp": ["gradient_and_hvp", "value_gradient_and_hvp"],
        "hessian": ["value_gradient_and_hessian"],
    }
    return [operator, *longer.get(operator, [f"value_and_{operator}"])]


@pytest.mark.parametrize("engine", ["forward", "reverse", di.backend("reverse", compile=False)], ids=str)
@pytest.mark.parametrize("operator,f,arguments", CASES)
def test_bound_calls_give_what_operators_give(engine: Any, operator: str, f: Any, arguments: tuple[Any, ...]):
    prep = getattr(di, f"prepare_{operator}")(f, engine, *arguments)
    for variant in variants(operator):
        wanted = getattr(di, variant)(f, engine, *arguments)
        for _ in range(2):
            found = getattr(prep, variant)(*arguments)
            assert isinstance(found, tuple) == isinstance(wanted, tuple)
            for a, w in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, wanted)), strict=True):
                assert type(a) is type(w) and np.shape(a) == np.shape(w)
                np.testing.assert_allclose(a, w, rtol=1e-12, atol=1e-14)
                if operator in ("pushforward", "pullback") and isinstance(a, np.ndarray):
                    assert not np.shares_memory(a, T)


def test_seeds_that_are_no_single_array_of_the_prepared_kind():
    prep: Any = di.prepare_pushforward(vector, "forward", X, T)
    wanted = di.pushforward(vector, "forward", X, T)
    np.testing.assert_allclose(prep.pushforward(X, T[::-1]), di.pushforward(vector, "forward", X, T[::-1]), rtol=1e-12)
    out = np.empty(5)
    assert prep.pushforward(X, T, out=out) is out
    np.testing.assert_allclose(out, wanted, rtol=1e-12)
    with pytest.raises(di.PreparationMismatchError):
        prep.pushforward(X, (T, T))
    with pytest.raises(di.InputError):
        prep.pushforward(X, T[:3])
    with pytest.raises(di.InputError):
        prep.pushforward(X)


def test_y_in_a_structure():
    def f(x: Any) -> Any:
        return {"a": np.sum(x), "b": 2 * x}

    prep: Any = di.prepare_jacobian(f, "forward", X)
    found = prep.jacobian(X)
    assert set(found) == {"a", "b"}
    np.testing.assert_array_equal(found["b"], 2 * np.eye(5))
    prep = di.prepare_pushforward(f, "forward", X, T)
    np.testing.assert_array_equal(prep.pushforward(X, T)["b"], 2 * T)


def test_inside_another_derivative():
    prep: Any = di.prepare_hvp(scalar, "reverse", X, T)
    outer = di.jacobian(lambda x: prep.hvp(x, T), "forward", X)
    wanted = di.jacobian(lambda x: di.hvp(scalar, "reverse", x, T), "forward", X)
    np.testing.assert_allclose(outer, wanted, rtol=1e-12)
