"""Every property is there to catch something: each wrong engine is caught, by the property meant for it."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from diffiface.operators import preparation
from diffiface.operators import results as results_module
from diffiface.testing import PROPERTIES, Report, check_case, check_contract, default_scenarios, select, test_backend
from tests.testing import wrong_engines
from tests.testing.wrong_engines import WRONG, Sound

SCENARIOS = {scenario.id: scenario for scenario in default_scenarios()}
GRADIENT = "gradient-vector to number"

# Wrong engine → the scenario that shows it, the property that must fail, and what the message must say.
CAUGHT = {
    "zero": (GRADIENT, "unprepared", "is 0, should be"),
    "1.001": (GRADIENT, "unprepared", "4 of 4 entries wrong"),
    "wrong sign": (GRADIENT, "unprepared", "gradient[3] is"),
    "nan": (GRADIENT, "unprepared", "gradient[0] is nan, should be"),
    "wrong value": (GRADIENT, "unprepared", "value is"),
    "first of batch": ("pushforward-vector to vector, two at once", "unprepared", "derivative[1]["),
    "float32": ("jacobian-vector to vector", "unprepared", "dtype float32 instead of float64"),
    "float64": ("gradient-vector to number, float32", "unprepared", "dtype float64 instead of float32"),
    "extra axis": ("pushforward-vector to vector", "unprepared", "has the shape (3, 1) instead of (3,)"),
    "changes x": (GRADIENT, "unprepared", "changed its arguments"),
    "changes constants": ("gradient-vector to number, array constant", "unprepared", "changed its arguments"),
    "read-only": (GRADIENT, "new results", "cannot be written"),
    "Fortran order": ("gradient-matrix to number", "new results", "not contiguous"),
    "one buffer": (GRADIENT, "dirtied", "overwrote the result of an earlier one"),
    "stale preparation": (GRADIENT, "prepared", "prepared elsewhere, first run"),
    "stale constants": ("gradient-vector to number, constant", "prepared", "prepared elsewhere, first run"),
    "first result for ever": (GRADIENT, "dirtied", "run at another point"),
    "thread-unsafe": (GRADIENT, "threads", "used by 4 threads at once"),
    "ever more calls": ("pushforward-vector to number", "calls of f", "more often"),
    "changes settings": (GRADIENT, "global state", "changed the state of numpy.random"),
    "unpicklable": (GRADIENT, "pickling", "cannot be pickled"),
    "another when unpickled": (GRADIENT, "pickling", "not equal"),
    "unreadable repr": (GRADIENT, "repr", "reads back as another"),
    "fails": (GRADIENT, "unprepared", "ArithmeticError: it gave up"),
    "claims too much": (GRADIENT, "unprepared", "unsupported: not today"),
}


def failures(engine, scenario_id: str) -> dict[str, str]:
    outcomes = check_case(engine, SCENARIOS[scenario_id])
    return {outcome.property: outcome.detail for outcome in outcomes if outcome.status == "failed"}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_engine_is_caught(name: str):
    scenario, prop, says = CAUGHT[name]
    found = failures(WRONG[name](), scenario)
    assert prop in found, found
    assert says in found[prop]


@pytest.mark.parametrize(
    "name", ["stale preparation", "stale constants", "first result for ever", "thread-unsafe", "unreadable repr"]
)
def test_what_is_right_about_it_is_not_blamed(name: str):
    assert "unprepared" not in failures(WRONG[name](), CAUGHT[name][0])


@pytest.mark.parametrize("scenario", sorted({scenario for scenario, _, _ in CAUGHT.values()}))
def test_the_sound_engine_passes(scenario: str):
    assert failures(Sound(), scenario) == {}


def test_out_that_is_copied_is_caught(monkeypatch: pytest.MonkeyPatch):
    """What no engine can spoil is spoilt in the front end itself."""
    fill = results_module.fill
    monkeypatch.setattr(results_module, "fill", lambda *args: [np.array(result) for result in fill(*args)])
    assert "a copy of what it was given as out=" in failures(Sound(), GRADIENT)["out="]


def test_out_that_is_left_empty_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(results_module, "fill", lambda out, results, engine: list(out) if len(results) > 1 else [out])
    assert "is nan, should be" in failures(Sound(), GRADIENT)["out="]


def test_a_foreign_preparation_that_is_accepted_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preparation.Prep, "check_owner", lambda *args: None)
    assert failures(Sound(), GRADIENT) == {"foreign prep": "a preparation for another function was not refused"}


def test_every_property_has_caught_something():
    tested_here = {prop for _, prop, _ in CAUGHT.values()} | {"out=", "foreign prep"}
    others = {
        "bound calls": "stale preparation",
        "results may be written": "first result for ever",
        "copying": "stale preparation",
    }
    for prop, name in others.items():
        scenario = CAUGHT[name][0]
        if prop == "results may be written":
            # A preparation that hands out its own memory.
            found = failures(HandsOutItsMemory(), scenario)
        else:
            found = failures(WRONG[name](), scenario)
        assert prop in found
    filled = failures_of_y_replaced()
    assert "did not return the array" in filled["y="]
    assert tested_here | set(others) | {"y="} == set(PROPERTIES)


class HandsOutItsMemory(Sound):
    name = "hands out its memory"

    def prepare(self, operator, f, xs, contexts):
        if operator != "gradient":
            return None
        memory = {}

        def run(xs, contexts):
            key = xs[0].tobytes()
            if key not in memory:
                memory[key] = wrong_engines.gradient_by_forward(f, xs, contexts)
            return memory[key]

        return run


def failures_of_y_replaced() -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        assemble = results_module.assemble

        def replaced(call, results, variant, out=None, y_structure=None):
            value = assemble(call, results, variant, out, y_structure)
            has_value = call.operator.variants[variant][0] == 0
            return (value[0].copy(), *value[1:]) if has_value and call.y_buffer is not None else value

        patch.setattr(preparation, "assemble", replaced)
        return failures(Sound(), "jacobian-vector to vector, f fills y")


# ---- the contract of the class


class NotADataclass(Sound):
    name = "not a dataclass"
    speed: int = 3  # an annotation that became no option


class Undeclared(Sound):
    name = "undeclared"
    exact = False


class Boastful(Sound):
    name = "boastful"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        try:
            return super().value_and_pushforward(f, xs, tangents, contexts)
        except Exception as error:
            raise RuntimeError("something went wrong") from error


class IgnoresChunks(Sound):
    name = "ignores chunks"

    def value_and_jacobian(self, f, xs, contexts):
        ys, jacobians, aux = wrong_engines.jacobian_by_forward(f, xs, contexts)
        return ys, [[j * (1.0 if self.chunk_size is None else 2.0) for j in row] for row in jacobians], aux


class Nameless(Sound):
    name = ""


@pytest.mark.parametrize(
    ("engine", "clause"),
    [
        (NotADataclass, "frozen dataclass"),
        (Undeclared, "declarations"),
        (Boastful, "exceptions of f"),
        (IgnoresChunks, "chunk_size"),
        (Nameless, "name"),
    ],
)
def test_a_broken_contract_is_caught(engine: type, clause: str):
    assert clause in {outcome.property for outcome in check_contract(engine()) if outcome.status == "failed"}


def test_the_sound_engine_keeps_the_contract():
    assert [outcome for outcome in check_contract(Sound()) if outcome.status == "failed"] == []


def test_test_backend_reports_contract_and_scenarios_together():
    with pytest.raises(AssertionError) as caught:
        test_backend(wrong_engines.WRONG["unpicklable"], select(SCENARIOS.values(), names=GRADIENT))
    text = str(caught.value)
    assert "contract · pickling" in text and f"{GRADIENT}" in text
    assert isinstance(caught.value.report, Report)


def test_test_backend_takes_a_class_an_object_and_a_name():
    few = {"tags": ["basic"], "operators": ["derivative"]}
    for backend in (Sound, Sound(), "forward", di.backend("forward", compile=False)):
        assert not test_backend(backend, **few).failures
