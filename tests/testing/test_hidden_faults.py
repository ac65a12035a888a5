"""Faults that show only somewhere are caught by the kit and by the comparison, and nobody else is accused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffiface as di
from diffiface.comparison import Status
from diffiface.testing import check_case, default_scenarios, family_scenarios, select
from tests.conftest import require
from tests.testing.hidden_faults import HIDDEN
from tests.testing.wrong_engines import Sound

SCENARIOS = {scenario.id: scenario for scenario in default_scenarios()}
GRADIENT = "gradient-vector to number"
X = np.array([0.6, -1.1, 1.7])

# Engine → a scenario that shows it, the property that must fail, and what the message must say.
BY_THE_KIT = {
    "wrong in float32": (f"{GRADIENT}, float32", "unprepared", "4 of 4 entries wrong"),
    "batch in the wrong order": ("pushforward-vector to vector, two at once", "unprepared", "derivative[0]["),
    "right at one point": (GRADIENT, "dirtied", "run at another point"),
    "constants ignored": (f"{GRADIENT}, constant", "unprepared", "4 of 4 entries wrong"),
    "conjugated": ("gradient-squared modulus", "unprepared", "2 of 2 entries wrong"),
    "transposed Jacobian": ("jacobian-matrix to matrix", "unprepared", "entries wrong"),
    "one Hessian entry": ("hessian-vector to number", "unprepared", "Hessian[0, 3] is"),
    "leaks a tracer": (GRADIENT, "unprepared", "of type Unfinished, not of NumPy's"),
    "accumulates": (GRADIENT, "prepared", "prepared elsewhere"),
    "two buffers": (GRADIENT, "new results", "shares its memory with another result"),
}
# Engine → a scenario, alike but for what sets the fault off, in which nothing must be said against it.
SOUND_OTHERWISE = {
    "wrong in float32": GRADIENT,
    "batch in the wrong order": "pushforward-vector to vector",
    "constants ignored": GRADIENT,
    "conjugated": GRADIENT,
    "transposed Jacobian": "jacobian-vector to vector",
    "one Hessian entry": "hvp-vector to number",
    "accumulates": "hessian-vector to number",
    "two buffers": "hessian-vector to number",
}


def failures(engine: Any, scenario: Any) -> dict[str, str]:
    return {outcome.property: outcome.detail for outcome in check_case(engine, scenario) if outcome.status == "failed"}


@pytest.mark.parametrize("name", HIDDEN)
def test_the_kit_catches_it(name: str):
    scenario, prop, says = BY_THE_KIT[name]
    found = failures(HIDDEN[name](), SCENARIOS[scenario])
    assert says in found.get(prop, ""), found
    assert failures(Sound(), SCENARIOS[scenario]) == {}


@pytest.mark.parametrize("name", SOUND_OTHERWISE)
def test_the_kit_does_not_accuse_it_elsewhere(name: str):
    assert failures(HIDDEN[name](), SCENARIOS[SOUND_OTHERWISE[name]]) == {}


# ---- the comparison


def curve(x, scale=1.0):
    return scale * np.sum(np.sin(x) * x[::-1] ** 2)


def field(x, scale=1.0):
    return scale * np.sin(x) * x[::-1]


# Engine → keywords of `compare` in which it shows, and the status it must get.
BY_THE_COMPARISON: dict[str, tuple[dict[str, Any], Status]] = {
    "wrong in float32": ({"x": X.astype(np.float32)}, Status.DISAGREES),
    "batch in the wrong order": ({"f": field, "operator": "pushforward", "t": (X, X**2)}, Status.DISAGREES),
    "right at one point": ({"points": [X + 0.5]}, Status.DISAGREES),
    "constants ignored": ({"contexts": (1.5,)}, Status.DISAGREES),
    "conjugated": ({"f": lambda z: np.sum(np.abs(z) ** 2), "x": X + 1j}, Status.CONJUGATE),
    "transposed Jacobian": ({"f": field, "operator": "jacobian"}, Status.DISAGREES),
    "one Hessian entry": ({"operator": "hessian"}, Status.DISAGREES),
    "leaks a tracer": ({}, Status.WRONG_KIND),
    "accumulates": ({}, Status.NONDETERMINISTIC),
}


@pytest.mark.parametrize("others", [["forward", "reverse", "finite_differences"], ["reverse"]], ids="+".join)
@pytest.mark.parametrize("name", BY_THE_COMPARISON)
def test_the_comparison_catches_it(name: str, others: list[str]):
    given, status = BY_THE_COMPARISON[name]
    options = {"f": curve, "x": X, "contexts": ()} | given
    f, x, contexts = (options.pop(key) for key in ("f", "x", "contexts"))
    if name in ("transposed Jacobian",):
        others = [other for other in others if other != "finite_differences"]
    company = [di.backend(o, compile=False) if o in ("forward", "reverse") else o for o in others]
    if np.iscomplexobj(x):
        company = [other for other in company if not isinstance(other, str)]
    report = di.compare(f, x, *contexts, backends=[HIDDEN[name](), *company], **options)
    found = [row["status"] for row in report.rows]
    assert found[0] == status, report
    assert all(other.accepted for other in found[1:]), report


def test_the_comparison_alone_at_the_one_right_point_sees_nothing():
    """Why `points=` is there."""
    assert di.compare(curve, X, backends=[HIDDEN["right at one point"](), "reverse"]).ok


# ---- arrays of other libraries


class ForgetsTheFamily(Sound):
    """Says that it computes in tensors, and hands out NumPy arrays."""

    name = "forgets the family"
    family = "torch"

    def value_and_gradient(self, f, xs, contexts):
        x = xs[0] if isinstance(xs[0], np.ndarray) else xs[0].numpy()
        return np.float64(np.sum(x)), [np.ones_like(x)], None


def test_arrays_of_the_wrong_library_are_caught():
    require("torch")
    scenario = select(family_scenarios("torch"), names="gradient-vector to number, torch arrays")[0]
    assert "not an array of torch, as x is" in failures(ForgetsTheFamily(), scenario)["unprepared"]
    assert failures(di.backend("torch"), scenario) == {}


def test_a_library_without_arrays_of_its_own_has_no_scenarios():
    assert family_scenarios(require("autograd")) == []


def test_an_unknown_family_is_refused():
    with pytest.raises(di.InputError, match="no array family is called 'tensorflow'"):
        family_scenarios("tensorflow")
