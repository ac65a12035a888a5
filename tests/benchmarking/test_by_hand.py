"""The hand-written calls of the classic suite compute what they are timed for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from diffiface.contexts import unwrap
from diffiface.testing.problems import PROBLEMS, find_problem
from tests.conftest import require

CLASSIC = Path(__file__).resolve().parents[2] / "benchmarks" / "classic"
CASES = [(problem.name, operator) for problem in PROBLEMS for operator in problem.operators]
# Of JAX, which compiles each, those whose loops are written otherwise, and one for each further operator.
FOR_JAX = [("lstm", "gradient"), ("lotka-volterra", "hessian"), ("mlp", "hvp"), ("bundle adjustment", "jacobian")]
FOR_JAX += [("brusselator", "pushforward"), ("brusselator", "pullback")]


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch):
    """The table of `benchmarks/classic`, whose files are scripts beside each other."""
    monkeypatch.syspath_prepend(str(CLASSIC))
    import by_hand

    yield by_hand.BY_HAND
    for name in ("by_hand", "for_engines"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("engine", ["jax", "torch", "autograd"])
def test_they_agree_with_what_is_derived_by_hand(engine, by_hand):
    import diffiface as di

    require(engine)
    assert set(by_hand) == set(CASES)
    for name, operator in FOR_JAX if engine == "jax" else CASES:
        instance = find_problem(name).instance()
        t, constants = instance.seed(operator), tuple(map(unwrap, instance.contexts))
        arguments = (instance.x, *(() if t is None else (t,)), *constants)
        right = instance.reference(operator)
        if right is None:
            right = getattr(di, operator)(instance.f, di.backend("forward", compile=False), *arguments)
        found = by_hand[name, operator][engine](*arguments)(*arguments)
        assert type(found) is np.ndarray and found.dtype == np.float64
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-12, err_msg=f"{operator} of {name}")
