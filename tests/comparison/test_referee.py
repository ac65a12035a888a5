"""Finite differences of f: right wherever they say something, silent where they cannot know."""

from __future__ import annotations

import numpy as np
import pytest

from diffiface.comparison.problem import OPERATORS, Problem
from diffiface.comparison.referee import Referee
from tests.comparison.ordinary import SMOOTH
from tests.problems import SCALAR_PROBLEMS, VECTOR_PROBLEMS


def referee_for(f, x, *contexts, operator="gradient", t=None, argnums=0):
    problem = Problem(f, OPERATORS[operator], (x, *contexts), t, argnums)
    return problem, Referee(problem)


def check(problem, referee, expected, entries=None, resolution=None, tolerance=0.0):
    """Every finding agrees with the derivative by its own error; `resolution` asks that it knows enough."""
    expected = np.ravel(expected)
    for entry in range(problem.size) if entries is None else entries:
        assert referee.rule(entry, expected[entry], tolerance) in ("right", "unknown", "convention"), (
            problem.label(entry),
            referee.describe(entry),
            expected[entry],
        )
        if resolution is not None:
            error = max(finding.error for finding in referee.examine(entry))
            assert error <= resolution * np.max(np.abs(expected)), referee.describe(entry)


@pytest.mark.parametrize("case", SMOOTH, ids=repr)
def test_never_contradicts_a_right_gradient(case):
    problem, referee = referee_for(case.f, case.x, *case.contexts)
    expected = np.asarray(case.f.gradient(case.x, *case.contexts))
    expected = expected.astype(np.result_type(expected, np.float64))
    entries = np.linspace(0, problem.size - 1, min(problem.size, 12)).astype(int)
    if case.name == "float32":  # its gradient is known to float32 only
        expected = case.f.gradient(case.x.astype(np.float64))
    # What a solve leaves of 1e10 in condition is another gradient by each way of computing it.
    check(problem, referee, expected, entries, tolerance=1e-6 * (case.name == "ill-conditioned"))


@pytest.mark.parametrize("problem", SCALAR_PROBLEMS, ids=repr)
def test_knows_gradients_and_hessians(problem):
    x, contexts = problem.x, problem.contexts
    check(*referee_for(problem.f, x, *contexts), problem.gradient(x, *contexts), resolution=1e-7)
    asked, referee = referee_for(problem.f, x, *contexts, operator="hessian")
    check(asked, referee, problem.hessian(x, *contexts), resolution=1e-4)
    t = np.linspace(1, 2, x.size).reshape(x.shape)
    asked, referee = referee_for(problem.f, x, *contexts, operator="hvp", t=t)
    check(
        asked,
        referee,
        np.tensordot(problem.hessian(x, *contexts), t, x.ndim) if x.ndim == 2 else problem.hessian(x, *contexts) @ t,
        resolution=1e-4,
    )


@pytest.mark.parametrize("problem", VECTOR_PROBLEMS, ids=repr)
def test_knows_jacobians_and_their_products(problem):
    x, contexts = problem.x, problem.contexts
    J = problem.jacobian(x, *contexts)
    check(*referee_for(problem.f, x, *contexts, operator="jacobian"), J, resolution=1e-7)
    t = np.linspace(1, 2, x.size).reshape(x.shape)
    y_shape = J.shape[: J.ndim - x.ndim]
    s = np.linspace(-1, 1.5, int(np.prod(y_shape))).reshape(y_shape)
    check(*referee_for(problem.f, x, *contexts, operator="pushforward", t=t), np.tensordot(J, t, x.ndim))
    check(*referee_for(problem.f, x, *contexts, operator="pullback", t=s), np.tensordot(s, J, len(y_shape)))


