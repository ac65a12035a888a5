"""The real engines against each other: every operator on ordinary functions, and their known conventions."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import pytest

import diffiface as di
from diffiface.comparison import Status
from tests.comparison.test_negative_controls import statuses
from tests.conftest import ENGINES, require
from tests.problems import SCALAR_PROBLEMS, VECTOR_PROBLEMS


@pytest.fixture(scope="module", autouse=True)
def all_engines_are_there():
    for engine in ENGINES:
        require(engine)


@pytest.mark.parametrize("operator", ["gradient", "hessian"])
@pytest.mark.parametrize("problem", SCALAR_PROBLEMS, ids=repr)
def test_scalar_problems(problem, operator):
    report = di.compare(problem.f, problem.x, *problem.contexts, operator=operator, backends=ENGINES)
    report.raise_if_disagreement()
    against_hand = di.compare(
        problem.f,
        problem.x,
        *problem.contexts,
        operator=operator,
        backends=["reverse"],
        reference=getattr(problem, operator),
    )
    against_hand.raise_if_disagreement()


@pytest.mark.parametrize("problem", VECTOR_PROBLEMS, ids=repr)
def test_vector_problems(problem):
    di.compare(problem.f, problem.x, *problem.contexts, operator="jacobian", backends=ENGINES).raise_if_disagreement()


@pytest.mark.parametrize(
    ("operator", "f", "x", "t"),
    [
        ("derivative", lambda x: np.exp(x) * np.sin(x), 0.7, None),
        ("second_derivative", lambda x: np.exp(x) * np.sin(x), 0.7, None),
        ("pushforward", lambda x: x**2 * x[0], np.array([1.0, 2.0]), (np.array([1.0, 0.0]), np.array([1.0, 1.0]))),
        ("pullback", lambda x: x**2 * x[0], np.array([1.0, 2.0]), np.array([1.0, -1.0])),
        ("hvp", lambda x: np.sum(np.exp(x) * x[0]), np.array([1.0, 2.0]), np.array([1.0, -1.0])),
        ("gradient", lambda p: p["a"] * np.sum(p["b"] ** 2), {"a": 2.0, "b": np.array([1.0, 2.0])}, None),
        ("gradient", lambda z: np.sum(np.abs(z) ** 2), np.array([3 + 4j, 1j]), None),
        ("gradient", lambda x: np.sum(np.sin(x)), np.array([1.0, 2.0], np.float32), None),
    ],
)
def test_every_operator(operator, f, x, t):
    di.compare(f, x, operator=operator, t=t, backends=ENGINES).raise_if_disagreement()


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0])),
        (lambda x: np.sum(np.clip(x, 0, 1)), np.array([0.0, 0.5, 1.0])),
        (lambda x: np.max(x), np.array([1.0, 3.0, 3.0])),
        (lambda x: np.sum(np.sort(x) * np.arange(3)), np.array([2.0, 1.0, 2.0])),
    ],
)
def test_conventions_are_no_faults(f, x):
    di.compare(f, x, backends=ENGINES).raise_if_disagreement()


def test_a_jax_function_is_compared_where_it_runs():
    import jax.numpy as jnp

    found = statuses(di.compare(lambda x: jnp.sum(jnp.sin(x)), np.array([1.0, 2.0]), backends=ENGINES))
    assert found["jax"] is Status.AGREES
    assert found["finite_differences"].accepted and found["numdifftools"].accepted
    assert all(found[name] is Status.NOT_SUPPORTED for name in ("forward", "reverse", "torch", "autograd"))


@pytest.mark.parametrize("engine", ["finite_differences", "numdifftools"])
@pytest.mark.parametrize("log", [np.log, math.log], ids=["nan outside", "raises outside"])
def test_a_numeric_engine_that_steps_out_of_the_domain_does_not_count(engine, log, recwarn):
    require(engine)

    def f(x):
        return log(x[0]) + x[1] ** 2

    report = di.compare(f, np.array([1e-9, 2.0]), backends=["forward", "reverse", engine])
    assert statuses(report)[engine] is Status.LEFT_DOMAIN, report
    assert report.ok and "both engines agree (1 could not evaluate f near x)" in report.summary
    assert re.search(r"f fails or is not finite at \d+ of the \d+ points", report.rows[-1]["detail"])
    assert not recwarn.list


def test_a_numeric_engine_that_gives_nan_where_f_has_values_is_still_blamed():
    @dataclass(frozen=True, repr=False)
    class Lost(type(di.backend("finite_differences"))):
        def value_and_gradient(self, f, xs, contexts):
            y, gradients, aux = super().value_and_gradient(f, xs, contexts)
            return y, [np.nan * g for g in gradients], aux

    report = di.compare(lambda x: np.sum(x**2), np.array([1.0, 2.0]), backends=["forward", "reverse", Lost()])
    assert report.rows[-1]["status"] is Status.NOT_FINITE and not report.ok, report
