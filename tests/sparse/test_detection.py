"""Patterns by tracing: those known by hand, and that no dependence is ever missed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffiface as di
from diffiface.adapter import PRIMITIVES
from diffiface.sparse.detection.rules import OF_KIND, RULES
from diffiface.sparse.detection.traced import _trace
from tests.backends.primitive_checks import SAMPLES, _Case
from tests.backends.random_programs import RandomProgram, arrays, programs
from tests.numpy_api.random_programs import run as run_program
from tests.numpy_api.test_functions import V, _expressions, _leaves, _names
from tests.numpy_api.test_gradients import CASES, weighted_sum
from tests.sparse.patterns import hessian_pattern, jacobian_pattern, stars

X = np.array([0.31, 0.72, 0.55, 0.18, 0.83])


# ---- by hand


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x**2, ["*....", ".*...", "..*..", "...*.", "....*"]),
        (lambda x: np.diff(x), ["**...", ".**..", "..**.", "...**"]),
        (lambda x: x[::-1] * x, ["*...*", ".*.*.", "..*..", ".*.*.", "*...*"]),
        (lambda x: np.roll(x, 1), ["....*", "*....", ".*...", "..*..", "...*."]),
        (lambda x: np.cumsum(x), ["*....", "**...", "***..", "****.", "*****"]),
        (lambda x: np.sum(x[1:4]), [".***."]),
        (lambda x: np.ones((2, 5)) @ x, ["*****", "*****"]),
        (lambda x: np.stack([x[0] * x[1], x[4]]), ["**...", "....*"]),
        (lambda x: x[[3, 3, 0]], ["...*.", "...*.", "*...."]),
        (lambda x: np.floor(x) + np.sign(x) * x[0], ["*....", "*....", "*....", "*....", "*...."]),
        (lambda x: np.where(x > 0, x, x[::-1]), ["*...*", ".*.*.", "..*..", ".*.*.", "*...*"]),
        (lambda x: np.sort(x), ["*****"] * 5),
        (lambda x: x[np.argmax(x)] + 0 * x[:1], ["*****"]),
        (lambda x: np.zeros(2), [".....", "....."]),
        (lambda x: np.outer(x[:2], x[3:]).sum(axis=1), ["*..**", ".*.**"]),
        (lambda x: np.einsum("i,ij->j", x[:2], np.ones((2, 2))) + x[4], ["**..*", "**..*"]),
        (lambda x: np.linalg.solve(np.eye(2) * 3, x[:4].reshape(2, 2)), ["*.*..", ".*.*.", "*.*..", ".*.*."]),
        (lambda x: np.linalg.det(np.stack([np.diag(x[:2]), np.diag(x[2:4])])), ["**...", "..**."]),
        (lambda x: np.fft.fft(x[:4].reshape(2, 2), axis=1).real, ["**...", "**...", "..**.", "..**."]),
    ],
)
def test_jacobians_known_by_hand(f: Any, expected: list[str]) -> None:
    pattern = jacobian_pattern(f, X)
    assert stars(pattern) == expected
    assert pattern.scope == "global" and pattern.reasons == ()


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.sum(3 * x + 1), ["....."] * 5),
        (lambda x: np.sum(np.exp(x)), ["*....", ".*...", "..*..", "...*.", "....*"]),
        (lambda x: x[0] * x[1] + x[2], [".*...", "*....", ".....", ".....", "....."]),
        (lambda x: np.prod(x), [".****", "*.***", "**.**", "***.*", "****."]),
        (lambda x: x[0] / x[1], [".*...", "**...", ".....", ".....", "....."]),
        (lambda x: np.sum((x[1:] - x[:-1]) ** 2), ["**...", "***..", ".***.", "..***", "...**"]),
        (lambda x: np.sum(x) ** 2, ["*****"] * 5),
        (lambda x: np.sum(np.maximum(x, x[::-1])), ["....."] * 5),
        (lambda x: np.sum(np.abs(x)) + np.sum(np.floor(x) * 2), ["....."] * 5),
        # what is computed and not used, or used in a comparison only, does not count
        (lambda x: np.sum(np.where(np.exp(x) > 1, x, 2 * x)) + 0 * np.sum(np.zeros(5)), ["....."] * 5),
        (lambda x: np.exp(np.outer(x, x))[0, 1], ["**...", "**...", ".....", ".....", "....."]),
        (lambda x: np.sum(np.exp(np.pad(x, 1))[2:4] * np.exp(x)[:2]), ["**...", "***..", ".**..", ".....", "....."]),
    ],
)
def test_hessians_known_by_hand(f: Any, expected: list[str]) -> None:
    assert stars(hessian_pattern(f, X)) == expected


def test_pytrees_and_contexts_are_counted_in_c_order() -> None:
    x = {"a": np.ones((2, 2)), "b": 3.0}
    pattern = jacobian_pattern(lambda x, w: (x["a"].T * w, x["b"] * x["a"][0]), x, np.zeros((2, 2)))
    # (a weight that is zero today may be another number in the next call)
    assert stars(pattern) == ["*....", "..*..", ".*...", "...*.", "*...*", ".*..*"]


# ---- global and local


def test_a_branch_makes_a_pattern_local_and_is_named() -> None:
    def branching(x):
        return x[:2] if x[0] > 0 else x[2:4]

    pattern = jacobian_pattern(branching, X)
    assert stars(pattern) == ["*....", ".*..."] and pattern.scope == "local"
    assert "x[0] > 0" in pattern.reasons[0]
    assert stars(jacobian_pattern(branching, -X)) == ["..*..", "...*."]


@pytest.mark.parametrize("f", [lambda x: x[x > 0.5], lambda x: x * int(3 * x[0]), lambda x: x[: int(4 * x[0])]])
def test_masks_and_conversions_make_a_pattern_local(f: Any) -> None:
    assert jacobian_pattern(f, X).scope == "local"


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: np.where(x > 0.5, x, x[::-1]), ["....*", ".*...", "..*..", ".*...", "....*"]),
        (lambda x: np.maximum(x, x[::-1]), ["....*", ".*...", "..*..", ".*...", "....*"]),
        (lambda x: np.max(x), ["....*"]),
        (lambda x: np.sort(x), ["...*.", "*....", "..*..", ".*...", "....*"]),
        (lambda x: x * (x - x[0])[0], ["*....", "*....", "*....", "*....", "*...."]),
    ],
)
def test_local_patterns_follow_the_numbers(f: Any, expected: list[str]) -> None:
    pattern = jacobian_pattern(f, X, local=True)
    assert stars(pattern) == expected and pattern.scope == "local"


# ---- nothing is missed


def _covers(pattern: Any, dense: np.ndarray) -> None:
    found = pattern.matrix().toarray()
    # (A column of a dense Jacobian is NaN where another entry's slope is infinite: no dependence.)
    missed = (np.nan_to_num(dense.reshape(found.shape), nan=0.0) != 0) & ~found
    assert not missed.any(), (np.argwhere(missed), dense)


@pytest.mark.parametrize(("name", "number"), SAMPLES)
def test_no_primitive_loses_a_dependence(name: str, number: int) -> None:
    case = _Case(name, PRIMITIVES[name].samples[number])
    if not case.active or PRIMITIVES[name].derivative != "smooth":
        return

    def outputs(p: Any, xs: Any, contexts: Any) -> Any:
        return case.apply(p, xs), None

    pattern = _trace(outputs, case.active, (), False, 0)
    engine = di.backend("forward")
    size = sum(x.size for x in case.active)
    for seed in range(2):
        rng = np.random.default_rng(seed)
        xs = [x * rng.uniform(0.97, 1.03, x.shape) for x in case.active]
        columns = []
        for j in range(size):
            unit = np.zeros(size)
            unit[j] = 1
            parts = np.split(unit, np.cumsum([x.size for x in xs])[:-1])
            tangents = [t.reshape(1, *x.shape).astype(x.dtype) for t, x in zip(parts, xs, strict=True)]
            _, tys, _ = engine.value_and_pushforward(outputs, xs, tangents, ())
            columns.append(np.concatenate([np.ravel(t) for t in tys]))
        _covers(pattern, np.stack(columns, axis=1))


def test_every_kind_of_primitive_has_a_rule() -> None:
    """What has none depends on everything, which is right but useless: this is the list of those."""
    without = {
        name
        for name, primitive in PRIMITIVES.items()
        if primitive.derivative == "smooth" and name not in RULES and primitive.kind not in OF_KIND
    }
    assert without == set()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", [e for e in _expressions("to Python")])
def test_no_numpy_function_loses_a_dependence(expression: str) -> None:
    def f(v: Any) -> Any:
        parts = [0 * v[:1]]
        for leaf in _leaves(eval(expression, _names(v))):
            if getattr(getattr(leaf, "dtype", None), "kind", None) in ("f", "c"):
                parts += [np.ravel(np.real(leaf)), np.ravel(np.imag(leaf))]
        return np.concatenate(parts)

    pattern = jacobian_pattern(f, V)
    _covers(pattern, di.jacobian(f, "forward", V))
    if pattern.scope == "global":
        other = np.random.default_rng(1).permutation(V)
        _covers(pattern, di.jacobian(f, "forward", other))
    _covers(jacobian_pattern(f, V, local=True), di.jacobian(f, "forward", V))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", CASES[::2])
def test_no_second_derivative_is_lost(expression: str) -> None:
    def f(v: Any) -> Any:
        return weighted_sum(expression, v)

    _covers(hessian_pattern(f, V), di.hessian(f, "forward", V))


@settings(deadline=None, max_examples=60)
@given(programs(scalar=False), arrays([(1,), (7,), (9,), (2, 7), (3, 1), (2, 3, 3)]))
def test_random_programs(program: RandomProgram, x: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _covers(jacobian_pattern(program, x), di.jacobian(program, "forward", x))


@settings(deadline=None, max_examples=40)
@given(programs(scalar=True, most=6), arrays([(1,), (7,), (2, 3)]))
def test_hessians_of_random_programs(program: RandomProgram, x: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _covers(hessian_pattern(program, x), di.hessian(program, "forward", x))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 60)] * 4), max_size=10))
def test_random_writes_through_views(program: list[Any]) -> None:
    x = np.linspace(0.1, 1.2, 12)

    def f(x: Any) -> Any:
        return run_program(program, x)

    _covers(jacobian_pattern(f, x), di.jacobian(f, "forward", x))


# ---- size


def test_a_million_variables() -> None:
    import time

    x = np.linspace(0.5, 1.5, 1_000_000)
    start = time.perf_counter()
    pattern = hessian_pattern(lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), x)
    assert pattern.nnz == 3 * x.size - 2 and pattern.scope == "global"
    assert time.perf_counter() - start < 30  # (0.7 s on a quiet machine)


def test_a_pattern_as_good_as_dense_is_refused_before_memory_is() -> None:
    x = np.ones(100_000)
    with pytest.raises(di.UnsupportedOperationError, match="as good as dense"):
        jacobian_pattern(np.cumsum, x)
