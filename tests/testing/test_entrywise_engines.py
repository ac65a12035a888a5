"""The testing kit on the engines that compute number by number: every operator, every tag, every property."""

from __future__ import annotations

import pytest

from diffiface.testing import default_scenarios, select, test_backend, test_differentiation
from tests.conftest import require

ENGINES = ("casadi", "sympy", "mpmath", "complex_step")
SCENARIOS = default_scenarios()
SMALL = select(SCENARIOS, without=["classic"])
# Each kind of scenario once, and each operator.
TAGS = [next(s for s in SMALL if tag in s.tags) for tag in sorted({tag for s in SMALL for tag in s.tags})]
OPERATORS = select(SCENARIOS, tags=["basic"], names="vector to number") + select(
    SCENARIOS, tags=["basic"], names="number to vector"
)
QUICK = ("prepared", "dirtied", "out=", "new results")


@pytest.mark.parametrize("name", ENGINES)
def test_every_kind_of_scenario(name):
    test_differentiation(require(name), TAGS, properties=QUICK)


@pytest.mark.parametrize("name", ENGINES)
def test_every_operator(name):
    test_differentiation(require(name), OPERATORS, properties=QUICK)


@pytest.mark.parametrize("name", ENGINES)
def test_every_property(name):
    test_backend(require(name), select(SMALL, tags=["state"], operators=["pullback"], names="vector to number"))


@pytest.mark.nightly
@pytest.mark.parametrize("name", ENGINES)
def test_everything(name):
    # (Formulas of the classic problems would take minutes each.)
    test_backend(require(name), SMALL if name == "sympy" else SCENARIOS)