def test_scalars_batches_and_trees():
    check(*referee_for(lambda t: t**3, 2.0, operator="derivative"), 12.0, resolution=1e-8)
    check(
        *referee_for(lambda t: np.array([t**3, 1 / t]), 2.0, operator="second_derivative"),
        [12.0, 0.25],
        resolution=1e-5,
    )
    x = {"a": np.array([1.0, 2.0]), "b": 3.0}
    problem, referee = referee_for(lambda x: x["b"] * np.sum(x["a"] ** 2), x)
    check(problem, referee, [6.0, 12.0, 5.0], resolution=1e-8)
    assert [problem.label(entry) for entry in range(3)] == ["['a'][0]", "['a'][1]", "['b']"]
    problem, referee = referee_for(lambda x: x["b"] * np.sum(x["a"] ** 2), x, operator="hessian")
    check(problem, referee, [6.0, 0, 0, 6.0, 2.0, 4.0, 2.0, 4.0, 0.0], resolution=1e-5)
    assert problem.label(4) == "['a']['b'][0]"
    tangents = (np.array([1.0, 0.0]), np.array([0.0, 2.0]))
    check(*referee_for(lambda x: x**2, np.array([1.0, 3.0]), operator="pushforward", t=tangents), [2.0, 0, 0, 12.0])
    check(
        *referee_for(lambda a, b: a * np.sum(b**2), 2.0, np.array([1.0, 3.0]), argnums=1), [4.0, 12.0], resolution=1e-8
    )


def test_complex_numbers():
    z = np.array([1 + 2j, 3 - 1j])
    check(*referee_for(lambda z: np.sum(np.abs(z) ** 2), z), 2 * z, resolution=1e-8)
    check(*referee_for(lambda z: z**2, z, operator="jacobian"), np.diag(2 * z), resolution=1e-8)
    check(*referee_for(lambda z: z**2, z, operator="pullback", t=np.array([1j, 1.0])), np.conj(2 * z) * [1j, 1.0])
    _, referee = referee_for(lambda z: np.conj(z), z, operator="jacobian")
    assert referee.rule(0, 5.0, 0.0) == "unknown"  # not holomorphic: a Jacobian has no meaning


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (np.abs, 0.0, -1, 1),
        (lambda x: np.maximum(x, 3 * x), 0.0, 1, 3),
        (lambda x: np.minimum(np.exp(x), 1 + 2 * x), 0.0, 2, 1),
        (lambda x: np.abs(x - 2.5) + x**2, 2.5, 4, 6),
    ],
)
def test_sees_kinks(f, x, left, right):
    _, referee = referee_for(f, x)
    (finding,) = referee.examine(0)
    assert finding.kinked
    np.testing.assert_allclose([finding.left, finding.right], [left, right], rtol=1e-4)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.exp(30 * x), 0.5),
        (lambda x: np.abs(x) ** 3, 0.0),
        (lambda x: np.abs(x - 1e-3), 0.0),
        (lambda x: np.sqrt(x**2 + 1e-4), 0.0),
        (lambda x: 1e-3 * np.sin(1e3 * x), 0.3),
    ],
)
def test_sees_no_kink_where_there_is_none(f, x):
    _, referee = referee_for(f, x)
    assert not referee.kinked(0)


def test_jumps_and_second_derivatives_at_kinks():
    _, referee = referee_for(np.floor, 2.0)
    assert referee.kinked(0) and referee.rule(0, 0.0, 0.0) == "convention"
    _, referee = referee_for(lambda x: np.maximum(x, 0) ** 2, 0.0, operator="second_derivative")
    assert [referee.rule(0, value, 0.0) for value in (0.0, 1.0, 2.0, 3.0)] == ["convention"] * 3 + ["wrong"]


def test_says_nothing_outside_of_where_f_is_defined():
    _, referee = referee_for(lambda x: np.sqrt(x), 0.0)
    assert referee.rule(0, 123.0, 0.0) == "unknown"

    def picky(x):
        if x != 1.0:
            raise ValueError("only at 1")
        return x

    _, referee = referee_for(picky, 1.0)
    assert referee.rule(0, 123.0, 0.0) == "unknown"


def test_stops_when_its_time_is_up():
    calls = []

    def slow(x):
        calls.append(1)
        return np.sum(x**2)

    problem = Problem(slow, OPERATORS["gradient"], (np.ones(50),), None, 0)
    referee = Referee(problem, seconds=0.0)
    for entry in range(50):
        referee.examine(entry)
    assert len(calls) < 100
