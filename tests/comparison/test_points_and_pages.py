"""Several points in one comparison, an engine as the reference, pairs of engines, and the page of a report."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest

import diffiface as di
from diffiface import registry
from diffiface.adapter import Backend, Mode
from diffiface.comparison import Status
from tests.conftest import require


def waves(x):
    return np.sum(np.sin(x) * x)


X, ELSEWHERE = np.array([1.0, -2.0]), [np.array([0.5, 3.0]), np.array([-1.0, 2.5])]


@pytest.fixture(autouse=True)
def engines_of_this_test(monkeypatch):
    """Forget the engines registered here."""
    monkeypatch.setattr(registry, "_extra", dict(registry._extra))


@dataclass(frozen=True, repr=False)
class WrongAbove(Backend):
    """Right, but for the sign of the second entry where the first entry of x is negative."""

    name = "wrong above"
    mode = Mode.REVERSE

    def value_and_gradient(self, f, xs, contexts):
        y, (gradient,), aux = di.backend("reverse").value_and_gradient(f, xs, contexts)
        return y, [gradient * (np.array([1.0, -1.0]) if xs[0][0] < 0 else 1.0)], aux


class Idle(WrongAbove):
    name = "<idle>"

    def value_and_gradient(self, f, xs, contexts):
        raise ArithmeticError("gave up")


IDLE = Idle()


def test_the_worst_point_of_each_engine_is_shown():
    engines = ["forward", "reverse", WrongAbove()]
    report = di.compare(waves, X, points=ELSEWHERE, backends=engines)
    forward, reverse, wrong = report.rows
    assert (forward["status"], reverse["status"], wrong["status"]) == (Status.AGREES, Status.AGREES, Status.DISAGREES)
    assert wrong["point"] == 2 and wrong["worst_entry"] == "[1]" and wrong["detail"].startswith("at point 2: ")
    assert [point.ok for point in report.points] == [True, True, False] and not report.ok
    assert "and 2 other points" in report.summary and "1 of 3 disagrees" in report.summary
    with pytest.raises(di.DisagreementError, match="at point 2"):
        report.raise_if_disagreement()
    # At the points where it is right nothing is said against it.
    di.compare(waves, X, points=ELSEWHERE[:1], backends=engines).raise_if_disagreement()


def test_errors_are_the_largest_of_all_points():
    report = di.compare(waves, X, points=ELSEWHERE, backends=["forward", "finite_differences"])
    row = report.rows[1]
    assert row["max_abs_error"] == max(point.rows[1]["max_abs_error"] for point in report.points) > 0
    assert row["run_seconds"] == report.points[0].rows[1]["run_seconds"]
    assert report.ok


def test_an_engine_that_is_unable_at_one_point_says_so():
    class Shy(type(di.backend("forward"))):
        name = "shy"

        def value_and_pushforward(self, f, xs, tangents, contexts):
            if xs[0][0] < 0:
                raise di.UnsupportedOperationError("not below zero")
            return super().value_and_pushforward(f, xs, tangents, contexts)

    report = di.compare(waves, X, points=ELSEWHERE, backends=["reverse", Shy(compile=False)])
    assert report.rows[1]["status"] is Status.NOT_SUPPORTED and report.ok


def test_a_value_cannot_be_the_reference_at_several_points():
    with pytest.raises(di.InputError, match="several points"):
        di.compare(waves, X, points=ELSEWHERE, reference=np.zeros(2))
    slope = lambda x: np.sin(x) + x * np.cos(x)
    report = di.compare(waves, X, points=ELSEWHERE, reference=slope, backends=["reverse", "forward"])
    assert report.ok and report.reference == "analytic value"


@pytest.mark.parametrize("engine", ["complex_step", "mpmath", "forward", di.backend("reverse", compile=False)])
def test_an_engine_as_the_reference(engine):
    if isinstance(engine, str):
        require(engine)
    report = di.compare(waves, X, reference=engine, backends=["reverse", "finite_differences"])
    assert report.ok and (engine if isinstance(engine, str) else "reverse") in report.reference
    wrong = di.compare(waves, -X, reference=engine, backends=[WrongAbove(), "reverse"])
    assert [row["status"] for row in wrong.rows] == [Status.DISAGREES, Status.AGREES]


def test_a_reference_engine_that_cannot():
    with pytest.raises(
        di.InputError, match=r"the reference engine, <idle>, did not run .failed: ArithmeticError: gave up"
    ):
        di.compare(waves, X, reference=IDLE, backends=["reverse"])
    with pytest.raises(di.UnknownBackendError, match="no engine is called"):
        di.compare(waves, X, reference="reversed", backends=["reverse"])


def test_pairs_of_engines_take_part():
    pairs = [
        di.SecondOrder("forward", "reverse"),
        di.SecondOrder("finite_differences", "reverse"),
        di.SecondOrder("reverse", "reverse", hvp_mode="reverse_over_reverse"),
        "reverse",
    ]
    for operator, x, f, t in (
        ("hessian", X, waves, None),
        ("hvp", X, waves, X),
        ("second_derivative", 0.5, np.exp, None),
    ):
        report = di.compare(f, x, operator=operator, t=t, backends=pairs)
        report.raise_if_disagreement()
        assert [row["engine"] for row in report.rows] == [
            "forward over reverse",
            "finite_differences over reverse",
            "reverse over reverse (reverse_over_reverse)",
            "reverse",
        ]
        assert max(map(len, str(report).splitlines())) <= 100
        assert not any(row["status"] is Status.NOT_SUPPORTED for row in report.rows)


def test_a_pair_with_a_wrong_engine_is_found():
    @dataclass(frozen=True, repr=False)
    class Stretched(type(di.backend("reverse"))):
        nests = "in any engine"

        def value_and_gradient(self, f, xs, contexts):
            from diffiface.adapter import current_trace

            p = current_trace()
            y, gradients, aux = super().value_and_gradient(f, xs, contexts)
            return y, [p.multiply(g, 1.001) for g in gradients], aux

    report = di.compare(
        waves, X, operator="hessian", backends=["jax", "reverse", di.SecondOrder("forward", Stretched())]
    )
    assert [row["status"] for row in report.rows] == [Status.AGREES, Status.AGREES, Status.DISAGREES]


def test_the_page_needs_nothing_but_itself(tmp_path):
    report = di.compare(waves, X, points=ELSEWHERE, backends=["forward", WrongAbove()])
    text = report.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert text.startswith("<!DOCTYPE html>") and text.count("<table") == 4  # all together, and each of three points
    assert not re.search(r"""(src|href)=["'](?!data:)""", text) and "<script" not in text
    assert "at point 2" in text and "wrong above" in text
    pytest.importorskip("matplotlib")
    assert "data:image/png;base64," in text


def test_the_page_of_a_report_without_results():
    text = di.compare(waves, X, backends=[IDLE]).to_html()
    assert "&lt;idle&gt;" in text and "<idle>" not in text and "img" not in text.split("</style>")[1]
