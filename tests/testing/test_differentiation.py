"""Right engines pass the scenarios; what cannot run is skipped with its reason; bad requests are refused."""

from __future__ import annotations

import unittest

import numpy as np
import pytest

import diffiface as di
from diffiface import registry
from diffiface.testing import (
    PROPERTIES,
    DifferentiationError,
    Point,
    Scenario,
    branch_scenarios,
    check_case,
    default_scenarios,
    family_scenarios,
    select,
    sparse_scenarios,
    test_backend,
    test_differentiation,
)
from tests.conftest import require
from tests.testing.wrong_engines import WRONG, Sound

SCENARIOS = default_scenarios()
QUICK = ("prepared", "dirtied", "out=", "new results")
OURS = [di.backend("forward", compile=False), di.backend("reverse", compile=False)]
# One scenario for each tag, and each operator too, for the slower engines.
KINDS = [next(s for s in SCENARIOS if tag in s.tags) for tag in sorted({tag for s in SCENARIOS for tag in s.tags})]
FEW = KINDS + select(SCENARIOS, tags=["basic"], names="to number")


@pytest.mark.parametrize("operator", di.adapter.OPERATORS)
def test_reverse_passes_everything(operator):
    test_differentiation(OURS[1], SCENARIOS, operators=[operator], properties=QUICK)


@pytest.mark.parametrize("backend", OURS, ids=lambda backend: backend.name)
def test_ours_have_every_property(backend):
    test_backend(backend, FEW)


@pytest.mark.parametrize("name", ["autograd", "torch", "finite_differences"])
def test_others_have_every_property(name):
    test_backend(require(name), FEW, without=["classic"])


@pytest.mark.parametrize("name", ["numdifftools", "jax"])
def test_the_slow_ones_have_every_property_on_few(name):
    few = select(SCENARIOS, tags=["basic"], operators=["gradient"], names="vector to number")
    test_backend(require(name), few)


# (enzyme has its own selection, with what it refuses: tests/backends/test_enzyme.py.)
@pytest.mark.parametrize("name", ["numdifftools", "jax", "complex_step", "sympy", "casadi", "mpmath"])
def test_the_slow_and_the_further_ones_prepared_on_every_kind(name):
    test_differentiation(require(name), KINDS, without=["state", "classic"], properties=["prepared", "new results"])


@pytest.mark.parametrize("family", ["torch", "jax"])
@pytest.mark.parametrize("name", ["reverse", "finite_differences", "torch", "jax"])
def test_arrays_of_other_libraries(name, family):
    require(family)
    scenarios = family_scenarios(family)
    few = [next(s for s in scenarios if s.operator == operator) for operator in ("pullback", "hessian")]
    few += select(scenarios, names="gradient-vector to number")
    test_differentiation(require(name), few, properties=QUICK if name == family else ["unprepared"])


@pytest.mark.nightly
@pytest.mark.parametrize(
    "name", ["forward", "reverse", "autograd", "torch", "finite_differences", "numdifftools", "jax"]
)
def test_every_engine_on_everything(name):
    scenarios = SCENARIOS + (family_scenarios(name) if name in registry.available_families() else [])
    test_backend(require(name), scenarios)


@pytest.mark.parametrize("name", ["forward", "reverse", "torch", "jax"])
def test_closures_that_change_reach_what_is_compiled(name):
    scenarios = select(SCENARIOS, tags=["state"], operators=["gradient", "hessian"], names="vector to number")
    test_differentiation(require(name), scenarios, properties=["prepared", "dirtied", "bound calls"])


def test_a_recording_that_stays_with_numpy_has_bound_calls():
    """Of the classic problems, bundle adjustment is the one that the compiled engine replays with NumPy."""
    scenarios = select(SCENARIOS, tags=["classic"], operators=["jacobian", "pushforward"], names="bundle adjustment")
    test_differentiation(require("reverse"), scenarios, properties=["prepared", "bound calls"])


def test_branches():
    test_differentiation([*OURS, "finite_differences"], branch_scenarios())


def test_sparse():
    reverse = OURS[1]
    test_differentiation([reverse, di.Sparse(reverse)], sparse_scenarios())


def test_a_sparse_engine_that_stores_zeros_is_caught():
    scenario = sparse_scenarios()[0]
    full = di.Sparse(OURS[1], detector=np.ones((29, 30), bool))
    outcomes = check_case(full, scenario, properties=["unprepared"])
    assert "stores 870 entries instead of 58" in outcomes[0].detail


# ---- the scenarios themselves


def test_every_operator_and_tag_is_covered():
    assert {s.operator for s in SCENARIOS} == set(di.adapter.OPERATORS)
    tags = {tag for s in SCENARIOS for tag in s.tags}
    wanted = "basic batched fills contexts cache state argnums aux tree float32 strided read-only writes empty complex kink classic"
    assert tags >= {*wanted.split(), "size one", "constant f"}
    assert len({s.id for s in SCENARIOS}) == len(SCENARIOS)


