"""The cases of `benchmarks/numpy_cases`, value and gradient: all on the quick engines, a sample where compiling is slow."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from benchmarks.numpy_cases import GROUPS
from benchmarks.numpy_cases.judge import Engine, compare, expected, judge
from tests.conftest import require

pytestmark = pytest.mark.filterwarnings("ignore")

REFUSED_BY_ALL = {
    "np.random.default_rng(0).normal(v) + v": "would lose the derivative",
}
REFUSED_BY_JIT = {
    # The shape of the result depends on the value.
    "v[v > .5]**2": "indexing by a mask",
    "v[np.where(v > .5)]**2": "numpy.nonzero",
    "v[np.nonzero(v > .5)[0]]**2": "numpy.nonzero",
    "np.unique(v)**2": "numpy.unique",
    # The path through the function does.
    "if v[0] > .6: the branch that is taken depends on the value": "the truth of a condition",
    "while s < 3: as many turns as the value asks for": "the truth of a condition",
    "max(v) * min(v) + sum(v) + sorted(v)[0]": "the truth of a condition",
    "(v if np.all(np.isfinite(v)) else None)**2": "the truth of a condition",
    "v * (1. if np.allclose(v, v) else 0.)": "the truth of a condition",
    "v * (1. if np.array_equal(v, v) else 0.)": "the truth of a condition",
}

CASES = [pytest.param(group, name, id=f"{group}: {name}") for group, cases in GROUPS.items() for name in cases]


def check(group: str, name: str, engine: Engine, refused: dict[str, str]) -> None:
    verdict = judge(GROUPS[group][name], engine)
    if name in refused:
        assert verdict.status == "refused" and refused[name] in verdict.message, verdict
    else:
        assert verdict.status == "passes", verdict


@pytest.mark.parametrize("engine", ["forward", "reverse", "autograd", "torch"])
@pytest.mark.parametrize(("group", "name"), CASES)
def test_directly(group: str, name: str, engine: str) -> None:
    check(group, name, Engine(require(engine)), REFUSED_BY_ALL)


@pytest.mark.parametrize("engine", ["forward", "reverse"])
@pytest.mark.parametrize(("group", "name"), CASES[::8])
def test_compiled(group: str, name: str, engine: str) -> None:
    check(group, name, Engine(engine, prepared=True), REFUSED_BY_ALL)


# JAX compiles each operation for each shape, jitted or not. `benchmarks/coverage_cases.py` runs all the cases.
@pytest.mark.parametrize(("group", "name"), CASES[3::17])
def test_jax(group: str, name: str) -> None:
    require("jax")
    check(group, name, Engine(di.backend("jax", jit=False)), REFUSED_BY_ALL)


@pytest.mark.parametrize(("group", "name"), CASES[10::17])
def test_jax_jitted(group: str, name: str) -> None:
    require("jax")
    check(group, name, Engine("jax", prepared=True), REFUSED_BY_ALL | REFUSED_BY_JIT)


@pytest.mark.parametrize("name", REFUSED_BY_JIT)
def test_jax_jitted_refuses_what_depends_on_values(name: str) -> None:
    require("jax")
    (group,) = (group for group, cases in GROUPS.items() if name in cases)
    check(group, name, Engine("jax", prepared=True), REFUSED_BY_JIT)


def test_the_judge_can_say_no() -> None:
    """A gradient that is lost; a value, a shape, a dtype that is another."""
    right = expected(lambda v: np.sum(v) / 2)
    assert compare(right.value, right.gradient, right).status == "passes"
    assert compare(right.value, 0 * right.gradient, right).status == "WRONG"
    assert compare(right.value + 1e-9, right.gradient, right).status == "WRONG"
    assert compare(right.value.reshape(1), right.gradient, right).status == "WRONG"
    assert compare(right.value.astype(np.float32), right.gradient, right).status == "WRONG"