@pytest.mark.parametrize("modifier", ["two at once", "f fills y", "constant", "x in a tree", "y in a tree", "cache"])
def test_a_wrong_exact_result_of_a_variant_would_be_noticed(modifier):
    """Scenarios are tests of engines and engines of scenarios: a spoilt expectation fails on a sound engine."""
    scenario = next(s for s in SCENARIOS if s.name.endswith(f", {modifier}"))
    spoilt = scenario.derived(
        "spoilt", exact=lambda p: tuple(di.trees.map_leaves(lambda r: 1.01 * r, r) for r in scenario.exact(p))
    )
    assert check_case(Sound(), scenario, properties=["unprepared"])[0].status == "passed"
    assert check_case(Sound(), spoilt, properties=["unprepared"])[0].status == "failed"


def test_points_of_a_scenario_differ():
    for s in SCENARIOS:
        x, prepared = (
            np.concatenate([np.ravel(leaf) for leaf in di.trees.flatten(p.x)[0]]) for p in (s.at, s.prepare_at)
        )
        assert x.size == 0 or not np.array_equal(x, prepared), s


def test_select():
    assert all(s.operator == "hvp" and "tree" in s.tags for s in select(SCENARIOS, operators=["hvp"], tags=["tree"]))
    assert not any("classic" in s.tags for s in select(SCENARIOS, without=["classic"]))
    with pytest.raises(di.InputError, match="tag 'no such'"):
        select(SCENARIOS, tags=["no such"])
    with pytest.raises(di.InputError, match="operator"):
        select(SCENARIOS, operators=["grad"])


def test_a_scenario_with_a_wrong_shape_of_call_is_refused():
    p = Point(np.ones(2))
    with pytest.raises(di.InputError, match="tangent"):
        Scenario("s", "hvp", np.sum, p, lambda p: (), p, p)
    with pytest.raises(di.InputError, match="operator"):
        Scenario("s", "grad", np.sum, p, lambda p: (), p, p)


# ---- reports, skips, refusals


def test_all_failures_are_collected_in_one_error():
    engines = [WRONG["zero"](), Sound(), WRONG["float32"]()]
    with pytest.raises(DifferentiationError) as caught:
        test_differentiation(
            engines, SCENARIOS, operators=["jacobian", "pushforward"], tags=["basic"], properties=QUICK
        )
    text = str(caught.value)
    assert "zero: " in text and "float32: " in text and "sound" not in text
    assert "and" in text and "more; by property: " in text
    assert all(len(line) < 300 for line in text.splitlines())
    failed = {(f.engine, f.scenario) for f in caught.value.failures}
    assert {engine for engine, _ in failed} == {"zero", "float32"} and len(failed) > 8


def test_a_missing_engine_is_skipped_with_its_reason(monkeypatch):
    missing = registry.missing_modules
    monkeypatch.setattr(
        registry, "missing_modules", lambda name: ("nobody_has_it",) if name == "torch" else missing(name)
    )
    registry._default.cache_clear()
    few = {"operators": ["derivative"], "tags": ["basic"]}
    report = test_differentiation([OURS[0], "torch"], SCENARIOS, **few)
    assert [s.engine for s in report.skipped] == ["torch"] and "nobody_has_it" in report.skipped[0].detail
    assert report.passed and "nobody_has_it" in str(report)
    for run in (
        lambda: test_differentiation("torch", SCENARIOS, **few),
        lambda: test_backend("torch", SCENARIOS, **few),
    ):
        with pytest.raises(unittest.SkipTest, match="nobody_has_it"):
            run()
    registry._default.cache_clear()


def test_what_an_engine_declares_not_to_do_is_skipped():
    class RealOnly(Sound):
        name = "real only"
        complex_inputs = False

    report = test_differentiation(RealOnly(), SCENARIOS, tags=["complex"])
    assert {s.detail for s in report.skipped} == {"takes no complex x"} and not report.passed


def test_refusals():
    with pytest.raises(di.UnknownBackendError):
        test_differentiation("no such engine", SCENARIOS)
    with pytest.raises(di.InputError, match="property"):
        test_differentiation("forward", SCENARIOS, properties=["speed"])
    with pytest.raises(di.InputError, match="no scenario"):
        test_differentiation("forward", [])
    with pytest.raises(di.InputError, match="no engine"):
        test_differentiation([], SCENARIOS)


def test_rows():
    report = test_differentiation(OURS[0], SCENARIOS, operators=["derivative"], tags=["basic"])
    assert {row["status"] for row in report.rows} == {"passed"}
    assert {row["property"] for row in report.rows} == set(PROPERTIES)
